from __future__ import annotations

import asyncio
import gc
import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from service.caller import Caller
from service.errors import ServiceError, StoreUnavailable, Unauthenticated
from service.web.collection import CollectAfterAnswer
from service.web.last_resort import LastResort
from service.web.problems import answer_http_error, answer_service_error, problem_of
from tests.canary.mark import MARK
from tests.checked_client import PATIENT_VIEW, CheckedClient, FakeAdvisor, patient_view, small_app

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from starlette.types import Message, Receive, Scope, Send

    from service.settings import Settings

TEMPLATES = {"patient": "Patient/{{context.patientId}}"}
CANARY = f"{MARK}-1"


class Guard:
    """An authenticator that believes one header."""

    def __init__(self) -> None:
        self.asked: list[tuple[str | None, str, str | None]] = []

    async def authenticate(self, authorization: str | None, *, path: str, service_id: str) -> Caller:
        self.asked.append((authorization, path, service_id))
        if authorization != "Bearer good":
            raise Unauthenticated("no such key")
        return Caller(issuer="https://ehr.example.org")


class Keeper:
    """A feedback sink that remembers, or fails."""

    def __init__(self, fault: Exception | None = None) -> None:
        self.kept: list[tuple[str, bytes, Caller]] = []
        self.fault = fault

    async def record(self, service_id: str, body: bytes, caller: Caller) -> None:
        if self.fault:
            raise self.fault
        self.kept.append((service_id, body, caller))


class Ill:
    """A readiness with one fault."""

    async def faults(self) -> list[str]:
        return ["the store does not answer"]


async def test_the_token_is_checked_for_the_path_before_the_body_is_read(settings: Settings) -> None:
    guard, advisor = Guard(), FakeAdvisor()
    async with CheckedClient(small_app(settings, advisor=advisor, authenticator=guard)) as client:
        refused = await client.call(b"{")
        headers = {"content-type": "application/json", "authorization": "Bearer good"}
        body = json.dumps(patient_view()).encode()
        accepted = await client.request("POST", PATIENT_VIEW, content=body, headers=headers)
    assert (refused.status_code, refused.headers["www-authenticate"]) == (401, "Bearer")
    assert "no such key" not in refused.text
    assert accepted.status_code == 200
    assert guard.asked == [
        (None, PATIENT_VIEW, "crlm-patient-view"),
        ("Bearer good", PATIENT_VIEW, "crlm-patient-view"),
    ]
    assert advisor.asked[0][2] == Caller(issuer="https://ehr.example.org")


@pytest.mark.duty(67)
async def test_feedback_is_acknowledged_once_it_is_kept(settings: Settings) -> None:
    keeper = Keeper()
    app = small_app(settings, feedback=keeper)
    async with CheckedClient(app) as client:
        answer = await client.call(b'{"feedback":[]}', path=f"{PATIENT_VIEW}/feedback")
        unknown = await client.call(b"{}", path="/cds-services/none/feedback")
    assert (answer.status_code, answer.content) == (200, b"")
    assert keeper.kept == [("crlm-patient-view", b'{"feedback":[]}', Caller())]
    assert unknown.status_code == 404


async def test_an_unknown_address_is_a_page_for_people_and_an_outcome_for_programs(client: CheckedClient) -> None:
    page = await client.get("/<b>", headers={"accept": "text/html"})
    outcome = await client.get("/<b>")
    assert (page.status_code, page.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert page.text == (
        '<!doctype html><html lang="en"><meta name="viewport" content="width=device-width, initial-scale=1">'
        "<title>Not Found</title><main><h1>Not Found</h1></main></html>"
    )
    assert outcome.json()["issue"] == [{"severity": "error", "code": "not-found", "details": {"text": "Not Found"}}]


async def test_a_hook_is_refused_as_an_outcome_whatever_its_client_accepts(client: CheckedClient) -> None:
    refused = await client.request("POST", PATIENT_VIEW, content=b"{", headers={"accept": "text/html"})
    assert (refused.status_code, refused.headers["content-type"]) == (415, "application/json")


async def test_feedback_that_cannot_be_kept_is_not_acknowledged(settings: Settings) -> None:
    app = small_app(settings, feedback=Keeper(StoreUnavailable()))
    async with CheckedClient(app) as client:
        answer = await client.call(b"{}", path=f"{PATIENT_VIEW}/feedback")
    assert (answer.status_code, answer.json()["issue"][0]["code"]) == (503, "no-store")


async def test_health_tells_what_is_missing(client: CheckedClient, settings: Settings) -> None:
    assert (await client.get("/health/live")).json() == {"status": "live"}
    assert (await client.get("/health/ready")).json() == {"status": "ready"}
    app = small_app(settings, readiness=Ill())
    async with CheckedClient(app) as ill:
        answer = await ill.get("/health/ready")
        assert (await ill.get("/health/live")).status_code == 200
    assert (answer.status_code, answer.json()["issue"][0]["diagnostics"]) == (503, "the store does not answer")


@pytest.mark.duty(73, 79)
async def test_one_line_a_request_without_paths_bodies_or_queries(
    client: CheckedClient, log_lines: list[dict[str, Any]]
) -> None:
    await client.call(patient_view(context={"patientId": CANARY, "userId": f"Practitioner/{CANARY}"}))
    await client.get(f"/{CANARY}?patient={CANARY}")
    await client.call({"hook": CANARY}, path=f"/cds-services/{CANARY}")
    assert [(line["event"], line["status"], line["route"]) for line in log_lines] == [
        ("request", 200, "/cds-services/{service_id}"),
        ("request", 404, "none"),
        ("request", 404, "/cds-services/{service_id}"),
    ]
    assert {"request_id", "ms", "method", "service", "hook_instance", "body_bytes", "prefetch_keys"} <= log_lines[
        0
    ].keys()
    assert CANARY not in str(log_lines)


async def test_the_reason_of_a_refused_token_is_logged(settings: Settings, log_lines: list[dict[str, Any]]) -> None:
    app = small_app(settings, authenticator=Guard())
    async with CheckedClient(app) as client:
        await client.call(patient_view())
    assert (log_lines[0]["problem"], log_lines[0]["reason"]) == ("Unauthenticated", "no such key")


async def test_what_is_wrong_with_a_refused_request_is_logged_too(
    client: CheckedClient, log_lines: list[dict[str, Any]]
) -> None:
    request = patient_view()
    del request["hookInstance"]
    answer = await client.call(request)
    said = answer.json()["issue"][0]["diagnostics"]
    assert (log_lines[0]["problem"], log_lines[0]["diagnostics"], said) == (
        "MalformedRequest",
        "hookInstance is required",
        "hookInstance is required",
    )


async def test_what_runs_with_the_server_starts_and_stops_with_it(settings: Settings) -> None:
    seen: list[str] = []

    @asynccontextmanager
    async def running() -> AsyncIterator[None]:
        seen.append("started")
        yield
        seen.append("stopped")

    app = small_app(settings, running=running, collects_between_requests=True)
    async with app.router.lifespan_context(app):
        assert (seen, gc.isenabled()) == (["started"], False)
    assert (seen, gc.isenabled()) == (["started", "stopped"], True)


async def test_garbage_is_collected_after_an_answer_and_not_inside_it() -> None:
    collected: list[dict[str, Any]] = []
    held: list[list[int]] = []

    async def app(_scope: Scope, _receive: Receive, _send: Send) -> None:
        held.extend([number] for number in range(30_000))
        assert collected == []

    def watch(phase: str, info: dict[str, int]) -> None:
        if phase == "start":
            collected.append(dict(info))

    middleware = CollectAfterAnswer(app)
    gc.disable()
    gc.callbacks.append(watch)
    try:
        for turn in range(50):
            collected.clear()
            await middleware({"type": "http"}, _receive, _send)
            await asyncio.sleep(0)
            assert collected[0]["generation"] == (2 if turn == 49 else 0)
    finally:
        gc.callbacks.remove(watch)
        gc.enable()


async def test_where_the_collector_runs_by_itself_it_is_left_alone() -> None:
    async def app(_scope: Scope, _receive: Receive, _send: Send) -> None:
        pass

    middleware = CollectAfterAnswer(app)
    await middleware({"type": "http"}, _receive, _send)
    assert gc.isenabled()


async def _receive() -> Message:
    return {"type": "http.request"}


async def _send(_: Message) -> None:
    pass


async def test_a_bug_after_the_answer_has_begun_cuts_the_connection(log_lines: list[dict[str, Any]]) -> None:
    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise ValueError(CANARY)

    scope: Scope = {"type": "http", "method": "POST", "headers": [], "state": {"request_id": "r"}}
    with pytest.raises(ValueError, match=CANARY):
        await LastResort(app)(scope, _receive, _send)
    assert [line["event"] for line in log_lines] == ["bug"]
    assert CANARY not in str(log_lines)


async def test_other_scopes_than_http_pass_through(settings: Settings) -> None:
    app = small_app(settings)
    sent: list[Message] = []

    async def connect() -> Message:
        return {"type": "websocket.connect"}

    async def keep(message: Message) -> None:
        sent.append(message)

    scope = {"type": "websocket", "path": "/cds-services", "headers": [], "query_string": b"", "subprotocols": []}
    await app(scope, connect, keep)
    assert [message["type"] for message in sent] == ["websocket.close"]


async def test_a_client_that_goes_away_in_the_middle_is_no_bug(settings: Settings) -> None:
    app = small_app(settings)
    sent: list[Message] = []
    messages: Iterator[Message] = iter(
        [{"type": "http.request", "body": b"{", "more_body": True}, {"type": "http.disconnect"}]
    )

    async def leave() -> Message:
        return next(messages)

    async def keep(message: Message) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": PATIENT_VIEW,
        "raw_path": PATIENT_VIEW.encode(),
        "query_string": b"",
        "headers": [(b"content-type", b"application/json")],
    }
    await app(scope, leave, keep)
    assert sent[0]["status"] == 400


async def test_each_handler_refuses_errors_of_others() -> None:
    request = httpx.Request("GET", "https://x")
    for handler in (answer_service_error, answer_http_error):
        with pytest.raises(KeyError):
            await handler(request, KeyError())  # type: ignore[arg-type]  # the request is not looked at


def test_an_error_without_a_place_in_the_table_is_a_bug() -> None:
    with pytest.raises(TypeError, match="ServiceError has no place"):
        problem_of(ServiceError())
