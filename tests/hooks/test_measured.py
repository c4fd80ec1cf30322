"""What the served application counts and how it tells its times: names of our own, never a patient's."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from tests.adapters.servers import Answer, Asked, Server, as_json
from tests.adapters.tokens import BASE, ISSUER, KEYS, NOW, PATH, token
from tests.canary.mark import MARK
from tests.hooks.fhir_servers import TOKEN, Record
from tests.hooks.serving import authorization, bundle, chart, clients_file, message, prefetch_of, served

if TYPE_CHECKING:
    from pathlib import Path

    import httpx

    from tests.checked_client import CheckedClient

CANARY = f"{MARK}-1"
CHART = chart("V01", patient_id=CANARY)
OF_CANARY: dict[str, Any] = {"context": {"patientId": CANARY, "userId": f"Practitioner/{CANARY}"}}
WRITTEN = "kept as the user wrote it"
FEEDBACK = {
    "feedback": [
        {
            "card": "5f6c9d3e-0000-4000-8000-000000000001",
            "outcome": "overridden",
            "overrideReason": {"reason": {"code": "x1", "system": "urn:x"}, "userComment": WRITTEN},
            "outcomeTimestamp": "2026-11-23T18:49:38.380Z",
        }
    ]
}
_TIMING = re.compile(r"([a-z]+);dur=(\d+(?:\.\d+)?)")


def timing(answer: httpx.Response) -> list[str]:
    """Give the names in Server-Timing, all of them well formed and no part longer than the whole."""
    parts = [_TIMING.fullmatch(part) for part in answer.headers["server-timing"].split(", ")]
    found = {part[1]: float(part[2]) for part in parts if part}
    assert len(found) == len(parts)
    assert max(found.values()) <= found["total"]
    return list(found)


def settings(folder: Path, fhir: Server, **client: Any) -> dict[str, Any]:
    (folder / "keys.json").write_bytes(KEYS)
    known = {
        "issuer": ISSUER,
        "jwks_file": "keys.json",
        "fhir_origins": [fhir.url],
        "allow_private_addresses": True,
        **client,
    }
    return {"auth": "required", "public_base_url": BASE, "clients": clients_file(folder, known), "clock": lambda: NOW}


async def post(client: CheckedClient, body: Any, number: int, path: str = PATH) -> httpx.Response:
    text = token(claims={"aud": BASE + path, "jti": str(number)}, header={"jku": ...})
    headers = {"content-type": "application/json", "authorization": f"Bearer {text}"}
    return await client.request("POST", path, content=json.dumps(body), headers=headers)


async def test_cards_fetches_feedback_and_refusals_are_counted_without_a_word_of_the_patient(tmp_path: Path) -> None:
    record = Record(CHART)

    def without_procedures(asked: Asked) -> Answer:
        return Answer(500) if "Procedure" in asked.path else as_json(record.searched(asked))

    with Server(without_procedures) as fhir:
        async with served(tmp_path, **settings(tmp_path, fhir)) as client:
            call = {"fhirServer": f"{fhir.url}/fhir", "fhirAuthorization": authorization(TOKEN), **OF_CANARY}
            await post(client, message(prefetch=prefetch_of(CHART), **OF_CANARY), 1)
            await post(client, message(**call), 2)
            await post(client, message(prefetch={"conditions": bundle([])}, **OF_CANARY), 3)
            await post(client, FEEDBACK, 4, f"{PATH}/feedback")
            await post(client, {"feedback": []}, 5, f"{PATH}/feedback")
            await post(client, message(**call), 2)
            page = (await client.get("/metrics")).text
    told = [line for line in page.splitlines() if not line.startswith("#") and "_created" not in line]
    counted = [line for line in told if "seconds" not in line and "issued_cards" not in line]
    assert counted == [
        'crlm_calls_total{service="crlm-patient-view",status="200"} 4.0',
        'crlm_calls_total{service="crlm-patient-view",status="400"} 1.0',
        'crlm_calls_total{service="crlm-patient-view",status="401"} 1.0',
        'crlm_cards_total{service="crlm-patient-view",topic="liver-first"} 1.0',
        'crlm_cards_total{service="crlm-patient-view",topic="undetermined"} 1.0',
        'crlm_tokens_refused_total{reason="replayed"} 1.0',
        'crlm_fetches_total{completeness="complete"} 7.0',
        'crlm_fetches_total{completeness="not-retrieved"} 1.0',
        "crlm_feedback_calls_total 1.0",
        "crlm_rate_limits_alone 0.0",
    ]
    assert [said for said in (CANARY, TOKEN, WRITTEN) if said in page] == []


@pytest.mark.duty(48)
async def test_an_answer_tells_the_time_of_its_phases_and_a_refusal_its_whole_alone(tmp_path: Path) -> None:
    record = Record(CHART)
    with Server(lambda asked: as_json(record.searched(asked))) as fhir:
        async with served(tmp_path, **settings(tmp_path, fhir)) as client:
            fetched = {"fhirServer": f"{fhir.url}/fhir", "fhirAuthorization": authorization(TOKEN), **OF_CANARY}
            answers = [
                await post(client, message(**fetched), 1),
                await post(client, message(prefetch={"conditions": None}, **OF_CANARY), 2),
                await post(client, FEEDBACK, 3, f"{PATH}/feedback"),
                await post(client, message(**OF_CANARY), 4),
                await post(client, message(**OF_CANARY), 4),
            ]
    assert [(answer.status_code, timing(answer)) for answer in answers] == [
        (200, ["auth", "prefetch", "fetch", "read", "decide", "cards", "total"]),
        (200, ["auth", "prefetch", "total"]),
        (200, ["auth", "total"]),
        (412, ["total"]),
        (401, ["total"]),
    ]


@pytest.mark.duty(47)
async def test_a_call_that_outlives_its_deadline_is_ended_with_504_and_leaves_the_service_sound(tmp_path: Path) -> None:
    with Server(lambda _: Answer(200, b"x" * 100, hold=True)) as fhir:
        told = settings(tmp_path, fhir)
        async with served(tmp_path, **told, fetch_budget_s=30.0, deadline_s=0.8) as client:
            call = {"fhirServer": f"{fhir.url}/fhir", "fhirAuthorization": authorization(TOKEN), **OF_CANARY}
            late = await post(client, message(**call), 1)
            next_one = await post(client, message(prefetch=prefetch_of(CHART), **OF_CANARY), 2)
    assert (late.status_code, late.json()["issue"][0]["diagnostics"]) == (504, "no answer was ready within 0.8 s")
    assert (late.headers["retry-after"], next_one.status_code) == ("1", 200)


@pytest.mark.duty(47)
@pytest.mark.parametrize("feedback", [False, True])
async def test_a_client_over_its_rate_is_told_when_to_come_back(tmp_path: Path, *, feedback: bool) -> None:
    path, body = (
        (f"{PATH}/feedback", FEEDBACK) if feedback else (PATH, message(prefetch=prefetch_of(CHART), **OF_CANARY))
    )
    with Server(lambda _: Answer(404)) as fhir:
        async with served(tmp_path, **settings(tmp_path, fhir, requests_per_minute=6)) as client:
            answers = [await post(client, body, number, path) for number in (1, 2)]
    assert [answer.status_code for answer in answers] == [200, 429]
    assert 1 <= int(answers[1].headers["retry-after"]) <= 10
    assert answers[1].json()["issue"][0]["code"] == "throttled"
