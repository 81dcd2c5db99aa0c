"""The [[site]] tables of gatelight.toml."""

from collections.abc import Iterator
from typing import Any

from appliance.config import Faults, Key, read_section
from appliance.quantities import flag, one_of, path, text, texts
from appliance.routing.model import (
    Balance,
    ProxyProtocol,
    Scheme,
    Site,
    TlsMode,
    canonical_host,
    parse_backend,
    parse_host,
)

MAX_WEIGHT = 1000


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
        if not isinstance(item, int) or isinstance(item, bool) or not 1 <= item <= MAX_WEIGHT:
            raise ValueError(f"a weight is a whole number from 1 to {MAX_WEIGHT}")
    return tuple(value)


def backend_urls(value: Any) -> tuple[str, ...]:
    """One backend's URL or several."""
    urls = texts(value)
    if not urls:
        raise ValueError("a site needs at least one backend")
    for url in urls:
        if url.startswith("h2c://"):
            raise ValueError("h2c:// is not yet supported; write http://")
        if parse_backend(url).scheme is Scheme.TCP:
            raise ValueError("tcp:// is not yet supported; write http://")
    return urls


def host_header(value: Any) -> str:
    """What the backend sees as Host: "keep", "backend", or a name."""
    name = text(value)
    if name not in ("keep", "backend"):
        parse_host(name.encode("ascii", "replace"))
    return name


def tls_mode(value: Any) -> TlsMode:
    """Only "off" is served yet."""
    mode = one_of(TlsMode)(value)
    if mode is not TlsMode.OFF:
        raise ValueError(f'"{value}" is not yet supported')
    return TlsMode.OFF


SITE = {
    "host": Key("hosts", hosts),
    "backends": Key("backends", backend_urls),
    "weights": Key("weights", weights),
    "host_header": Key("host_header", host_header),
    "backend_ca": Key("backend_ca", path),
    "backend_verify": Key("backend_verify", flag),
    "tls": Key("tls", tls_mode),
    "balance": Key("balance", one_of(Balance)),
    "sticky": Key("sticky", flag),
    "proxy_protocol": Key("proxy_protocol", one_of(ProxyProtocol)),
}


def read_sites(data: dict[str, Any], faults: Faults) -> tuple[Site, ...]:
    """Every site of a file, one for each host; what is wrong is noted in `faults`."""
    tables = data.get("site", [])
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        faults.add(("site",), "sites are written as [[site]] tables")
        return ()
    sites: dict[str, Site] = {}
    for index, table in enumerate(tables):
        for site in _read_site(table, index, faults):
            if site.host in sites:
                other = sites[site.host].origin
                faults.add(("site", index, "host"), f"{site.host} stands at {other} already")
            else:
                sites[site.host] = site
    return tuple(sites.values())


def _read_site(table: dict[str, Any], index: int, faults: Faults) -> Iterator[Site]:
    path = ("site", index)
    before = len(faults.found)
    values = read_section(table, path, SITE, "site", faults)
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
    origin = f"{faults.file}:{faults.line_of(path)}"
    for name in names:
        yield Site(name, backends, origin=origin, **values)
