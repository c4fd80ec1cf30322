"""Public keys of clients: which of a JSON Web Key Set (RFC 7517) are sound, and for which algorithm."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from service.adapters.strict_json import StrictJsonError, parse_object

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_KEY_SET_BYTES = 262_144
_MAX_KEYS = 100
_RSA_BITS = range(2048, 8193)
_CURVES = {"ES256": "P-256", "ES384": "P-384", "ES512": "P-521", "EdDSA": "Ed25519"}
_PRIVATE = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
_RSA_ALGORITHM = re.compile(r"(?:RS|PS)(?:256|384|512)")


class KeySetError(ValueError):
    """The bytes are no key set; the message is a fixed phrase."""


@dataclass(frozen=True, slots=True)
class PublicKey:
    """One member of a key set that is a sound public key for signatures, not yet bound to an algorithm."""

    key_id: str
    _members: Mapping[str, Any]

    def for_algorithm(self, algorithm: str) -> jwt.PyJWK | None:
        """Give the key for verifying with `algorithm`, or `None` where it is not meant or not strong enough for it."""
        if self._members.get("alg", algorithm) != algorithm:
            return None
        kty, crv = self._members.get("kty"), self._members.get("crv")
        if _RSA_ALGORITHM.fullmatch(algorithm):
            fits = kty == "RSA"
        else:
            fits = kty == ("OKP" if algorithm == "EdDSA" else "EC") and crv == _CURVES.get(algorithm)
        if not fits:
            return None
        try:
            key = jwt.PyJWK({**self._members, "alg": algorithm}, algorithm)
        except (jwt.PyJWTError, ValueError, TypeError, KeyError):
            return None
        if isinstance(key.key, RSAPublicKey) and key.key.key_size not in _RSA_BITS:
            return None
        return key


def parse_key_set(raw: bytes) -> dict[str, PublicKey]:
    """Read a key set: its usable keys by `kid`.

    Keys for encryption, symmetric and private ones, those without `kid` are left out; so is a `kid` that stands
    twice, because it does not say which key is meant. Raises `KeySetError` where the bytes are no key set.
    """
    if len(raw) > MAX_KEY_SET_BYTES:
        raise KeySetError("is larger than a key set may be")
    try:
        members = parse_object(raw).get("keys")
    except StrictJsonError as fault:
        raise KeySetError(f"is no key set: {fault}") from None
    if not isinstance(members, list) or len(members) > _MAX_KEYS:
        raise KeySetError(f"is no key set: 'keys' must be a list of at most {_MAX_KEYS} keys")
    found: dict[str, PublicKey] = {}
    twice: set[str] = set()
    for member in members:
        key_id = member.get("kid") if isinstance(member, dict) else None
        if not isinstance(key_id, str) or not key_id:
            continue
        if key_id in found:
            twice.add(key_id)
        if _is_public_signature_key(member):
            found[key_id] = PublicKey(key_id, member)
    return {key_id: key for key_id, key in found.items() if key_id not in twice}


def _is_public_signature_key(member: Mapping[str, Any]) -> bool:
    operations = member.get("key_ops", ["verify"])
    return (
        member.get("kty") in ("EC", "RSA", "OKP")
        and member.get("use", "sig") == "sig"
        and isinstance(operations, list)
        and "verify" in operations
        and not _PRIVATE & member.keys()
    )
