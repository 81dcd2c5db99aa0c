"""What is to be built, from the command line (PURE)."""

import argparse
import os
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

SUITE = "trixie"
ARCHITECTURE = "arm64"
KERNELS = ("stable", "backports")
# Each model with the names that Raspberry Pi Imager has for it, and its chip's device trees.
MODELS = {
    "pi3": ("pi3-64bit", "bcm2837-rpi-3"),
    "pi02": ("pi-zero-2-64bit", "bcm2837-rpi-zero-2"),
    "pi4": ("pi4-64bit", "bcm2711-rpi-4-b"),
    "pi400": ("pi4-64bit", "bcm2711-rpi-400"),
    "cm4": ("pi4-64bit", "bcm2711-rpi-cm4"),
    "pi5": ("pi5-64bit", "bcm2712-rpi-5"),
}
# Debian's stable kernel has no drivers for the Raspberry Pi 5's RP1 (facts in docs/image.md).
NEEDS_BACKPORTS = frozenset(("pi5",))
MIN_SIZE_BYTES = 2 << 30
_SIZE = re.compile(r"([0-9]{1,4})(M|G)")
# Debian policy 5.6.1.
_PACKAGE = re.compile(r"[a-z0-9][a-z0-9+.-]+")


@dataclass(frozen=True, slots=True)
class Options:
    models: tuple[str, ...]
    kernel: str
    size_bytes: int | None
    packages: tuple[str, ...]
    ssh_key: str
    out: Path
    cache: Path
    mirror: str | None
    is_compressed: bool
    is_fresh: bool


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """One line, as everywhere."""
        sys.stderr.write(f"gatelight: {message}: see {self.prog} --help\n")
        sys.exit(2)


def size(text: str) -> int:
    """Bytes of a whole card."""
    match = _SIZE.fullmatch(text)
    if match is None:
        raise argparse.ArgumentTypeError(f'"{text}" is no size: write "4G" or "3500M"')
    number = int(match[1]) << (30 if match[2] == "G" else 20)
    if number < MIN_SIZE_BYTES:
        raise argparse.ArgumentTypeError(f"{text} is too small for a card: 2G at least")
    return number


def package(text: str) -> str:
    """A Debian package's name."""
    if not _PACKAGE.fullmatch(text):
        raise argparse.ArgumentTypeError(f'"{text}" is no name of a Debian package')
    return text


def make_parser() -> argparse.ArgumentParser:
    """The command's grammar."""
    home = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    parser = _Parser("image-build/build", description="Makes the SD-card image.")
    parser.add_argument(
        "--model",
        action="append",
        choices=sorted(MODELS),
        help="a Raspberry Pi it is for; all that the kernel knows unless given",
    )
    parser.add_argument("--kernel", choices=KERNELS, default="stable", help="Debian's kernel")
    parser.add_argument("--size", type=size, help="of the whole image, such as 4G")
    parser.add_argument(
        "--package", type=package, action="append", default=[], help="one more Debian package"
    )
    parser.add_argument("--ssh-key", metavar="FILE", type=Path, help="a public key for admin")
    parser.add_argument("--out", metavar="DIR", type=Path, default=Path("build"))
    parser.add_argument(
        "--cache", metavar="DIR", type=Path, default=Path(home).expanduser() / "gatelight-image"
    )
    parser.add_argument("--mirror", metavar="URL", help="instead of the one this machine's apt has")
    parser.add_argument(
        "--fresh", action="store_true", help="make the base anew, of Debian's packages of today"
    )
    parser.add_argument("--raw", action="store_true", help="do not compress the image")
    return parser


def parse_options(arguments: Sequence[str]) -> Options:
    """Exits with code 2 and one line where they are wrong."""
    parser = make_parser()
    parsed = parser.parse_args(arguments)
    models = tuple(dict.fromkeys(parsed.model or ()))
    if parsed.kernel != "backports":
        for model in models:
            if model in NEEDS_BACKPORTS:
                parser.error(
                    f"{model} needs a newer kernel than Debian's stable one: --kernel backports"
                )
    known = [m for m in MODELS if parsed.kernel == "backports" or m not in NEEDS_BACKPORTS]
    return Options(
        models or tuple(known),
        parsed.kernel,
        parsed.size,
        tuple(sorted(set(parsed.package))),
        _read_key(parser, parsed.ssh_key) if parsed.ssh_key else "",
        parsed.out,
        parsed.cache,
        parsed.mirror,
        not parsed.raw,
        parsed.fresh,
    )


def _read_key(parser: argparse.ArgumentParser, path: Path) -> str:
    try:
        text = path.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        parser.error(f"the key {path} cannot be read ({getattr(error, 'strerror', error)})")
    if "PRIVATE KEY" in text:
        parser.error(f"{path} is a private key, give the file that ends in .pub")
    if len(text.splitlines()) != 1 or '"' in text:
        parser.error(f"{path} is no public key")
    return text
