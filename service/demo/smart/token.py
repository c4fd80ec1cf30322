"""The token endpoint with introspection, revocation and logout."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from starlette.responses import Response
from starlette.routing import Route

from service.demo.smart.grants import BEARER, TOKEN_LIFETIME_S
from service.demo.smart.problems import OAuthProblem

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from datetime import datetime

    from starlette.requests import Request

    from service.demo.pages import Pages
    from service.demo.smart.clients import AppClient, ClientRegistry
    from service.demo.smart.grants import Grants, Tokens
    from service.demo.smart.keys import SigningKey

_ID_TOKEN_LIFETIME_S = 300
_LARGEST_FORM = 64 * 1024


@dataclass(frozen=True, slots=True)
class TokenEndpoint:
    """Exchanges codes and refresh tokens for tokens of the FHIR endpoint at `fhir_url`."""

    clients: ClientRegistry
    grants: Grants
    pages: Pages
    key: SigningKey
    issuer: str
    fhir_url: str
    user: str
    clock: Callable[[], datetime]

    def routes(self) -> list[Route]:
        """Give the routes, relative to the authorization server's address."""
        return [
            Route("/token", self._answering(self._token), methods=["POST"]),
            Route("/introspect", self._answering(self._introspect), methods=["POST"]),
            Route("/revoke", self._answering(self._revoke), methods=["POST"]),
            Route("/logout", self.logout, methods=["GET", "POST"]),
        ]

    async def logout(self, request: Request) -> Response:
        """End the demo user's session: every token that stands on it is revoked."""
        if request.method == "POST":
            self.grants.end_sessions(self.user)
        return self.pages.page("logout.html", ended=request.method == "POST")

    def _answering(
        self, handler: Callable[[AppClient, Mapping[str, str]], dict[str, Any]]
    ) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            try:
                form = await _form(request)
                return _json(handler(self.clients.authenticate(form, request.headers.get("authorization")), form))
            except OAuthProblem as problem:
                return _json({"error": problem.error, "error_description": problem.description}, status=problem.status)

        return answer

    def _token(self, client: AppClient, form: Mapping[str, str]) -> dict[str, Any]:
        match form.get("grant_type"):
            case "authorization_code":
                tokens = self.grants.redeem_code(
                    form.get("code", ""),
                    client_id=client.client_id,
                    redirect_uri=form.get("redirect_uri", ""),
                    verifier=form.get("code_verifier", ""),
                )
            case "refresh_token":
                tokens = self.grants.refresh(
                    form.get("refresh_token", ""), client_id=client.client_id, scope=form.get("scope")
                )
            case _:
                raise OAuthProblem("unsupported_grant_type", "grant_type is authorization_code or refresh_token")
        return self._answer(tokens)

    def _answer(self, tokens: Tokens) -> dict[str, Any]:
        context = tokens.grant.context
        answer = {
            "access_token": tokens.access,
            "token_type": BEARER,
            "expires_in": TOKEN_LIFETIME_S,
            "scope": tokens.grant.scope,
            "refresh_token": tokens.refresh,
            "patient": context.patient,
            "need_patient_banner": True if context.patient else None,
            "appContext": context.app_context,
            "id_token": self._id_token(tokens) if "openid" in tokens.grant.scope.split() else None,
        }
        return {name: value for name, value in answer.items() if value is not None}

    def _id_token(self, tokens: Tokens) -> str:
        now_s = int(self.clock().timestamp())
        words = tokens.grant.scope.split()
        claims = {
            "iss": self.issuer,
            "sub": tokens.grant.context.user.replace("/", "-"),
            "aud": tokens.grant.client_id,
            "iat": now_s,
            "exp": now_s + _ID_TOKEN_LIFETIME_S,
            "nonce": tokens.grant.nonce,
            "fhirUser": f"{self.fhir_url}/{tokens.grant.context.user}" if "fhirUser" in words else None,
        }
        return self.key.sign({name: value for name, value in claims.items() if value is not None})

    def _introspect(self, client: AppClient, form: Mapping[str, str]) -> dict[str, Any]:
        token = form.get("token", "")
        grant = self.grants.grant_of(token)
        if grant is None or grant.client_id != client.client_id:
            return {"active": False}
        answer = {
            "active": True,
            "scope": grant.scope,
            "client_id": grant.client_id,
            "exp": int(self.clock().timestamp()) + self.grants.seconds_left(token),
            "iss": self.issuer,
            "patient": grant.context.patient,
        }
        return {name: value for name, value in answer.items() if value is not None}

    def _revoke(self, client: AppClient, form: Mapping[str, str]) -> dict[str, Any]:
        self.grants.revoke(form.get("token", ""), client_id=client.client_id)
        return {}


async def _form(request: Request) -> dict[str, str]:
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/x-www-form-urlencoded":
        raise OAuthProblem("invalid_request", "the body must be application/x-www-form-urlencoded")
    if int(request.headers.get("content-length", "0")) > _LARGEST_FORM:
        raise OAuthProblem("invalid_request", "the body is too large")
    async with request.form() as form:
        pairs = form.multi_items()
    if len({name for name, _ in pairs}) != len(pairs):
        raise OAuthProblem("invalid_request", "a parameter is repeated")
    return {name: value for name, value in pairs if isinstance(value, str)}


def _json(content: dict[str, Any], *, status: int = 200) -> Response:
    headers = {"Cache-Control": "no-store", "Pragma": "no-cache"}
    if status == 401:  # noqa: PLR2004 RFC 6749, 5.2
        headers["WWW-Authenticate"] = 'Basic realm="demo EHR"'
    return Response(json.dumps(content), status_code=status, media_type="application/json", headers=headers)
