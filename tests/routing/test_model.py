import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.routing.model import Backend, Scheme, canonical_host, parse_backend, parse_host

HOST_VALUES = [
    pytest.param(b"example.org", "example.org", id="name"),
    pytest.param(b"Example.ORG", "example.org", id="case"),
    pytest.param(b"example.org.", "example.org", id="trailing dot"),
    pytest.param(b"example.org:8080", "example.org", id="port"),
    pytest.param(b"example.org.:8080", "example.org", id="trailing dot and port"),
    pytest.param(b"example.org:", "example.org", id="empty port"),
    pytest.param(b"nas_1", "nas_1", id="underscore"),
    pytest.param(b"192.168.1.20:80", "192.168.1.20", id="ipv4"),
    pytest.param(b"[::1]:80", "[::1]", id="ipv6"),
    pytest.param(b"[2001:DB8:0::1]", "[2001:db8::1]", id="ipv6 in its short form"),
]


@pytest.mark.parametrize(("value", "name"), HOST_VALUES)
def test_a_host_value_becomes_the_name_to_look_up(value: bytes, name: str) -> None:
    assert parse_host(value) == name


BAD_HOST_VALUES = [
    b"",
    b".",
    b"..",
    b":80",
    b"a..b",
    b".a",
    b"a b",
    b"a\tb",
    b"a\n",
    b"a\x00",
    b"a,b",
    b"a/b",
    b"a@b",
    b"a%2eb",
    b"a?b",
    b"a#b",
    b"a\\b",
    b"a:80:80",
    b"a:-1",
    b"a:+80",
    b"a:8o",
    b"a:65536",
    b"a:000080",
    b"http://a",
    b"[::1",
    b"::1",
    b"[::1]a",
    b"[:::]",
    b"[1.2.3.4]",
    b"[fe80::1%25eth0]",
    b"[v1.x]",
    b"\xc3\xa4.de",
    b"-a",
    b"a-",
    b"a" * 64,
    b"a." * 127 + b"a",
]


@pytest.mark.parametrize("value", BAD_HOST_VALUES, ids=repr)
def test_a_malformed_host_value_is_refused(value: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - any words
        parse_host(value)


@given(st.binary(max_size=40) | st.text(".:[]aZ09-_%\n ", max_size=20).map(str.encode))
def test_what_parse_host_accepts_is_a_canonical_name(value: bytes) -> None:
    try:
        name = parse_host(value)
    except ValueError:
        return
    assert re.fullmatch(r"\[[0-9a-f:]+\]|[a-z0-9_](?:[a-z0-9._-]*[a-z0-9_])?", name)
    assert ".." not in name
    assert parse_host(name.encode()) == name


PATTERNS = [
    pytest.param("Photos.Home.Arpa", "photos.home.arpa", id="case"),
    pytest.param("photos.home.arpa.", "photos.home.arpa", id="trailing dot"),
    pytest.param("*.Example.org", "*.example.org", id="wildcard"),
    pytest.param("*", "*", id="any"),
    pytest.param("b\u00fccher.example", "xn--bcher-kva.example", id="international"),
    pytest.param("*.b\u00fccher.example", "*.xn--bcher-kva.example", id="international wildcard"),
    pytest.param("[2001:DB8::0:1]", "[2001:db8::1]", id="ipv6"),
    pytest.param("192.168.1.1", "192.168.1.1", id="ipv4"),
]


@pytest.mark.parametrize(("text", "host"), PATTERNS)
def test_a_pattern_has_one_form(text: str, host: str) -> None:
    assert canonical_host(text) == host
    assert canonical_host(host) == host


BAD_PATTERNS = [
    pytest.param("", "1 to 253", id="empty"),
    pytest.param("http://a", "without scheme", id="url"),
    pytest.param("a/b", "without scheme and path", id="path"),
    pytest.param("a:80", "without a port", id="port"),
    pytest.param("a.*.b", "wildcard stands", id="star inside"),
    pytest.param("*.*.b", "wildcard stands", id="two stars"),
    pytest.param("*a", "wildcard stands", id="star without a dot"),
    pytest.param("a..b", "label", id="empty label"),
    pytest.param("a b", "label", id="space"),
    pytest.param("a" * 64, "label", id="long label"),
    pytest.param("-a", "label", id="hyphen first"),
    pytest.param("a." * 126 + "abc", "253", id="long name"),
    pytest.param("[fe80::1%eth0]", "zone", id="ipv6 with a zone"),
    pytest.param("stra\u00dfe.example", "xn--", id="letter with two encodings"),
]


@pytest.mark.parametrize(("text", "words"), BAD_PATTERNS)
def test_a_faulty_pattern_is_refused_in_words(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=re.escape(words)):
        canonical_host(text)


@given(st.text(max_size=40))
def test_any_text_is_a_pattern_or_a_value_error(text: str) -> None:
    try:
        host = canonical_host(text)
    except ValueError:
        return
    assert host.isascii()
    assert canonical_host(host) == host


BACKENDS = [
    pytest.param("http://a", Backend("http://a", Scheme.HTTP, "a", 80), id="http"),
    pytest.param("http://a:80/", Backend("http://a", Scheme.HTTP, "a", 80), id="usual port"),
    pytest.param("HTTP://A:81", Backend("http://a:81", Scheme.HTTP, "a", 81), id="case"),
    pytest.param("https://a", Backend("https://a", Scheme.HTTPS, "a", 443), id="https"),
    pytest.param("https://a:80", Backend("https://a:80", Scheme.HTTPS, "a", 80), id="https on 80"),
    pytest.param("http://[::1]:8", Backend("http://[::1]:8", Scheme.HTTP, "::1", 8), id="ipv6"),
    pytest.param("unix:/s", Backend("unix:/s", Scheme.UNIX, "", 0, "/s"), id="unix"),
    pytest.param("tcp://a:1", Backend("tcp://a:1", Scheme.TCP, "a", 1), id="tcp"),
]


@pytest.mark.parametrize(("url", "backend"), BACKENDS)
def test_a_backend_is_read_from_its_url(url: str, backend: Backend) -> None:
    assert parse_backend(url) == backend
    assert parse_backend(backend.url) == backend


def test_a_backend_carries_its_weight() -> None:
    assert parse_backend("http://a", 3).weight == 3


BAD_BACKENDS = [
    pytest.param("192.168.1.20:2283", 'did you mean "http://192.168.1.20:2283"', id="no scheme"),
    pytest.param("htp://a", 'did you mean "http://a"', id="misspelt scheme"),
    pytest.param("http://a/b", 'a backend has no path: write "http://a"', id="path"),
    pytest.param("http://a?b", "no path", id="query"),
    pytest.param("http://a#b", "no path", id="fragment"),
    pytest.param("http://u:p@a", "user names and passwords", id="user"),
    pytest.param("http://a:0", "1 to 65535", id="port zero"),
    pytest.param("http://a:65536", "not a URL: Port", id="port too large"),
    pytest.param("http://a:x", "not a URL: Port", id="port not a number"),
    pytest.param("http://", "1 to 253", id="no host"),
    pytest.param("http://:80", "1 to 253", id="port alone"),
    pytest.param("http://*.a", "without wildcards", id="star"),
    pytest.param("http://1.2.3", "IPv4", id="half an ipv4"),
    pytest.param("http://[::1", "not a URL", id="open bracket"),
    pytest.param("http://[::x]", "not a URL", id="not ipv6"),
    pytest.param("http://::1", "not a URL", id="ipv6 without brackets"),
    pytest.param("http://a b", "no space or control character", id="space"),
    pytest.param("http://a\tb", "no space or control character", id="tab"),
    pytest.param("http://a\r\nb", "no space or control character", id="line end"),
    pytest.param("unix:/a\nb", "no space or control character", id="line end in a path"),
    pytest.param("unix:s", "unix:/path", id="relative socket"),
    pytest.param("unix:/" + "s" * 107, "at most 107 bytes", id="socket path too long"),
    pytest.param("tcp://a", "needs a port", id="tcp without port"),
    pytest.param("", "did you mean", id="empty"),
]


@pytest.mark.parametrize(("url", "words"), BAD_BACKENDS)
def test_a_faulty_backend_is_refused_in_words(url: str, words: str) -> None:
    with pytest.raises(ValueError, match=re.escape(words)):
        parse_backend(url)


@given(st.text(max_size=40) | st.text("htps:/unix.[]@0aA%\u00df \n", max_size=24))
def test_any_text_is_a_backend_or_a_value_error(text: str) -> None:
    try:
        backend = parse_backend(text)
    except ValueError:
        return
    assert backend.url.isprintable()
    assert parse_backend(backend.url) == backend
