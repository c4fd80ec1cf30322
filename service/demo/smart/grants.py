"""Launch contexts, authorization codes and tokens: in memory, each with its end, each code and refresh used once."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from service.demo.smart.problems import OAuthProblem
from service.demo.smart.scopes import narrowed

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

BEARER = "Bearer"
LAUNCH_LIFETIME_S = 300
CODE_LIFETIME_S = 60
TOKEN_LIFETIME_S = 900
REFRESH_LIFETIME_S = 8 * 3600


@dataclass(frozen=True, slots=True)
class Context:
    """What the chart is open at when an app starts; `app_context` comes from the card, untouched."""

    patient: str | None
    user: str
    app_context: str | None = None


@dataclass(frozen=True, slots=True)
class Grant:
    """What one client was given; `family` ties all codes and tokens that come from one authorization."""

    client_id: str
    scope: str
    context: Context
    nonce: str | None = None
    family: str = field(default_factory=lambda: secrets.token_hex(8))


@dataclass(frozen=True, slots=True)
class Tokens:
    """The tokens of one answer of the token endpoint; there is a refresh token only where its scope was granted."""

    access: str = field(repr=False)
    refresh: str | None = field(repr=False)
    grant: Grant


@dataclass(frozen=True, slots=True)
class _Code:
    grant: Grant
    redirect_uri: str
    challenge: str
    ends_s: float
    used: bool = False


@dataclass(frozen=True, slots=True)
class _Token:
    grant: Grant
    ends_s: float
    used: bool = False


class Grants:
    """All that the authorization server has given out."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._launches: dict[str, tuple[Context, float]] = {}
        self._codes: dict[str, _Code] = {}
        self._access: dict[str, _Token] = {}
        self._refresh: dict[str, _Token] = {}

    def open_launch(self, context: Context) -> str:
        """Keep the context of an EHR launch and give the handle that stands for it."""
        handle = secrets.token_urlsafe(24)
        self._launches[handle] = context, self._now() + LAUNCH_LIFETIME_S
        return handle

    def take_launch(self, handle: str) -> Context | None:
        """Give the context of a launch, once."""
        context, ends_s = self._launches.pop(handle, (None, 0.0))
        return context if ends_s > self._now() else None

    def issue_code(self, grant: Grant, *, redirect_uri: str, challenge: str) -> str:
        """Give an authorization code for what was granted."""
        code = secrets.token_urlsafe(32)
        self._codes[code] = _Code(grant, redirect_uri, challenge, self._now() + CODE_LIFETIME_S)
        return code

    def redeem_code(self, code: str, *, client_id: str, redirect_uri: str, verifier: str) -> Tokens:
        """Exchange a code for tokens; a second use also revokes what the first one gave (RFC 6749, 4.1.2)."""
        found = self._codes.get(code)
        if found is None or found.grant.client_id != client_id:
            raise OAuthProblem("invalid_grant", "the code is not valid")
        if found.used:
            self._revoke_family(found.grant.family)
            raise OAuthProblem("invalid_grant", "the code was used before")
        self._codes[code] = replace(found, used=True)
        if found.ends_s <= self._now() or found.redirect_uri != redirect_uri:
            raise OAuthProblem("invalid_grant", "the code is not valid")
        if not hmac.compare_digest(_challenge_of(verifier), found.challenge):
            raise OAuthProblem("invalid_grant", "the code_verifier does not fit")
        return self._issue(found.grant, found.grant)

    def refresh(self, token: str, *, client_id: str, scope: str | None) -> Tokens:
        """Exchange a refresh token for new tokens; a second use revokes the whole family."""
        found = self._refresh.get(token)
        if found is None or found.grant.client_id != client_id:
            raise OAuthProblem("invalid_grant", "the refresh token is not valid")
        if found.used:
            self._revoke_family(found.grant.family)
            raise OAuthProblem("invalid_grant", "the refresh token was used before")
        if found.ends_s <= self._now():
            raise OAuthProblem("invalid_grant", "the refresh token is not valid")
        asked = narrowed(scope, found.grant.scope) if scope else found.grant.scope
        if asked is None:
            raise OAuthProblem("invalid_scope", "a refresh cannot ask for more than was granted")
        self._refresh[token] = replace(found, used=True)
        return self._issue(replace(found.grant, scope=asked), found.grant)

    def issue_service_token(self, *, client_id: str, scope: str, context: Context) -> str:
        """Give the access token that travels in a hook call's fhirAuthorization."""
        return self._new_access(Grant(client_id, scope, context))

    def grant_of(self, access_token: str) -> Grant | None:
        """Give what a valid access token stands for."""
        found = self._access.get(access_token)
        return found.grant if found is not None and found.ends_s > self._now() else None

    def seconds_left(self, access_token: str) -> int:
        """Give the seconds until an access token ends."""
        found = self._access.get(access_token)
        return max(0, int(found.ends_s - self._now())) if found else 0

    def revoke(self, token: str, *, client_id: str) -> None:
        """Revoke a token: a refresh token takes its whole family with it (RFC 7009); strange tokens are ignored."""
        refresh = self._refresh.get(token)
        if refresh is not None and refresh.grant.client_id == client_id:
            self._revoke_family(refresh.grant.family)
        access = self._access.get(token)
        if access is not None and access.grant.client_id == client_id:
            del self._access[token]

    def end_sessions(self, user: str) -> None:
        """Revoke everything that stands on a user's session."""
        families = {
            token.grant.family
            for token in (*self._access.values(), *self._refresh.values())
            if token.grant.context.user == user
        }
        for family in families:
            self._revoke_family(family)

    def _issue(self, grant: Grant, renewable: Grant) -> Tokens:
        refresh = None
        if {"offline_access", "online_access"} & set(renewable.scope.split()):
            refresh = secrets.token_urlsafe(32)
            self._refresh[refresh] = _Token(renewable, self._now() + REFRESH_LIFETIME_S)
        return Tokens(self._new_access(grant), refresh, grant)

    def _new_access(self, grant: Grant) -> str:
        now_s = self._now()
        self._access = {text: token for text, token in self._access.items() if token.ends_s > now_s}
        token = secrets.token_urlsafe(32)
        self._access[token] = _Token(grant, now_s + TOKEN_LIFETIME_S)
        return token

    def _revoke_family(self, family: str) -> None:
        self._access = {text: token for text, token in self._access.items() if token.grant.family != family}
        self._refresh = {text: token for text, token in self._refresh.items() if token.grant.family != family}

    def _now(self) -> float:
        return self._clock().timestamp()


def _challenge_of(verifier: str) -> str:
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
