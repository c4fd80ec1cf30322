"""The apps that the authorization server knows, and how each proves who it is at the token endpoint."""

from __future__ import annotations

import base64
import binascii
import hmac
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_plus

import jwt

from service.demo.smart.problems import OAuthProblem

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ASSERTION_ALGORITHMS = ("ES384", "RS384")
_LONGEST_ASSERTION_S = 300
_LEEWAY_S = 10


@dataclass(frozen=True, slots=True)
class AppClient:
    """One registered app: public, or confidential by `secret` or by the public keys in `jwks`."""

    client_id: str
    redirect_uris: frozenset[str]
    scopes: tuple[str, ...]
    secret: str | None = field(default=None, repr=False)
    jwks: Mapping[str, Any] | None = None


class ClientRegistry:
    """All registered apps; refuses an assertion that it has seen before."""

    def __init__(
        self, clients: tuple[AppClient, ...], *, audiences: tuple[str, ...], clock: Callable[[], datetime]
    ) -> None:
        self._clients = {client.client_id: client for client in clients}
        self._audiences = audiences
        self._clock = clock
        self._seen: dict[tuple[str, str], float] = {}

    def get(self, client_id: str) -> AppClient | None:
        """Give the app with this id."""
        return self._clients.get(client_id)

    def authenticate(self, form: Mapping[str, str], authorization: str | None) -> AppClient:
        """Give the app that proves who it is; raise `OAuthProblem` (invalid_client) otherwise."""
        if authorization is not None:
            return self._by_secret(authorization)
        if "client_assertion" in form or "client_assertion_type" in form:
            return self._by_assertion(form)
        client = self._clients.get(form.get("client_id", ""))
        if client is None or client.secret is not None or client.jwks is not None:
            raise _not_proven()
        return client

    def _by_secret(self, authorization: str) -> AppClient:
        scheme, _, credentials = authorization.partition(" ")
        try:
            decoded = base64.b64decode(credentials, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError) as fault:
            raise _not_proven() from fault
        client_id, _, secret = (unquote_plus(part) for part in decoded.partition(":"))
        client = self._clients.get(client_id)
        if scheme.lower() != "basic" or client is None or client.secret is None:
            raise _not_proven()
        if not hmac.compare_digest(client.secret.encode(), secret.encode()):
            raise _not_proven()
        return client

    def _by_assertion(self, form: Mapping[str, str]) -> AppClient:
        assertion = form.get("client_assertion", "")
        try:
            stated = jwt.decode(assertion, options={"verify_signature": False})
            kid = jwt.get_unverified_header(assertion).get("kid")
        except jwt.PyJWTError as fault:
            raise _not_proven() from fault
        client = self._clients.get(str(stated.get("sub")))
        if form.get("client_assertion_type") != ASSERTION_TYPE or client is None or client.jwks is None:
            raise _not_proven()
        if form.get("client_id", client.client_id) != client.client_id:
            raise _not_proven()
        claims = self._verified(assertion, client, kid)
        self._note(client.client_id, claims)
        return client

    def _verified(self, assertion: str, client: AppClient, kid: str | None) -> dict[str, Any]:
        try:
            key = next((key for key in jwt.PyJWKSet.from_dict(dict(client.jwks or {})).keys if key.key_id == kid), None)
            if key is None:
                raise _not_proven()
            return jwt.decode(
                assertion,
                key,
                algorithms=ASSERTION_ALGORITHMS,
                audience=self._audiences,
                issuer=client.client_id,
                options={
                    "require": ["iss", "sub", "aud", "exp", "jti"],
                    # The clock is an argument here: `_note` checks the times against it.
                    "verify_exp": False,
                    "verify_iat": False,
                    "verify_nbf": False,
                },
            )
        except jwt.PyJWTError as fault:
            raise _not_proven() from fault

    def _note(self, client_id: str, claims: Mapping[str, Any]) -> None:
        now_s = self._clock().timestamp()
        ends_s = claims["exp"]
        if (
            not isinstance(ends_s, int | float)
            or not now_s - _LEEWAY_S <= ends_s <= now_s + _LONGEST_ASSERTION_S + _LEEWAY_S
        ):
            raise _not_proven()
        self._seen = {seen: until_s for seen, until_s in self._seen.items() if until_s >= now_s - _LEEWAY_S}
        if (client_id, str(claims["jti"])) in self._seen:
            raise _not_proven()
        self._seen[client_id, str(claims["jti"])] = ends_s


def _not_proven() -> OAuthProblem:
    return OAuthProblem("invalid_client", "the client did not prove who it is", status=401)
