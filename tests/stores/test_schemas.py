"""From values in Redis to sites."""

from typing import Any

import pytest

from appliance.routing.model import Balance, CertificatePem, TlsMode
from appliance.stores.base import Table
from appliance.stores.keys import (
    MAX_BACKENDS,
    MAX_VALUE_BYTES,
    Kind,
    Lent,
    Malformed,
    Values,
)
from appliance.stores.schemas import lend_certificate, read_dead, read_values

ONE = {"backends": ["http://b"]}
BOTH = {"backends": ["http://b", "tcp://b:443"], "tls": "passthrough"}
CHAIN, KEY = b"-----BEGIN CERTIFICATE-----\nx\n", b"-----BEGIN PRIVATE KEY-----\ny\n"
ENDED = {**ONE, "tls": "terminate", "certificate": CHAIN.decode(), "key": KEY.decode()}
GOOD: list[Any] = [
    pytest.param({}, None, id="nothing"),
    pytest.param({Kind.FRONTEND: [b"id"]}, None, id="hipache, before its first backend"),
    pytest.param({Kind.FRONTEND: [b"id", b"http://b:80"]}, ONE, id="hipache"),
    pytest.param(
        {Kind.FRONTEND: [b"id", b"http://c", b"http://b", b"http://c/"]},
        {"backends": ["http://c", "http://b"], "weights": [2, 1]},
        id="hipache, a URL twice is a weight",
    ),
    pytest.param({Kind.FRONTEND: [b"", b"https://b"]}, {"backends": ["https://b"]}, id="https"),
    pytest.param({Kind.HOSTNAMES: [b"b"]}, BOTH, id="the Go proxy: requests and TLS"),
    pytest.param(
        {Kind.HOSTNAMES: [b"fd00::1", b"10.0.0.1"]},
        {
            "backends": [
                *("http://10.0.0.1", "http://[fd00::1]"),
                *("tcp://10.0.0.1:443", "tcp://[fd00::1]:443"),
            ],
            "tls": "passthrough",
        },
        id="the Go proxy, addresses in a steady order",
    ),
    pytest.param({Kind.HTTP_DEFAULT: [b"b"]}, ONE, id="the Go proxy's default"),
    pytest.param(
        {Kind.HTTPS_DEFAULT: [b"b"]},
        {"backends": ["tcp://b:443"], "tls": "passthrough"},
        id="the Go proxy's default for TLS",
    ),
    pytest.param(
        {Kind.HTTP_DEFAULT: [b"b"], Kind.HTTPS_DEFAULT: [b"c"]},
        {"backends": ["http://b", "tcp://c:443"], "tls": "passthrough"},
        id="both of its defaults",
    ),
    pytest.param(
        {Kind.HOSTNAMES: [b"b"], Kind.OWN: b'{"tls": "off"}'},
        {"backends": ["http://b"], "tls": "off"},
        id="the Go proxy's names, and TLS is not carried",
    ),
    pytest.param(
        {Kind.HOSTNAMES: [b"b"], Kind.OWN: b'{"backends": ["http://c"]}'},
        {"backends": ["http://c"]},
        id="our backends, and TLS is not carried to them",
    ),
    pytest.param({Kind.FRONTEND: [b"id", b"http://b"], Kind.TLS: [CHAIN, KEY]}, ENDED, id="planb"),
    pytest.param(
        {Kind.FRONTEND: [b"id", b"http://b"], Kind.TLS: [b"Bag 1\n" + CHAIN, b"\n" + KEY]},
        ENDED,
        id="planb, with words before the text",
    ),
    pytest.param(
        {Kind.FRONTEND: [b"id", b"http://b"], Kind.TLS: Lent("*.test", [CHAIN, KEY])},
        ENDED,
        id="planb, a wildcard's certificate",
    ),
    pytest.param(
        {Kind.HOSTNAMES: [b"b"], Kind.TLS: [CHAIN, KEY]},
        ENDED,
        id="the Go proxy's names with planb's certificate: TLS ends here",
    ),
    pytest.param({Kind.TLS: [CHAIN, KEY]}, None, id="planb, a certificate alone"),
    pytest.param(
        {
            Kind.FRONTEND: [b"id", b"http://b"],
            Kind.TLS: [CHAIN, KEY],
            Kind.OWN: b'{"certificate": "/c.pem", "key": "/k.pem"}',
        },
        {**ENDED, "certificate": "/c.pem", "key": "/k.pem"},
        id="our certificate on top",
    ),
    pytest.param(
        {Kind.FRONTEND: [b"id", b"http://b"], Kind.TLS: [CHAIN, KEY], Kind.OWN: b'{"tls": "off"}'},
        {**ONE, "tls": "off"},
        id="planb's certificate is there and not used",
    ),
    pytest.param(
        {Kind.HOSTNAMES: [b"c"], Kind.FRONTEND: [b"id", b"http://b"], Kind.HTTP_DEFAULT: [b"d"]},
        ONE,
        id="hipache before the Go proxy",
    ),
    pytest.param({Kind.HOSTNAMES: [b"b"], Kind.HTTP_DEFAULT: [b"d"]}, BOTH, id="then the default"),
    pytest.param({Kind.OWN: b'{"backends": ["http://b"]}'}, ONE, id="ours alone"),
    pytest.param(
        {Kind.OWN: b'{"sticky": true}', Kind.FRONTEND: [b"id", b"http://b", b"http://c"]},
        {"backends": ["http://b", "http://c"], "sticky": True},
        id="ours on top",
    ),
    pytest.param(
        {Kind.OWN: b'{"backends": "http://b"}', Kind.FRONTEND: [b"id", b"http://c", b"http://c"]},
        {"backends": "http://b"},
        id="our backends instead, without the others' weights",
    ),
    pytest.param(
        {Kind.OWN: b'{"weights": [3, 1]}', Kind.FRONTEND: [b"id", b"http://b", b"http://c"]},
        {"backends": ["http://b", "http://c"], "weights": [3, 1]},
        id="our weights for their backends",
    ),
]


@pytest.mark.parametrize(("values", "table"), GOOD)
def test_values_come_to_a_site(values: Values, table: Table | None) -> None:
    reading = read_values("a.test", values)
    assert reading.table == table
    assert reading.faults == ()
    assert (reading.site is None) == (table is None)
    assert not reading.broken


def test_a_site_says_which_keys_it_comes_from() -> None:
    values: Values = {
        Kind.FRONTEND: [b"id", b"http://b"],
        Kind.HOSTNAMES: [b"c"],
        Kind.OWN: b'{"balance": "random"}',
    }
    site = read_values("a.test", values).site
    assert site is not None
    assert site.origin == "frontend:a.test, gatelight:site:a.test"
    assert site.balance is Balance.RANDOM


BAD: list[Any] = [
    pytest.param(
        {Kind.FRONTEND: [b"id", b"http://b", b"b:80", b"http://b/path", b"http://\xff"]},
        ONE,
        [
            "backend 1: a backend is a URL",
            'backend 2: a backend has no path: write "http://b"',
            "backend 3: not UTF-8 text (byte 7)",
        ],
        id="each bad backend is left out and named by hipache's index",
    ),
    pytest.param(
        {Kind.FRONTEND: Malformed("is not a list"), Kind.HOSTNAMES: [b"b"]},
        BOTH,
        ["is not a list"],
        id="a value of the wrong kind; the other schema counts",
    ),
    pytest.param(
        {Kind.HOSTNAMES: [b"b", b"c:80", b"http://d", b"e f", b"\x1b[2J" + b"x" * 99]},
        BOTH,
        [
            '"\\x1b[2J' + "x" * 60 + '...": ',
            '"c:80": a name or an address alone',
            '"e f": ',
            '"http://d": a name or an address alone',
        ],
        id="names that are none",
    ),
    pytest.param(
        {Kind.FRONTEND: [b"id", b"http://b", b"x" * (MAX_VALUE_BYTES + 1)]},
        ONE,
        [f"backend 1: more than {MAX_VALUE_BYTES} bytes"],
        id="too long",
    ),
    pytest.param(
        {Kind.FRONTEND: [b"id", *[b"http://b"] * (MAX_BACKENDS + 1)]},
        {"backends": ["http://b"], "weights": [MAX_BACKENDS]},
        [f"more than {MAX_BACKENDS} backends: the first count"],
        id="too many",
    ),
    *[
        pytest.param(
            {Kind.FRONTEND: [b"id", b"http://b"], Kind.TLS: tls},
            ONE,
            [what],
            id=f"planb: {what}",
        )
        for tls, what in (
            (Malformed("is not a hash"), "is not a hash"),
            ([CHAIN, None], "key: there is none"),
            ([b"shop.pem", KEY], "certificate: PEM text is needed"),
            ([CHAIN, KEY + b"\xff"], "key: not UTF-8 text"),
            ([CHAIN + "é".encode(), KEY], "certificate: PEM text is ASCII"),
            ([CHAIN, KEY * 5000], f"key: more than {MAX_VALUE_BYTES} bytes"),
        )
    ],
    *[
        pytest.param(
            {Kind.FRONTEND: [b"id", b"http://b"], Kind.OWN: own}, ONE, [what], id=f"ours: {what}"
        )
        for own, what in (
            (b"{", "not JSON: Expecting property name"),
            (b"[1]", "settings are a JSON object"),
            (b'{"a": NaN}', "NaN is not JSON"),
            (b"[" * 60_000, "nested too deeply"),
            (b"\xff{}", "not UTF-8 text (byte 0)"),
            (b'{"host": "b"}', "host: the key names the host already"),
            (b'{"stiky": true}', 'stiky: unknown key; did you mean "sticky"?'),
            (b'{"sticky": "yes"}', "sticky: true or false is needed, not a string"),
            (b'{"weights": [1, 2]}', "weights: 2 weights for 1 backends"),
            (b'{"backends": []}', "backends: a site needs at least one backend"),
            (b"{" + b" " * MAX_VALUE_BYTES, f"more than {MAX_VALUE_BYTES} bytes"),
        )
    ],
]


@pytest.mark.parametrize(("values", "table", "faults"), BAD)
def test_what_cannot_be_read_is_named_and_left_out(
    values: Values, table: Table, faults: list[str]
) -> None:
    reading = read_values("a.test", values)
    assert reading.table == table
    assert len(reading.faults) == len(faults)
    for (key, what), start in zip(reading.faults, faults, strict=True):
        keys = ("frontend:a.test", "tls:a.test", "site:a.test", "hostnames:a.test:backends")
        assert key.endswith(keys)
        assert what.startswith(start)


@pytest.mark.parametrize(
    "values",
    [
        {Kind.FRONTEND: Malformed("is not a list")},
        {Kind.FRONTEND: [b"id", b"rubbish"]},
        {Kind.OWN: b"{", Kind.HOSTNAMES: [b"a b"]},
        {Kind.OWN: b'{"sticky": true}'},
    ],
    ids=["a wrong kind", "no good backend", "in two schemas", "settings without backends"],
)
def test_a_host_with_nothing_good_is_broken(values: Values) -> None:
    reading = read_values("a.test", values)
    assert reading.broken
    assert reading.faults


def test_our_settings_stay_as_they_last_were_while_they_are_malformed() -> None:
    """A rule that protects a site must not vanish with a slip of the pen."""
    last = {"sticky": True, "balance": "random"}
    values: Values = {Kind.FRONTEND: [b"id", b"http://b"], Kind.OWN: b'{"stiky": true}'}
    reading = read_values("a.test", values, last)
    assert reading.table == {"backends": ["http://b"], **last}
    assert reading.own == last
    assert len(reading.faults) == 1


@pytest.mark.parametrize(
    "spoilt",
    [Malformed("is not a hash"), [CHAIN, b"x"], Lent("*.test", [b"x", KEY])],
    ids=["a wrong kind", "no key", "a wildcard's"],
)
def test_a_certificate_stays_as_it_last_was_while_it_is_malformed(spoilt: Any) -> None:
    values = {Kind.FRONTEND: [b"id", b"http://b"], Kind.TLS: spoilt}
    last = CertificatePem(CHAIN.decode(), KEY.decode())
    assert read_values("a.test", values, None, last).table == ENDED
    values = {Kind.FRONTEND: [b"id", b"http://b"]}
    assert read_values("a.test", values, None, last).table == ONE


def test_a_wildcard_lends_its_certificate_one_label_down() -> None:
    pair = [CHAIN, KEY]
    wild = {"*.b.test": pair}
    assert lend_certificate("a.b.test", {}, wild) == {Kind.TLS: Lent("*.b.test", pair)}
    assert lend_certificate("a.b.test", {Kind.TLS: [KEY, KEY]}, wild) == {Kind.TLS: [KEY, KEY]}
    for host in ("b.test", "c.a.b.test", "*.a.b.test", "*.b.test", "*", "test"):
        assert lend_certificate(host, {}, wild) == {}


def test_a_site_with_a_lent_certificate_says_whose_it_is() -> None:
    values: Values = {
        Kind.FRONTEND: [b"id", b"http://b"],
        Kind.TLS: Lent("*.test", [CHAIN, KEY]),
    }
    site = read_values("a.test", values).site
    assert site is not None
    assert site.origin == "frontend:a.test, tls:*.test"
    assert site.tls is TlsMode.TERMINATE


def test_our_settings_go_with_their_key() -> None:
    reading = read_values("a.test", {Kind.FRONTEND: [b"id", b"http://b"]}, {"sticky": True})
    assert reading.table == ONE
    assert reading.own is None


@pytest.mark.parametrize(
    ("frontend", "marks", "dead"),
    [
        ([b"id", b"http://b", b"http://c:80"], [b"1"], {"http://c"}),
        ([b"id", b"http://b", b"http://c", b"http://b"], [b"2"], {"http://b"}),
        ([b"id", b"http://b"], [b"7", b"-1", b"x", b"\xff", b"00"], set()),
        ([b"id", b"rubbish", b"http://c"], [b"0", b"1"], {"http://c"}),
        (None, [b"0"], set()),
        ([b"id", b"http://b"], Malformed("is not a set"), set()),
    ],
    ids=["by index", "one of two alike", "no index", "a bad URL", "no list", "no set"],
)
def test_dead_backends_are_found_by_their_index(frontend: Any, marks: Any, dead: set[str]) -> None:
    assert read_dead(frontend, marks) == dead
