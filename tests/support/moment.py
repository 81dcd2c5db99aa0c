"""The time of day that a box sees, which a test may move while it runs (libfaketime)."""

from pathlib import Path

NOW = "+0"


class Moment:
    """Begins at `offset` from the real one; seconds go by as they do."""

    def __init__(self, folder: Path, offset: str = NOW) -> None:
        (library,) = Path("/usr/lib").glob("*/faketime/libfaketime.so.1")
        self._file = folder / "moment"
        self.environment = {
            "LD_PRELOAD": str(library),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_NO_CACHE": "1",
            "DONT_FAKE_MONOTONIC": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }
        self.move(offset)

    def move(self, offset: str) -> None:
        """Such as `+400d`, from the real time."""
        fresh = self._file.with_suffix(".new")
        fresh.write_text(offset)
        fresh.replace(self._file)
