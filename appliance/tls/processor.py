"""What the processor is good at: without AES instructions, ChaCha20 is several times faster.

With them, AES with 128 bits and SHA-256 has the cheapest handshake, and is as good as any. Python
lets nobody choose the order of TLS 1.3's ciphers, but OpenSSL reads it from a file, named in the
environment when OpenSSL is loaded.
"""

import os
import sys
from pathlib import Path

AES128_FIRST = str(Path(__file__).with_name("aes128.cnf"))
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
    """Sets the order of ciphers for this process. To be called before OpenSSL is loaded: if it is,
    the program begins again."""
    if _VARIABLE in os.environ:
        return
    aes = has_aes(Path("/proc/cpuinfo").read_text())
    os.environ[_VARIABLE] = AES128_FIRST if aes else CHACHA20_FIRST
    if "_ssl" in sys.modules or "_hashlib" in sys.modules:
        os.execv(sys.executable, sys.orig_argv)


def chosen_order() -> str | None:
    """The file that this process was told; None where somebody has another one in mind."""
    told = os.environ.get(_VARIABLE)
    return told if told in (AES128_FIRST, CHACHA20_FIRST) else None
