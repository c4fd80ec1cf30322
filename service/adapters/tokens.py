"""The anatomy of a CDS Hooks JWT: taken apart strictly before anything in it is believed."""

from __future__ import annotations

import math
import re
from base64 import urlsafe_b64decode
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from service.adapters.strict_json import StrictJsonError, parse_object
from service.errors import Unauthenticated

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from service.adapters.clients import Client

MAX_TOKEN_CHARACTERS = 8192
LEEWAY_S = 60
_MAX_ID_CHARACTERS = 512
_SEGMENT = re.compile(r"[A-Za-z0-9_-]+")
# Each of them would let the sender choose the key or the rules by which the token is judged.
_FORBIDDEN_HEADERS = ("jwk", "x5u", "x5c", "crit", "b64", "enc", "zip")


@dataclass(frozen=True, slots=True)
class UnverifiedToken:
    """A well-formed token whose signature nobody has checked yet."""

    text: str = field(repr=False)
    algorithm: str
    key_id: str
    key_set_url: str | None
    issuer: str
    claims: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class CheckedClaims:
    """What is left of a token after its claims were checked."""

    token_id: str
    expires_at: float
    tenant: str | None


def bearer_token(authorization: str) -> str:
    """Take the token out of an Authorization header (RFC 6750)."""
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer":
        raise Unauthenticated("not a bearer token")
    if len(token) > MAX_TOKEN_CHARACTERS:
        raise Unauthenticated("token too long")
    return token


def take_apart(token: str) -> UnverifiedToken:
    """Read header and claims; raise `Unauthenticated` for whatever is no plain signed JWT (RFC 7515, 7519)."""
    segments = token.split(".")
    if len(segments) != 3 or not all(_SEGMENT.fullmatch(segment) for segment in segments):  # noqa: PLR2004  a JWS has three
        raise Unauthenticated("not a signed JWT")
    header, claims = _object(segments[0]), _object(segments[1])
    _decoded(segments[2])
    forbidden = [name for name in _FORBIDDEN_HEADERS if name in header]
    if forbidden:
        raise Unauthenticated(f"header {forbidden[0]}")
    if str(header.get("typ")).upper() != "JWT":
        raise Unauthenticated("typ is not JWT")
    key_set_url = header.get("jku")
    if not (key_set_url is None or isinstance(key_set_url, str)) or ("jku" in header and key_set_url is None):
        raise Unauthenticated("jku is no string")
    return UnverifiedToken(
        text=token,
        algorithm=_text(header, "alg"),
        key_id=_text(header, "kid"),
        key_set_url=key_set_url,
        issuer=_text(claims, "iss"),
        claims=claims,
    )


def check_claims(claims: Mapping[str, Any], *, client: Client, audiences: Collection[str], now: float) -> CheckedClaims:
    """Check the claims of a token of `client` at the time `now` (seconds since 1970), not its signature."""
    issued_at, expires_at = _time(claims, "iat"), _time(claims, "exp")
    if expires_at <= now - LEEWAY_S:
        raise Unauthenticated("expired")
    if issued_at > now + LEEWAY_S:
        raise Unauthenticated("issued in the future")
    if "nbf" in claims and _time(claims, "nbf") > now + LEEWAY_S:
        raise Unauthenticated("not yet valid")
    if not 0 < expires_at - issued_at <= client.max_lifetime_s:
        raise Unauthenticated("lifetime")
    _check_audience(claims.get("aud"), audiences)
    return CheckedClaims(_text(claims, "jti"), expires_at, _tenant(claims, client))


def _check_audience(audience: object, audiences: Collection[str]) -> None:
    named = [audience] if isinstance(audience, str) else audience
    if not isinstance(named, list) or not all(isinstance(name, str) for name in named):
        raise Unauthenticated("aud is no string or list of strings")
    if not any(name in audiences for name in named):
        raise Unauthenticated("audience")


def _tenant(claims: Mapping[str, Any], client: Client) -> str | None:
    tenant = _text(claims, "tenant") if "tenant" in claims else None
    if client.tenants and tenant not in client.tenants:
        raise Unauthenticated("tenant")
    return tenant


def _object(segment: str) -> dict[str, Any]:
    try:
        return parse_object(_decoded(segment))
    except StrictJsonError as fault:
        raise Unauthenticated(f"header or claims: {fault}") from None


def _decoded(segment: str) -> bytes:
    try:
        return urlsafe_b64decode(segment + "=" * (-len(segment) % 4))
    except ValueError:
        raise Unauthenticated("no base64url") from None


def _text(members: Mapping[str, Any], name: str) -> str:
    value = members.get(name)
    # What is not printable, lone surrogates and NUL among it, is what stores and logs cannot hold.
    if not isinstance(value, str) or not value or len(value) > _MAX_ID_CHARACTERS or not value.isprintable():
        raise Unauthenticated(f"{name} is missing or no usable string")
    return value


def _time(claims: Mapping[str, Any], name: str) -> float:
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Unauthenticated(f"{name} is missing or no number")
    try:
        seconds = float(value)
    except OverflowError:
        raise Unauthenticated(f"{name} is out of range") from None
    if not math.isfinite(seconds):
        raise Unauthenticated(f"{name} is out of range")
    return seconds
