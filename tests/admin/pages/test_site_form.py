"""A site's table as a form, and the form as a table again."""

from typing import Any

import pytest

from appliance.admin.pages.site_form import (
    BALANCES,
    OWN_KEYS,
    PROTOCOLS,
    TLS,
    fill_form,
    keep_fields,
    place_faults,
    read_form,
)
from appliance.config_sites import HEALTH, SITE
from appliance.routing.model import Balance, ProxyProtocol, TlsMode

TABLES: dict[str, dict[str, Any]] = {
    "the least": {"backends": ["http://10.0.0.1:80"]},
    "two with weights": {"backends": ["http://a.test", "unix:/run/b"], "weights": [2, 0]},
    "TLS": {"backends": ["http://a.test"], "tls": "terminate", "redirect_http": True, "hsts": True},
    "own files": {
        "backends": ["https://nas.lan"],
        "tls": "terminate",
        "certificate": "/etc/a.pem",
        "key": "/etc/a.key",
        "backend_ca": "/etc/ca.pem",
        "backend_verify": False,
        "host_header": "backend",
    },
    "checks": {
        "backends": ["http://a.test"],
        "health": {"path": "/ok", "interval": "2s", "timeout": "500ms", "rise": 1, "fall": 3},
    },
    "the rest": {
        "backends": ["tcp://a.test:443"],
        "tls": "passthrough",
        "balance": "source-ip",
        "proxy_protocol": "v2",
        "sticky": True,
    },
    "keys that the form does not have": {
        "backends": ["http://a.test"],
        "access": {"allow": ["10.0.0.0/8"]},
        "max_body": "1GiB",
    },
}


def submit(table: dict[str, Any]) -> dict[str, str]:
    """What a browser sends for a form that nobody has touched: ticks only where they are."""
    values = fill_form(table, "a.test").values
    return {
        name: "yes" if value is True else str(value)
        for name, value in values.items()
        if value is not False
    }


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_what_nobody_has_touched_stays_as_it_is(table: dict[str, Any]) -> None:
    assert read_form(submit(table), table) == table


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_a_form_that_is_refused_comes_back_as_it_was_filled_in(table: dict[str, Any]) -> None:
    filled = fill_form(table, "a.test")
    assert keep_fields(submit(table)).values == filled.values


def test_every_key_that_a_site_may_have_is_in_the_form_or_kept() -> None:
    assert set(SITE) >= OWN_KEYS
    kept = fill_form(dict.fromkeys(SITE, "x")).kept
    assert set(SITE) - OWN_KEYS == set(kept)
    values = fill_form({}).values
    assert all(f"health.{name}" in values for name in HEALTH)


@pytest.mark.parametrize(
    ("options", "kind"),
    [(BALANCES, Balance), (PROTOCOLS, ProxyProtocol), (TLS, TlsMode)],
    ids=["balance", "PROXY protocol", "TLS"],
)
def test_a_choice_has_all_that_the_configuration_takes(options: Any, kind: Any) -> None:
    assert [option[0] for option in options] == [each.value for each in kind]


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        (" http://a.test \n\n\thttp://b.test  3\n", (["http://a.test", "http://b.test"], [1, 3])),
        ("http://a.test many", (["http://a.test"], ["many"])),
        ("http://a.test -1", (["http://a.test"], ["-1"])),
        ("", ([], None)),
    ],
    ids=["white space", "no number", "a negative one", "nothing"],
)
def test_backends_are_read_as_typed_and_judged_by_the_file_s_reader(
    typed: str, expected: tuple[list[str], Any]
) -> None:
    table = read_form({"backends": typed}, {})
    assert (table["backends"], table.get("weights")) == expected


def test_what_is_no_number_is_not_made_one() -> None:
    table = read_form({"backends": "http://a", "health.rise": "two", "health.fall": "3"}, {})
    assert table["health"] == {"rise": "two", "fall": 3}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("backends: a URL is needed", {"backends": "a URL is needed"}),
        ("backends[1]: a URL is needed", {"backends": "a URL is needed"}),
        ("weights: too many; tls: no such mode", {"backends": "too many", "tls": "no such mode"}),
        ("health.path: starts with /", {"health.path": "starts with /"}),
        ("backend_verify: for https", {"no_verify": "for https"}),
        ("backends: one; weights: two", {"backends": "one; two"}),
        ("the store does not answer", {}),
        ("nonsense: here", {}),
    ],
)
def test_a_fault_is_put_beside_its_field(text: str, expected: dict[str, str]) -> None:
    assert place_faults(text) == expected


def test_parts_of_the_form_that_are_in_use_are_open() -> None:
    assert not fill_form(TABLES["the least"]).has_rare
    assert not fill_form(TABLES["the least"]).has_more
    assert not fill_form(TABLES["the least"]).has_health
    assert fill_form(TABLES["own files"]).has_rare
    assert fill_form(TABLES["the rest"]).has_more
    assert fill_form(TABLES["checks"]).has_health
    assert keep_fields({"backends": ""}, "health.path: starts with /").has_health
