"""Key updates of a TLS 1.3 client (RFC 8446 4.6.3), as Python's own ssl sends none."""

import hmac
import re
from pathlib import Path

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

# By the bytes of a secret: cipher, bytes of its key, and its hash.
_KINDS = {
    48: ("TLS_AES_256_GCM_SHA384", 32, "sha384"),
    32: ("TLS_AES_128_GCM_SHA256", 16, "sha256"),
}
CIPHERS = frozenset(kind[0] for kind in _KINDS.values())
_UPDATE_REQUESTED = b"\x18\0\0\x01\x01"
_HANDSHAKE, _APPLICATION_DATA = b"\x16", b"\x17"


class KeyUpdates:
    """Those of a connection that uses one of CIPHERS and whose client has sent nothing after its handshake.

    Each asks the server for a key update of its own.
    """

    def __init__(self, key_log: Path) -> None:
        """`key_log`: what the client's context wrote (`keylog_filename`)."""
        found = re.findall(
            r"^CLIENT_TRAFFIC_SECRET_0 \w+ (\w+)$", key_log.read_text(), re.MULTILINE
        )
        self._secret = bytes.fromhex(found[-1])
        _, self._key_bytes, self._hash = _KINDS[len(self._secret)]

    def next(self) -> bytes:
        """One more, as a record of its own under the keys that the one before has brought."""
        update = self._seal(_UPDATE_REQUESTED + _HANDSHAKE)
        self._secret = self._expand(b"traffic upd", len(self._secret))
        return update

    def last(self, data: bytes) -> bytes:
        """Data after the updates; nothing can follow it."""
        return self._seal(data + _APPLICATION_DATA)

    def _seal(self, inner: bytes) -> bytes:
        key, nonce = self._expand(b"key", self._key_bytes), self._expand(b"iv", 12)
        header = _APPLICATION_DATA + b"\x03\x03" + (len(inner) + 16).to_bytes(2)
        return header + AESGCM(key).encrypt(nonce, inner, header)

    def _expand(self, label: bytes, size: int) -> bytes:
        """HKDF-Expand-Label without context (RFC 8446 7.1), of at most one block."""
        name = b"tls13 " + label
        info = size.to_bytes(2) + bytes((len(name),)) + name + b"\0"
        return hmac.digest(self._secret, info + b"\x01", self._hash)[:size]
