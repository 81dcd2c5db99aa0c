"""Why the card's gatelight.toml was refused, as gatelight-box tells in a file (docs/image.md)."""

from pathlib import Path

REFUSAL_FILE = Path("/run/gatelight-box/refused")
# A screen takes in no more.
_MAX_BYTES = 400


def read_refusal(path: Path) -> str:
    """The reason in words; empty where nothing was refused."""
    try:
        with path.open("rb") as file:
            return file.read(_MAX_BYTES).decode(errors="replace").strip()
    except OSError:
        return ""
