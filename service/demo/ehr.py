"""The demo EHR put together: record, FHIR endpoint, authorization server, chart pages."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from service.demo.chart.routes import Chart
from service.demo.fhir.access import Access
from service.demo.fhir.capability import capability_statement
from service.demo.fhir.endpoint import Endpoint
from service.demo.hooks.client import HookClient
from service.demo.pages import Pages
from service.demo.patients.practice import USER
from service.demo.safe_headers import SafeHeaders
from service.demo.smart.authorize import AuthorizationEndpoint
from service.demo.smart.clients import AppClient, ClientRegistry
from service.demo.smart.discovery import oauth_addresses, smart_configuration
from service.demo.smart.grants import Grants
from service.demo.smart.keys import SigningKey
from service.demo.smart.scopes import PLAIN, resource_scopes
from service.demo.smart.token import TokenEndpoint

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping
    from datetime import datetime
    from typing import Any

    import httpx
    from starlette.requests import Request
    from starlette.responses import Response

    from service.demo.addresses import Addresses
    from service.demo.fhir.record import Record

APP_CLIENT_ID = "crlm"
APP_SCOPES = (*sorted(PLAIN), "patient/*.cruds", "user/*.cruds")


@dataclass(frozen=True, slots=True)
class Ehr:
    """The running parts of one demo EHR."""

    app: Starlette
    record: Record
    grants: Grants
    key: SigningKey


def app_client(addresses: Addresses, jwks: Mapping[str, Any] | None) -> AppClient:
    """Register the service's app: confidential by its public keys, or public without them."""
    return AppClient(APP_CLIENT_ID, frozenset({addresses.app_callback}), APP_SCOPES, jwks=jwks)


def create_ehr(
    addresses: Addresses,
    *,
    record: Record,
    clients: tuple[AppClient, ...],
    clock: Callable[[], datetime],
    http: httpx.AsyncClient,
) -> Ehr:
    """Put the demo EHR together; `http` carries its calls to the service and is closed with the app."""
    key = SigningKey.generate("demo-ehr")
    grants = Grants(clock)
    pages = Pages(addresses.service)
    oauth = oauth_addresses(addresses.smart)
    # Libraries name the server, its token endpoint or the endpoint that they call as the audience of an assertion.
    registry = ClientRegistry(clients, audiences=(addresses.smart, *oauth.values()), clock=clock)
    authorization = AuthorizationEndpoint(
        clients=registry,
        grants=grants,
        pages=pages,
        issuer=addresses.smart,
        fhir_url=addresses.fhir,
        user=USER,
        patients=lambda: _patients(record),
    )
    token = TokenEndpoint(
        clients=registry,
        grants=grants,
        pages=pages,
        key=key,
        issuer=addresses.smart,
        fhir_url=addresses.fhir,
        user=USER,
        clock=clock,
    )
    capability = capability_statement(base_url=addresses.fhir, started=clock().isoformat(), oauth=oauth)
    endpoint = Endpoint(record, lambda text: _access(grants, record, text), capability)
    configuration = smart_configuration(smart_url=addresses.smart, jwks_url=addresses.jwks)
    hooks = HookClient(addresses=addresses, record=record, grants=grants, key=key, http=http, clock=clock)
    chart = Chart(addresses=addresses, record=record, grants=grants, pages=pages, hooks=hooks, clock=clock)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        del app
        async with http:
            yield
        record.close()

    anywhere = Middleware(
        CORSMiddleware,
        allow_origins=["*"],
        allow_methods=["GET", "POST", "PUT", "DELETE"],
        allow_headers=["Authorization", "Content-Type", "If-Match", "If-None-Exist", "Prefer"],
        expose_headers=["ETag", "Location"],
    )
    app = Starlette(
        routes=[
            Route("/.well-known/jwks.json", _answer(key.jwks)),
            Route("/fhir/.well-known/smart-configuration", _answer(configuration)),
            endpoint.base("/fhir"),
            Mount("/fhir", routes=endpoint.routes(), middleware=[anywhere]),
            Route("/smart/.well-known/openid-configuration", _answer(configuration)),
            Mount("/smart", routes=[*authorization.routes(), *token.routes()], middleware=[anywhere]),
            Mount("/static", StaticFiles(packages=[("service.demo.chart", "static")])),
            *chart.routes(),
        ],
        middleware=[
            Middleware(SafeHeaders),
            Middleware(TrustedHostMiddleware, allowed_hosts=["127.0.0.1", "localhost"]),
        ],
        exception_handlers={HTTPException: _answer_unknown(pages)},
        lifespan=lifespan,
    )
    return Ehr(app, record, grants, key)


def _answer(content: Mapping[str, Any]) -> Callable[[Request], Response]:
    def answer(request: Request) -> Response:
        del request
        return JSONResponse(content, headers={"Access-Control-Allow-Origin": "*"})

    return answer


def _answer_unknown(pages: Pages) -> Callable[[Request, Exception], Response]:
    def answer(request: Request, error: Exception) -> Response:
        """Answer what the framework refuses: an unknown address or method."""
        if not isinstance(error, HTTPException):
            raise error
        if "text/html" not in request.headers.get("accept", ""):
            return PlainTextResponse(error.detail, error.status_code, error.headers)
        reason = "There is no such page." if error.status_code == HTTPStatus.NOT_FOUND else f"{error.detail}."
        page = pages.page("refused.html", status=error.status_code, reason=reason)
        page.headers.update(error.headers or {})
        return page

    return answer


def _access(grants: Grants, record: Record, token: str) -> Access | None:
    grant = grants.grant_of(token)
    return None if grant is None else Access(resource_scopes(grant.scope), grant.context.patient, record)


def _patients(record: Record) -> list[tuple[str, str]]:
    return [(patient["id"], _name(patient)) for patient in record.all("Patient")]


def _name(patient: Mapping[str, Any]) -> str:
    name = patient["name"][0]
    return f"{name['family']}, {' '.join(name.get('given', ()))}"
