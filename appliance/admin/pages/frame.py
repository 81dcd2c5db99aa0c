"""What stands on every page: the lamp, the ways to the others, the alarm (PURE)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from appliance.admin.pages.live import revision_of, show_trial
from appliance.admin.pages.verdict import Verdict, judge
from appliance.admin.pages.views import show_alarm

PLACES = (
    ("/", "Overview"),
    ("/sites", "Sites"),
    ("/log", "Log"),
    ("/certificates", "Certificates"),
    ("/screen", "Screen"),
    ("/box", "Box"),
)


@dataclass(frozen=True, slots=True)
class Frame:
    """For somebody who is logged in."""

    box: str
    place: str
    verdict: Verdict
    alarm: dict[str, Any] | None
    csrf: str
    revision: str
    trial: str
    """The display mode on trial, or nothing."""
    places: tuple[tuple[str, str], ...] = PLACES


def make_frame(status: Mapping[str, Any], place: str, csrf: str) -> Frame:
    """`place`: the name of the page that is on show."""
    return Frame(
        box=status["box"]["hostname"] or "gatelight",
        place=place,
        verdict=judge(status),
        alarm=show_alarm(status["alerts"], status["time"]),
        csrf=csrf,
        revision=revision_of(status),
        trial=show_trial(status["trial"]),
    )


@dataclass(frozen=True, slots=True)
class Doors:
    """Where the box is reached: its ports for browsers, and the dashboard's for other machines."""

    http: int | None = 80
    https: int | None = 443
    admin: int | None = None


@dataclass(frozen=True, slots=True)
class Word:
    """Something said on a page about what was done, or why it was not."""

    state: str
    what: str
    way_out: str = ""


# By what stands in the address after something was done; anything else is not shown.
DONE = {
    "added": Word("up", "Saved, and in force.", "Its backends are looked at from now on."),
    "saved": Word("up", "Saved, and in force. No connection was cut."),
    "removed": Word("up", "Removed."),
    "renewed": Word("up", "A new certificate is in force."),
    "reloaded": Word("up", "Looked at: what has changed is in force."),
    "password": Word("up", "The password is changed. Every other browser is logged out."),
    "token": Word("up", "The token is good no more."),
    "restored": Word("up", "Restored, and in force."),
}
