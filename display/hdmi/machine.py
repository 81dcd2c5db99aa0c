"""The box a trial runs on: restarts, and how it was started."""

import subprocess
from pathlib import Path

from display.hdmi.errors import HdmiError
from display.hdmi.probe import is_tryboot

# systemctl only hands the wish over; a service manager that does not answer is no answer.
_ASK_TIMEOUT_S = 30


class ThisBox:
    """The running machine."""

    def __init__(self, root: Path = Path("/")) -> None:
        self.root = root

    def boot_id(self) -> str:
        """The kernel's random id of this boot."""
        return (self.root / "proc/sys/kernel/random/boot_id").read_text().strip()

    def is_tryboot(self) -> bool:
        """Whether the firmware read tryboot.txt."""
        return is_tryboot(self.root)

    def reboot(self, *, tryboot: bool) -> None:
        """Asks the service manager for a restart. Raises HdmiError."""
        command = ["systemctl", "--no-block", "reboot"]
        if tryboot:
            command.append("--reboot-argument=0 tryboot")
        try:
            done = subprocess.run(
                command, capture_output=True, timeout=_ASK_TIMEOUT_S, check=False, text=True
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise _not_restarted(str(error)) from error
        if done.returncode != 0:
            raise _not_restarted(done.stderr.strip())


def _not_restarted(why: str) -> HdmiError:
    return HdmiError("no restart could be asked of", "the service manager", why or "is it systemd?")


class NoBox:
    """A card in a reader: it has no boots, and nothing restarts."""

    def boot_id(self) -> str:
        """No boot has this id."""
        return ""

    def is_tryboot(self) -> bool:
        """A card does not start."""
        return False

    def reboot(self, *, tryboot: bool) -> None:
        """The box does that, when the card is back in it."""
