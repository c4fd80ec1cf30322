"""The authorization endpoint: real codes and states, without a question of consent, for one synthetic user."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlencode, urlsplit

from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from service.demo.smart.grants import Context, Grant
from service.demo.smart.problems import OAuthProblem
from service.demo.smart.scopes import granted, resource_scopes

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from starlette.requests import Request

    from service.demo.pages import Pages
    from service.demo.smart.clients import AppClient, ClientRegistry
    from service.demo.smart.grants import Grants

_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
_MOST_PENDING = 100


@dataclass(frozen=True, slots=True)
class _Asked:
    """An authorization request that passed every check."""

    client: AppClient
    redirect_uri: str
    state: str
    scope: str
    challenge: str
    nonce: str | None


@dataclass(frozen=True, slots=True)
class AuthorizationEndpoint:
    """Answers authorization requests for the FHIR endpoint at `fhir_url`.

    `patients` lists id and name for the choice that a standalone launch needs; `user` is who is logged in.
    """

    clients: ClientRegistry
    grants: Grants
    pages: Pages
    issuer: str
    fhir_url: str
    user: str
    patients: Callable[[], list[tuple[str, str]]]
    _pending: dict[str, _Asked] = field(default_factory=dict)

    def routes(self) -> list[Route]:
        """Give the routes, relative to the authorization server's address."""
        return [
            Route("/authorize", self.authorize, methods=["GET", "POST"]),
            Route("/authorize/patient", self.choose, methods=["POST"]),
        ]

    async def authorize(self, request: Request) -> Response:
        """Check a request and answer with a code, an error at the client's address, or the choice of a patient."""
        if request.method == "POST":
            async with request.form() as form:
                asked = {name: value for name, value in form.items() if isinstance(value, str)}
        else:
            asked = dict(request.query_params)
        client = self.clients.get(asked.get("client_id", ""))
        redirect_uri = asked.get("redirect_uri", "")
        if client is None or redirect_uri not in client.redirect_uris:
            # Never to an address that the client did not register: that would be an open redirector.
            return self.pages.page("refused.html", status=400, reason="This app or its return address is not known.")
        try:
            checked = self._checked(client, redirect_uri, asked)
            context = self._context(asked, checked)
        except OAuthProblem as problem:
            refusal = {"error": problem.error, "error_description": problem.description}
            return self._back(redirect_uri, refusal, state=asked.get("state"))
        if context is None:
            return self._choice(checked)
        return self._with_code(checked, context)

    async def choose(self, request: Request) -> Response:
        """Go on with the patient that the user chose."""
        async with request.form() as form:
            asked = self._pending.pop(str(form.get("request", "")), None)
            patient = str(form.get("patient", ""))
        if asked is None or patient not in dict(self.patients()):
            return self.pages.page("refused.html", status=400, reason="This request has ended. Start the app again.")
        return self._with_code(asked, Context(patient, self.user))

    def _checked(self, client: AppClient, redirect_uri: str, asked: Mapping[str, str]) -> _Asked:
        if asked.get("response_type") != "code":
            raise OAuthProblem("unsupported_response_type", "response_type must be code")
        if not asked.get("state"):
            raise OAuthProblem("invalid_request", "state is missing")
        if asked.get("aud", "").rstrip("/") != self.fhir_url:
            raise OAuthProblem("invalid_request", "aud must be the address of the FHIR endpoint")
        challenge = asked.get("code_challenge", "")
        if asked.get("code_challenge_method") != "S256" or not _CHALLENGE.fullmatch(challenge):
            raise OAuthProblem("invalid_request", "PKCE with S256 is needed")
        scope = granted(asked.get("scope", ""), client.scopes)
        if not scope:
            raise OAuthProblem("invalid_scope", "no scope that this app may have")
        return _Asked(client, redirect_uri, asked["state"], scope, challenge, asked.get("nonce"))

    def _context(self, asked: Mapping[str, str], checked: _Asked) -> Context | None:
        words = checked.scope.split()
        if "launch" in asked:
            context = self.grants.take_launch(asked["launch"])
            if context is None or "launch" not in words:
                raise OAuthProblem("invalid_request", "the launch has ended, or its scope was not asked for")
            return context
        needs_patient = "launch/patient" in words or any(
            scope.level == "patient" for scope in resource_scopes(checked.scope)
        )
        return None if needs_patient else Context(None, self.user)

    def _choice(self, asked: _Asked) -> Response:
        while len(self._pending) >= _MOST_PENDING:
            del self._pending[next(iter(self._pending))]
        key = secrets.token_urlsafe(24)
        self._pending[key] = asked
        origin = "{0.scheme}://{0.netloc}".format(urlsplit(asked.redirect_uri))
        return self.pages.page("choose_patient.html", form_targets=(origin,), key=key, patients=self.patients())

    def _with_code(self, asked: _Asked, context: Context) -> Response:
        grant = Grant(asked.client.client_id, asked.scope, context, asked.nonce)
        code = self.grants.issue_code(grant, redirect_uri=asked.redirect_uri, challenge=asked.challenge)
        return self._back(asked.redirect_uri, {"code": code}, state=asked.state)

    def _back(self, redirect_uri: str, answer: Mapping[str, str], *, state: str | None) -> Response:
        # `iss` tells the app which server answered, against mix-ups (RFC 9207).
        query = {**answer, "iss": self.issuer, **({"state": state} if state else {})}
        joint = "&" if urlsplit(redirect_uri).query else "?"
        return RedirectResponse(redirect_uri + joint + urlencode(query), status_code=303)
