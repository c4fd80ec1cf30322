"""A demo EHR for tests: in memory, on a fixed day, with a service that is a function."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import httpx

from service.demo.addresses import Addresses
from service.demo.ehr import Ehr, create_ehr
from service.demo.fhir.record import Record
from service.demo.patients.practice import USER, practice
from service.demo.smart.clients import AppClient
from service.demo.smart.grants import Context
from tests.clock import Clock

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.applications import Starlette

ADDRESSES = Addresses(ehr="http://127.0.0.1:8000", service="http://127.0.0.1:8001")
FHIR = "/fhir"
CALLBACK = "http://127.0.0.1:8001/smart/callback"
SCOPES = (
    *("launch", "launch/patient", "openid", "fhirUser", "offline_access", "online_access"),
    *("patient/*.cruds", "user/*.rs", "patient/*.read"),
)
PUBLIC = AppClient("public", frozenset({CALLBACK}), SCOPES)
SECRET = AppClient("secret", frozenset({CALLBACK}), SCOPES, secret="s3cret:+ %")  # noqa: S106 a test's own


def no_service(request: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("no service", request=request)


@dataclass(frozen=True)
class Browser:
    """Sends one request after the other to the application, without following redirects."""

    app: Starlette

    def request(self, method: str, path: str, **request: Any) -> httpx.Response:
        async def send() -> httpx.Response:
            transport = httpx.ASGITransport(self.app)
            async with httpx.AsyncClient(transport=transport, base_url=ADDRESSES.ehr) as client:
                return await client.request(method, path, **request)

        return asyncio.run(send())

    def get(self, path: str, **request: Any) -> httpx.Response:
        return self.request("GET", path, **request)

    def post(self, path: str, **request: Any) -> httpx.Response:
        return self.request("POST", path, **request)

    def put(self, path: str, **request: Any) -> httpx.Response:
        return self.request("PUT", path, **request)

    def delete(self, path: str, **request: Any) -> httpx.Response:
        return self.request("DELETE", path, **request)


@dataclass
class Bench:
    """The EHR under test, a client for it, and its clock."""

    ehr: Ehr
    http: Browser
    clock: Clock

    def token(self, scope: str = "user/*.cruds", *, patient: str | None = "p1") -> dict[str, str]:
        """Give the headers of a token with a scope."""
        text = self.ehr.grants.issue_service_token(client_id="test", scope=scope, context=Context(patient, USER))
        return {"Authorization": f"Bearer {text}"}


def make_bench(
    *,
    resources: tuple[dict[str, Any], ...] = (),
    clients: tuple[AppClient, ...] = (PUBLIC, SECRET),
    service: Callable[[httpx.Request], httpx.Response] = no_service,
) -> Bench:
    clock = Clock(datetime(2026, 11, 23, 9, tzinfo=UTC))
    record = Record(":memory:", base_url=ADDRESSES.fhir, clock=clock)
    record.load([*practice(), patient("p1", "One"), patient("p2", "Two"), *resources])
    http = httpx.AsyncClient(transport=httpx.MockTransport(service))
    ehr = create_ehr(ADDRESSES, record=record, clients=clients, clock=clock, http=http)
    return Bench(ehr, Browser(ehr.app), clock)


def patient(identity: str, family: str = "Testperson") -> dict[str, Any]:
    return {
        "resourceType": "Patient",
        "id": identity,
        "name": [{"family": family, "given": ["Test"]}],
        "gender": "female",
        "birthDate": "1961-03-04",
    }


def observation(identity: str, code: str = "89247-1", **changes: Any) -> dict[str, Any]:
    """Give an Observation of `of` (p1) on a day `on`, with a value, status and the system of its code."""
    return {
        "resourceType": "Observation",
        "id": identity,
        "status": changes.get("status", "final"),
        "code": {"coding": [{"system": changes.get("system", "http://loinc.org"), "code": code}]},
        "subject": {"reference": f"Patient/{changes.get('of', 'p1')}"},
        "effectiveDateTime": changes.get("on", "2026-11-01"),
        "valueInteger": changes.get("value", 1),
    }


def ids(bundle: dict[str, Any]) -> list[str]:
    return [entry["resource"]["id"] for entry in bundle.get("entry", [])]
