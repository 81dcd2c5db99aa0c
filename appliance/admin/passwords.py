"""Passwords as they are kept: scrypt (RFC 7914) with a salt of their own.

The parameters stand in the hash, so that they can be raised without a password becoming wrong.
"""

import base64
import binascii
import hashlib
import hmac
import secrets

# 32 MiB and some 130 ms on a desktop, 0.4 s on a Raspberry Pi 4: one at a time (account).
COST, BLOCK, LANES = 2**15, 8, 1
SALT_BYTES, KEY_BYTES = 16, 32
_SPARE_BYTES = 1 << 20
MIN_LENGTH = 8
# A megabyte of password would only cost time.
MAX_LENGTH = 256


def find_fault(password: str) -> str | None:
    """Why a password cannot be taken, in words."""
    if len(password) < MIN_LENGTH:
        return f"the password has fewer than {MIN_LENGTH} characters"
    if len(password) > MAX_LENGTH:
        return f"the password has more than {MAX_LENGTH} characters"
    return None


def hash_password(password: str) -> str:
    """The password as it is kept. Takes a while."""
    salt = secrets.token_bytes(SALT_BYTES)
    key = _derive(password, salt, COST, BLOCK, LANES)
    parts = ("scrypt", str(COST), str(BLOCK), str(LANES), _encode(salt), _encode(key))
    return "$".join(parts)


def is_right(password: str, kept: str) -> bool:
    """Whether it is the password that was kept so. Takes a while."""
    try:
        kind, cost, block, lanes, salt, key = kept.split("$")
        if kind != "scrypt" or len(password) > MAX_LENGTH:
            return False
        numbers = int(cost), int(block), int(lanes)
        found = _derive(password, base64.b64decode(salt), *numbers)
        return hmac.compare_digest(found, base64.b64decode(key))
    except (ValueError, binascii.Error, MemoryError):
        return False


def _derive(password: str, salt: bytes, cost: int, block: int, lanes: int) -> bytes:
    memory = 128 * cost * block * lanes + _SPARE_BYTES
    return hashlib.scrypt(
        password.encode("utf-8", "surrogatepass"),
        salt=salt, n=cost, r=block, p=lanes, maxmem=memory, dklen=KEY_BYTES,
    )  # fmt: skip


def _encode(data: bytes) -> str:
    return base64.b64encode(data).decode()
