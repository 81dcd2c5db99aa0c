"""`image-build/build`: from the source to what is flashed."""

import os
import re
import shutil
import signal
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from maker.base import checksum, have_base
from maker.disk import make_disk
from maker.errors import BuildError
from maker.options import ARCHITECTURE, Options, parse_options
from maker.papers import (
    make_manifest,
    make_sbom,
    parse_distributions,
    parse_packages,
    write_json,
)
from maker.running import run, say
from maker.system import PACKAGES, PROJECT, build_system, commit_time

# The root in a folder, the image, and its compressed form.
NEEDED_BYTES = 5 << 30
TOOLS = (
    "mmdebstrap",
    "genimage",
    "mke2fs",
    "mkdosfs",
    "mcopy",
    "xz",
    "bmaptool",
    "swig",
    "systemctl",
)


def project_version() -> str:
    """The version that is being built."""
    text = (PROJECT / "appliance/__init__.py").read_text()
    (version,) = re.findall(r'^__version__ = "(.*)"$', text, re.MULTILINE)
    return str(version)


def check_machine(options: Options) -> None:
    """What can be known to be missing before any work. Raises BuildError."""
    for tool in TOOLS:
        if shutil.which(tool, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin") is None:
            raise BuildError(f"{tool} is not installed: run image-build/setup")
    for folder in (options.out, options.cache):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            left = shutil.disk_usage(folder).free
        except OSError as error:
            raise BuildError(
                f"{folder} cannot be written ({error.strerror}): choose another"
            ) from None
        if left < NEEDED_BYTES:
            have, need = left >> 20, NEEDED_BYTES >> 20
            raise BuildError(f"there is not enough room in {folder}: {have} MB of {need} MB")


def build(options: Options) -> Path:
    """Everything, under its final names only when all of it is there. Raises BuildError."""
    check_machine(options)
    name = f"gatelight-{project_version()}-{ARCHITECTURE}"
    time_s = commit_time()
    log = options.out.resolve() / f"{name}.log"
    log.unlink(missing_ok=True)
    base = have_base(options, log)
    with tempfile.TemporaryDirectory(prefix=".making-", dir=options.out.resolve()) as folder:
        work = Path(folder)
        root = work / "root"
        build_system(base, root, options, time_s, log)
        image = make_disk(root, work, options, time_s, log)
        image = image.rename(work / f"{name}.img")
        status = (root / "var/lib/dpkg/status").read_text()
        folders = [path.name for path in (root / PACKAGES).iterdir()]
        debian, python = parse_packages(status), parse_distributions(folders)
        shutil.rmtree(root)
        write_json(work / f"{name}.spdx.json", make_sbom(name, time_s, debian, python))
        say("making the block map and the sums")
        # Where zeros are holes depends on the moment; the map is to say what is in the image.
        run(["fallocate", "--dig-holes", str(image)], log)
        run(["bmaptool", "create", "-o", str(work / f"{name}.bmap"), str(image)], log)
        extracted = (image.stat().st_size, checksum(image))
        final = image
        if options.is_compressed:
            say("compressing")
            run(["xz", "-T0", "-3", "--keep", str(image)], log)
            final = image.with_name(f"{image.name}.xz")
        (work / f"{name}.sha256").write_text(f"{checksum(final)}  {final.name}\n")
        manifest = make_manifest(
            project_version(), final.name, options.models, time_s, extracted, final.stat().st_size
        )
        write_json(work / f"{name}.rpi-imager-manifest", manifest)
        for suffix in ("bmap", "spdx.json", "sha256", "rpi-imager-manifest"):
            (work / f"{name}.{suffix}").replace(options.out / f"{name}.{suffix}")
        return final.replace(options.out / final.name)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the build; the exit code."""
    options = parse_options(sys.argv[1:] if arguments is None else arguments)
    # Told to stop, it ends its tools and takes away what is half made.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        say(f"{build(options)} is ready, for {', '.join(options.models)}")
    except BuildError as error:
        sys.stderr.write(f"gatelight: {error}\n")
        return 1
    except OSError as error:
        sys.stderr.write(f"gatelight: {error.filename} cannot be written: {error.strerror}\n")
        return 1
    except KeyboardInterrupt:
        return 130
    return 0
