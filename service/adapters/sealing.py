"""Encryption at rest: seals small records with keys derived from the site's secret, and signs what leaves by a card."""

from __future__ import annotations

import base64
import hmac
from hashlib import sha256
from typing import TYPE_CHECKING

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


class UnsealError(Exception):
    """A sealed record was made with another key, was altered, or is older than allowed."""


def derive_key(secret: str, purpose: str) -> bytes:
    """Derive 32 bytes for one purpose, so that no two uses share a key."""
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=f"crlm-cds {purpose}".encode()).derive(secret.encode())


def keyed_hash(key: bytes, parts: Iterable[str]) -> str:
    """Give 64 hexadecimal digits that nobody without the key can make or read back; the parts do not run together."""
    message = b"".join(len(part.encode()).to_bytes(4, "big") + part.encode() for part in parts)
    return hmac.new(key, message, sha256).hexdigest()


class Sealer:
    """Seals and opens bytes for one purpose with authenticated encryption."""

    def __init__(self, secrets: Sequence[str], purpose: str) -> None:
        self._fernet = MultiFernet(
            [Fernet(base64.urlsafe_b64encode(derive_key(secret, purpose))) for secret in secrets]
        )
        self._index_keys = tuple(derive_key(secret, f"{purpose} index") for secret in secrets)

    def __repr__(self) -> str:
        """Show that this is a sealer, never a key."""
        return "Sealer(…)"

    def seal(self, record: bytes) -> bytes:
        """Encrypt and authenticate `record` with the newest key."""
        return self._fernet.encrypt(record)

    def open(self, sealed: bytes) -> bytes:
        """Decrypt `sealed` with whichever key made it; raise `UnsealError` where none did."""
        try:
            return self._fernet.decrypt(sealed)
        except InvalidToken as fault:
            raise UnsealError("the record was sealed with another key or altered") from fault

    def index(self, *parts: str) -> tuple[str, ...]:
        """Give blind index values of `parts`, the newest key's first: equal parts meet, nobody reads them back."""
        return tuple(keyed_hash(key, parts) for key in self._index_keys)
