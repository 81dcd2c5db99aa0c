import os
from ipaddress import ip_network
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from appliance.config import (
    ConfigError,
    LogFormat,
    Settings,
    load_settings,
    parse_settings,
    parse_sites,
)
from appliance.quantities import Address, parse_address, parse_duration, parse_size
from appliance.routing.model import Balance, CertificateFiles, CertificatePem, TlsMode

LISTEN = '[listen]\nhttp = ":8080"\n'
SITE = '[[site]]\nhost = "a"\nbackends = ["http://b"]\n'
TLS = '[listen]\nhttps = ":8443"\n'
TCP_SITE = SITE.replace("http://b", "tcp://b:1")
CARRIED = "tls = 'passthrough'\n"
ENDED = "tls = 'terminate'\n"


def faults(content: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        parse_settings(content, "f")
    return [str(fault) for fault in caught.value.faults]


def test_what_is_left_out_has_its_default() -> None:
    settings = parse_settings(LISTEN, "f")
    assert settings.listen.http == (Address("0.0.0.0", 8080),)
    assert settings.listen.admin_socket == "/run/gatelight/admin.sock"
    assert settings.proxy.workers == os.cpu_count()
    assert settings.proxy.drain_s == 30
    assert settings.limits.head_bytes == 32768
    assert settings.limits.tunnel_idle_s == 3600
    assert settings.store_file is None
    assert settings.sites == ()


def test_every_section_is_read() -> None:
    settings = parse_settings(
        """
        [listen]
        http = ["0.0.0.0:80", "[::]:80"]
        admin_socket = "/tmp/admin"
        [proxy]
        workers = 2
        access_log = "off"
        log_format = "json"
        state_dir = "/tmp/state"
        trusted_proxies = ["10.0.0.0/8", "::1"]
        drain = "500ms"
        [limits]
        head = "64KiB"
        fields = 50
        idle_timeout = "2m"
        connections = 10
        [store]
        file = "/tmp/sites.toml"
        """,
        "f",
    )
    assert settings.listen.http == (Address("0.0.0.0", 80), Address("::", 80))
    assert settings.proxy.workers == 2
    assert settings.proxy.log_format is LogFormat.JSON
    assert settings.proxy.trusted_proxies == (ip_network("10.0.0.0/8"), ip_network("::1"))
    assert settings.proxy.drain_s == 0.5
    assert settings.limits.head_bytes == 65536
    assert settings.limits.idle_timeout_s == 120
    assert settings.store_file == "/tmp/sites.toml"


def test_a_site_is_read_with_all_its_keys() -> None:
    content = """[[site]]
        host = ["Photos.Home.Arpa", "*.example.org"]
        backends = ["http://192.168.1.20:2283", "unix:/run/a.sock"]
        weights = [2, 1]
        host_header = "backend"
        backend_ca = "/ca.pem"
        backend_verify = false
        tls = "off"
        balance = "source-ip"
        sticky = true
        """
    one, other = parse_sites(content, "f")
    assert (one.host, other.host) == ("photos.home.arpa", "*.example.org")
    assert one.backends == other.backends
    assert [(b.url, b.weight) for b in one.backends] == [
        ("http://192.168.1.20:2283", 2),
        ("unix:/run/a.sock", 1),
    ]
    assert (one.host_header, one.backend_ca, one.backend_verify) == ("backend", "/ca.pem", False)
    assert (one.tls, one.balance, one.sticky) == (TlsMode.OFF, Balance.SOURCE_IP, True)
    assert one.origin == "f:1"


def test_sites_behind_tls_are_read_with_their_keys() -> None:
    content = (
        TLS + SITE + ENDED + "certificate = '/c'\nkey = '/k'\nredirect_http = true\nhsts = true\n"
    )
    content += TCP_SITE.replace('"a"', '"b"') + CARRIED
    settings = parse_settings(content, "f")
    assert settings.listen.https == (Address("0.0.0.0", 8443),)
    ended, carried = settings.sites
    assert (ended.tls, ended.certificate) == (TlsMode.TERMINATE, CertificateFiles("/c", "/k"))
    assert (ended.redirect_http, ended.hsts) == (True, True)
    assert (carried.tls, carried.certificate) == (TlsMode.PASSTHROUGH, None)
    assert carried.backends[0].url == "tcp://b:1"


def test_a_certificate_may_stand_in_the_file_itself() -> None:
    lines = "-----BEGIN CERTIFICATE-----\nx\n"
    pair = f'certificate = """\n{lines}"""\nkey = """\n{lines}"""\n'
    (site,) = parse_settings(TLS + SITE + ENDED + pair, "f").sites
    assert site.certificate == CertificatePem(lines, lines)


def test_a_site_may_carry_tls_and_serve_requests() -> None:
    """Requests have settings that mean nothing where TLS is carried."""
    content = TLS + "[[site]]\nhost = 'a'\nbackends = ['tcp://b:1', 'http://b']\nsticky = true\n"
    (site,) = parse_settings(content + CARRIED, "f").sites
    assert [backend.is_carried for backend in site.backends] == [True, False]
    assert not site.is_all_carried
    assert site.sticky


def test_a_host_and_a_backend_may_stand_without_a_list() -> None:
    (site,) = parse_sites('[[site]]\nhost = "*"\nbackends = "http://b"\n', "f")
    assert site.host == "*"
    assert site.backends[0].url == "http://b"


FAULTS = [
    pytest.param("[listen]\nhtp = ':80'", 'f:2: listen.htp: unknown key; did you mean "http"?', id="misspelt key"),
    pytest.param(LISTEN + "[proxi]", 'f:3: proxi: unknown key; did you mean "proxy"?', id="misspelt section"),
    pytest.param(LISTEN + "[acme]", "f:3: acme: not yet supported", id="section of later"),
    pytest.param(LISTEN + "admin = ':8080'", "f:3: listen.admin: 0.0.0.0:8080 is taken by http already", id="admin on another's port"),
    pytest.param(LISTEN + "https = ':8080'", "f:3: listen.https: 0.0.0.0:8080 is taken by http already", id="one port for both"),
    pytest.param(LISTEN + TCP_SITE + CARRIED, 'f:1: listen: a has tls = "passthrough", and nothing listens for it: write https', id="tls without a port"),
    pytest.param(TLS + SITE + ENDED + "certificate = '/a'", "f:7: site.certificate: a certificate comes with its key: key is missing", id="no key"),
    pytest.param(TLS + SITE + ENDED + "key = '/a'", "f:7: site.key: a certificate comes with its key: certificate is missing", id="no certificate"),
    pytest.param(TLS + SITE + CARRIED, "f:5: site.backends: ", id="a request's backend with passthrough"),
    pytest.param(TLS + TCP_SITE + "sticky = true\n" + CARRIED, "f:6: site.sticky: does nothing", id="a request's key with passthrough"),
    pytest.param(LISTEN + TCP_SITE, 'f:5: site.backends: tcp:// needs tls = "passthrough"', id="tcp without passthrough"),
    pytest.param(TLS + SITE + ENDED + "certificate = '/a'\nkey = '-----BEGIN '", "f:8: site.key: certificate and key are two paths, or both PEM text", id="a path and a text"),
    pytest.param(TLS + SITE + ENDED + "certificate = '-----BEGIN é'\nkey = '-----BEGIN '", "f:7: site.certificate: PEM text is ASCII", id="no PEM text"),
    pytest.param(LISTEN + SITE + "certificate = '/a'", 'f:6: site.certificate: needs tls = "terminate"', id="certificate without tls"),
    pytest.param(LISTEN + SITE + "hsts = true", 'f:6: site.hsts: needs tls = "terminate"', id="hsts without tls"),
    pytest.param(LISTEN + SITE + "[site.access]", "f:6: site.access: not yet supported", id="subsection of later"),
    pytest.param(LISTEN + SITE + "[site.paths.'/api/']", "f:6: site.paths: not yet supported", id="paths"),
    pytest.param("[listen]\nhttp = 80", "f:2: listen.http: a string is needed, not a number", id="type"),
    pytest.param("listen = 1", "f:1: listen: a table is needed, not a number", id="section that is a value"),
    pytest.param("[listen]\nhttp = ':80x'", "is not an address", id="address"),
    pytest.param("[listen]\nhttp = [':80', '0.0.0.0:80']", "0.0.0.0:80 is listed twice", id="address twice"),
    pytest.param("", "nothing to listen on", id="no address"),
    pytest.param(LISTEN + "[limits]\nhead_timeout = 10", "f:4: limits.head_timeout: a string", id="bare number for a duration"),
    pytest.param(LISTEN + "[limits]\nhead_timeout = '10 s'", "is not a duration", id="duration"),
    pytest.param(LISTEN + "[limits]\nhead_timeout = '0s'", "above 0", id="no time at all"),
    pytest.param(LISTEN + f"[limits]\nhead_timeout = '{'9' * 400}s'", "limits.head_timeout", id="endless"),
    pytest.param(LISTEN + "[limits]\nhead = '64kb'", "is not a size", id="size"),
    pytest.param(LISTEN + "[limits]\nfields = true", "a whole number above 0", id="true is no number"),
    pytest.param(LISTEN + "[proxy]\nworkers = 'many'", 'write "auto" or a number', id="workers"),
    pytest.param(LISTEN + "[proxy]\nlog_format = 'jsn'", 'did you mean "json"?', id="log format"),
    pytest.param(LISTEN + "[proxy]\ntrusted_proxies = ['10.0.0.1/8']", "host bits", id="network"),
    pytest.param(LISTEN + "[proxy]\nstate_dir = ''", "f:4: proxy.state_dir: ", id="empty path"),
    pytest.param(LISTEN + '[store]\nfile = "a\\u0000b"', "f:4: store.file: ", id="zero in a path"),
    pytest.param(LISTEN + SITE + SITE, "f:7: site.host: a stands at f:3 already", id="host twice"),
    pytest.param(LISTEN + "[[site]]\nhost = 'a'", "f:3: site: a site needs backends", id="no backends"),
    pytest.param(LISTEN + "[[site]]\nhost = 'a'\nbackends = []", "f:5: site.backends: a site needs at least one", id="empty backends"),
    pytest.param(LISTEN + "[[site]]\nbackends = ['http://b']", "f:3: site: a site needs host", id="no host"),
    pytest.param(LISTEN + SITE + "weights = [1, 2]", "f:6: site.weights: 2 weights for 1 backends", id="weights"),
    pytest.param(LISTEN + SITE + "weights = [-1]", "from 0 to 1000", id="weight below nothing"),
    pytest.param(LISTEN + SITE + "health = true", "f:6: site.health: a table is needed, not true or false", id="health is a table"),
    pytest.param(LISTEN + SITE + "[site.health]\npth = '/'", 'f:7: site.health.pth: unknown key; did you mean "path"?', id="misspelt key of health"),
    pytest.param(LISTEN + SITE + "[site.health]\npath = 'ping'", "f:7: site.health.path: a path starts with /", id="path of health"),
    pytest.param(LISTEN + SITE + "[site.health]\nfall = 0", "f:7: site.health.fall: a whole number above 0", id="fall of none"),
    pytest.param(TLS + TCP_SITE + CARRIED + "[site.health]\npath = '/'", "site.health: a path cannot be asked for", id="path through TLS"),
    pytest.param(LISTEN + "[[site]]\nhost = 'a'\nbackends = ['h2c://b']", "not yet supported", id="h2c"),
    pytest.param(LISTEN + "[site]\nhost = 'a'", "written as [[site]] tables", id="single bracket"),
    pytest.param(LISTEN + "[store]\nfile = 's'\n" + SITE, "keep them in one place", id="sites in two places"),
    pytest.param("[listen", "f:1: not TOML", id="not toml"),
    pytest.param("\n\na = ", "f:3: not TOML", id="not toml, third line"),
    pytest.param(LISTEN + '"a\\nb" = 1', "f:3: listen.a\\nb: unknown key", id="line end in a key"),
]  # fmt: skip


@pytest.mark.parametrize(("content", "words"), FAULTS)
def test_a_fault_names_line_key_and_way_out(content: str, words: str) -> None:
    (fault,) = faults(content)
    assert words in fault
    assert len(fault.splitlines()) == 1


def test_all_faults_are_told_in_the_order_of_their_lines() -> None:
    found = faults(
        "[listen]\nhttp = 1\n[proxy]\nworker = 2\n[[site]]\nhost = 'a b'\nbackend = []\n"
    )
    assert [fault.split(":")[1] for fault in found] == ["2", "4", "5", "6", "7"]


def test_a_file_of_sites_holds_nothing_else() -> None:
    with pytest.raises(ConfigError) as caught:
        parse_sites(LISTEN + SITE, "f")
    assert str(caught.value).startswith("f:1: listen: only [[site]]")


def test_the_first_file_of_a_windows_editor_is_read(tmp_path: Path) -> None:
    path = tmp_path / "gatelight.toml"
    path.write_bytes(b"\xef\xbb\xbf" + (LISTEN + SITE).replace("\n", "\r\n").encode())
    assert load_settings(str(path)).sites[0].host == "a"


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    path = str(tmp_path / "none.toml")
    with pytest.raises(ConfigError, match="No such file") as caught:
        load_settings(path)
    assert str(caught.value).startswith(path)


def test_a_folder_is_not_a_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        load_settings(str(tmp_path))


def test_a_file_that_is_not_text_is_named(tmp_path: Path) -> None:
    path = tmp_path / "gatelight.toml"
    path.write_bytes(b"a = '\xff'")
    with pytest.raises(ConfigError, match="not UTF-8"):
        load_settings(str(path))


PIECES = st.sampled_from(
    [
        "[listen]\n",
        "[proxy]\n",
        "[limits]\n",
        "[store]\n",
        "[[site]]\n",
        "[site.health]\n",
        "http = ",
        "host = ",
        "backends = ",
        "weights = ",
        "workers = ",
        "trusted_proxies = ",
        "drain = ",
        "file = ",
        "tls = ",
        '":80"\n',
        '"a"\n',
        '["http://b"]\n',
        "[1, 2]\n",
        "[]\n",
        "{}\n",
        "[[]]\n",
        "nan\n",
        "inf\n",
        "-1\n",
        "1979-05-27\n",
        '"\\u0000"\n',
        '"""\n\n"""\n',
        "\n",
        "site.x = 1\n",
        "a.b = 1\n",
    ]
)


@settings(deadline=None)
@given(st.text(max_size=60) | st.lists(PIECES, max_size=12).map("".join))
@example("a = " + "[" * 5000)
@example("a = " + "[" * 400 + "]" * 400)
@example("a = " + "{a=" * 400 + "1" + "}" * 400)
@example("a." * 1000 + "a = 1")
@example("a = " + "9" * 5000)
@example("a = 0x" + "f" * 9000)
@example("[[a.b]]\n[a.b.c]\n[[a.b]]")
@example("[[site]]\nhost=[[]]\nbackends=[{}]")
def test_any_text_gives_settings_or_faults(content: str) -> None:
    for parse in (parse_settings, parse_sites):
        try:
            found = parse(content, "f")
        except ConfigError as error:
            assert error.faults
            assert all(len(str(fault).splitlines()) == 1 for fault in error.faults)
        else:
            assert isinstance(found, Settings | tuple)


DURATIONS = [("3s", 3.0), ("500ms", 0.5), ("10m", 600.0), ("1h", 3600.0), ("1.5s", 1.5), ("2d", 172800.0)]  # fmt: skip


@pytest.mark.parametrize(("text", "seconds"), DURATIONS)
def test_a_duration_is_read_as_seconds(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


SIZES = [("0", 0), ("100", 100), ("64KiB", 65536), ("1MiB", 1048576), ("2GiB", 2147483648)]


@pytest.mark.parametrize(("text", "size"), SIZES)
def test_a_size_is_read_as_bytes(text: str, size: int) -> None:
    assert parse_size(text) == size


ADDRESSES = [
    (":8080", Address("0.0.0.0", 8080)),
    ("0.0.0.0:80", Address("0.0.0.0", 80)),
    ("[::]:80", Address("::", 80)),
    ("localhost:80", Address("127.0.0.1", 80)),
    ("127.0.0.1:0", Address("127.0.0.1", 0)),
]


@pytest.mark.parametrize(("text", "address"), ADDRESSES)
def test_an_address_is_read(text: str, address: Address) -> None:
    assert parse_address(text) == address


NOT_ADDRESSES = [
    "",
    "80",
    "::80",
    ":",
    ":x",
    ":65536",
    "a:80",
    "[::1:80",
    "1.2.3.4.5:80",
    ":\u00b2",
]


@pytest.mark.parametrize("text", NOT_ADDRESSES, ids=ascii)
def test_what_is_no_address_is_refused_in_words(text: str) -> None:
    with pytest.raises(ValueError, match="address"):
        parse_address(text)


@pytest.mark.parametrize(
    ("store", "sites", "faults"),
    [
        (
            'url = "redis://nas"\nfile = "f"',
            "",
            ["store.url: a file or a url", "store.file: a file or a url"],
        ),
        (
            'url = "redis://nas"',
            '[[site]]\nhost = "a"\nbackends = "http://b"',
            ["store.url: sites stand in"],
        ),
        ('url = "http://nas"', "", ["store.url: a store's URL is redis://"]),
        ("url = 5", "", ["store.url: a string is needed"]),
    ],
    ids=["a file too", "sites too", "another scheme", "no text"],
)
def test_sites_are_kept_in_one_place(store: str, sites: str, faults: list[str]) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_settings(f'[listen]\nhttp = ":80"\n[store]\n{store}\n{sites}', "f")
    found = [str(fault).partition(": ")[2] for fault in caught.value.faults]
    assert len(found) == len(faults)
    for line, start in zip(sorted(found), sorted(faults), strict=True):
        assert line.startswith(start)
