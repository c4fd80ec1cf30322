"""The SMART App Launch protocol: authorization code with PKCE, token exchange, refresh and revocation."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx
from authlib.oauth2 import OAuth2Client, OAuth2Error  # type: ignore[import-untyped]  # ships no types
from authlib.oauth2.auth import ClientAuth  # type: ignore[import-untyped]
from authlib.oauth2.rfc7523 import PrivateKeyJWT  # type: ignore[import-untyped]

from service.adapters.id_token import IdTokenError, verify_id_token
from service.adapters.origins import is_same_origin
from service.adapters.outbound import OutboundError
from service.adapters.smart_configuration import SmartConfiguration, scopes_for

if TYPE_CHECKING:
    from datetime import datetime

    from service.adapters.app_keys import AppKey
    from service.adapters.app_transport import AppTransport

ASSERTION_LIFETIME_S = 240
"""SMART App Launch, "client authentication: asymmetric": at most five minutes."""
_DEFAULT_LIFETIME_S = 3600
"""Where the EHR does not say (RFC 6749 only recommends it); an access that ends earlier is met as a 401."""
_ID = re.compile(r"[A-Za-z0-9_.\-]{1,255}")
"""Longer than the 64 characters of R4: ids of real EHRs are; none of these letters can alter an address."""


class TokenError(Exception):
    """The EHR did not give a token that the app can use; the message is ours, never the EHR's text."""


@dataclass(frozen=True, slots=True)
class Registration:
    """How one EHR knows this app: public, or confidential by a secret or by a key."""

    client_id: str
    secret: str | None = field(default=None, repr=False)
    key: AppKey | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One launch on its way through the EHR's authorization server; whoever holds it can finish it, once."""

    iss: str
    configuration: SmartConfiguration
    redirect_uri: str
    state: str = field(repr=False)
    nonce: str = field(repr=False)
    verifier: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Grant:
    """What the EHR granted: tokens, the one patient, the user where an id_token proves one.

    `expires_at_s` is in seconds since 1970. `scopes` are the granted ones.
    """

    access_token: str = field(repr=False)
    expires_at_s: float
    patient: str
    scopes: frozenset[str]
    refresh_token: str | None = field(default=None, repr=False)
    user: str | None = None
    app_context: str | None = field(default=None, repr=False)
    show_banner: bool = True


def begin(
    iss: str,
    *,
    launch: str | None,
    registration: Registration,
    configuration: SmartConfiguration,
    redirect_uri: str,
) -> tuple[str, Attempt]:
    """Give the address to send the browser to, and the attempt to keep until it comes back."""
    attempt = Attempt(
        iss=iss,
        configuration=configuration,
        redirect_uri=redirect_uri,
        state=secrets.token_urlsafe(32),
        nonce=secrets.token_urlsafe(32),
        verifier=secrets.token_urlsafe(64),
    )
    parameters = {"aud": iss, "nonce": attempt.nonce}
    if launch is not None:
        parameters["launch"] = launch
    url, _ = _OAuth(registration, redirect_uri).create_authorization_url(
        configuration.authorization_endpoint,
        state=attempt.state,
        code_verifier=attempt.verifier,
        scope=scopes_for(configuration, with_launch=launch is not None),
        **parameters,
    )
    return str(url), attempt


async def redeem(
    attempt: Attempt, code: str, *, registration: Registration, transport: AppTransport, now: datetime
) -> Grant:
    """Exchange `code` for the tokens and check them; raise `TokenError` where the EHR's answer is unusable."""
    oauth = _OAuth(registration, attempt.redirect_uri, transport=transport, now_s=int(now.timestamp()))
    answer = await _ask(
        oauth.fetch_token(
            attempt.configuration.token_endpoint,
            grant_type="authorization_code",
            code=code,
            code_verifier=attempt.verifier,
        )
    )
    patient = answer.get("patient")
    if not (isinstance(patient, str) and _is_id(patient)):
        raise TokenError("the EHR did not say which patient is open")
    user = await _user(answer, attempt, registration=registration, transport=transport, now=now)
    context = answer.get("appContext")
    return Grant(
        access_token=_access_token(answer),
        expires_at_s=_expiry(answer, now),
        patient=patient,
        scopes=_scopes(answer) or frozenset(scopes_for(attempt.configuration, with_launch=True).split()),
        refresh_token=_text(answer.get("refresh_token")),
        user=user,
        app_context=context if isinstance(context, str) else None,
        show_banner=answer.get("need_patient_banner") is not False,
    )


async def refresh(
    grant: Grant,
    *,
    configuration: SmartConfiguration,
    registration: Registration,
    transport: AppTransport,
    now: datetime,
) -> Grant:
    """Get a new access token; the patient and the user stay those of the launch, whatever the answer says."""
    if grant.refresh_token is None:
        raise TokenError("the EHR's access has ended and cannot be renewed")
    oauth = _OAuth(registration, "", transport=transport, now_s=int(now.timestamp()))
    answer = await _ask(oauth.refresh_token(configuration.token_endpoint, refresh_token=grant.refresh_token))
    if "patient" in answer and answer["patient"] != grant.patient:
        raise TokenError("the EHR renewed the access for another patient")
    return Grant(
        access_token=_access_token(answer),
        expires_at_s=_expiry(answer, now),
        patient=grant.patient,
        scopes=_scopes(answer) or grant.scopes,
        refresh_token=_text(answer.get("refresh_token")) or grant.refresh_token,
        user=grant.user,
        show_banner=grant.show_banner,
    )


async def revoke(
    grant: Grant,
    *,
    configuration: SmartConfiguration,
    registration: Registration,
    transport: AppTransport,
    now: datetime,
) -> bool:
    """Revoke the tokens where the EHR offers it (RFC 7009); give whether it was done."""
    if configuration.revocation_endpoint is None:
        return False
    oauth = _OAuth(registration, "", transport=transport, now_s=int(now.timestamp()))
    token, hint = (
        (grant.refresh_token, "refresh_token") if grant.refresh_token else (grant.access_token, "access_token")
    )
    try:
        answer = await oauth.revoke_token(configuration.revocation_endpoint, token=token, token_type_hint=hint)
    except OutboundError:
        return False
    return bool(answer.status_code == httpx.codes.OK)


class _OAuth(OAuth2Client):  # type: ignore[misc]  # Authlib ships no types
    """Authlib's protocol over our transport: it builds and reads the messages, we carry them."""

    def __init__(
        self, registration: Registration, redirect_uri: str, *, transport: AppTransport | None = None, now_s: int = 0
    ) -> None:
        method: Any = "none"
        if registration.key is not None:
            method = _KeyAuthentication(registration.key, now_s)
        elif registration.secret is not None:
            method = "client_secret_basic"
        super().__init__(
            transport,
            client_id=registration.client_id,
            client_secret=registration.secret,
            redirect_uri=redirect_uri,
            code_challenge_method="S256",
            token_endpoint_auth_method=method,
            revocation_endpoint_auth_method=method,
        )

    async def _fetch_token(self, url: str, body: str = "", **of_request: Any) -> dict[str, Any]:  # noqa: ANN401
        response = await self._http_post(url, body, of_request["auth"], of_request["headers"])
        return dict(self.parse_response_token(response))

    async def _refresh_token(self, url: str, body: str = "", **of_request: Any) -> dict[str, Any]:  # noqa: ANN401
        return await self._fetch_token(url, body, auth=of_request["auth"], headers=of_request["headers"])

    async def _http_post(self, url: str, body: str, auth: ClientAuth, headers: dict[str, str]) -> httpx.Response:
        url, headers, body = auth.prepare("POST", url, dict(headers), body)
        transport: AppTransport = self.session
        return await transport.send(httpx.Request("POST", url, headers=headers, content=body))


class _KeyAuthentication(PrivateKeyJWT):  # type: ignore[misc]  # Authlib ships no types
    def __init__(self, key: AppKey, now_s: int) -> None:
        super().__init__(
            claims={"exp": now_s + ASSERTION_LIFETIME_S, "iat": now_s},
            headers={"kid": key.kid, "typ": "JWT"},
            alg=key.algorithm,
        )
        self._key = key

    def sign(self, auth: ClientAuth, token_endpoint: str) -> str:
        return str(super().sign(ClientAuth(auth.client_id, self._key.private), token_endpoint))


async def _ask(call: Any) -> dict[str, Any]:  # noqa: ANN401 - an awaitable of untyped Authlib
    try:
        return await call  # type: ignore[no-any-return]
    except OutboundError as fault:
        raise TokenError("the EHR's token endpoint could not be reached") from fault
    except (OAuth2Error, httpx.HTTPStatusError, ValueError, TypeError, OverflowError, RecursionError) as fault:
        raise TokenError("the EHR's token endpoint refused the request or answered something else") from fault


async def _user(
    answer: dict[str, Any],
    attempt: Attempt,
    *,
    registration: Registration,
    transport: AppTransport,
    now: datetime,
) -> str | None:
    token = answer.get("id_token")
    configuration = attempt.configuration
    if token is None or configuration.jwks_uri is None or configuration.issuer is None:
        return None
    if not isinstance(token, str):
        raise TokenError("the EHR's id_token is no text")
    try:
        claims = await verify_id_token(
            token,
            configuration=configuration,
            client_id=registration.client_id,
            nonce=attempt.nonce,
            now=now,
            transport=transport,
        )
    except IdTokenError as fault:
        raise TokenError("the EHR's id_token could not be verified") from fault
    return _relative(claims.get("fhirUser") or claims.get("profile"), iss=attempt.iss)


def _relative(user: object, *, iss: str) -> str | None:
    """Give the user as `Type/id`; one of another server is nobody here, its id may be somebody else's."""
    if not isinstance(user, str) or ("://" in user and not is_same_origin(user, iss)):
        return None
    parts = user.split("?")[0].rstrip("/").split("/")[-2:]
    kinds = {"Practitioner", "PractitionerRole", "Patient", "RelatedPerson", "Person"}
    return "/".join(parts) if len(parts) == 2 and parts[0] in kinds and _is_id(parts[1]) else None  # noqa: PLR2004


def _is_id(value: str) -> bool:
    return _ID.fullmatch(value) is not None


def _access_token(answer: dict[str, Any]) -> str:
    token = _text(answer.get("access_token"))
    # What a header cannot carry is none.
    if token is None or not token.isascii() or str(answer.get("token_type", "")).lower() != "bearer":
        raise TokenError("the EHR gave no bearer token")
    return token


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value and value.isprintable() else None


def _scopes(answer: dict[str, Any]) -> frozenset[str]:
    scope = answer.get("scope")
    return frozenset(scope.split()) if isinstance(scope, str) else frozenset()


def _expiry(answer: dict[str, Any], now: datetime) -> float:
    lifetime = answer.get("expires_in")
    try:
        return now.timestamp() + max(0, int(lifetime) if lifetime is not None else _DEFAULT_LIFETIME_S)
    except (TypeError, ValueError, OverflowError) as fault:
        raise TokenError("the EHR's expires_in is no number of seconds") from fault
