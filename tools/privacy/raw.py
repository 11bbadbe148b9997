"""Sealing what belongs to no lead: the bytes of items in quarantine, under a key derived from the master key."""

import os
from hashlib import sha256
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from domain.errors import Permanent

NONCE: Final = 12
_PURPOSE: Final = b"leadgraph quarantine v1"


class RawSeal:
    """Seals and opens bytes; both sides of quarantine."""

    def __init__(self, master: bytes) -> None:
        self._cipher = AESGCM(sha256(_PURPOSE + master).digest())

    def seal(self, raw: bytes) -> bytes:
        """Nonce and ciphertext of `raw`."""
        nonce = os.urandom(NONCE)
        return nonce + self._cipher.encrypt(nonce, raw, _PURPOSE)

    def open(self, sealed: bytes) -> bytes:
        """Inverse of `seal`. Raises: Permanent if the bytes were changed or the master key is another."""
        try:
            return self._cipher.decrypt(sealed[:NONCE], sealed[NONCE:], _PURPOSE)
        except (InvalidTag, ValueError) as error:
            raise Permanent(
                "a quarantined item does not open: it was changed, or the master key is another"
            ) from error
