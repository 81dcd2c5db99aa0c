"""All that a page may show (PURE)."""

from dataclasses import dataclass
from datetime import datetime

from display.status.history import Sample
from display.status.model import Status
from display.status.verdict import Link, Verdict, judge

# What alternates on a page does so this often.
ALTERNATE_S = 4.0
# Times before this are those of a box that has not set its clock yet.
FIRST_YEAR = 2025


@dataclass(frozen=True, slots=True)
class View:
    """What is known and asked for at one moment.

    `now_s` is the monotonic clock, `now` the time on the wall; `part` and `site` are counted up by
    presses and taken modulo what there is; `act_by` is how one acts on a page ("hold", "Enter"),
    empty where nobody can.
    """

    status: Status | None
    link: Link
    now: datetime
    now_s: float = 0.0
    history: tuple[Sample, ...] = ()
    dashboard: str | None = None
    part: int = 0
    site: int = 0
    acknowledged: frozenset[str] = frozenset()
    seconds_left: float | None = None
    hold: float = 0.0
    act_by: str = ""
    pages: tuple[str, ...] = ()
    page: str = ""
    text: str = ""

    @property
    def verdict(self) -> Verdict:
        """Whether all is well."""
        return judge(self.status, self.link)

    @property
    def known(self) -> Status:
        """The status, or one in which nothing is reported."""
        return self.status or Status()

    @property
    def clock(self) -> str:
        """The time on the wall, once it is set."""
        return f"{self.now:%H:%M}" if self.now.year >= FIRST_YEAR else ""

    @property
    def name(self) -> str:
        """The box's."""
        return self.known.box.hostname or "gatelight"

    @property
    def addresses(self) -> tuple[str, ...]:
        """The addresses, in words when there is none."""
        addresses = self.known.box.addresses
        if addresses is None:
            return ("address not reported",)
        return addresses or ("no address",)

    def turn(self, count: int) -> int:
        """Which of several things that alternate is shown now."""
        return int(self.now_s // ALTERNATE_S) % max(1, count)


def find_dashboard(status: Status | None, admin: str) -> str | None:
    """The dashboard's URL, by the address it listens on; None where only this box can open it."""
    host, _, port = admin.rpartition(":")
    if host.strip("[]") in ("", "0.0.0.0", "::"):
        addresses = (status.box.addresses if status else None) or ()
        # What is short is typed and scanned more easily.
        host = min(addresses, key=lambda address: (":" in address, len(address)), default="")
        host = f"[{host}]" if ":" in host else host
    if not host or host.startswith("127.") or host in ("localhost", "[::1]"):
        return None
    return f"https://{host}:{port}/"
