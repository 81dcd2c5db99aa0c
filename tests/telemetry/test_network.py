"""Routes and wireless links as the kernel writes them."""

import sys
from pathlib import Path

import pytest

from appliance.telemetry.network import (
    Route,
    parse_routes,
    parse_v6_routes,
    parse_wireless,
    read_network,
)

pytestmark = pytest.mark.skipif(sys.byteorder == "big", reason="the samples are of a little-endian")

HEAD = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n"
WIRED = "eth0\t00000000\t0101A8C0\t0003\t0\t0\t202\t00000000\t0\t0\t0\n"
LOCAL = "eth0\t0001A8C0\t00000000\t0001\t0\t0\t202\t00FFFFFF\t0\t0\t0\n"
WIRELESS = "wlan0\t00000000\tFE01A8C0\t0003\t0\t0\t303\t00000000\t0\t0\t0\n"
DIRECT = "ppp0\t00000000\t00000000\t0001\t0\t0\t1\t00000000\t0\t0\t0\n"
REJECTED = "eth1\t00000000\t0101A8C0\t0203\t0\t0\t0\t00000000\t0\t0\t0\n"
ZERO = "0" * 32
V6 = (
    f"{ZERO} 00 {ZERO} 00 fe800000000000000000000000000001 00000400 00000003 00000000 00000003  eth0\n"
    f"{ZERO} 00 {ZERO} 00 {ZERO} ffffffff 00000001 00000000 00200200       lo\n"
    f"fd000000000000000000000000000000 40 {ZERO} 00 {ZERO} 00000100 00000001 00000000 00000001 eth0\n"
)
LINKS = (
    "Inter-| sta-|   Quality        |   Discarded packets               | Missed | WE\n"
    " face | tus | link level noise |  nwid  crypt   frag  retry   misc | beacon | 22\n"
    " wlan0: 0000   49.  -61.  -256        0      0      0      0      9        0\n"
)


@pytest.mark.parametrize(
    ("text", "routes"),
    [
        ("", []),
        (HEAD + LOCAL, []),
        (HEAD + WIRED + LOCAL, [Route(202, "eth0", "192.168.1.1")]),
        (HEAD + DIRECT, [Route(1, "ppp0", "")]),
        (HEAD + REJECTED, []),
        (HEAD + "nonsense\n\n", []),
    ],
    ids=["nothing", "own net only", "through a gateway", "direct", "rejected", "nonsense"],
)
def test_default_routes_are_found(text: str, routes: list[Route]) -> None:
    assert parse_routes(text) == routes


def test_default_routes_of_ipv6_are_found() -> None:
    assert parse_v6_routes(V6 + "nonsense\n") == [Route(1024, "eth0", "fe80::1")]


def test_a_wireless_link_is_a_share_of_the_best() -> None:
    assert parse_wireless(LINKS) == {"wlan0": 70.0}
    assert parse_wireless("") == {}


def write(root: Path, **files: str) -> Path:
    folder = root / "proc/net"
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text)
    return root


def test_the_route_with_the_lowest_metric_is_told(tmp_path: Path) -> None:
    write(tmp_path, route=HEAD + WIRELESS + WIRED, wireless=LINKS)
    assert read_network(tmp_path, True) == {
        "interface": "eth0",
        "gateway": "192.168.1.1",
        "dns_ok": True,
        "wifi_percent": None,
    }
    write(tmp_path, route=HEAD + WIRELESS)
    found = read_network(tmp_path, None)
    assert found is not None
    assert (found["interface"], found["wifi_percent"]) == ("wlan0", 70.0)


def test_ipv6_alone_is_a_network_too(tmp_path: Path) -> None:
    found = read_network(write(tmp_path, route=HEAD, ipv6_route=V6), False)
    assert found is not None
    assert (found["interface"], found["gateway"]) == ("eth0", "fe80::1")


def test_without_a_route_there_is_none_and_without_a_kernel_s_word_nothing_is_known(
    tmp_path: Path,
) -> None:
    assert read_network(tmp_path, True) is None
    found = read_network(write(tmp_path, route=HEAD), False)
    assert found == {"interface": None, "gateway": None, "dns_ok": False, "wifi_percent": None}
