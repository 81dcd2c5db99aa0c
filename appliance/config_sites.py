"""The [[site]] tables of gatelight.toml."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from appliance.config import Faults, Key, read_section
from appliance.quantities import count, duration, flag, one_of, path, text, texts
from appliance.routing.model import (
    Backend,
    Balance,
    CertificateFiles,
    CertificatePem,
    Check,
    ProxyProtocol,
    Scheme,
    Site,
    TlsMode,
    canonical_host,
    parse_backend,
    parse_host,
)
from appliance.toml_lines import Path

MAX_WEIGHT = 1000
PEM = "-----BEGIN "
# A chain of certificates has some KiB.
MAX_PEM_BYTES = 64 * 1024


def hosts(value: Any) -> tuple[str, ...]:
    """One host pattern or several."""
    found = tuple(canonical_host(item) for item in texts(value))
    if not found:
        raise ValueError("a site needs a host")
    return found


def weights(value: Any) -> tuple[int, ...]:
    """A list of whole numbers, one for each backend."""
    if not isinstance(value, list):
        raise ValueError("a list is needed, one weight for each backend: [2, 1]")
    for item in value:
        if not isinstance(item, int) or isinstance(item, bool) or not 0 <= item <= MAX_WEIGHT:
            raise ValueError(f"a weight is a whole number from 0 to {MAX_WEIGHT}")
    return tuple(value)


def backend_urls(value: Any) -> tuple[str, ...]:
    """One backend's URL or several."""
    urls = texts(value)
    if not urls:
        raise ValueError("a site needs at least one backend")
    for url in urls:
        if url.startswith("h2c://"):
            raise ValueError("h2c:// is not yet supported; write http://")
        parse_backend(url)
    return urls


def check_path(value: Any) -> str:
    """The path that a check asks for."""
    name = text(value)
    if not name.startswith("/") or not name.isascii() or not name.isprintable() or " " in name:
        raise ValueError('a path starts with / and holds no spaces, as "/health"')
    return name


def host_header(value: Any) -> str:
    """What the backend sees as Host: "keep", "backend", or a name."""
    name = text(value)
    if name not in ("keep", "backend"):
        parse_host(name.encode("ascii", "replace"))
    return name


def pem(value: Any) -> str:
    """What stands in a PEM file; whether it is any good is for those to say who load it."""
    content = text(value)
    if not content.startswith(PEM):
        raise ValueError(f'PEM text is needed: it begins with "{PEM}"')
    if len(content) > MAX_PEM_BYTES or not content.isascii():
        raise ValueError(f"PEM text is ASCII, and has at most {MAX_PEM_BYTES} bytes")
    return content


def path_or_pem(value: Any) -> str:
    """A file's path, or what could stand in it."""
    return pem(value) if text(value).startswith(PEM) else path(value)


SITE = {
    "host": Key("hosts", hosts),
    "backends": Key("backends", backend_urls),
    "weights": Key("weights", weights),
    "host_header": Key("host_header", host_header),
    "backend_ca": Key("backend_ca", path),
    "backend_verify": Key("backend_verify", flag),
    "tls": Key("tls", one_of(TlsMode)),
    "certificate": Key("certificate", path_or_pem),
    "key": Key("key", path_or_pem),
    "redirect_http": Key("redirect_http", flag),
    "hsts": Key("hsts", flag),
    "balance": Key("balance", one_of(Balance)),
    "sticky": Key("sticky", flag),
    "proxy_protocol": Key("proxy_protocol", one_of(ProxyProtocol)),
    # A table of its own, read by HEALTH.
    "health": Key("health", lambda value: value),
}
HEALTH = {
    "path": Key("path", check_path),
    "interval": Key("interval_s", duration),
    "timeout": Key("timeout_s", duration),
    "rise": Key("rise", count),
    "fall": Key("fall", count),
}


def read_sites(data: dict[str, Any], faults: Faults) -> tuple[Site, ...]:
    """Every site of a file, one for each host; what is wrong is noted in `faults`."""
    tables = data.get("site", [])
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        faults.add(("site",), "sites are written as [[site]] tables")
        return ()
    sites: dict[str, Site] = {}
    for index, table in enumerate(tables):
        for site in read_site(table, ("site", index), faults):
            if site.host in sites:
                other = sites[site.host].origin
                faults.add(("site", index, "host"), f"{site.host} stands at {other} already")
            else:
                sites[site.host] = site
    return tuple(sites.values())


def read_site(table: dict[str, Any], path: Path, faults: Faults) -> Iterator[Site]:
    """The sites of one table, one for each host; what is wrong is noted in `faults`."""
    before = len(faults.found)
    values = read_section(table, path, SITE, "site", faults)
    if "health" in values:
        health = values.pop("health")
        found = read_section(health, (*path, "health"), HEALTH, "site.health", faults)
        values["check"] = Check(**found)
    for needed in ("host", "backends"):
        if needed not in table:
            faults.add(path, f"a site needs {needed}")
    if len(faults.found) > before:
        return
    names, urls = values.pop("hosts"), values.pop("backends")
    shares = values.pop("weights", (1,) * len(urls))
    if len(shares) != len(urls):
        what = f"{len(shares)} weights for {len(urls)} backends"
        faults.add((*path, "weights"), what)
        return
    backends = tuple(parse_backend(url, weight) for url, weight in zip(urls, shares, strict=True))
    for key, what in find_tls_faults(values, backends):
        faults.add((*path, key), what)
    if len(faults.found) > before:
        return
    certificate, key = values.pop("certificate", None), values.pop("key", None)
    if certificate is not None:
        kind = CertificatePem if certificate.startswith(PEM) else CertificateFiles
        values["certificate"] = kind(certificate, key)
    origin = faults.place_of(path)
    for name in names:
        yield Site(name, backends, origin=origin, **values)


# Keys that ask for something which only works where requests are read.
_FOR_REQUESTS = ("sticky", "host_header", "backend_ca", "backend_verify", "hsts")


def find_tls_faults(
    values: Mapping[str, Any], backends: Sequence[Backend]
) -> Iterator[tuple[str, str]]:
    """What does not go with a site's `tls`, as (key, what is wrong)."""
    mode = values.get("tls", TlsMode.OFF)
    if mode is TlsMode.PASSTHROUGH:
        plain = [backend for backend in backends if not backend.is_carried]
        if len(plain) == len(backends):
            yield "backends", 'tls = "passthrough" needs tcp://HOST:PORT or https://HOST'
        for key in _FOR_REQUESTS:
            if key in values and not plain:
                yield key, 'does nothing with tls = "passthrough": the requests are not readable'
        if (check := values.get("check")) and check.path:
            yield "health", 'a path cannot be asked for with tls = "passthrough": leave it out'
    elif any(backend.scheme is Scheme.TCP for backend in backends):
        yield "backends", 'tcp:// needs tls = "passthrough"'
    if mode is TlsMode.OFF:
        for key in ("redirect_http", "hsts"):
            if values.get(key):
                yield key, 'needs tls = "terminate"'
    if mode is not TlsMode.TERMINATE:
        for key in ("certificate", "key"):
            if key in values:
                yield key, 'needs tls = "terminate"'
    elif ("certificate" in values) != ("key" in values):
        key, other = ("certificate", "key") if "certificate" in values else ("key", "certificate")
        yield key, f"a certificate comes with its key: {other} is missing"
    elif values.get("certificate", "").startswith(PEM) != values.get("key", "").startswith(PEM):
        yield "key", "certificate and key are two paths, or both PEM text"
