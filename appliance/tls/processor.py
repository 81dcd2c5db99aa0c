"""What the processor is good at: without AES instructions, ChaCha20 is several times faster.

Python lets nobody choose the order of TLS 1.3's ciphers, but OpenSSL reads it from a file, named in
the environment when OpenSSL is loaded.
"""

import os
import sys
from pathlib import Path

CHACHA20_FIRST = str(Path(__file__).with_name("chacha20.cnf"))
_VARIABLE = "OPENSSL_CONF"


def has_aes(cpuinfo: str) -> bool:
    """Whether /proc/cpuinfo lists AES: among `flags` on x86, `Features` on Arm (PURE)."""
    for line in cpuinfo.splitlines():
        name, _, words = line.partition(":")
        if name.strip() in ("flags", "Features"):
            return "aes" in words.split()
    # Unknown processors: most have it by now.
    return True


def suit_processor() -> None:
    """Begins the program again with ChaCha20 first, where that is the faster one."""
    if _VARIABLE not in os.environ and not has_aes(Path("/proc/cpuinfo").read_text()):
        os.environ[_VARIABLE] = CHACHA20_FIRST
        # OpenSSL is loaded already, and it reads its file once.
        os.execv(sys.executable, sys.orig_argv)


def prefers_chacha20() -> bool:
    """Whether this process was told so."""
    return os.environ.get(_VARIABLE) == CHACHA20_FIRST
