"""A card does not depend on how its chart came: prefetched, or fetched from servers of different habits."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pytest
import pytest_asyncio

from tests.adapters.servers import Answer, Asked, Server, as_gzip, as_json
from tests.charts import CPT, order, standard_chart
from tests.hooks.fhir_servers import TOKEN, Record
from tests.hooks.serving import (
    NOW,
    PATIENT,
    authorization,
    chart,
    clients_file,
    examples,
    message,
    prefetch_of,
    served,
    without_ids,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from tests.checked_client import CheckedClient

    Json = dict[str, Any]
    Habit = Callable[[Record, Asked], Answer]

pytestmark = pytest.mark.asyncio(loop_scope="module")

HINT = {"resourceType": "OperationOutcome", "issue": [{"severity": "warning", "code": "processing"}]}
STRAY = {"resourceType": "Practitioner", "id": "dr1"}
PAGE_SIZE = 3


def plainly(record: Record, asked: Asked) -> Answer:
    return as_json(record.searched(asked))


def by_get_alone(record: Record, asked: Asked) -> Answer:
    return Answer(404) if asked.method == "POST" else plainly(record, asked)


def in_small_pages(record: Record, asked: Asked) -> Answer:
    """Page by three, with links that are relative; each page says the total of all."""
    if asked.method == "GET" and "offset" in asked.parameters:
        kind, offset = asked.parameters["kind"][0], int(asked.parameters["offset"][0])
        found = [one for one in record.resources if one["resourceType"] == kind]
        return _page(kind, found, offset)
    whole = record.searched(asked)
    if whole["resourceType"] != "Bundle":
        return as_json(whole)
    return _page(asked.path.split("/")[2], [entry["resource"] for entry in whole["entry"]], 0)


def _page(kind: str, found: list[Json], offset: int) -> Answer:
    shown = found[offset : offset + PAGE_SIZE]
    entries = [{"resource": one} for one in shown]
    page: Json = {"resourceType": "Bundle", "type": "searchset", "total": len(found), "entry": entries}
    if offset + PAGE_SIZE < len(found):
        query = urlencode({"kind": kind, "offset": offset + PAGE_SIZE})
        page["link"] = [{"relation": "next", "url": f"/fhir?{query}"}]
    return as_json(page)


def with_hints_and_strays(record: Record, asked: Asked) -> Answer:
    """Add what real servers add: a hint as an entry, and resources that were included."""
    whole = record.searched(asked)
    if whole["resourceType"] != "Bundle":
        return as_json(whole)
    extra = [
        {"resource": HINT, "search": {"mode": "outcome"}},
        {"resource": STRAY, "search": {"mode": "include"}},
    ]
    return as_json({**whole, "entry": extra + whole["entry"]})


def compressed(record: Record, asked: Asked) -> Answer:
    return as_gzip(plainly(record, asked).body)


HABITS: dict[str, Habit] = {
    "plainly": plainly,
    "by GET alone": by_get_alone,
    "in small pages": in_small_pages,
    "with hints and strays": with_hints_and_strays,
    "compressed": compressed,
}


class Ehr:
    """A FHIR server whose record and habit a test sets."""

    def __init__(self) -> None:
        self.record = Record([])
        self.habit: Habit = plainly

    def __call__(self, asked: Asked) -> Answer:
        if asked.headers.get("authorization") != f"Bearer {TOKEN}":
            return Answer(401)
        return self.habit(self.record, asked)


@asynccontextmanager
async def trusting(fhir: Server, folder: Path) -> AsyncIterator[CheckedClient]:
    client = {
        "issuer": "https://ehr.example.org",
        "jwks_url": "https://ehr.example.org/jwks",
        "fhir_origins": [fhir.url],
        "allow_private_addresses": True,
    }
    # A busy machine is no habit of a server.
    async with served(folder, clients=clients_file(folder, client), fetch_budget_s=20.0, deadline_s=30.0) as found:
        yield found


@pytest_asyncio.fixture(loop_scope="module", scope="module", params=list(HABITS))
async def at_habit(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[tuple[CheckedClient, Ehr, str]]:
    """The service and a server of one habit; what the service learns of the habit stays for all its tests."""
    ehr = Ehr()
    ehr.habit = HABITS[request.param]
    with Server(ehr) as fhir:
        async with trusting(fhir, tmp_path_factory.mktemp("fetched")) as client:
            yield client, ehr, f"{fhir.url}/fhir"


def charts(example: str) -> list[list[Json]]:
    charted = standard_chart(examples()[example], as_of=NOW, patient_id=PATIENT)
    return [chart(example), [one for of_type in charted.values() for one in of_type]]


@pytest.mark.duty(38, 39)
@pytest.mark.parametrize("example", examples())
async def test_each_worked_case_gets_the_same_card_either_way(
    at_habit: tuple[CheckedClient, Ehr, str], example: str
) -> None:
    client, ehr, base = at_habit
    for resources in charts(example):
        ehr.record = Record(resources)
        fetched = await client.call(message(fhirServer=base, fhirAuthorization=authorization(TOKEN)))
        sent = await client.call(message(prefetch=prefetch_of(resources)))
        assert without_ids(fetched.json()["cards"]) == without_ids(sent.json()["cards"])
        assert len(sent.json()["cards"]) == 1


async def test_orders_on_record_that_were_fetched_count_as_planned(at_habit: tuple[CheckedClient, Ehr, str]) -> None:
    client, ehr, base = at_habit
    day = (NOW + timedelta(days=8)).date().isoformat()
    planned = order("bowel", (CPT, "44140"), patient_id=PATIENT, occurrenceDateTime=day)
    ehr.record = Record([*chart("V01"), planned])
    draft = order("liver", (CPT, "47130"), status="draft", patient_id=PATIENT, occurrenceDateTime=day)
    context = {"draftOrders": {"resourceType": "Bundle", "entry": [{"resource": draft}]}}
    body = message("order-sign", context=context, fhirServer=base, fhirAuthorization=authorization(TOKEN))
    cards = (await client.call(body, "/cds-services/crlm-order-sign")).json()["cards"]
    assert [card["source"]["topic"]["code"] for card in cards] == ["no-simultaneous-major-liver"]


@pytest.mark.duty(79)
async def test_calls_at_the_same_time_never_share_a_token_or_a_chart(tmp_path: Path) -> None:
    worked = ["V01", "V08", "V11", "V16", "V20"]
    patients = {f"patient-{number}": worked[number % len(worked)] for number in range(10)}

    def of_the_token(asked: Asked) -> Answer:
        """Answer only where the token and the patient that is asked for belong together."""
        _, _, owner = asked.headers.get("authorization", "").partition("Bearer token-of-")
        asked_for = asked.parameters.get("patient", [asked.path.rpartition("/")[2]])[0]
        if owner != asked_for:
            return Answer(403)
        return as_json(Record(chart(patients[owner], patient_id=owner)).searched(asked))

    async def open_chart(client: CheckedClient, base: str, patient: str) -> Any:
        grant = authorization(f"token-of-{patient}")
        body = message(context={"patientId": patient}, fhirServer=base, fhirAuthorization=grant)
        return (await client.call(body)).json()["cards"]

    with Server(of_the_token) as fhir:
        async with trusting(fhir, tmp_path) as client:
            found = await asyncio.gather(*(open_chart(client, f"{fhir.url}/fhir", patient) for patient in patients))
            for patient, cards in zip(patients, found, strict=True):
                resources = chart(patients[patient], patient_id=patient)
                sent = await client.call(message(context={"patientId": patient}, prefetch=prefetch_of(resources)))
                assert without_ids(cards) == without_ids(sent.json()["cards"])
