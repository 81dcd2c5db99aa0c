"""How devices learn to trust the box's own authority (PURE, but for the drawing of the code)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from appliance.admin.pages.qr import draw_code

NO_ROOT = (
    "There is no root yet: it is made for the first site that ends HTTPS here without a "
    "certificate of its own, and for a dashboard that other machines may open."
)
DEVICES = (
    (
        "iPhone, iPad",
        (
            "Download the root in Safari, and allow the profile.",
            "Settings > Profile Downloaded > Install.",
            "Settings > General > About > Certificate Trust Settings: switch it on.",
        ),
    ),
    (
        "Android",
        (
            "Download the root.",
            "Settings > Security > More settings > Encryption & credentials > "
            "Install a certificate > CA certificate > Install anyway.",
            "Choose the file.",
        ),
    ),
    (
        "Mac",
        (
            "Download the root and double-click it: it goes into the keychain System.",
            "Double-click it there, then Trust > When using this certificate: Always Trust.",
        ),
    ),
    (
        "Windows",
        (
            "Download the root and double-click it: Install Certificate > Local Machine.",
            "Place all certificates in the following store > "
            "Trusted Root Certification Authorities.",
        ),
    ),
    (
        "Debian, Ubuntu, Raspberry Pi OS",
        (
            "sudo cp gatelight-root-1.crt /usr/local/share/ca-certificates/",
            "sudo update-ca-certificates",
        ),
    ),
    (
        "Firefox",
        (
            "Settings > Privacy & Security > Certificates > View Certificates > Authorities.",
            "Import the file, and trust it to identify websites.",
        ),
    ),
)


@dataclass(frozen=True, slots=True)
class Trust:
    """Where a phone finds the root: as a picture to scan, or why it cannot."""

    address: str = ""
    size: int = 0
    picture: str = ""
    why_not: str = ""


def choose_address(host: str, addresses: Sequence[str], open_port: int | None) -> str | None:
    """The dashboard's address for a phone; None where only the box itself reaches it.

    `host`: the name by which the dashboard was opened, with its port. `open_port`: where it is
    open to other machines.
    """
    name = host.rpartition(":")[0] if host.rpartition(":")[2].isdecimal() else host
    is_own = name in ("", "localhost", "[::1]") or name.startswith("127.")
    is_own = is_own or name.endswith(".localhost")
    if open_port is None:
        return None
    if not is_own:
        return f"https://{host}/trust"
    if not addresses:
        return None
    # The shortest to type comes first.
    first = min(addresses, key=lambda each: ":" in each)
    address = f"[{first}]" if ":" in first else first
    return f"https://{address}{'' if open_port == 443 else f':{open_port}'}/trust"


def show_trust(address: str | None) -> Trust:
    """The picture for it."""
    if address is None:
        return Trust(
            why_not="The dashboard is open to the box itself only: a phone cannot fetch the root "
            'from it. Write admin = "0.0.0.0:8470" under [listen], or send it the file.'
        )
    code = draw_code(address)
    return Trust(address, code.size, code.path)


def show_root(root: Mapping[str, Any], number: int) -> dict[str, Any]:
    """A root with what it is compared by."""
    print_ = str(root["fingerprint"])
    return {
        "number": number,
        "name": root["name"],
        "until": str(root["expires"])[:10],
        "fingerprint": print_.replace(":", " "),
    }
