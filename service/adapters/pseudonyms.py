"""Pseudonyms: keyed hashes that tell one user or patient from another, and nobody who they are."""

from __future__ import annotations

from service.adapters.sealing import derive_key, keyed_hash


class Pseudonyms:
    """Makes pseudonyms with one secret; without it nobody can tell whose they are, nor make the same ones."""

    def __init__(self, secret: str) -> None:
        self._key = derive_key(secret, "pseudonyms")

    def __repr__(self) -> str:
        """Show what this is, never the key."""
        return "Pseudonyms(…)"

    def of(self, *parts: str) -> str:
        """Give the pseudonym of a kind, an issuer and an id: 64 hexadecimal digits."""
        return keyed_hash(self._key, parts)
