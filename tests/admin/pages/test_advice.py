"""What to do about a failure."""

import pytest

from appliance.admin.pages.advice import advise, advise_alert

URL = "http://10.0.0.5:3000"


@pytest.mark.parametrize(
    ("url", "error", "part"),
    [
        (URL, "Connection refused", "port 3000"),
        ("https://10.0.0.5", "Connection refused", "port 443"),
        ("unix:/run/a.sock", "Connection refused", "its port"),
        ("http://[::1", "Connection refused", "its port"),
        (URL, "the name nas.lan cannot be resolved", "how its name is written"),
        (URL, "No route to host", "switched on"),
        (URL, "no answer within 1 s", "slow"),
        (URL, "no connection in time", "switched on"),
        (URL, "it answered 503", "its own log"),
        (URL, "it answered 404", "another path"),
        (URL, "it answered 302", "sent elsewhere"),
        (URL, "CERTIFICATE_VERIFY_FAILED: self-signed certificate", "authority"),
        (URL, "WRONG_VERSION_NUMBER (wrong version number)", "write http://"),
        (URL, "its answer is not valid HTTP: a line", "write https://"),
        (URL, "it closed the connection without an answer", "https://"),
        (URL, "marked as dead in dead:a.test", "Redis"),
        ("unix:/run/a.sock", "No such file or directory", "path of its socket"),
        ("unix:/run/a.sock", "Permission denied", "user of gatelight"),
    ],
)
def test_each_error_that_the_box_reports_has_a_way_out(url: str, error: str, part: str) -> None:
    assert part in advise(url, error)


@pytest.mark.parametrize("error", [None, "", "something that nobody has seen yet"])
def test_nothing_is_made_up_where_nothing_is_known(error: str | None) -> None:
    assert advise(URL, error) == ""


@pytest.mark.parametrize(
    ("id", "text", "part"),
    [
        (f"backend:a.test:{URL}", f"a.test is without {URL}: Connection refused", "port 3000"),
        (
            "site:a.test",
            f"a.test has no backend that is up ({URL}: Connection refused)",
            "port 3000",
        ),
        ("site:a.test", "a.test has no backend that is up (all drained)", ""),
        ("store", "sites.toml:3: unknown key", "stay in force"),
        ("disk", "the disk is nearly full: 12 MiB left", "larger card"),
        ("clock", "the clock is not set: certificates wait until it is", ""),
        ("something", "new", ""),
    ],
)
def test_an_alert_has_one_too(id: str, text: str, part: str) -> None:
    advice = advise_alert(id, text)
    assert part in advice
    assert bool(advice) is bool(part)
