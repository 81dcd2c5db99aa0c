"""The box a trial runs on: restarts, and how it was started."""

import subprocess
from pathlib import Path

from display.hdmi.errors import HdmiError
from display.hdmi.probe import is_tryboot

# systemctl only hands the wish over; a service manager that does not answer is no answer.
_ASK_TIMEOUT_S = 30
TRIAL_SERVICE = "gatelight-hdmi-trial.service"


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
        words = ["--no-block", "reboot"]
        if tryboot:
            words.append("--reboot-argument=0 tryboot")
        done = _systemctl(*words)
        if done.returncode != 0:
            why = done.stderr.strip() or "is it systemd?"
            raise HdmiError("no restart could be asked of", "the service manager", why)

    def require_service(self) -> None:
        """Raises HdmiError unless the trial's service runs at the next start."""
        if _systemctl("is-enabled", "--quiet", TRIAL_SERVICE).returncode != 0:
            way_out = f"systemctl enable {TRIAL_SERVICE}, or --no-try to do without a trial"
            raise HdmiError(
                "nothing would take a black screen back without", TRIAL_SERVICE, way_out
            )


def _systemctl(*words: str) -> "subprocess.CompletedProcess[str]":
    """Raises HdmiError when there is no answer."""
    command = ["systemctl", *words]
    try:
        return subprocess.run(
            command, capture_output=True, timeout=_ASK_TIMEOUT_S, check=False, text=True
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise HdmiError("there was no answer from", "the service manager", str(error)) from error


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

    def require_service(self) -> None:
        """A card is not tried out."""
