"""What is wrong with the entries of a store: said once each, and kept for the status."""

from collections.abc import Callable, Sequence

from appliance.stores.keys import Fault

# Named in the status; the rest is counted.
NAMED = 5


class FaultBook:
    """The faults that stand, by what they concern. `say` has a bound of its own."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._standing: dict[str, tuple[Fault, ...]] = {}

    def note(self, subject: str, faults: Sequence[Fault]) -> None:
        """All that is wrong with `subject` now; nothing: it is mended."""
        before = self._standing.pop(subject, ())
        if faults:
            self._standing[subject] = tuple(faults)
        for fault in faults:
            if fault not in before:
                self._say(f"{_line(fault)}: left out until it is mended")

    def summary(self) -> str | None:
        """The faults in a few lines; None when there are none."""
        lines: list[str] = []
        count = 0
        for faults in self._standing.values():
            count += len(faults)
            lines += [_line(fault) for fault in faults[: NAMED - len(lines)]]
            if len(lines) >= NAMED:
                break
        count = sum(map(len, self._standing.values())) if len(lines) >= NAMED else count
        if count > len(lines):
            lines.append(f"and {count - len(lines)} more")
        return "\n".join(lines) or None


def _line(fault: Fault) -> str:
    line = ": ".join(fault)
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in line)
