"""A small EHR for the tests of the app: SMART authorization server and FHIR endpoint behind one `send`."""

from __future__ import annotations

import base64
import hashlib
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import httpx
import jwt
from joserfc.jwk import RSAKey

from service.adapters.outbound import Unreachable
from tests.canary.mark import MARK

ISS = "https://fhir.example.org/r4"
AUTHORIZATION = "https://login.example.org/authorize"
TOKEN = "https://login.example.org/token"  # noqa: S105 - an address
REVOKE = "https://login.example.org/revoke"
JWKS = "https://login.example.org/jwks"
OIDC_ISSUER = "https://login.example.org"
NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)

_KEY = RSAKey.generate_key(2048, {"kid": "ehr-1"}, private=True)


class FakeEhr:
    """Answers as an EHR would; the tests bend its members to make it a bad one."""

    def __init__(self) -> None:
        self.requests: list[httpx.Request] = []
        self.configuration: dict[str, Any] = {
            "issuer": OIDC_ISSUER,
            "jwks_uri": JWKS,
            "authorization_endpoint": AUTHORIZATION,
            "token_endpoint": TOKEN,
            "revocation_endpoint": REVOKE,
            "capabilities": ["launch-ehr", "permission-v2", "context-ehr-patient", "sso-openid-connect"],
            "code_challenge_methods_supported": ["S256"],
            "scopes_supported": ["openid", "fhirUser", "launch", "online_access"],
        }
        self.patient = "p1"
        self.scope: str | None = None
        self.token_changes: dict[str, Any] = {}
        self.claim_changes: dict[str, Any] = {}
        self.id_token_key: Any = _KEY
        self.token_status = 200
        self.codes: dict[str, dict[str, str]] = {}
        self.tokens = 0
        self.fhir: Any = None
        self.unreachable = False

    def authorize(self, url: str) -> dict[str, str]:
        """Act as the login page: check the request and give the parameters of the redirect back."""
        assert url.startswith(AUTHORIZATION + "?"), url
        asked = dict(parse_qsl(urlsplit(url).query))
        assert asked["response_type"] == "code"
        assert asked["code_challenge_method"] == "S256"
        code = f"{MARK}-code-{len(self.codes) + 1}"
        self.codes[code] = asked
        return {"code": code, "state": asked["state"]}

    async def send(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        if self.unreachable:
            raise Unreachable("no answer")
        url = str(request.url)
        if url == ISS + "/.well-known/smart-configuration":
            return httpx.Response(200, json=self.configuration, request=request)
        if url == JWKS:
            return httpx.Response(200, json={"keys": [_KEY.as_dict(private=False)]}, request=request)
        if url == TOKEN:
            return self._token(request)
        if url == REVOKE:
            return httpx.Response(200, request=request)
        if self.fhir is not None and url.startswith(ISS):
            found: httpx.Response = await self.fhir.send(request)
            return found
        return httpx.Response(404, json={}, request=request)

    def _token(self, request: httpx.Request) -> httpx.Response:
        form = {key: values[0] for key, values in parse_qs(request.content.decode()).items()}
        if form["grant_type"] == "authorization_code":
            asked = self.codes.pop(form["code"], None)
            verifier = base64.urlsafe_b64encode(hashlib.sha256(form["code_verifier"].encode()).digest()).rstrip(b"=")
            if asked is None or asked["code_challenge"] != verifier.decode():
                return httpx.Response(400, json={"error": "invalid_grant"}, request=request)
            assert form["redirect_uri"] == asked["redirect_uri"]
            body = self._answer(scope=asked["scope"], nonce=asked.get("nonce"))
        else:
            body = self._answer(scope="", nonce=None)
            for name in ("patient", "scope", "id_token"):
                body.pop(name, None)
        return httpx.Response(self.token_status, json={**body, **self.token_changes}, request=request)

    def _answer(self, *, scope: str, nonce: str | None) -> dict[str, Any]:
        self.tokens += 1
        return {
            "access_token": f"secret-access-{self.tokens}.{MARK}",
            "refresh_token": f"secret-refresh-{self.tokens}.{MARK}",
            "token_type": "Bearer",
            "expires_in": 300,
            "scope": self.scope or scope,
            "patient": self.patient,
            "id_token": self.id_token(nonce=nonce),
        }

    def id_token(self, *, nonce: str | None) -> str:
        """Sign who the user is."""
        claims = {
            "iss": OIDC_ISSUER,
            "aud": "crlm",
            "sub": "u1",
            "iat": int(NOW.timestamp()),
            "exp": int(NOW.timestamp()) + 300,
            "nonce": nonce,
            "fhirUser": f"{ISS}/Practitioner/dr-1",
            **self.claim_changes,
        }
        return jwt.encode(claims, self.id_token_key.private_key, algorithm="RS256", headers={"kid": "ehr-1"})


def form_of(request: httpx.Request) -> dict[str, str]:
    """Give the form that a request carries."""
    return dict(parse_qsl(request.content.decode()))
