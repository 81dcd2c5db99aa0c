"""Where Debian's packages come from: this machine's own mirror, asked before any work is done."""

import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterable

from maker.errors import BuildError
from maker.options import ARCHITECTURE, SUITE

ASK_S = 30.0
# A Release file has some 200 KB.
MAX_RELEASE_BYTES = 4 << 20


def choose_mirrors(targets: Iterable[str]) -> tuple[str, str]:
    """The mirror of Debian and that of its security updates, from apt's own list (PURE).

    Each line is a site and a release, as `apt-get indextargets` gives them.
    """
    mirror = security = ""
    for line in targets:
        site, _, release = line.partition(" ")
        if "security" in release or "security" in site:
            security = security or site
        elif not release.endswith(("-updates", "-backports")) and "debian" in site:
            mirror = mirror or site
    return mirror, security


def find_mirrors() -> tuple[str, str]:
    """This machine's. Raises BuildError."""
    command = ["apt-get", "indextargets", "--format", "$(SITE) $(RELEASE)", "Created-By: Packages"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise BuildError("this machine has no apt: build on Debian 12 or 13") from None
    mirror, security = choose_mirrors(done.stdout.splitlines())
    if not mirror:
        raise BuildError("apt knows no mirror of Debian here: run apt-get update, or give --mirror")
    return mirror, security


def check_mirror(mirror: str) -> None:
    """Whether it has what an image is made of. Raises BuildError."""
    url = f"{mirror.rstrip('/')}/dists/{SUITE}/Release"
    if not url.startswith(("http://", "https://")):
        return
    try:
        with urllib.request.urlopen(url, timeout=ASK_S) as answer:
            release = answer.read(MAX_RELEASE_BYTES).decode(errors="replace")
    except urllib.error.HTTPError as error:
        raise BuildError(
            f"the mirror {mirror} has no Debian {SUITE} ({error.code}): give another with --mirror"
        ) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
        raise BuildError(
            f"the mirror {mirror} cannot be reached ({reason}): is there a network?"
        ) from None
    for line in release.splitlines():
        if line.startswith("Architectures:"):
            if ARCHITECTURE in line.split():
                return
            break
    raise BuildError(f"the mirror {mirror} has no {ARCHITECTURE}: give another with --mirror")
