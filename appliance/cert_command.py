"""`gatelight cert`: the sites' certificates, and the local CA's root for phones and desktops.

The running box is asked; where none runs, the same is read from the configuration and state_dir.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

from appliance.admin_client import RefusedError, UnreachableError, ask
from appliance.certificates import describe, describe_roots, find_secure_site, make_keeper
from appliance.clock import SystemClock
from appliance.config import Settings
from appliance.console import say
from appliance.telemetry.box import BoxReader

NO_ROOT = (
    "there is no root of the local CA yet: it is made for the first site with "
    'tls = "terminate" and no certificate of its own'
)
TEACHING = """\
Copy that file to the device, then:

  iPhone, iPad   Send it by AirDrop or mail and open it; Settings > Profile Downloaded > Install.
                 Then Settings > General > About > Certificate Trust Settings: switch it on.
  Android        Settings > Security > More settings > Encryption & credentials >
                 Install a certificate > CA certificate.
  macOS          Double-click it to put it into the keychain "System"; double-click it there:
                 Trust > When using this certificate: Always Trust.
  Windows        Double-click it: Install Certificate > Local Machine > Place all certificates in
                 the following store > Trusted Root Certification Authorities.
  Debian, Ubuntu, Raspberry Pi OS
                 sudo cp root.crt /usr/local/share/ca-certificates/gatelight.crt
                 sudo update-ca-certificates
  Chromium on Linux
                 certutil -d sql:$HOME/.pki/nssdb -A -t C,, -n gatelight -i root.crt
                 (certutil is in the package libnss3-tools)
  Firefox        Settings > Privacy & Security > Certificates > View Certificates >
                 Authorities > Import: trust it to identify websites.
  curl           curl --cacert root.crt https://...
"""


class Offline:
    """Answers as the box does, from its files."""

    def __init__(self, settings: Settings) -> None:
        box = BoxReader(settings.proxy.state_dir).read()
        state_dir = Path(settings.proxy.state_dir)
        self._sites = settings.sites
        self._keeper = make_keeper(state_dir, SystemClock(), lambda: box, lambda text: None)

    def list_all(self) -> Any:
        """Every site's certificate; nothing is issued."""
        return [describe(entry) for entry in self._keeper.look(self._sites)]

    def list_roots(self) -> Any:
        """The local CA's roots. Raises OSError in words."""
        return describe_roots(self._keeper)

    def renew(self, host: str) -> Any:
        """Issues a certificate, for the box to show when it starts."""
        try:
            return describe(self._keeper.renew(find_secure_site(self._sites, host)))
        except LookupError as error:
            raise ValueError(error.args[0]) from None
        except ValueError as error:
            raise ValueError(f"the certificate of {host} {error}") from None


class Running:
    """Asks the box."""

    def __init__(self, socket_path: str) -> None:
        self._socket_path = socket_path

    def list_all(self) -> Any:
        return ask(self._socket_path, "/v1/certificates")

    def list_roots(self) -> Any:
        return ask(self._socket_path, "/v1/roots")

    def renew(self, host: str) -> Any:
        return ask(self._socket_path, f"/v1/certificates/{quote(host)}/renew", "POST")


def run(
    what: str, host: str | None, socket_path: str, settings: Settings | None, as_json: bool
) -> int:
    """One of list, trust and renew; the exit code."""
    command = {"list": _list, "trust": _trust, "renew": _renew}[what]
    try:
        return command(Running(socket_path), host, as_json)
    except UnreachableError as error:
        if settings is None:
            say(f"no answer from {socket_path} ({error}): is gatelight serving? else give --config")
            return 1
    except RefusedError as error:
        say(str(error))
        return 1
    try:
        return command(Offline(settings), host, as_json)
    except (OSError, ValueError) as error:
        say(str(error))
        return 1


Box = Running | Offline


def _list(box: Box, host: str | None, as_json: bool) -> int:
    return _show(box.list_all(), as_json, describe_list)


def _trust(box: Box, host: str | None, as_json: bool) -> int:
    roots = box.list_roots()
    if not roots and not as_json:
        say(NO_ROOT)
        return 1
    return _show(roots, as_json, describe_trust)


def _renew(box: Box, host: str | None, as_json: bool) -> int:
    renewed = box.renew((host or "").lower())
    return _show([renewed], as_json, describe_list)


def _show(content: Any, as_json: bool, describe: Callable[[Any], str]) -> int:
    print(json.dumps(content, indent=2) if as_json else describe(content))
    return 0


def describe_list(certificates: list[dict[str, Any]]) -> str:
    """Each site's certificate in a line, with what is wrong below it."""
    lines = []
    for each in certificates:
        until = f"until {each['expires'][:10]}" if each["expires"] else "none yet"
        by = f"  by {each['issuer']}" if each["issuer"] else ""
        lines.append(f"{each['host']}  {until}{by}  from {each['source']}")
        if each["fault"]:
            lines.append(f"  FAULTY: {each['fault']}")
    return "\n".join(lines) or 'no site has tls = "terminate"'


def describe_trust(roots: list[dict[str, Any]]) -> str:
    """How devices learn to trust the local CA. As a file, all of it is PEM that programs take."""
    parts = []
    for root in roots:
        parts.append(
            f"{root['name']}, until {root['expires'][:10]}\n"
            f"  file     {root['file']}\n"
            f"  SHA-256  {root['fingerprint']}\n"
        )
    parts.append(
        "Devices that trust it open this box's sites without a warning. It can sign for names of\n"
        "home networks and for the domains of its sites, and for no others.\n"
    )
    parts.append(TEACHING)
    parts += [root["pem"] for root in roots]
    return "\n".join(parts).rstrip()
