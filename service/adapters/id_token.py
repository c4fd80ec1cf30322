"""OpenID Connect: verifies the id_token that says which user launched the app (OpenID Connect Core 3.1.3.7)."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING, Any

import httpx
import jwt
import msgspec

from fhir_mappings.loose_json import MISFITS
from service.adapters.outbound import OutboundError

if TYPE_CHECKING:
    from datetime import datetime

    from service.adapters.app_transport import AppTransport
    from service.adapters.smart_configuration import SmartConfiguration

ALGORITHMS = ("RS256", "RS384", "RS512", "ES256", "ES384", "ES512", "PS256", "PS384")
"""Asymmetric ones alone: a symmetric key would be the client's own secret."""
LEEWAY_S = 60
_MAXIMUM_LENGTH = 16_384


class IdTokenError(Exception):
    """The id_token does not prove who the user is; the message is for the log and names the failed check."""


async def verify_id_token(  # noqa: PLR0913 - each argument is one thing that the token is checked against
    token: str,
    *,
    configuration: SmartConfiguration,
    client_id: str,
    nonce: str,
    now: datetime,
    transport: AppTransport,
) -> dict[str, Any]:
    """Give the claims of `token`; its signature, issuer, audience, nonce and times are checked."""
    if configuration.jwks_uri is None or configuration.issuer is None:
        raise IdTokenError("the EHR publishes no jwks_uri and issuer to check an id_token with")
    if len(token) > _MAXIMUM_LENGTH:
        raise IdTokenError("the id_token is too long")
    claims = _claims(token, await _keys(configuration.jwks_uri, transport), configuration.issuer, client_id)
    now_s = now.timestamp()
    if not isinstance(claims["exp"], int | float) or claims["exp"] + LEEWAY_S < now_s:
        raise IdTokenError("the id_token has expired")
    if not isinstance(claims["iat"], int | float) or claims["iat"] - LEEWAY_S > now_s:
        raise IdTokenError("the id_token was issued in the future")
    if not isinstance(claims.get("nonce"), str) or not hmac.compare_digest(claims["nonce"].encode(), nonce.encode()):
        raise IdTokenError("the id_token belongs to another launch: its nonce differs")
    audience = claims["aud"]
    if isinstance(audience, list) and len(audience) > 1 and claims.get("azp") != client_id:
        raise IdTokenError("the id_token was issued to another client")
    return claims


async def _keys(jwks_uri: str, transport: AppTransport) -> list[dict[str, Any]]:
    try:
        response = await transport.send(httpx.Request("GET", jwks_uri, headers={"Accept": "application/json"}))
        found = msgspec.json.decode(response.content)
    except OutboundError as fault:
        raise IdTokenError("the EHR's keys could not be fetched") from fault
    except MISFITS as fault:
        raise IdTokenError("the EHR's keys are not JSON") from fault
    keys = found.get("keys") if isinstance(found, dict) else None
    if response.status_code != httpx.codes.OK or not isinstance(keys, list):
        raise IdTokenError("the EHR's keys could not be fetched")
    return [key for key in keys if isinstance(key, dict) and key.get("use", "sig") == "sig"]


def _claims(token: str, keys: list[dict[str, Any]], issuer: str, client_id: str) -> dict[str, Any]:
    try:
        header = jwt.get_unverified_header(token)
        if header.get("alg") not in ALGORITHMS:
            raise IdTokenError("the id_token is not signed with an asymmetric algorithm")
        named = [key for key in keys if header.get("kid") is None or key.get("kid") == header["kid"]]
        if len(named) != 1:
            raise IdTokenError("the key of the id_token is not among the EHR's keys")
        return jwt.decode(
            token,
            jwt.PyJWK(named[0], algorithm=header["alg"]),
            algorithms=[header["alg"]],
            audience=client_id,
            issuer=issuer,
            options={
                "require": ["iss", "aud", "exp", "iat", "sub"],
                "verify_exp": False,
                "verify_iat": False,
                "verify_nbf": False,
            },
        )
    except (jwt.PyJWTError, ValueError, TypeError) as fault:
        raise IdTokenError("the signature, issuer or audience of the id_token is wrong") from fault
