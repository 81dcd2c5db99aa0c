"""PROXY headers: the specification's own lines, every way of cutting them, and what is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.wire.proxy_header import (
    MAX_V1_BYTES,
    MAX_V2_BYTES,
    Endpoint,
    Ends,
    ProxyHeader,
    UnixEndpoint,
    encode_local_v2,
    encode_v1,
    encode_v2,
    parse_proxy_header,
)
from appliance.wire.proxy_tags import ClientTls, MalformedProxyHeaderError, ProxyTags, crc32c

SIGNATURE = bytes.fromhex("0D0A0D0A000D0A515549540A")
FULL_IPV6 = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"


def v2(command: str, family: str, block: str) -> bytes:
    content = bytes.fromhex(block)
    return SIGNATURE + bytes.fromhex(command + family) + len(content).to_bytes(2) + content


def tcp(source: str, source_port: int, destination: str, port: int) -> Ends:
    return Endpoint(source, source_port), Endpoint(destination, port)


TCP4_BLOCK = "C0A80001 C0A8000B DC04 01BB"
TCP4 = tcp("192.168.0.1", 56324, "192.168.0.11", 443)
TCP6_BLOCK = "20010DB8000000000000000000000001 FE800000000000000000000000000002 DC04 01BB"
TCP6 = tcp("2001:db8::1", 56324, "fe80::2", 443)
UNIX_BLOCK = b"/run/a.sock".ljust(108, b"\0").hex() + b"\0abstract".ljust(108, b"\0").hex()

# What is fed, and what it says: ends, is it local, tags.
GOOD: dict[str, tuple[bytes, Ends | None, bool, ProxyTags]] = {
    "v1 example of 2.1": (
        b"PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\r\n",
        TCP4,
        False,
        ProxyTags(),
    ),
    "v1 longest IPv4": (
        b"PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n",
        tcp("255.255.255.255", 65535, "255.255.255.255", 65535),
        False,
        ProxyTags(),
    ),
    "v1 longest IPv6": (
        f"PROXY TCP6 {FULL_IPV6} {FULL_IPV6.upper()} 65535 65535\r\n".encode(),
        tcp(FULL_IPV6, 65535, FULL_IPV6, 65535),
        False,
        ProxyTags(),
    ),
    "v1 short IPv6": (
        b"PROXY TCP6 2001:DB8::1 fe80::2 56324 443\r\n",
        TCP6,
        False,
        ProxyTags(),
    ),
    "v1 mapped IPv4": (
        b"PROXY TCP6 ::ffff:192.168.0.1 fe80::2 0 443\r\n",
        tcp("192.168.0.1", 0, "fe80::2", 443),
        False,
        ProxyTags(),
    ),
    "v1 unknown": (b"PROXY UNKNOWN\r\n", None, False, ProxyTags()),
    "v1 unknown, the longest": (
        f"PROXY UNKNOWN {FULL_IPV6} {FULL_IPV6} 65535 65535\r\n".encode(),
        None,
        False,
        ProxyTags(),
    ),
    "v2 local": (v2("20", "00", ""), None, True, ProxyTags()),
    "v2 local with a block to discard": (v2("20", "11", "0102"), None, True, ProxyTags()),
    "v2 unspecified": (v2("21", "00", "FFFFFF"), None, False, ProxyTags()),
    "v2 IPv4": (v2("21", "11", TCP4_BLOCK), TCP4, False, ProxyTags()),
    "v2 IPv6": (v2("21", "21", TCP6_BLOCK), TCP6, False, ProxyTags()),
    "v2 datagrams": (v2("21", "12", TCP4_BLOCK), None, False, ProxyTags()),
    "v2 Unix": (
        v2("21", "31", UNIX_BLOCK),
        (UnixEndpoint(b"/run/a.sock"), UnixEndpoint(b"\0abstract")),
        False,
        ProxyTags(),
    ),
    "v2 unnamed Unix": (
        v2("21", "31", "00" * 216),
        (UnixEndpoint(b""), UnixEndpoint(b"")),
        False,
        ProxyTags(),
    ),
    "v2 with tags": (
        v2(
            "21",
            "11",
            TCP4_BLOCK
            + "01 0002 6832"
            + "02 0006 612E74657374"
            + "04 0003 000000"
            + "05 0002 0102"
            + "20 0019 03 00000000 21 0007 544C5376312E33 22 0001 63 23 0003 414243"
            + "30 0002 6E73"
            + "EA 0001 07",
        ),
        TCP4,
        False,
        ProxyTags(
            b"h2",
            b"a.test",
            b"\1\2",
            b"ns",
            ClientTls(b"TLSv1.3", b"ABC", b"c", True, True),
            ((0xEA, b"\7"),),
        ),
    ),
}


@pytest.mark.parametrize("trailing", [b"", b"GET / HTTP/1.1\r\n\r\n", b"\0\xff"], ids=repr)
@pytest.mark.parametrize("name", GOOD)
def test_a_header_is_read_whole_with_what_follows_it_left_alone(name: str, trailing: bytes) -> None:
    data, ends, is_local, tags = GOOD[name]
    assert parse_proxy_header(data + trailing) == ProxyHeader(len(data), ends, is_local, tags)


@pytest.mark.parametrize("name", GOOD)
def test_until_its_last_byte_a_header_asks_for_more(name: str) -> None:
    data = GOOD[name][0]
    assert [parse_proxy_header(data[:size]) for size in range(len(data))] == [None] * len(data)


TOO_LONG = b"PROXY UNKNOWN " + b"a" * (MAX_V1_BYTES - 16)
BAD = {
    "HTTP": b"GET / HTTP/1.1\r\n",
    "TLS": b"\x16\x03\x01\x02\x00",
    "a lower-case word": b"proxy TCP4 1.2.3.4 1.2.3.4 1 2\r\n",
    "two spaces": b"PROXY  TCP4 1.2.3.4 1.2.3.4 1 2\r\n",
    "a space at the end": b"PROXY TCP4 1.2.3.4 1.2.3.4 1 2 \r\n",
    "an unknown family": b"PROXY TCP5 1.2.3.4 1.2.3.4 1 2\r\n",
    "a port missing": b"PROXY TCP4 1.2.3.4 1.2.3.4 1\r\n",
    "octal": b"PROXY TCP4 01.2.3.4 1.2.3.4 1 2\r\n",
    "three numbers": b"PROXY TCP4 1.2.3 1.2.3.4 1 2\r\n",
    "a number of 256": b"PROXY TCP4 1.2.3.256 1.2.3.4 1 2\r\n",
    "an IPv6 address as IPv4": b"PROXY TCP4 ::1 ::1 1 2\r\n",
    "an IPv4 address as IPv6": b"PROXY TCP6 1.2.3.4 1.2.3.4 1 2\r\n",
    "two gaps": b"PROXY TCP6 1::2::3 ::1 1 2\r\n",
    "a zone": b"PROXY TCP6 fe80::1%1 ::1 1 2\r\n",
    "a port of 65536": b"PROXY TCP4 1.2.3.4 1.2.3.4 65536 2\r\n",
    "a port with a zero ahead": b"PROXY TCP4 1.2.3.4 1.2.3.4 080 2\r\n",
    "a port with a sign": b"PROXY TCP4 1.2.3.4 1.2.3.4 +80 2\r\n",
    "a bare LF": b"PROXY TCP4 1.2.3.4 1.2.3.4 1 2\n",
    "a bare CR inside": b"PROXY UNKNOWN a\rb\r\n",
    "no end": TOO_LONG + b"aa",
    "an end too late": TOO_LONG + b"a\r\n",
    "unknown with more glued on": b"PROXY UNKNOWNS\r\n",
    "version 1 in binary": SIGNATURE + b"\x11\x11\0\0",
    "an unknown command": SIGNATURE + b"\x22\x11\0\0",
    "an unknown address family": SIGNATURE + b"\x21\x41\0\0",
    "an unknown transport": SIGNATURE + b"\x21\x13\0\0",
    "too long by its own word": SIGNATURE + b"\x21\x11" + (MAX_V2_BYTES - 15).to_bytes(2),
    "shorter than its addresses": v2("21", "11", "C0A80001 C0A8000B DC04 01"),
    "a tag cut short": v2("21", "11", TCP4_BLOCK + "02 0006 61"),
    "a tag's length cut short": v2("21", "11", TCP4_BLOCK + "02 00"),
    "a tag given twice": v2("21", "11", TCP4_BLOCK + "02 0001 61 02 0001 62"),
    "a wrong checksum": v2("21", "11", TCP4_BLOCK + "03 0004 00000000"),
    "a short checksum": v2("21", "11", TCP4_BLOCK + "03 0003 000000"),
    "a short TLS tag": v2("21", "11", TCP4_BLOCK + "20 0004 00000000"),
    "a TLS tag cut short inside": v2("21", "11", TCP4_BLOCK + "20 0007 0100000000 2100"),
    "a long unique id": v2("21", "11", TCP4_BLOCK + "05 0081" + "00" * 129),
}


def feed_bit_by_bit(data: bytes) -> None:
    for size in range(len(data) + 1):
        assert parse_proxy_header(data[:size]) is None


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_header_is_refused_whole_or_bit_by_bit(name: str) -> None:
    data = BAD[name]
    with pytest.raises(MalformedProxyHeaderError, match=r"^its? "):
        parse_proxy_header(data)
    with pytest.raises(MalformedProxyHeaderError):
        feed_bit_by_bit(data)


def test_the_checksum_is_the_one_of_rfc_3720() -> None:
    """Appendix B.4: 32 bytes of zeros."""
    assert crc32c(bytes(32), 8) == bytes.fromhex("8A9136AA")


def test_a_flipped_bit_anywhere_breaks_the_checksum() -> None:
    data = encode_v2(TCP4, ProxyTags(authority=b"a.test"), checksum=True)
    assert parse_proxy_header(data) is not None
    for place in range(16, len(data) - 7):
        spoilt = data[:place] + bytes((data[place] ^ 1,)) + data[place + 1 :]
        with pytest.raises(MalformedProxyHeaderError):
            parse_proxy_header(spoilt)


def test_lines_and_headers_for_backends_are_the_specification_s() -> None:
    assert encode_v1(TCP4) == b"PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\r\n"
    assert encode_v1(TCP6) == b"PROXY TCP6 2001:db8::1 fe80::2 56324 443\r\n"
    assert encode_v1(None) == b"PROXY UNKNOWN\r\n"
    assert encode_v2(TCP4) == v2("21", "11", TCP4_BLOCK)
    assert encode_v2(TCP6) == v2("21", "21", TCP6_BLOCK)
    assert encode_v2(None) == v2("21", "00", "")
    assert encode_local_v2() == v2("20", "00", "")


def test_ends_of_two_families_are_both_written_as_ipv6() -> None:
    line = encode_v1(tcp("10.0.0.1", 1, "fe80::2%eth0", 2))
    assert line == b"PROXY TCP6 0000:0000:0000:0000:0000:ffff:0a00:0001 fe80::2 1 2\r\n" or (
        line == b"PROXY TCP6 ::ffff:a00:1 fe80::2 1 2\r\n"
    )


@pytest.mark.parametrize(
    "tags",
    [ProxyTags(unique_id=b"a" * 129), ProxyTags(authority=b"a" * MAX_V2_BYTES)],
    ids=["a long id", "too much"],
)
def test_tags_that_no_header_can_hold_are_not_sent(tags: ProxyTags) -> None:
    with pytest.raises(ValueError, match=r"over 128|go past 4096"):
        encode_v2(TCP4, tags)


PORTS = st.integers(0, 65535)
IPV4 = st.ip_addresses(v=4).map(str)
IPV6 = st.ip_addresses(v=6).map(str).filter(lambda ip: not ip.startswith("::ffff:"))
TCP_ENDS = st.one_of(IPV4, IPV6).flatmap(
    lambda ip: st.tuples(
        st.builds(Endpoint, st.just(ip), PORTS), st.builds(Endpoint, IPV6 | IPV4, PORTS)
    )
)
PATHS = st.binary(max_size=108).filter(lambda path: b"\0" not in path)
UNIX_ENDS = st.tuples(st.builds(UnixEndpoint, PATHS), st.builds(UnixEndpoint, PATHS))
VALUES = st.binary(max_size=100)
TAGS = st.builds(
    ProxyTags,
    VALUES,
    VALUES,
    VALUES,
    VALUES,
    st.none() | st.builds(ClientTls, VALUES, VALUES, VALUES, st.booleans(), st.booleans()),
    st.lists(st.tuples(st.integers(0xE0, 0xEF), VALUES), max_size=3).map(tuple),
)


@given(TCP_ENDS, VALUES)
def test_version_1_says_again_what_was_said(ends: Ends, rest: bytes) -> None:
    line = encode_v1(ends)
    assert len(line) <= MAX_V1_BYTES
    assert parse_proxy_header(line + rest) == ProxyHeader(len(line), ends)


@given(st.one_of(TCP_ENDS, UNIX_ENDS), TAGS, st.booleans(), VALUES)
def test_version_2_says_again_what_was_said(
    ends: Ends, tags: ProxyTags, checksum: bool, rest: bytes
) -> None:
    data = encode_v2(ends, tags, checksum)
    assert parse_proxy_header(data + rest) == ProxyHeader(len(data), ends, tags=tags)


@given(st.sampled_from((b"", b"PROXY TCP4 ", SIGNATURE, SIGNATURE + b"\x21\x11\0\x20")), VALUES)
def test_any_bytes_are_a_header_or_its_beginning_or_refused(start: bytes, data: bytes) -> None:
    try:
        header = parse_proxy_header(start + data)
    except MalformedProxyHeaderError:
        return
    assert header is None or header.size_bytes <= len(start + data)
