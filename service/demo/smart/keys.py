"""The demo EHR's signing key: made at start, kept in memory, published as a JWKS."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

if TYPE_CHECKING:
    from collections.abc import Mapping

ALGORITHM = "ES384"


@dataclass(frozen=True, slots=True)
class SigningKey:
    """An ES384 key pair with its `kid`."""

    kid: str
    _private: ec.EllipticCurvePrivateKey = field(repr=False)

    @classmethod
    def generate(cls, kid: str) -> SigningKey:
        """Make a new key pair."""
        return cls(kid, ec.generate_private_key(ec.SECP384R1()))

    @property
    def jwks(self) -> dict[str, Any]:
        """Give the public half as a JWKS."""
        public = json.loads(ECAlgorithm.to_jwk(self._private.public_key()))
        return {"keys": [{**public, "kid": self.kid, "alg": ALGORITHM, "use": "sig"}]}

    def sign(self, claims: Mapping[str, Any], *, headers: Mapping[str, Any] | None = None) -> str:
        """Give a signed JWT (`typ` JWT) with these claims."""
        return jwt.encode(
            dict(claims), self._private, algorithm=ALGORITHM, headers={"typ": "JWT", "kid": self.kid, **(headers or {})}
        )
