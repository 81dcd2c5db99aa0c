"""The address of a store."""

import pytest

from appliance.store_url import StoreUrl, parse_store_url

GOOD = [
    ("redis://127.0.0.1", StoreUrl("127.0.0.1"), "redis://127.0.0.1:6379/0"),
    ("redis://nas:7000/2", StoreUrl("nas", 7000, database=2), "redis://nas:7000/2"),
    (
        "redis://:p%40ss@[fd00::1]/0#lab:",
        StoreUrl("fd00::1", password="p@ss", prefix="lab:"),
        "redis://[fd00::1]:6379/0#lab:",
    ),
    (
        "rediss://user:word@nas/1?ssl_ca_certs=/ca.pem",
        StoreUrl("nas", tls=True, ca="/ca.pem", username="user", password="word", database=1),
        "rediss://nas:6379/1",
    ),
    (
        "rediss://nas?ssl_cert_reqs=none",
        StoreUrl("nas", tls=True, verify=False),
        "rediss://nas:6379/0",
    ),
    ("unix:///run/r.sock", StoreUrl(path="/run/r.sock"), "unix:///run/r.sock"),
    (
        "unix:///run/r.sock?db=3#p",
        StoreUrl(path="/run/r.sock", database=3, prefix="p"),
        "unix:///run/r.sock?db=3#p",
    ),
]


@pytest.mark.parametrize(("text", "url", "shown"), GOOD, ids=[case[0] for case in GOOD])
def test_a_url_is_read_and_shown_without_its_password(text: str, url: StoreUrl, shown: str) -> None:
    assert parse_store_url(text) == url
    assert str(url) == shown


BAD = [
    ("http://nas", "a store's URL is redis://"),
    ("nas:6379", "a store's URL is redis://"),
    ("redis://", "no host: write redis://127.0.0.1:6379/0"),
    ("redis://nas/first", 'the database is a number, not "first"'),
    ("redis://nas/99999999999", "the database is a number"),
    ("redis://nas:port", "not a URL"),
    ("redis://nas:99999", "not a URL"),
    ("redis://na s", "a URL holds no space"),
    ("redis://nas?ssl_ca_certs=/x", "TLS's options go with rediss://"),
    ("rediss://nas?ssl_ca_cert=/x", 'unknown option "ssl_ca_cert"; did you mean "ssl_ca_certs"?'),
    ("rediss://nas?ssl_cert_reqs=optional", 'ssl_cert_reqs is "required" or "none"'),
    ("unix:relative.sock", "a Unix socket is written unix:///path"),
    ("redis://secret@nas", "a password comes after a colon"),
]


@pytest.mark.parametrize(("text", "what"), BAD, ids=[case[0] for case in BAD])
def test_anything_else_is_refused_in_words(text: str, what: str) -> None:
    with pytest.raises(ValueError, match="^" + what.replace("?", r"\?").replace(".", r"\.")):
        parse_store_url(text)
