"""lgpio, with which gpiozero drives the header's pins: built for arm64 by this machine's compilers.

An emulated compiler would take many times as long. The headers are those of the image's own Python.
"""

import os
import shutil
import sys
from pathlib import Path

from maker.errors import BuildError
from maker.layers import LAYERS, source_lines
from maker.mirror import find_mirrors
from maker.options import ARCHITECTURE, Options
from maker.running import run, say

HEADERS = "libpython3.13-dev"
MODULE = "_lgpio.cpython-313-aarch64-linux-gnu.so"
COMPILER = "aarch64-linux-gnu-gcc"
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
# apt, as if this machine were the image: its own lists, nothing of this machine's touched.
APT = """\
Dir::State "{folder}";
Dir::State::lists "{folder}/lists";
Dir::State::status "/dev/null";
Dir::Cache "{folder}/cache";
Dir::Etc::sourcelist "{folder}/sources.list";
Dir::Etc::sourceparts "/dev/null";
APT::Architecture "{architecture}";
APT::Architectures {{ "{architecture}"; }};
APT::Sandbox::User "root";
"""


def install_pins(packages: Path, work: Path, options: Options, log: Path) -> None:
    """Module and library into a folder of Python packages. Raises BuildError."""
    say("building lgpio for arm64")
    folder = work / "lgpio"
    folder.mkdir()
    include = fetch_headers(folder, options, log)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--no-deps"]
    pip += ["--no-binary=:all:", "--no-build-isolation", "--require-hashes", "-d", str(folder)]
    run([*pip, "-r", str(LAYERS / "lgpio.lock")], log)
    (archive,) = folder.glob("lgpio-*.tar.gz")
    run(["tar", "-C", str(folder), "-xzf", str(archive)], log)
    (source,) = (path for path in folder.glob("lgpio-*") if path.is_dir())
    wrapper = source / "lgpio_wrap.c"
    run(
        [
            "swig",
            "-python",
            f"-I{source}",
            "-outdir",
            str(source),
            "-o",
            str(wrapper),
            str(source / "lgpio.i"),
        ],
        log,
    )
    compiling = [COMPILER, "-shared", "-fPIC", "-O2", "-s", "-D_GNU_SOURCE"]
    # Nothing of this build's folders in what is built.
    compiling += [f"-ffile-prefix-map={folder}=.", "-Wl,--build-id=none"]
    compiling += [f"-I{include}/python3.13", f"-I{include}", f"-I{source / 'src'}"]
    files = [wrapper, *sorted((source / "src").glob("lg*.c")), source / "src/rgpiod.c"]
    compiling += [str(file) for file in files if file.exists()]
    run([*compiling, "-o", str(packages / MODULE), "-lpthread"], log)
    shutil.copyfile(source / "lgpio.py", packages / "lgpio.py")
    # What pip would have left: the list of what is in the image is made of these.
    information = packages / f"{source.name}.dist-info"
    information.mkdir()
    shutil.copyfile(source / "PKG-INFO", information / "METADATA")
    shutil.rmtree(folder)


def fetch_headers(folder: Path, options: Options, log: Path) -> Path:
    """The image's Python headers, from the mirror the image is made from. Raises BuildError."""
    mirror, security = (options.mirror, "") if options.mirror else find_mirrors()
    apt = folder / "apt"
    for name in ("lists/partial", "cache/archives/partial"):
        (apt / name).mkdir(parents=True)
    lines = source_lines(mirror, security, "stable")
    signed = [line.replace("deb ", f"deb [signed-by={KEYRING}] ", 1) for line in lines]
    (apt / "sources.list").write_text("\n".join(signed) + "\n")
    (apt / "apt.conf").write_text(APT.format(folder=apt, architecture=ARCHITECTURE))
    env = os.environ | {"APT_CONFIG": str(apt / "apt.conf")}
    run(["apt-get", "update", "-q"], log, env)
    run(
        ["sh", "-c", f'cd "$1" && apt-get download -q {HEADERS}', "download", str(folder)], log, env
    )
    found = list(folder.glob(f"{HEADERS}_*.deb"))
    if len(found) != 1:
        raise BuildError(
            f"the mirror has no {HEADERS} for {ARCHITECTURE}: give another with --mirror"
        )
    run(["dpkg-deb", "-x", str(found[0]), str(folder / "headers")], log)
    return folder / "headers/usr/include"
