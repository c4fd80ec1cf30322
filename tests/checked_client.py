"""A client in process that runs the checkers on every answer, and the smallest requests and applications for it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Self

import httpx

from service.caller import Caller
from service.web.app import create_app
from tests.response_checker import check_discovery, check_operation_outcome, check_response

if TYPE_CHECKING:
    from types import TracebackType

    from fastapi import FastAPI
    from starlette.types import ASGIApp

    from service.cds.messages import HookRequest
    from service.settings import Settings

PATIENT_VIEW = "/cds-services/crlm-patient-view"
HOOK_INSTANCE = "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea"


def patient_view(**changes: Any) -> dict[str, Any]:
    """Build a patient-view request; `changes` replace members, `None` leaves one out."""
    members = {
        "hook": "patient-view",
        "hookInstance": HOOK_INSTANCE,
        "context": {"patientId": "p1", "userId": "Practitioner/dr1"},
        **changes,
    }
    return {name: value for name, value in members.items() if value is not None}


class FakeAdvisor:
    """An advisor that answers `answer`, or raises it where it is an exception, and keeps what it was asked."""

    def __init__(self, answer: bytes | Exception = b'{"cards":[]}') -> None:
        self.answer = answer
        self.asked: list[tuple[str, HookRequest, Caller]] = []

    async def advise(self, service_id: str, request: HookRequest, caller: Caller) -> bytes:
        self.asked.append((service_id, request, caller))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


class Everyone:
    """Lets every call pass, from nobody."""

    async def authenticate(self, authorization: str | None, *, path: str, service_id: str) -> Caller:  # noqa: ARG002  the protocol's arguments
        return Caller()


class Forgetful:
    """Acknowledges all feedback."""

    async def record(self, service_id: str, body: bytes, caller: Caller) -> None:
        pass


class AlwaysReady:
    async def faults(self) -> list[str]:
        return []


def small_app(settings: Settings, **parts: Any) -> FastAPI:
    """Build the application around fakes; `parts` replace them, or come beside them."""
    fakes = {
        "advisor": FakeAdvisor(),
        "templates": {"conditions": "Condition?patient={{context.patientId}}"},
        "authenticator": Everyone(),
        "feedback": Forgetful(),
        "readiness": AlwaysReady(),
    }
    return create_app(settings, **{**fakes, **parts})


class CheckedClient:
    """Calls an ASGI application; an answer that the checkers find faulty fails the test."""

    def __init__(self, app: ASGIApp) -> None:
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=True)
        self._http = httpx.AsyncClient(transport=transport, base_url="https://cds.example.org")

    async def __aenter__(self) -> Self:
        await self._http.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.__aexit__(kind, error, trace)

    async def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Send any request and check its answer."""
        answer = await self._http.request(method, path, **options)
        faults = answer_faults(method, path, answer)
        assert not faults, "\n".join(faults)
        return answer

    async def get(self, path: str, **options: Any) -> httpx.Response:
        return await self.request("GET", path, **options)

    async def call(self, message: dict[str, Any] | bytes, path: str = PATIENT_VIEW) -> httpx.Response:
        """Post a request to a service; bytes are sent as they are."""
        body = message if isinstance(message, bytes) else json.dumps(message).encode()
        return await self.request("POST", path, content=body, headers={"content-type": "application/json"})


def check_page(answer: httpx.Response) -> list[str]:
    """List what is wrong with the page that tells somebody at a browser of a problem."""
    faults = [f"a page has no {mark}" for mark in ("<title>", "<h1>", 'lang="') if mark not in answer.text]
    if answer.headers.get("content-type") != "text/html; charset=utf-8":
        faults.append("a browser is answered with a page")
    if answer.headers.get("cache-control") != "no-store":
        faults.append("a page of a problem must not be stored")
    return faults + (["a page of a problem runs scripts"] if "<script" in answer.text else [])


def answer_faults(method: str, path: str, answer: httpx.Response) -> list[str]:
    """List what the checkers find in any answer of the service."""
    faults = [f"header {name} is missing" for name in ("x-request-id", "server-timing") if name not in answer.headers]
    if answer.headers.get("x-content-type-options") != "nosniff":
        faults.append("header x-content-type-options must be nosniff")
    if answer.status_code >= 400:
        sent = answer.request.headers
        is_form = sent.get("content-type") == "application/x-www-form-urlencoded"
        if (method == "GET" or is_form) and "text/html" in sent.get("accept", ""):
            return faults + check_page(answer)
        return faults + check_operation_outcome(answer.content)
    if not answer.is_success or not path.startswith("/cds-services"):
        return faults
    if path == "/cds-services" and method == "GET":
        return faults + check_discovery(answer.content)
    if method == "POST" and not path.endswith("/feedback"):
        return faults + check_response(answer.content, hook=path.rpartition("/crlm-")[2])
    return faults
