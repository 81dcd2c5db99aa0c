"""ClientHellos: of real clients and made by hand, cut anywhere, and what is refused with which alert."""

import random
import socket
import ssl
import subprocess
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.wire.client_hello import (
    MAX_HELLO_BYTES,
    MAX_RECORDS,
    MAX_WIRE_BYTES,
    Alert,
    ClientHello,
    MalformedHelloError,
    PlainHttpError,
    encode_alert,
    parse_client_hello,
)
from tests.support.hellos import (
    ALPN,
    CHROMIUM,
    GREASE,
    SNI,
    VERSIONS,
    alpn,
    body,
    extension,
    message,
    names,
    record,
    records,
    sni,
    versions,
)

NAME = b"photos.home.arpa"
USUAL = sni(NAME) + alpn(b"h2", b"http/1.1") + versions(0x0304, 0x0303)
WANTED = ClientHello(NAME, (b"h2", b"http/1.1"))
EMPTY = ClientHello(b"", ())


def hello(extensions: bytes | None = USUAL) -> bytes:
    return record(message(body(extensions)))


def python_hello(lowest: ssl.TLSVersion, protocols: Sequence[str]) -> bytes:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = lowest
    if protocols:
        context.set_alpn_protocols(protocols)
    outgoing = ssl.MemoryBIO()
    with pytest.raises(ssl.SSLWantReadError):
        context.wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname=NAME.decode()).do_handshake()
    return outgoing.read()


def heard_from(*command: str) -> bytes:
    """What a real client sends first; `{port}` in its command is where we listen."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = str(listener.getsockname()[1])
        arguments = [part.replace("{port}", port) for part in command]
        with subprocess.Popen(
            arguments, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as client:
            listener.settimeout(20)
            connection, _ = listener.accept()
            with connection:
                connection.settimeout(20)
                start = connection.recv(5, socket.MSG_WAITALL)
                rest = connection.recv(int.from_bytes(start[3:5]), socket.MSG_WAITALL)
            client.communicate()
    return start + rest


def test_python_s_own_hello() -> None:
    data = python_hello(ssl.TLSVersion.TLSv1_2, ["http/1.1"])
    assert parse_client_hello(data) == ClientHello(NAME, (b"http/1.1",))


def test_curl_s_hello() -> None:
    resolve = "photos.home.arpa:{port}:127.0.0.1"
    data = heard_from("curl", "-sk", "--resolve", resolve, "https://photos.home.arpa:{port}/")
    parsed = parse_client_hello(data)
    assert parsed is not None
    assert parsed.server_name == NAME
    assert b"http/1.1" in parsed.alpn


@pytest.mark.parametrize(
    ("options", "name", "protocols"),
    [
        (("-servername", "A.test", "-alpn", "h2"), b"a.test", (b"h2",)),
        (("-servername", "a.test", "-tls1_2"), b"a.test", ()),
        (("-noservername",), b"", ()),
    ],
    ids=["TLS 1.3", "TLS 1.2", "without a name"],
)
def test_openssl_s_hello(options: Sequence[str], name: bytes, protocols: tuple[bytes, ...]) -> None:
    data = heard_from("openssl", "s_client", "-connect", "127.0.0.1:{port}", *options)
    parsed = parse_client_hello(data)
    assert parsed is not None
    assert (parsed.server_name, parsed.alpn) == (name, protocols)


def test_chromium_s_hello_with_grease_and_a_post_quantum_key_share() -> None:
    assert len(CHROMIUM) > 1700
    assert parse_client_hello(CHROMIUM) == WANTED


GOOD: dict[str, tuple[bytes, ClientHello]] = {
    "usual": (hello(), WANTED),
    "extensions the other way round": (
        hello(versions(0x0304, 0x0303) + alpn(b"h2", b"http/1.1") + sni(NAME)),
        WANTED,
    ),
    "GREASE everywhere": (
        hello(
            extension(GREASE, b"")
            + alpn(b"\x0a\x0a", b"h2", b"\x7a\x7a", b"http/1.1")
            + sni(NAME)
            + versions(GREASE, 0x0304, 0x0303)
            + extension(0x1A1A, b"\0")
        ),
        WANTED,
    ),
    "no extensions at all": (hello(None), EMPTY),
    "an empty list of extensions": (hello(b""), EMPTY),
    "upper case": (hello(sni(NAME.upper())), ClientHello(NAME, ())),
    "a dot at the end": (hello(sni(NAME + b".")), ClientHello(NAME, ())),
    "punycode": (
        hello(sni(b"xn--bcher-kva.test")),
        ClientHello(b"xn--bcher-kva.test", ()),
    ),
    "underscores": (hello(sni(b"_my_nas")), ClientHello(b"_my_nas", ())),
    "IPv4 as a name": (hello(sni(b"192.168.1.2")), EMPTY),
    "IPv6 as a name": (hello(sni(b"fe80::1")), EMPTY),
    "a name of 253 bytes": (
        hello(sni(b".".join((b"a" * 63, b"b" * 63, b"c" * 63, b"d" * 61)))),
        ClientHello(b".".join((b"a" * 63, b"b" * 63, b"c" * 63, b"d" * 61)), ()),
    ),
    "over three records": (records(message(body(USUAL)), 40, 1), WANTED),
    "a record for each of 63 bytes, then the rest": (
        records(message(body(USUAL)), *[1] * (MAX_RECORDS - 1)),
        WANTED,
    ),
    "the largest": (
        records(message(body(USUAL, total=MAX_HELLO_BYTES)), MAX_HELLO_BYTES),
        WANTED,
    ),
    "versions that are for OpenSSL or the backend to judge": (
        hello(sni(NAME) + extension(VERSIONS, b"\x03\x03\x04\x03")),
        ClientHello(NAME, ()),
    ),
    "a record version of its own": (b"\x16\x03\x04" + hello()[3:], WANTED),
}


@pytest.mark.parametrize("trailing", [b"", b"\x16\x03\x01", b"\x14\x03\x03\0\x01\x01"], ids=repr)
@pytest.mark.parametrize("name", GOOD)
def test_a_hello_is_read_whatever_follows(name: str, trailing: bytes) -> None:
    data, wanted = GOOD[name]
    assert len(data) <= MAX_WIRE_BYTES
    assert parse_client_hello(data + trailing) == wanted


@pytest.mark.parametrize("name", [name for name in GOOD if name != "the largest"])
def test_until_its_last_byte_a_hello_asks_for_more(name: str) -> None:
    data = GOOD[name][0]
    assert [parse_client_hello(data[:size]) for size in range(len(data))] == [None] * len(data)


UNEXPECTED, ILLEGAL, DECODE = Alert.UNEXPECTED_MESSAGE, Alert.ILLEGAL_PARAMETER, Alert.DECODE_ERROR
UNNAMED = Alert.UNRECOGNIZED_NAME
PLAIN = message(body(USUAL))
BAD: dict[str, tuple[bytes, Alert | None]] = {
    "SSH": (b"SSH-2.0-OpenSSH\r\n", None),
    "lower-case HTTP": (b"get / HTTP/1.1\r\n", None),
    "SSL 2": (b"\x80\x2e\x01\x03\x01", None),
    "a record of SSL 2's version": (b"\x16\x02\x01\0\x05", None),
    "zeros": (bytes(100), None),
    "an alert first": (b"\x15\x03\x01\0\x02\x02\x28", None),
    "another message": (record(b"\x02\0\0\x26" + bytes(38)), UNEXPECTED),
    "an empty record": (record(b""), UNEXPECTED),
    "an empty record in the middle": (
        record(PLAIN[:9]) + record(b"") + record(PLAIN[9:]),
        UNEXPECTED,
    ),
    "another kind of record in the middle": (
        record(PLAIN[:9]) + b"\x17" + record(PLAIN[9:])[1:],
        UNEXPECTED,
    ),
    "a record that is too long": (b"\x16\x03\x01\x40\x01\x01", Alert.RECORD_OVERFLOW),
    "a hello that is too long": (b"\x16\x03\x01\x40\0\x01\0\x40\x01", ILLEGAL),
    "too many records": (records(PLAIN, *[1] * MAX_RECORDS), ILLEGAL),
    "a body cut short": (record(message(body(USUAL)[:-1])), DECODE),
    "a body too long": (record(message(body(USUAL) + b"\0")), DECODE),
    "nothing but a version": (record(message(b"\x03\x03")), DECODE),
    "a session of 33 bytes": (record(message(body(None, session=bytes(33)))), DECODE),
    "no ciphers": (record(message(body(None, ciphers=b""))), DECODE),
    "half a cipher": (record(message(body(None, ciphers=b"\x13\x01\x13"))), DECODE),
    "no compression": (record(message(body(None, compressions=b""))), DECODE),
    "an extension that reaches too far": (hello(b"\0\x17\0\x02\0"), DECODE),
    "an extension given twice": (hello(sni(NAME) + sni(NAME)), ILLEGAL),
    "an empty name extension": (hello(extension(SNI, b"")), DECODE),
    "an empty list of names": (hello(extension(SNI, b"\0\0")), DECODE),
    "two names": (hello(extension(SNI, names((0, b"a.test"), (0, b"b.test")))), ILLEGAL),
    "a name of another kind": (hello(extension(SNI, names((1, b"a.test")))), ILLEGAL),
    "bytes after the names": (hello(extension(SNI, names((0, b"a.test")) + b"\0")), DECODE),
    "an empty name": (hello(sni(b"")), UNNAMED),
    "a dot alone": (hello(sni(b".")), UNNAMED),
    "two dots": (hello(sni(b"a..test")), UNNAMED),
    "a NUL in a name": (hello(sni(b"a.test\0.evil.test")), UNNAMED),
    "UTF-8": (hello(sni("bücher.test".encode())), UNNAMED),
    "a space": (hello(sni(b"a test")), UNNAMED),
    "a wildcard": (hello(sni(b"*.test")), UNNAMED),
    "a dash ahead": (hello(sni(b"-a.test")), UNNAMED),
    "a label of 64": (hello(sni(b"a" * 64 + b".test")), UNNAMED),
    "a name of 255 bytes": (hello(sni(b".".join([b"a" * 63] * 4))), UNNAMED),
    "a slash": (hello(sni(b"a.test/x")), UNNAMED),
    "no protocols": (hello(extension(ALPN, b"\0\0")), DECODE),
    "an empty protocol": (hello(alpn(b"h2", b"")), DECODE),
    "a protocol cut short": (hello(extension(ALPN, b"\0\x02\x02h")), DECODE),
}


def feed_bit_by_bit(data: bytes) -> None:
    for size in range(len(data) + 1):
        assert parse_client_hello(data[:size]) is None


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_hello_is_refused_whole_or_bit_by_bit(name: str) -> None:
    data, alert = BAD[name]
    with pytest.raises(MalformedHelloError) as caught:
        parse_client_hello(data)
    assert caught.value.alert is alert
    assert not isinstance(caught.value, PlainHttpError)
    with pytest.raises(MalformedHelloError):
        feed_bit_by_bit(data)


@pytest.mark.parametrize("start", [b"GET / HTTP/1.1\r\n", b"OPTIONS * HT", b"PRI * HTTP/2.0"])
def test_a_request_in_the_clear_is_told_apart(start: bytes) -> None:
    with pytest.raises(PlainHttpError) as caught:
        parse_client_hello(start)
    assert caught.value.alert is None
    assert parse_client_hello(start[:2]) is None


def test_alerts_are_one_record_that_openssl_understands() -> None:
    assert encode_alert(UNNAMED) == bytes.fromhex("15 0303 0002 02 70")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = context.wrap_bio(incoming, outgoing, server_hostname="a.test")
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    incoming.write(encode_alert(UNNAMED))
    with pytest.raises(ssl.SSLError, match=r"(?i)unrecognized.name"):
        client.do_handshake()


EXTENSIONS = st.permutations(
    [sni(NAME), alpn(b"h2", b"http/1.1"), versions(0x0304, 0x0303), extension(GREASE, b"x"),
     extension(51, bytes(1200)), extension(21, bytes(300)), extension(45, b"\1\1")]
)  # fmt: skip
CUTS = st.lists(st.integers(1, 700), max_size=12)


@given(EXTENSIONS, CUTS, st.binary(max_size=20))
def test_order_records_and_what_follows_change_nothing(
    extensions: list[bytes], cuts: list[int], rest: bytes
) -> None:
    data = records(message(body(b"".join(extensions))), *cuts)
    assert parse_client_hello(data + rest) == WANTED
    assert parse_client_hello(data[:-1]) is None


@given(st.integers(0, len(CHROMIUM) - 1), st.binary(min_size=1, max_size=4))
def test_a_spoilt_hello_is_read_or_refused(place: int, spoilt: bytes) -> None:
    data = CHROMIUM[:place] + spoilt + CHROMIUM[place + len(spoilt) :]
    try:
        parse_client_hello(data)
    except MalformedHelloError:
        return


@given(st.binary(max_size=80), st.sampled_from((b"", b"\x16\x03\x01\0\x30\1\0\0\x2c", b"GET ")))
def test_any_bytes_are_a_hello_or_its_beginning_or_refused(data: bytes, start: bytes) -> None:
    try:
        parse_client_hello(start + data)
    except MalformedHelloError:
        return


def test_a_hello_that_arrives_byte_by_byte_costs_no_more_than_its_bounds() -> None:
    data = records(message(body(USUAL)), *[1] * (MAX_RECORDS - 1))
    cuts = sorted(random.Random(1).sample(range(len(data)), 50))
    assert {parse_client_hello(data[:cut]) for cut in cuts} == {None}
