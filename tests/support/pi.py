"""The files of a Raspberry Pi that is not there: what its kernel would say, below a folder."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from display.hdmi.errors import HdmiError

# /sys/kernel/debug/dri/1/state of a Raspberry Pi 4, but for the parts nobody here reads.
STATE = """\
plane[61]: plane-0
\tcrtc=(null)
\tfb=0
crtc[93]: pixelvalve-2
\tenable=1
\tactive=1
\tself_refresh_active=0
\tplanes_changed=1
\tmode: "1280x1024": 60 108000 1280 1328 1440 1688 1024 1025 1028 1066 0x48 0x5
crtc[101]: pixelvalve-4
\tenable=0
\tactive=0
\tmode: "": 0 0 0 0 0 0 0 0 0 0 0x0 0x0
connector[33]: HDMI-A-1
\tcrtc=pixelvalve-2
\tself_refresh_aware=0
connector[42]: HDMI-A-2
\tcrtc=(null)
"""


@dataclass
class CardboardPi:
    """A root folder like a Raspberry Pi's, and a box that counts its restarts."""

    root: Path
    boots: int = 1
    tryboot: bool = False
    can_reboot: bool = True
    has_service: bool = True
    reboots: list[bool] = field(default_factory=list)

    def write(self, path: str, data: bytes | str) -> Path:
        """A file below the root."""
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data if isinstance(data, bytes) else data.encode())
        return file

    def read(self, path: str) -> bytes:
        """A file below the root."""
        return (self.root / path).read_bytes()

    def boot_files(self, files: Mapping[str, bytes]) -> None:
        """The mounted boot partition."""
        for name, data in files.items():
            self.write(f"boot/firmware/{name}", data)

    def connect(
        self, port: int, edid: bytes | None, card: int = 1, status: str = "connected"
    ) -> None:
        """A display on a port, by the kernel's driver."""
        folder = f"sys/class/drm/card{card}-HDMI-A-{port + 1}"
        self.write(f"{folder}/status", f"{status}\n")
        self.write(f"{folder}/enabled", "enabled\n" if status == "connected" else "disabled\n")
        self.write(f"{folder}/edid", edid or b"")

    def is_a(self, model: str, revision: int = 0xC03114) -> None:
        """What the device tree calls it."""
        tree = "proc/device-tree"
        self.write(f"{tree}/model", f"{model}\0")
        self.write(f"{tree}/serial-number", "10000000abcdef01\0")
        self.write(f"{tree}/system/linux,revision", revision.to_bytes(4, "big"))

    # What a trial asks of the box it runs on.

    def boot_id(self) -> str:
        return str(self.boots)

    def is_tryboot(self) -> bool:
        return self.tryboot

    def reboot(self, *, tryboot: bool) -> None:
        if not self.can_reboot:
            raise HdmiError("nobody restarts", "the box", "pull the plug")
        self.boots += 1
        self.tryboot = tryboot
        self.reboots.append(tryboot)

    def require_service(self) -> None:
        if not self.has_service:
            raise HdmiError("nothing would take a black screen back without", "it", "--no-try")
