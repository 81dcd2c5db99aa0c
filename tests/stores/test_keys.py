"""Keys in Redis: which are ours, and for whom."""

import pytest

from appliance.stores.keys import Kind, parse_key

KEYS = [
    (b"frontend:a.test", (Kind.FRONTEND, "a.test")),
    (b"frontend:*.a.test", (Kind.FRONTEND, "*.a.test")),
    (b"frontend:*", (Kind.FRONTEND, "*")),
    (b"frontend:[fd00::1]", (Kind.FRONTEND, "[fd00::1]")),
    (b"dead:a.test", (Kind.DEAD, "a.test")),
    (b"tls:*.a.test", (Kind.TLS, "*.a.test")),
    (b"hostnames:a.test:backends", (Kind.HOSTNAMES, "a.test")),
    (b"hostnames:httpDefault:backends", (Kind.HTTP_DEFAULT, "*")),
    (b"hostnames:httpsDefault:backends", (Kind.HTTPS_DEFAULT, "*")),
    (b"gatelight:site:a.test", (Kind.OWN, "a.test")),
    (b"hostnames:a.test", None),
    (b"session:a.test", None),
    (b"\xff", None),
]


@pytest.mark.parametrize(("key", "parsed"), KEYS, ids=[repr(case[0]) for case in KEYS])
def test_a_key_says_what_it_is_and_for_whom(key: bytes, parsed: tuple[Kind, str] | None) -> None:
    assert parse_key(key) == parsed
    if parsed is not None:
        assert parsed[0].key(parsed[1]).encode() == key


BAD_KEYS = [
    (b"frontend:A.test", 'no request leads to it: write "frontend:a.test"'),
    (b"frontend:a.test.", 'no request leads to it: write "frontend:a.test"'),
    (b"frontend:a.test:80", "without a port"),
    (b"frontend:", "1 to 253 characters"),
    (b"frontend:\xff", "is not a label"),
    (b"gatelight:site:a b", "is not a label"),
    (b"hostnames:*.a:backends", 'only names stand here: write "frontend:*.a"'),
]


@pytest.mark.parametrize(("key", "what"), BAD_KEYS, ids=[repr(case[0]) for case in BAD_KEYS])
def test_a_key_that_no_host_can_have_is_told_in_words(key: bytes, what: str) -> None:
    with pytest.raises(ValueError, match=what.replace("*", r"\*")):
        parse_key(key)
