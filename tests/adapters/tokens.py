"""Makes JWTs of every kind: sound ones as EHRs send them, and hostile ones part by part."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from service.adapters.clients import Client, Clients
from service.adapters.jwt_auth import Authenticator
from service.adapters.keys import PublicKey, parse_key_set
from tests.canary.mark import MARK

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

    from service.settings import Auth

NOW = datetime(2026, 11, 23, 19, 0, tzinfo=UTC)
NOW_S = int(NOW.timestamp())
BASE = "https://cds.example.org/crlm"
SERVICE = "crlm-patient-view"
PATH = f"/cds-services/{SERVICE}"
AUDIENCE = BASE + PATH
ISSUER = "https://ehr.example.org"
KEY_SET_URL = "https://ehr.example.org/jwks"

EC_KEY = ec.generate_private_key(ec.SECP384R1())
OTHER_EC_KEY = ec.generate_private_key(ec.SECP384R1())
P256_KEY = ec.generate_private_key(ec.SECP256R1())
P521_KEY = ec.generate_private_key(ec.SECP521R1())
RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
SMALL_RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=1024)  # noqa: S505  it is to be refused
ED_KEY = ed25519.Ed25519PrivateKey.generate()

EPIC_KEY_ID = "q0+Zb/mPS7iXj3tpNXWh8tk1aAo="


def jwk(key: PrivateKeyTypes, key_id: str, **more: Any) -> dict[str, Any]:
    """Describe the public half of a key as a member of a key set."""
    public: Any = key.public_key()
    match public:
        case rsa.RSAPublicKey():
            described = jwt.algorithms.RSAAlgorithm.to_jwk(public, as_dict=True)
        case ec.EllipticCurvePublicKey():
            described = jwt.algorithms.ECAlgorithm.to_jwk(public, as_dict=True)
        case _:
            described = jwt.algorithms.OKPAlgorithm.to_jwk(public, as_dict=True)
    described.pop("key_ops", None)
    return {**described, "kid": key_id, **more}


def key_set(*members: dict[str, Any]) -> bytes:
    return json.dumps({"keys": members}).encode()


def segment(part: bytes | Mapping[str, Any]) -> str:
    raw = part if isinstance(part, bytes) else json.dumps(part).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def token(
    *,
    key: PrivateKeyTypes | None = EC_KEY,
    header: Mapping[str, Any] | bytes | None = None,
    claims: Mapping[str, Any] | bytes | None = None,
    sign_as: str = "ES384",
) -> str:
    """Sign a token; members given as `...` are left out of header and claims."""
    head = header if isinstance(header, bytes) else members(good_header(), header or {})
    body = claims if isinstance(claims, bytes) else members(good_claims(), claims or {})
    signing_input = f"{segment(head)}.{segment(body)}"
    if key is None:
        return f"{signing_input}."
    signature = jwt.get_algorithm_by_name(sign_as).sign(signing_input.encode(), key)
    return f"{signing_input}.{segment(signature)}"


def signed_with_secret(secret: bytes, *, algorithm: str = "HS256", header: Mapping[str, Any] | None = None) -> str:
    """Sign as if `secret` (a public key in some encoding) were shared: the algorithm-confusion attack."""
    digest = {"HS256": hashlib.sha256, "HS384": hashlib.sha384}[algorithm]
    head = members(good_header(), {"alg": algorithm, **(header or {})})
    signing_input = f"{segment(head)}.{segment(good_claims())}"
    return f"{signing_input}.{segment(hmac.new(secret, signing_input.encode(), digest).digest())}"


def good_header() -> dict[str, Any]:
    return {"alg": "ES384", "typ": "JWT", "kid": "ec", "jku": KEY_SET_URL}


def good_claims() -> dict[str, Any]:
    return {"iss": ISSUER, "aud": AUDIENCE, "iat": NOW_S - 5, "exp": NOW_S + 295, "jti": str(UUID(int=1)), "sub": MARK}


def members(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in {**base, **changes}.items() if value is not ...}


KEYS = key_set(
    jwk(EC_KEY, "ec", use="sig", alg="ES384"),
    jwk(RSA_KEY, "rsa", use="sig"),
    jwk(RSA_KEY, EPIC_KEY_ID, use="sig", alg="RS384"),
    jwk(P256_KEY, "p256"),
    jwk(P521_KEY, "p521"),
    jwk(SMALL_RSA_KEY, "small"),
    jwk(ED_KEY, "ed"),
    jwk(EC_KEY, "encryption", use="enc"),
    jwk(EC_KEY, "wrong-alg", alg="ES256"),
    jwk(EC_KEY, "signs-only", key_ops=["sign"]),
    jwk(EC_KEY, "twice"),
    jwk(OTHER_EC_KEY, "twice"),
    {"kty": "oct", "kid": "secret", "k": "c2VjcmV0"},
)


@dataclass
class FixedKeys:
    """A key source that has the sets already."""

    sets: Mapping[str, bytes]

    async def find(self, client: Client, key_id: str) -> PublicKey | None:
        return parse_key_set(self.sets.get(client.issuer, b'{"keys": []}')).get(key_id)


@dataclass
class RememberedIds:
    """A replay cache in memory."""

    seen: dict[tuple[str, str], float] = field(default_factory=dict)

    async def remember(self, issuer: str, token_id: str, *, expires_at: float, now: float) -> bool:
        assert expires_at > now
        if (issuer, token_id) in self.seen:
            return False
        self.seen[issuer, token_id] = expires_at
        return True


def authenticator(
    *clients: Client,
    mode: Auth = "required",
    keys: Mapping[str, bytes] | None = None,
    token_ids: RememberedIds | None = None,
    base: str = BASE,
    now: datetime = NOW,
) -> Authenticator:
    known = clients or (Client(issuer=ISSUER, jwks_url=KEY_SET_URL),)
    return Authenticator(
        mode=mode,
        clients=Clients({client.issuer: client for client in known}),
        public_base_url=base,
        keys=FixedKeys(keys or {ISSUER: KEYS}),
        token_ids=token_ids or RememberedIds(),
        clock=lambda: now,
    )
