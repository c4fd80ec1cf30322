"""Pseudonyms: keyed hashes that tell one user or patient from another, and nobody who they are."""

from __future__ import annotations

import hmac
from hashlib import sha256

from service.adapters.sealing import derive_key


class Pseudonyms:
    """Makes pseudonyms with one secret; without it nobody can tell whose they are, nor make the same ones."""

    def __init__(self, secret: str) -> None:
        self._key = derive_key(secret, "pseudonyms")

    def __repr__(self) -> str:
        """Show what this is, never the key."""
        return "Pseudonyms(…)"

    def of(self, *parts: str) -> str:
        """Give the pseudonym of a kind, an issuer and an id: 64 hexadecimal digits."""
        message = b"".join(len(part.encode()).to_bytes(4, "big") + part.encode() for part in parts)
        return hmac.new(self._key, message, sha256).hexdigest()
