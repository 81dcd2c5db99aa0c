"""What a test of a whole system looked at, and whether it was so."""


class Checks:
    """What was looked at, and whether it was so."""

    def __init__(self) -> None:
        self.failed: list[str] = []

    def note(self, what: str, is_so: bool, shown: str = "") -> None:
        """One line each."""
        words = f"{'ok' if is_so else 'NOT OK'}: {what}" + (f" ({shown})" if shown else "")
        print(words, flush=True)
        if not is_so:
            self.failed.append(what)
