"""What a call costs its FHIR server: one look where a chart is out of scope, at most two round trips where it is in."""

from __future__ import annotations

import threading
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from tests.adapters.servers import Answer, Asked, Server, as_gzip, as_json
from tests.charts import ICD10CM, condition
from tests.hooks.fhir_servers import TOKEN, Record
from tests.hooks.serving import authorization, bundle, chart, clients_file, message, prefetch_of, served, without_ids
from tests.stopwatch import Stopwatch

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.checked_client import CheckedClient

CHART = chart("V01")
HYPERTENSION = [condition("c1", (ICD10CM, "I10"), patient_id="p1")]


class Together:
    """A FHIR server that answers all but the conditions only once all seven others have been asked for."""

    def __init__(self) -> None:
        self.record = Record(CHART)
        self.barrier = threading.Barrier(7)
        self.conditions_answered = threading.Event()
        self.early: list[str] = []

    def __call__(self, asked: Asked) -> Answer:
        answer = as_json(self.record.searched(asked))
        if "Condition" in asked.path:
            self.conditions_answered.set()
            return answer
        if not self.conditions_answered.is_set():
            self.early.append(asked.path)
        self.barrier.wait(5)
        return answer


@asynccontextmanager
async def client_of(fhir: Server, folder: Path, **settings: Any) -> AsyncIterator[CheckedClient]:
    ehr = {
        "issuer": "https://ehr.example.org",
        "jwks_url": "https://ehr.example.org/jwks",
        "fhir_origins": [fhir.url],
        "allow_private_addresses": True,
    }
    async with served(folder, clients=clients_file(folder, ehr), **settings) as client:
        yield client


def call(fhir: Server, **more: Any) -> dict[str, Any]:
    return message(fhirServer=f"{fhir.url}/fhir", fhirAuthorization=authorization(TOKEN), **more)


@pytest.mark.parametrize("mode", ["full", "gate"])
@pytest.mark.parametrize("prefetch", [None, {}, {"patient": {"resourceType": "Patient", "id": "p1"}}])
async def test_a_chart_out_of_scope_costs_one_query(tmp_path: Path, mode: str, prefetch: Any) -> None:
    record = Record(HYPERTENSION)
    with Server(lambda asked: as_json(record.searched(asked))) as fhir:
        async with client_of(fhir, tmp_path, prefetch=mode) as client:
            answer = await client.call(call(fhir, prefetch=prefetch))
    assert (answer.status_code, answer.json()) == (200, {"cards": []})
    assert [(asked.method, asked.path, asked.parameters) for asked in fhir.asked] == [
        ("POST", "/fhir/Condition/_search", {"patient": ["p1"], "_count": ["1000"]})
    ]


async def test_a_chart_out_of_scope_whose_conditions_were_sent_costs_nothing(tmp_path: Path) -> None:
    with Server(lambda _: as_json(bundle([]))) as fhir:
        async with client_of(fhir, tmp_path) as client:
            answer = await client.call(call(fhir, prefetch={"conditions": bundle(HYPERTENSION)}))
    assert (answer.json(), fhir.asked) == ({"cards": []}, [])


@pytest.mark.duty(38, 48)
async def test_a_chart_in_scope_costs_two_round_trips_the_second_all_at_once(tmp_path: Path) -> None:
    together = Together()
    with Server(together) as fhir:
        async with client_of(fhir, tmp_path) as client:
            fetched = await client.call(call(fhir))
            sent = await client.call(message(prefetch=prefetch_of(CHART)))
    assert (together.early, len(fhir.asked)) == ([], 8)
    assert without_ids(fetched.json()["cards"]) == without_ids(sent.json()["cards"])


async def test_in_gate_mode_the_rest_is_fetched_in_one_round_trip_and_gives_the_same_card(tmp_path: Path) -> None:
    together = Together()
    together.conditions_answered.set()
    with Server(together) as fhir:
        async with client_of(fhir, tmp_path, prefetch="gate") as client:
            services = (await client.get("/cds-services")).json()["services"]
            whole = prefetch_of(CHART)
            advertised = {key: whole[key] for key in services[0]["prefetch"]}
            fetched = await client.call(call(fhir, prefetch=advertised))
            sent = await client.call(message(prefetch=whole))
    assert [list(service["prefetch"]) for service in services] == [["patient", "conditions"]] * 3
    assert (len(fhir.asked), {asked.headers.get("authorization") for asked in fhir.asked}) == (7, {f"Bearer {TOKEN}"})
    assert without_ids(fetched.json()["cards"]) == without_ids(sent.json()["cards"])


async def test_a_server_that_searches_by_get_alone_costs_two_round_trips_too(tmp_path: Path) -> None:
    record = Record(CHART)

    def by_get_alone(asked: Asked) -> Answer:
        return Answer(405) if asked.method == "POST" else as_json(record.searched(asked))

    with Server(by_get_alone) as fhir:
        async with client_of(fhir, tmp_path) as client:
            first = await client.call(call(fhir))
            methods = [asked.method for asked in fhir.asked]
            second = await client.call(call(fhir))
            sent = await client.call(message(prefetch=prefetch_of(CHART)))
    assert methods == ["POST"] + ["GET"] * 8
    assert [asked.method for asked in fhir.asked[9:]] == ["GET"] * 8
    assert [without_ids(answer.json()["cards"]) for answer in (first, second)] == [
        without_ids(sent.json()["cards"])
    ] * 2


def without_rest() -> dict[str, Any]:
    """A prefetch in which only the conditions could be had."""
    error = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "exception"}]}
    whole = prefetch_of(CHART)
    return {key: value if key in ("patient", "conditions") else error for key, value in whole.items()}


@pytest.mark.parametrize("by_get", [False, True])
async def test_conditions_that_come_and_a_rest_that_hangs_give_a_card_in_time(tmp_path: Path, *, by_get: bool) -> None:
    record = Record(CHART)

    def hangs(asked: Asked) -> Answer:
        if by_get and asked.method == "POST":
            return Answer(405)
        if "Condition" in asked.path:
            return as_json(record.searched(asked))
        return Answer(200, b"x" * 100, hold=True)

    with Server(hangs) as fhir:
        async with client_of(fhir, tmp_path, fetch_budget_s=0.8) as client:
            await client.call(message(prefetch=prefetch_of(CHART)))
            watch = Stopwatch()
            late = await client.call(call(fhir))
            seconds = watch.seconds()
            known = await client.call(message(prefetch=without_rest()))
    assert seconds < 2.0
    assert without_ids(late.json()["cards"]) == without_ids(known.json()["cards"])


@pytest.mark.duty(79)
async def test_a_token_that_expires_at_once_is_not_sent(tmp_path: Path) -> None:
    with Server(lambda _: as_json(bundle([]))) as fhir:
        async with client_of(fhir, tmp_path) as client:
            grant = {**authorization(TOKEN), "expires_in": 0}
            answer = await client.call(message(fhirServer=f"{fhir.url}/fhir", fhirAuthorization=grant))
    assert (answer.status_code, fhir.asked) == (412, [])
    assert answer.json()["issue"][0]["diagnostics"].endswith("the access token had expired")


BOMB = as_gzip(b" " * 200_000_000)
LARGE = as_json(bundle([{"resourceType": "Observation", "id": "o", "note": [{"text": "n" * 2_000}]}] * 12_000))


@pytest.mark.parametrize("answer", [BOMB, LARGE], ids=["bombs", "25 MB of JSON"])
async def test_a_server_that_sends_too_much_for_every_key_costs_no_more_than_one(
    tmp_path: Path, answer: Answer
) -> None:
    record = Record(CHART)

    def too_much(asked: Asked) -> Answer:
        return as_json(record.searched(asked)) if "Condition" in asked.path else answer

    with Server(too_much) as fhir:
        async with client_of(fhir, tmp_path, fetch_budget_s=0.8) as client:
            await client.call(message(prefetch=prefetch_of(CHART)))
            watch = Stopwatch()
            found = await client.call(call(fhir))
            seconds = watch.seconds()
    assert seconds < 2.0
    advice = found.json()["cards"][0]["extension"]["example.crlm-cds.advice"]
    assert advice["determined"] is False


NO_SEARCHSETS: dict[str, bytes] = {
    "empty": b"",
    "null": b"null",
    "a text": b'"nothing here"',
    "a list": b"[]",
    "an object": b"{}",
    "the resource itself": b'{"resourceType": "Patient", "id": "p1"}',
    "a statement of capabilities": b'{"resourceType": "CapabilityStatement", "fhirVersion": "4.0.1"}',
    "resources of another type": b'{"resourceType": "Bundle", "entry": [{"resource": {"resourceType": "Claim"}}]}',
    "a number for a type": b'{"resourceType": 7, "entry": []}',
    "not UTF-8": b'{"resourceType": "Bundle", "link": [{"relation": "\xff"}]}',
    "nested without end": b'{"resourceType": "Bundle", "entry": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "cut": b'{"resourceType": "Bundle", "entry": [',
    "two documents": b'{"resourceType": "Bundle"}{"resourceType": "Bundle"}',
    "NaN": b'{"resourceType": "Bundle", "total": NaN}',
    "a batch whose query failed": b'{"resourceType": "Bundle", "entry": [{"response": {"status": "500"}}]}',
}


@pytest.mark.duty(38)
@pytest.mark.parametrize("body", NO_SEARCHSETS.values(), ids=NO_SEARCHSETS.keys())
async def test_an_answer_that_is_no_searchset_is_never_taken_for_nothing_there(tmp_path: Path, body: bytes) -> None:
    record = Record(CHART)
    odd = Answer(200, body, {"Content-Type": "application/fhir+json"})

    def mostly_sound(asked: Asked) -> Answer:
        return odd if "Observation" in asked.path else as_json(record.searched(asked))

    with Server(lambda _: odd) as fhir, Server(mostly_sound) as better:
        async with client_of(fhir, tmp_path) as client:
            refused = await client.call(call(fhir))
        async with client_of(better, tmp_path) as client:
            found = await client.call(call(better))
            error = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "exception"}]}
            known = await client.call(message(prefetch={**prefetch_of(CHART), "observations": error}))
    assert (refused.status_code, refused.json()["issue"][0]["expression"]) == (412, ["prefetch.conditions"])
    assert without_ids(found.json()["cards"]) == without_ids(known.json()["cards"])


@pytest.mark.duty(79)
@pytest.mark.parametrize(
    "link",
    [
        "{elsewhere}/fhir?page=2", "//127.0.0.1:{port}/fhir?page=2", "http://{own}@127.0.0.1:{port}/fhir",
        "http://{own}.evil.example/", "https://{own}/fhir", "javascript:alert(1)", "http://[::1",
        "\\\\127.0.0.1:{port}\\x", "ftp://{own}/fhir", "http://{own}:1/fhir", "data:application/json,{{}}",
    ],
)  # fmt: skip
async def test_a_next_link_that_leads_elsewhere_is_not_followed(tmp_path: Path, link: str) -> None:
    with Server(lambda _: as_json(bundle([]))) as fhir, Server(lambda _: as_json(bundle([]))) as elsewhere:
        own = fhir.url.removeprefix("http://")
        url = link.format(elsewhere=elsewhere.url, port=elsewhere.port, own=own)
        whole = prefetch_of(CHART)
        paged = {**whole, "observations": {**whole["observations"], "link": [{"relation": "next", "url": url}]}}
        partial = {**whole, "observations": {**whole["observations"], "total": 99}}
        async with client_of(fhir, tmp_path) as client:
            found = await client.call(call(fhir, prefetch=paged))
            known = await client.call(message(prefetch=partial))
    assert (elsewhere.asked, fhir.asked) == ([], [])
    assert without_ids(found.json()["cards"]) == without_ids(known.json()["cards"])
