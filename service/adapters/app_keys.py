"""The app's own signing keys: read from files, published at `/smart/jwks`, used for private_key_jwt."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from joserfc.jwk import ECKey, RSAKey

if TYPE_CHECKING:
    from collections.abc import Iterable

_MINIMUM_RSA_BITS = 2048


class AppKeyError(Exception):
    """A key file holds no private key that SMART allows; the message never shows the key."""


@dataclass(frozen=True, slots=True)
class AppKey:
    """One private key with the algorithm it signs with (ES384 or RS384) and its RFC 7638 thumbprint as `kid`."""

    private: ECKey | RSAKey = field(repr=False)
    algorithm: str
    kid: str

    def public_jwk(self) -> dict[str, Any]:
        """Give the public key as the JWKS shows it."""
        public = dict(self.private.as_dict(private=False))
        return {**public, "kid": self.kid, "use": "sig", "alg": self.algorithm}


def read_app_key(pem: bytes) -> AppKey:
    """Read a PEM file: an EC key on P-384, or an RSA key of at least 2048 bits."""
    try:
        private = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as fault:
        raise AppKeyError("the file holds no private key in PEM form without a password") from fault
    match private:
        case ec.EllipticCurvePrivateKey(curve=ec.SECP384R1()):
            curve_key = ECKey.import_key(pem)
            return AppKey(curve_key, "ES384", curve_key.thumbprint())
        case rsa.RSAPrivateKey(key_size=bits) if bits >= _MINIMUM_RSA_BITS:
            rsa_key = RSAKey.import_key(pem)
            return AppKey(rsa_key, "RS384", rsa_key.thumbprint())
        case _:
            raise AppKeyError(f"the key must be EC on the curve P-384, or RSA with at least {_MINIMUM_RSA_BITS} bits")


def jwks(keys: Iterable[AppKey]) -> dict[str, Any]:
    """Give the JWKS of the public keys, each once, in a stable order."""
    unique = {key.kid: key for key in keys}
    return {"keys": [unique[kid].public_jwk() for kid in sorted(unique)]}
