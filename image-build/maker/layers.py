"""The lists that say what the image is made of (PURE but for reading them)."""

import hashlib
import shlex
from collections.abc import Iterable
from pathlib import Path

from maker.options import ARCHITECTURE, SUITE, Options

HERE = Path(__file__).resolve().parent.parent
LAYERS = HERE / "layers"
BASE_FILES = HERE / "base"
# What man pages and translations weigh, a box without a keyboard does not need.
EXCLUDED = ("/usr/share/man/*", "/usr/share/locale/*", "/usr/share/info/*", "/usr/share/doc/*")
KEPT = "/usr/share/doc/*/copyright"


def parse_list(text: str) -> tuple[str, ...]:
    """One entry a line; # begins a comment."""
    lines = (line.partition("#")[0].strip() for line in text.splitlines())
    return tuple(line for line in lines if line)


def read_list(name: str) -> tuple[str, ...]:
    """A list of the layers."""
    return parse_list((LAYERS / name).read_text())


def base_packages(options: Options) -> tuple[str, ...]:
    """Everything below Gatelight."""
    lists = (*read_list("base.list"), *read_list(f"kernel-{options.kernel}.list"))
    return (*lists, *options.packages)


def source_lines(mirror: str, security: str, kernel: str) -> tuple[str, ...]:
    """apt's sources: Debian, its updates, and what the kernel needs."""
    parts = "main non-free-firmware"
    lines = [f"deb {mirror} {SUITE} {parts}", f"deb {mirror} {SUITE}-updates {parts}"]
    if security:
        lines.append(f"deb {security} {SUITE}-security {parts}")
    if kernel == "backports":
        lines.append(f"deb {mirror} {SUITE}-backports {parts}")
    return tuple(lines)


def base_command(options: Options, sources: Iterable[str], target: Path) -> list[str]:
    """mmdebstrap(1). Files of base/ are there before the packages, whose scripts read them."""
    pack = f"tar -C {shlex.quote(str(BASE_FILES))} --owner=0 --group=0 --mode=u=rwX,go=rX -c ."
    command = ["mmdebstrap", "--verbose", "--variant=apt", f"--architectures={ARCHITECTURE}"]
    command += [f"--dpkgopt=path-exclude={pattern}" for pattern in EXCLUDED]
    command += [f"--dpkgopt=path-include={KEPT}"]
    command += ["--dpkgopt=force-confold", "--dpkgopt=force-unsafe-io"]
    command += ['--aptopt=APT::Install-Recommends "false"']
    command += [f'--setup-hook={pack} | tar -C "$1" -x']
    command += [f"--include={','.join(base_packages(options))}", SUITE, str(target)]
    return [*command, *sources]


def base_key(options: Options, sources: Iterable[str]) -> str:
    """Tells one base from another: its packages, its files, where they come from."""
    summed = hashlib.sha256()
    for text in (*base_packages(options), *sources, *EXCLUDED, KEPT):
        summed.update(f"{text}\0".encode())
    for path in sorted(BASE_FILES.rglob("*")):
        if path.is_file():
            summed.update(f"{path.relative_to(BASE_FILES)}\0".encode() + path.read_bytes())
    return summed.hexdigest()[:16]
