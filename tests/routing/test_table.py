import pytest

from appliance.routing.table import patterns_of

CASES = [
    pytest.param(("a.b",), "a.b", "a.b", id="exact"),
    pytest.param(("a.b",), "c.b", None, id="none"),
    pytest.param(("*.b",), "a.b", "*.b", id="wildcard"),
    pytest.param(("*.b",), "x.a.b", "*.b", id="wildcard over two labels"),
    pytest.param(("*.b",), "b", None, id="wildcard is not its own suffix"),
    pytest.param(("*.b",), "ab", None, id="wildcard ends at a dot"),
    pytest.param(("*.c", "*.b.c"), "a.b.c", "*.b.c", id="longest suffix"),
    pytest.param(("*.c", "a.b.c"), "a.b.c", "a.b.c", id="exact before wildcard"),
    pytest.param(("*", "*.c"), "b.c", "*.c", id="wildcard before any"),
    pytest.param(("*",), "b.c", "*", id="any"),
    pytest.param(("*",), "", "*", id="any for no host"),
    pytest.param(("*.b",), "", None, id="no host"),
    pytest.param(("[::1]",), "[::1]", "[::1]", id="ipv6"),
    pytest.param(("*.c",), "x." * 50 + "c", "*.c", id="many labels"),
    pytest.param(("*.1.2.3.4.5.6",), "x.1.2.3.4.5.6", "*.1.2.3.4.5.6", id="six labels"),
]


@pytest.mark.parametrize(("hosts", "asked", "found"), CASES)
def test_the_nearest_site_is_found(hosts: tuple[str, ...], asked: str, found: str | None) -> None:
    assert next((pattern for pattern in patterns_of(asked) if pattern in hosts), None) == found


def test_a_name_of_any_length_has_eight_patterns_at_most() -> None:
    assert len(list(patterns_of("a." * 120 + "c"))) == 8
