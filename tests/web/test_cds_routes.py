from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from msgspec import Raw

from service.caller import Caller
from service.errors import (
    DeadlinePassed,
    MalformedRequest,
    RequiredDataMissing,
    ServiceError,
    ServiceNotAllowed,
    StoreUnavailable,
    TooManyRequests,
    Unauthenticated,
)
from tests.canary.mark import MARK
from tests.checked_client import HOOK_INSTANCE, PATIENT_VIEW, CheckedClient, FakeAdvisor, patient_view, small_app

if TYPE_CHECKING:
    from service.cds.messages import HookRequest
    from service.settings import Settings

CANARY = f"{MARK}-1"


async def test_an_answer_is_what_the_advisor_says(client: CheckedClient, advisor: FakeAdvisor) -> None:
    answer = await client.call(patient_view())
    assert (answer.status_code, answer.content) == (200, b'{"cards":[]}')
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    [(service_id, request, caller)] = advisor.asked
    assert (service_id, request.hook_instance, caller) == ("crlm-patient-view", HOOK_INSTANCE, Caller())


@pytest.mark.duty(9, 19)
async def test_discovery_is_the_same_bytes_each_time_and_cheap_to_ask_again(client: CheckedClient) -> None:
    first = await client.get("/cds-services")
    assert (await client.get("/cds-services")).content == first.content
    assert first.headers["cache-control"] == "public, max-age=300"
    again = await client.get("/cds-services", headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert (await client.get("/cds-services", headers={"if-none-match": '"other"'})).status_code == 200


@pytest.mark.duty(20)
@pytest.mark.parametrize(
    "path", ["/cds-services/", "/cds-services/none", "/cds-services/crlm-patient-view/", "/x", "/"]
)
async def test_an_unknown_path_is_not_found(client: CheckedClient, path: str) -> None:
    answer = await client.call(patient_view(), path=path)
    assert answer.status_code == 404
    assert answer.json()["issue"][0]["code"] == "not-found"


@pytest.mark.duty(47)
@pytest.mark.parametrize(("method", "path"), [("GET", PATIENT_VIEW), ("PUT", PATIENT_VIEW), ("POST", "/cds-services")])
async def test_another_method_is_refused_and_the_right_one_named(client: CheckedClient, method: str, path: str) -> None:
    answer = await client.request(method, path)
    named = set(answer.headers["allow"].split(", "))
    assert (answer.status_code, named) == (405, {"GET", "HEAD"} if path == "/cds-services" else {"POST"})
    told = "GET and HEAD" if path == "/cds-services" else "POST"
    assert answer.json()["issue"][0]["diagnostics"] == f"this address answers {told} alone"


BAD_BODIES: dict[str, bytes] = {
    "empty": b"",
    "no JSON": CANARY.encode(),
    "cut": json.dumps(patient_view(prefetch={"k": CANARY})).encode()[:-3],
    "NaN": json.dumps(patient_view(prefetch={"k": float("nan"), CANARY: 1})).encode(),
    "Infinity": json.dumps(patient_view(extension={CANARY: float("inf")})).encode(),
    "a list": json.dumps([CANARY]).encode(),
    "a text": json.dumps(CANARY).encode(),
    "null": b"null",
    "deep": json.dumps(patient_view()).encode()[:-1] + b',"prefetch":{"k":' + b"[" * 10_000 + b"]" * 10_000 + b"}}",
    "bytes": json.dumps(patient_view()).encode()[:-1] + b',"prefetch":{"k":"\xff"}}',
    "hook mismatch": json.dumps(patient_view(hook="order-sign")).encode(),
    "hook canary": json.dumps(patient_view(hook=CANARY)).encode(),
    "no instance": json.dumps(patient_view(hookInstance=None)).encode(),
    "instance canary": json.dumps(patient_view(hookInstance=CANARY)).encode(),
    "no context": json.dumps(patient_view(context=None)).encode(),
    "context text": json.dumps(patient_view(context=CANARY)).encode(),
    "no patient": json.dumps(patient_view(context={"userId": f"Practitioner/{CANARY}"})).encode(),
    "patient type": json.dumps(patient_view(context={"patientId": [CANARY], "userId": "Practitioner/1"})).encode(),
    "user": json.dumps(patient_view(context={"patientId": CANARY, "userId": CANARY})).encode(),
    "prefetch list": json.dumps(patient_view(prefetch=[CANARY])).encode(),
    "extension list": json.dumps(patient_view(extension=[CANARY])).encode(),
    "server": json.dumps(patient_view(fhirServer=f"file:///{CANARY}")).encode(),
    "authorization": json.dumps(
        patient_view(fhirServer="https://x", fhirAuthorization={"access_token": CANARY})
    ).encode(),
}


@pytest.mark.duty(21, 22, 46)
@pytest.mark.parametrize("name", BAD_BODIES)
async def test_a_bad_body_is_refused_with_an_outcome_that_repeats_nothing(
    client: CheckedClient, advisor: FakeAdvisor, name: str
) -> None:
    answer = await client.call(BAD_BODIES[name])
    assert answer.status_code == 400
    assert CANARY not in answer.text
    assert CANARY not in str(answer.headers)
    assert advisor.asked == []


@pytest.mark.duty(21, 46)
async def test_the_faulty_element_is_named(client: CheckedClient) -> None:
    answer = await client.call(patient_view(context={"patientId": 1, "userId": "Practitioner/1"}))
    assert answer.json() == {
        "resourceType": "OperationOutcome",
        "issue": [
            {
                "severity": "error",
                "code": "invalid",
                "details": {"text": "The request is not a valid CDS Hooks request"},
                "diagnostics": "context.patientId has the wrong JSON type: expected string",
                "expression": ["context.patientId"],
            }
        ],
    }


async def test_duplicate_members_are_no_fault_and_the_last_counts(client: CheckedClient, advisor: FakeAdvisor) -> None:
    body = json.dumps(patient_view()).encode()[:-1] + b',"prefetch":{"a":1},"prefetch":{"a":2}}'
    assert (await client.call(body)).status_code == 200
    sent = advisor.asked[0][1].prefetch["a"]
    assert isinstance(sent, Raw)
    assert bytes(sent) == b"2"


@pytest.mark.duty(5)
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"content-type": "text/plain"},
        {"content-type": "application/x-www-form-urlencoded"},
        {"content-type": "application/xml"},
        {"content-type": "application/jsonx"},
        {"content-type": ";;;"},
        {"content-type": "application/json; charset=latin-1"},
        {"content-type": "application/json; charset*=utf-8''latin-1"},
        {"content-type": "application/json", "content-encoding": "gzip"},
        {"content-type": "application/json", "content-encoding": CANARY},
    ],
)
async def test_what_is_no_plain_json_is_refused_before_it_is_read(
    client: CheckedClient, headers: dict[str, str]
) -> None:
    answer = await client.request("POST", PATIENT_VIEW, content=b"{", headers=headers)
    assert answer.status_code == 415
    assert answer.headers["accept-encoding"] == "identity"
    assert CANARY not in answer.text


@pytest.mark.duty(5)
@pytest.mark.parametrize(
    "media",
    [
        "application/json",
        "application/json; charset=UTF-8",
        'application/json;charset="utf-8"',
        "application/fhir+json",
        "Application/JSON+FHIR",
    ],
)
async def test_the_media_types_of_real_clients_are_read(client: CheckedClient, media: str) -> None:
    body = json.dumps(patient_view()).encode()
    answer = await client.request("POST", PATIENT_VIEW, content=body, headers={"content-type": media})
    assert answer.status_code == 200


async def chunks(count: int) -> Any:
    for _ in range(count):
        yield b" " * 10_000


@pytest.mark.duty(47)
@pytest.mark.parametrize("content", [b" " * 65_537, chunks(7)], ids=["announced", "in chunks"])
async def test_a_body_over_the_limit_is_refused(client: CheckedClient, content: Any) -> None:
    answer = await client.request("POST", PATIENT_VIEW, content=content, headers={"content-type": "application/json"})
    assert (answer.status_code, answer.json()["issue"][0]["code"]) == (413, "too-long")


async def test_a_body_in_chunks_is_put_together(client: CheckedClient) -> None:
    async def pieces() -> Any:
        body = json.dumps(patient_view()).encode()
        yield body[:20]
        yield body[20:]

    answer = await client.request("POST", PATIENT_VIEW, content=pieces(), headers={"content-type": "application/json"})
    assert answer.status_code == 200


@pytest.mark.duty(46, 47)
@pytest.mark.parametrize(
    ("error", "expected", "headers"),
    [
        (MalformedRequest("a", element="b"), (400, "invalid"), {}),
        (Unauthenticated("the reason is for the log"), (401, "login"), {"www-authenticate": "Bearer"}),
        (ServiceNotAllowed(), (403, "forbidden"), {}),
        (RequiredDataMissing("conditions", "it was not sent"), (412, "required"), {}),
        (TooManyRequests(retry_after_s=7), (429, "throttled"), {"retry-after": "7"}),
        (StoreUnavailable(), (503, "no-store"), {"retry-after": "1"}),
        (DeadlinePassed(5), (504, "timeout"), {"retry-after": "1"}),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
async def test_each_error_has_its_status(
    client: CheckedClient, advisor: FakeAdvisor, error: ServiceError, expected: tuple[int, str], headers: dict[str, str]
) -> None:
    advisor.answer = error
    answer = await client.call(patient_view())
    assert (answer.status_code, answer.json()["issue"][0]["code"]) == expected
    assert headers.items() <= dict(answer.headers).items()
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.headers["cache-control"] == "no-store"
    assert "for the log" not in answer.text


@pytest.mark.duty(38, 46)
async def test_missing_required_data_names_the_key(client: CheckedClient, advisor: FakeAdvisor) -> None:
    advisor.answer = RequiredDataMissing("conditions", "it was not sent")
    issue = (await client.call(patient_view())).json()["issue"][0]
    assert (issue["diagnostics"], issue["expression"]) == (
        "prefetch key 'conditions' is required: it was not sent",
        ["prefetch.conditions"],
    )


@pytest.mark.duty(46, 47)
async def test_a_bug_is_a_500_with_the_request_id_alone_never_empty_cards(
    client: CheckedClient, advisor: FakeAdvisor, capsys: pytest.CaptureFixture[str]
) -> None:
    advisor.answer = ValueError(CANARY)
    answer = await client.call(patient_view())
    assert answer.status_code == 500
    assert answer.json()["issue"] == [
        {
            "severity": "error",
            "code": "exception",
            "details": {"text": "The service failed; nothing was recommended"},
            "diagnostics": f"request {answer.headers['x-request-id']}",
        }
    ]
    assert answer.headers["access-control-allow-origin"] == "*"
    printed = capsys.readouterr()
    assert "ValueError" in printed.out + printed.err
    assert CANARY not in printed.out + printed.err


class Slow(FakeAdvisor):
    """An advisor that would never answer."""

    async def advise(self, service_id: str, request: HookRequest, caller: Caller) -> bytes:
        import asyncio  # noqa: PLC0415  this fake alone waits

        await asyncio.Event().wait()
        return await super().advise(service_id, request, caller)


@pytest.mark.duty(47)
async def test_a_call_that_takes_too_long_is_ended(settings: Settings) -> None:
    from dataclasses import replace  # noqa: PLC0415  this test alone changes settings

    app = small_app(replace(settings, deadline_s=0.02), advisor=Slow())
    async with CheckedClient(app) as client:
        answer = await client.call(patient_view())
    assert (answer.status_code, answer.json()["issue"][0]["diagnostics"]) == (504, "no answer was ready within 0.02 s")


async def test_a_timeout_inside_the_advice_is_a_bug_and_not_the_deadline(
    client: CheckedClient, advisor: FakeAdvisor
) -> None:
    advisor.answer = TimeoutError()
    assert (await client.call(patient_view())).status_code == 500
