"""Draft orders as clients name and change them: selections by address, cancelled copies of planned orders."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio

from tests.charts import concept
from tests.hooks.serving import PATIENT, chart, message, prefetch_of, served
from tests.hooks.test_order_hooks import (
    BIOPSY,
    DAY,
    DRUG,
    LIVER,
    LOW_ANTERIOR,
    RESPONDED,
    prescription,
    request,
    said,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.checked_client import CheckedClient

    Json = dict[str, Any]

pytestmark = pytest.mark.asyncio(loop_scope="module")

FULL_URL = "urn:uuid:8d1b1c0e-0000-4000-8000-000000000001"


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def client(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[CheckedClient]:
    async with served(tmp_path_factory.mktemp("drafts")) as found:
        yield found


@pytest.mark.parametrize("with_id", [True, False])
async def test_an_order_is_selected_by_the_address_of_its_entry(client: CheckedClient, with_id: bool) -> None:  # noqa: FBT001
    draft = request(BIOPSY[0])
    if not with_id:
        del draft["id"]
    entries = [None, {"resource": request(LIVER[0], "liver")}, {"fullUrl": FULL_URL, "resource": draft}]
    context: Json = {"draftOrders": {"resourceType": "Bundle", "entry": entries}, "selections": [FULL_URL]}
    body = message("order-select", prefetch=prefetch_of(chart("V01")), context=context)
    answer = await client.call(body, "/cds-services/crlm-order-select")
    assert [card["source"]["topic"]["code"] for card in answer.json()["cards"]] == ["no-biopsy"]


@pytest.mark.parametrize(
    "cancelled", [{"status": "revoked"}, {"status": "entered-in-error"}, {"doNotPerform": True}], ids=str
)
async def test_an_order_that_is_cancelled_stands_no_more_for_the_day(client: CheckedClient, cancelled: Json) -> None:
    planned = request(LOW_ANTERIOR, "bowel", on=DAY) | {"status": "active"}
    resources = [*chart("V01"), planned]
    liver = request(LIVER[0], "liver", on=DAY)
    assert ("no-simultaneous-major-liver", "critical") in await said(client, resources, liver)
    assert await said(client, resources, liver, planned | cancelled) == []


@pytest.mark.parametrize(
    ("subject", "expected"),
    [
        (f"Patient/{PATIENT}/_history/2", [("no-biopsy", "warning")]),
        (f"https://ehr.example.org/fhir/Patient/{PATIENT}", [("no-biopsy", "warning")]),
        (f" Patient/{PATIENT} ", [("no-biopsy", "warning")]),
        (f"urn:uuid:{PATIENT}", [("no-biopsy", "warning")]),
        (f"Group/{PATIENT}", []),
        ("Patient/other", []),
    ],
)
async def test_an_order_is_of_the_patient_as_the_chart_is(
    client: CheckedClient, subject: str, expected: list[tuple[str, str]]
) -> None:
    assert await said(client, chart("V01"), request(BIOPSY[0], subject={"reference": subject})) == expected


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ("Medication/m1", [("stop-chemotherapy-resect-now", "warning")]),
        ("https://ehr.example.org/fhir/Medication/m1/_history/3", [("stop-chemotherapy-resect-now", "warning")]),
        ("Medication/m2", []),
    ],
)
async def test_a_prescription_is_read_by_the_medication_drafted_beside_it(
    client: CheckedClient, reference: str, expected: list[tuple[str, str]]
) -> None:
    cycle = prescription(DRUG[0], medicationReference={"reference": reference})
    del cycle["medicationCodeableConcept"]
    medication = {"resourceType": "Medication", "id": "m1", "code": concept(*DRUG[0])}
    assert await said(client, chart("V01", **RESPONDED), medication, cycle) == expected


@pytest.mark.parametrize("depth", [1, 2, 200])
async def test_orders_in_a_bundle_among_the_drafts_are_read_like_those_beside_it(
    client: CheckedClient, depth: int
) -> None:
    beside: Json = {"fullUrl": FULL_URL, "resource": request(LOW_ANTERIOR, "bowel", on=DAY)}
    nested = beside
    for _ in range(depth):
        nested = {"fullUrl": "urn:uuid:set", "resource": {"resourceType": "Bundle", "entry": [nested]}}
    told = []
    for entry in (beside, nested):
        entries = [{"resource": request(LIVER[0], "liver", on=DAY)}, entry]
        context: Json = {"draftOrders": {"resourceType": "Bundle", "entry": entries}, "selections": [FULL_URL]}
        body = message("order-select", prefetch=prefetch_of(chart("V01")), context=context)
        answer = await client.call(body, "/cds-services/crlm-order-select")
        told.append([(card["source"]["topic"]["code"], card["indicator"]) for card in answer.json()["cards"]])
    both = ("no-simultaneous-major-liver", "critical"), ("no-simultaneous-major-colorectal", "critical")
    assert told == [[*both, ("strategy-differs", "warning")]] * 2


async def test_a_medication_in_a_bundle_among_the_drafts_is_found_by_the_prescription_beside_it(
    client: CheckedClient,
) -> None:
    cycle = prescription(DRUG[0], medicationReference={"reference": "Medication/m1"})
    del cycle["medicationCodeableConcept"]
    medication = {"resourceType": "Medication", "id": "m1", "code": concept(*DRUG[0])}
    order_set = {"resourceType": "Bundle", "type": "collection", "entry": {"resource": medication}}
    assert await said(client, chart("V01", **RESPONDED), order_set, cycle) == [
        ("stop-chemotherapy-resect-now", "warning")
    ]


def group(kind: str, *contained: Json, **more: Any) -> Json:
    return {
        "resourceType": kind,
        "id": "set",
        "status": "draft",
        "intent": "order",
        "subject": {"reference": f"Patient/{PATIENT}"},
        "contained": [*contained],
    } | more


@pytest.mark.parametrize("kind", ["RequestGroup", "RequestOrchestration", "CarePlan"])
async def test_the_orders_that_a_group_contains_are_read_and_offered_for_no_change(
    client: CheckedClient, kind: str
) -> None:
    orders = request(LIVER[0], "liver", on=DAY), request(LOW_ANTERIOR, "bowel", on=DAY)
    told = []
    for drafts, selected in ((orders, "ServiceRequest/bowel"), ((group(kind, *orders),), f"{kind}/set")):
        entries = [{"resource": draft} for draft in drafts]
        context: Json = {"draftOrders": {"resourceType": "Bundle", "entry": entries}, "selections": [selected]}
        body = message("order-select", prefetch=prefetch_of(chart("V01")), context=context)
        answer = await client.call(body, "/cds-services/crlm-order-select")
        cards = answer.json()["cards"]
        told.append({(card["source"]["topic"]["code"], card["indicator"]) for card in cards})
        changes = [
            action["type"]
            for card in cards
            for suggestion in card.get("suggestions", ())
            for action in suggestion["actions"]
        ]
    both = {("no-simultaneous-major-liver", "critical"), ("no-simultaneous-major-colorectal", "critical")}
    assert told == [both | {("strategy-differs", "warning")}] * 2
    assert set(changes) <= {"create"}


@pytest.mark.parametrize(
    ("ident", "selected", "count"),
    [
        ("set", "RequestGroup/set", 1),
        ("set", "set", 1),
        ("set", "https://ehr.example.org/fhir/RequestGroup/set/_history/2", 1),
        ("set", FULL_URL, 1),
        (None, FULL_URL, 1),
        ("set", "RequestGroup/other", 0),
        (None, "RequestGroup/None", 0),
    ],
)
async def test_what_a_group_contains_is_selected_by_all_that_the_group_is_called(
    client: CheckedClient, ident: str | None, selected: str, count: int
) -> None:
    drafts = group("RequestGroup", request(BIOPSY[0]), id=ident)
    if ident is None:
        del drafts["id"]
    entries = [{"fullUrl": FULL_URL, "resource": drafts}]
    context: Json = {"draftOrders": {"resourceType": "Bundle", "entry": entries}, "selections": [selected]}
    body = message("order-select", prefetch=prefetch_of(chart("V01")), context=context)
    answer = await client.call(body, "/cds-services/crlm-order-select")
    assert [card["source"]["topic"]["code"] for card in answer.json()["cards"]] == ["no-biopsy"] * count


@pytest.mark.parametrize(
    "more",
    [{"status": "revoked"}, {"status": "entered-in-error"}, {"resourceType": "Task"}, {"contained": None}],
    ids=str,
)
async def test_what_a_cancelled_group_or_anything_else_contains_is_no_draft(client: CheckedClient, more: Json) -> None:
    drafts = group("RequestGroup", request(BIOPSY[0])) | more
    assert await said(client, chart("V01"), drafts) == []
    assert await said(client, chart("V01"), group("RequestGroup", request(BIOPSY[0]))) == [("no-biopsy", "warning")]


async def test_the_status_of_a_draft_is_read_without_spaces_around(client: CheckedClient) -> None:
    found = [
        await said(client, chart("V01"), request(BIOPSY[0]) | {"status": status}) for status in (" draft ", " revoked ")
    ]
    assert found == [[("no-biopsy", "warning")], []]


def pointing(kind: str, *references: str, **more: Any) -> Json:
    """Make a group that points to orders beside it."""
    if kind == "CarePlan":
        return group(kind, activity=[{"reference": {"reference": one}} for one in references]) | more
    return group(kind, action=[{"resource": {"reference": one}} for one in references]) | more


async def selected(client: CheckedClient, selections: list[str], *entries: Json) -> list[str]:
    context: Json = {"draftOrders": {"resourceType": "Bundle", "entry": [*entries]}, "selections": selections}
    body = message("order-select", prefetch=prefetch_of(chart("V01")), context=context)
    answer = await client.call(body, "/cds-services/crlm-order-select")
    return [card["source"]["topic"]["code"] for card in answer.json()["cards"]]


@pytest.mark.parametrize("kind", ["RequestGroup", "RequestOrchestration", "CarePlan"])
@pytest.mark.parametrize(
    ("selections", "reference", "expected"),
    [
        (["set"], "ServiceRequest/order", ["no-biopsy"]),
        (["urn:uuid:set"], FULL_URL, ["no-biopsy"]),
        (["set"], "https://ehr.example.org/fhir/ServiceRequest/order/_history/1", ["no-biopsy"]),
        (["set"], "ServiceRequest/other", []),
        (["other"], "ServiceRequest/order", []),
        ([], "ServiceRequest/order", []),
    ],
)
async def test_who_selects_a_group_selects_the_orders_beside_it_that_it_points_to(
    client: CheckedClient, kind: str, selections: list[str], reference: str, expected: list[str]
) -> None:
    entries: list[Json] = [
        {"fullUrl": "urn:uuid:set", "resource": pointing(kind, reference)},
        {"fullUrl": FULL_URL, "resource": request(BIOPSY[0])},
    ]
    assert await selected(client, selections, *entries) == expected
    assert await selected(client, selections, *reversed(entries)) == expected


async def test_a_group_points_to_orders_by_the_parts_of_its_actions_and_by_other_groups(client: CheckedClient) -> None:
    parts = group(
        "RequestGroup", action={"title": "Cycle 5", "action": [{"resource": {"reference": "RequestGroup/g"}}]}
    )
    inner = pointing("RequestGroup", "RequestGroup/set", "ServiceRequest/order", id="g")
    entries: list[Json] = [{"resource": one} for one in (parts, inner, request(BIOPSY[0]))]
    assert await selected(client, ["RequestGroup/set"], *entries) == ["no-biopsy"]


@pytest.mark.parametrize(
    "more",
    [{"status": "revoked"}, {"resourceType": "Task"}, {"action": None}, {"action": [None, {"resource": "x"}]}],
    ids=str,
)
async def test_what_a_cancelled_group_or_anything_else_points_to_is_not_selected_with_it(
    client: CheckedClient, more: Json
) -> None:
    entries: list[Json] = [
        {"resource": one} for one in (pointing("RequestGroup", "ServiceRequest/order") | more, request(BIOPSY[0]))
    ]
    assert await selected(client, [f"{more.get('resourceType', 'RequestGroup')}/set"], *entries) == []
