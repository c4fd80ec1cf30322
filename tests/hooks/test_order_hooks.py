"""The order hooks through the whole service: each line of the order table, in every system that codes it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio

from tests.charts import ATC, CPT, ICD10CM, LOINC, OPCS, PCS, RXNORM, SNOMED, concept, condition, dose, local, procedure
from tests.hooks.serving import ADVICE, NOW, PATIENT, chart, message, prefetch_of, served

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from tests.checked_client import CheckedClient

    Json = dict[str, Any]
    Coded = tuple[str, str]

pytestmark = pytest.mark.asyncio(loop_scope="module")

DAY, LATER = "2026-12-01", "2027-01-20"
OPS = "http://fhir.de/CodeSystem/bfarm/ops"
BIOPSY: list[Coded] = [
    (CPT, "47000"),
    (SNOMED, "443755009"),
    (PCS, "0FB10ZX"),
    (OPCS, "J13.2"),
    (LOINC, "24813-8"),
    (OPS, "1-441.0"),
    (OPS, "1-442.0"),
    (OPS, "1-551.1"),
]
PRIMARY: list[Coded] = [(CPT, "44140"), (SNOMED, "82619000"), (PCS, "0DTN0ZZ"), (OPCS, "H10.1"), (OPS, "5-455.75")]
LOW_ANTERIOR = (CPT, "44145")
LIVER: list[Coded] = [(CPT, "47130"), (SNOMED, "107963000"), (PCS, "0FT10ZZ"), (OPCS, "J02.1"), (OPS, "5-502.1")]
DRUG: list[Coded] = [(RXNORM, "32592"), (ATC, "L01XA03")]
INFUSION: list[Coded] = [(CPT, "96413"), (SNOMED, "367336001"), (OPS, "8-543.22")]
RESPONDED: Json = {
    "chemotherapy_cycles": 4,
    "chemotherapy_response": "partial-response",
    "chemotherapy_last_date": "2026-11-10",
}


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def client(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[CheckedClient]:
    async with served(tmp_path_factory.mktemp("orders")) as found:
        yield found


def request(coding: Coded, name: str = "order", /, *, on: str | None = None, **more: Any) -> Json:
    found = {
        "resourceType": "ServiceRequest",
        "id": name,
        "status": "draft",
        "intent": "order",
        "subject": {"reference": f"Patient/{PATIENT}"},
        "code": concept(*coding),
        **more,
    }
    return found | ({"occurrenceDateTime": on} if on else {})


def prescription(coding: Coded, name: str = "order", /, **more: Any) -> Json:
    return {
        "resourceType": "MedicationRequest",
        "id": name,
        "status": "draft",
        "intent": "order",
        "subject": {"reference": f"Patient/{PATIENT}"},
        "medicationCodeableConcept": concept(*coding),
        **more,
    }


async def cards(
    client: CheckedClient, resources: Sequence[Json], *drafts: Any, selections: Sequence[str] | None = None
) -> list[Json]:
    """Give the cards for drafts, of order-select where `selections` are given, else of order-sign."""
    hook = "order-sign" if selections is None else "order-select"
    context: Json = {"draftOrders": {"resourceType": "Bundle", "entry": [{"resource": one} for one in drafts]}}
    if selections is not None:
        context["selections"] = list(selections)
    body = message(hook, prefetch=prefetch_of(resources), context=context)
    answer = await client.call(body, f"/cds-services/crlm-{hook}")
    assert answer.status_code == 200, answer.text
    found: list[Json] = answer.json()["cards"]
    return found


async def said(client: CheckedClient, resources: Sequence[Json], *drafts: Any, **more: Any) -> list[tuple[str, str]]:
    found = await cards(client, resources, *drafts, **more)
    return [(card["source"]["topic"]["code"], card["indicator"]) for card in found]


def coded(code: Coded) -> str:
    return f"{code[0].rpartition('/')[2]} {code[1]}"


@pytest.mark.duty(53, 60)
@pytest.mark.parametrize("code", BIOPSY, ids=coded)
@pytest.mark.parametrize(("example", "indicator"), [("V01", "warning"), ("V11", "critical")])
async def test_a_biopsy_of_liver_lesions(client: CheckedClient, code: Coded, example: str, indicator: str) -> None:
    [card] = await cards(client, chart(example), request(code))
    assert (card["source"]["topic"]["code"], card["indicator"]) == ("no-biopsy", indicator)
    assert "(ServiceRequest/order)" in card["detail"]
    assert card["extension"][ADVICE]["statements"] == ["S24"]
    assert [(one["label"], one["actions"][0]["type"]) for one in card["suggestions"]] == [
        ("Remove this draft order", "delete"),
        ("Refer to the hepatobiliary unit", "create"),
    ]
    assert card["suggestions"][0]["actions"][0]["resourceId"] == "ServiceRequest/order"


@pytest.mark.parametrize("code", PRIMARY, ids=coded)
async def test_a_prophylactic_resection_of_the_primary(client: CheckedClient, code: Coded) -> None:
    [card] = await cards(client, chart("V20"), request(code))
    assert (card["source"]["topic"]["code"], card["indicator"]) == ("no-prophylactic-primary-resection", "warning")
    assert [one["label"] for one in card["suggestions"]] == ["Remove this draft order", "Refer to the liver MDT"]


@pytest.mark.parametrize("liver", LIVER, ids=coded)
@pytest.mark.parametrize("primary", PRIMARY, ids=coded)
async def test_liver_and_bowel_on_one_day(client: CheckedClient, liver: Coded, primary: Coded) -> None:
    drafts = request(liver, "liver", on=DAY), request(primary, "bowel", on=DAY)
    found = await said(client, chart("V01"), *drafts)
    assert found[:2] == [("no-simultaneous-major-liver", "critical")] * 2
    assert set(found[2:]) <= {("strategy-differs", "warning")}


@pytest.mark.parametrize("code", LIVER, ids=coded)
async def test_the_liver_before_a_complicated_primary(client: CheckedClient, code: Coded) -> None:
    assert await said(client, chart("V08"), request(code, on=DAY)) == [("strategy-differs", "warning")]


@pytest.mark.parametrize("code", PRIMARY, ids=coded)
async def test_the_primary_where_the_liver_is_first(client: CheckedClient, code: Coded) -> None:
    assert await said(client, chart("V01"), request(code, on=DAY)) == [("strategy-differs", "warning")]


@pytest.mark.parametrize("code", [*PRIMARY, *LIVER], ids=coded)
async def test_any_resection_of_a_patient_who_is_unfit(client: CheckedClient, code: Coded) -> None:
    assert await said(client, chart("V16", ecog=4), request(code, on=DAY)) == [("strategy-differs", "warning")]


@pytest.mark.parametrize(
    "draft",
    [*(prescription(code) for code in DRUG), *(request(code) for code in INFUSION)],
    ids=lambda one: one["resourceType"],
)
async def test_a_further_cycle_after_a_response(client: CheckedClient, draft: Json) -> None:
    [card] = await cards(client, chart("V01", **RESPONDED), draft)
    assert (card["source"]["topic"]["code"], card["indicator"]) == ("stop-chemotherapy-resect-now", "warning")
    reference = f"{draft['resourceType']}/order"
    assert card["suggestions"][0]["actions"] == [
        {"type": "delete", "description": "Remove the drafted order", "resourceId": reference}
    ]


@pytest.mark.parametrize("code", LIVER, ids=coded)
@pytest.mark.parametrize(
    ("on", "changes", "not_before"),
    [
        ("2026-12-07", {}, "2026-12-08"),
        ("2026-12-08", {}, None),
        ("2026-12-21", {"bevacizumab_last_date": "2026-11-10"}, "2026-12-22"),
        ("2026-12-22", {"bevacizumab_last_date": "2026-11-10"}, None),
    ],
)
async def test_the_liver_soon_after_chemotherapy(
    client: CheckedClient, code: Coded, on: str, changes: Json, not_before: str | None
) -> None:
    found = await cards(client, chart("V01", **RESPONDED, **changes), request(code, on=on))
    told = [(card["source"]["topic"]["code"], card["indicator"]) for card in found]
    assert told == ([("interval-too-short", "info")] if not_before else [])
    offered = [card["suggestions"][0]["actions"][0] for card in found]
    assert [(one["type"], one["resource"]["occurrenceDateTime"]) for one in offered] == (
        [("update", not_before)] if not_before else []
    )


OF_PATIENT = {"patient_id": PATIENT}
OLIGO = [
    local(code, value, on="2026-11-16", **OF_PATIENT)
    for code, value in (("ecog", 0), ("r0-achievable", True), ("mdt-decision", "metachronous"))
]
RESECTED = [
    condition("primary", (ICD10CM, "C18.7"), onset="2026-01-05", clinical="resolved", **OF_PATIENT),
    procedure("bowel", (CPT, "44140"), on="2026-01-20", **OF_PATIENT),
]
METASTASES = condition("liver", (ICD10CM, "C78.7"), onset="2026-11-12", **OF_PATIENT)
BEFORE = [
    condition("old", (ICD10CM, "C78.7"), onset="2026-03-02", **OF_PATIENT),
    procedure("wedge", (CPT, "47120"), on="2026-04-01", **OF_PATIENT),
]
CYCLE = dose("cycle", DRUG[1], on="2026-11-10", **OF_PATIENT)
ADJUVANT_ORDER = prescription(DRUG[1], "adjuvant", status="active", authoredOn="2026-02-20")
LATELY: list[tuple[str, list[Json]]] = [
    ("adjuvant, still running", [METASTASES, CYCLE, ADJUVANT_ORDER]),
    ("for metastases without a date", [condition("liver", (ICD10CM, "C78.7"), **OF_PATIENT), CYCLE]),
    ("for a recurrence beside metastases that stayed active", [*BEFORE, METASTASES, CYCLE]),
    ("another undated", [METASTASES, CYCLE, dose("undated", DRUG[1], **OF_PATIENT)]),
]


@pytest.mark.parametrize("lately", [one[1] for one in LATELY], ids=[one[0] for one in LATELY])
async def test_the_liver_soon_after_any_chemotherapy_whatever_it_was_given_for(
    client: CheckedClient, lately: list[Json]
) -> None:
    record = [*RESECTED, *OLIGO, *lately]
    [card] = await cards(client, record, request((CPT, "47120"), on="2026-12-07"))
    assert card["source"]["topic"]["code"] == "interval-too-short"
    assert (
        "- Ordered for 7 Dec 2026; the interval ends on 8 Dec 2026: 4 weeks after the last chemotherapy (10 Nov 2026) "
        "(general knowledge).\n"
        "- Recorded: last chemotherapy 10 Nov 2026 (MedicationAdministration/cycle)\n"
    ) in card["detail"]
    assert await cards(client, record, request((CPT, "47120"), on="2026-12-08")) == []


async def test_the_liver_soon_after_bevacizumab_that_was_given_for_a_recurrence(client: CheckedClient) -> None:
    bevacizumab = dose("bevacizumab", (ATC, "L01FG01"), on="2026-11-09", **OF_PATIENT)
    record = [*RESECTED, *OLIGO, *BEFORE, METASTASES, CYCLE, bevacizumab]
    [card] = await cards(client, record, request((CPT, "47120"), on="2026-12-20"))
    assert card["summary"] == "Liver operation too soon after chemotherapy: not before 21 Dec 2026"
    assert await cards(client, record, request((CPT, "47120"), on="2026-12-21")) == []


@pytest.mark.parametrize(
    ("example", "draft"),
    [
        ("V01", request(LIVER[0], on=DAY)),
        ("V08", request(PRIMARY[0], on=DAY)),
        ("V16", request((CPT, "47120"), on=DAY)),
        ("V23", prescription(DRUG[0])),
        ("V19", request(PRIMARY[0], on=DAY)),
        ("V20", request(BIOPSY[0])),
        ("V01", request((LOINC, "2039-6"))),
        ("V01", request((OPS, "1-442.2"))),
    ],
    ids=str,
)
async def test_orders_that_fit_or_cannot_be_judged_give_no_card(
    client: CheckedClient, example: str, draft: Json
) -> None:
    assert await cards(client, chart(example), draft) == []


@pytest.mark.parametrize(
    "draft",
    [
        request(BIOPSY[0], code={"text": "CT guided biopsy of liver lesion"}),
        request(BIOPSY[0], code={"coding": [{"display": "Biopsy of liver"}]}),
        prescription(DRUG[0], medicationCodeableConcept={"text": "oxaliplatin"}),
        request(PRIMARY[0], code={"text": "Anterior resection"}),
    ],
    ids=str,
)
async def test_an_order_in_words_alone_is_not_guessed_at(client: CheckedClient, draft: Json) -> None:
    assert await cards(client, chart("V11", **RESPONDED), draft) == []


async def test_selections_narrow_the_cards_while_the_other_drafts_count(client: CheckedClient) -> None:
    drafts = request(LIVER[0], "liver", on=DAY), request(PRIMARY[0], "bowel", on=DAY)
    chosen = await cards(client, chart("V01"), *drafts, selections=["ServiceRequest/liver"])
    assert [card["source"]["topic"]["code"] for card in chosen] == ["no-simultaneous-major-liver"]
    assert "Liver operation (ServiceRequest/liver)" in chosen[0]["detail"]
    assert await cards(client, chart("V01"), *drafts, selections=[]) == []
    assert await cards(client, chart("V01"), *drafts, selections=["ServiceRequest/unheard-of"]) == []


@pytest.mark.duty(43)
async def test_a_draft_wins_over_the_copy_on_record(client: CheckedClient) -> None:
    planned = request(PRIMARY[0], "bowel", on=DAY, status="active")
    resources = [*chart("V01"), planned]
    liver = request(LIVER[0], "liver", on=DAY)
    assert await said(client, resources, liver) == [("no-simultaneous-major-liver", "critical")]
    moved = request(PRIMARY[0], "bowel", on=LATER)
    assert await cards(client, resources, liver, moved) == []


async def test_the_second_operation_is_offered_for_a_day_that_fits(client: CheckedClient) -> None:
    drafts = request(LIVER[0], "liver", on=DAY), request(PRIMARY[0], "bowel", on=DAY)
    [card] = (await cards(client, chart("V01"), *drafts, selections=["ServiceRequest/bowel"]))[:1]
    assert card["suggestions"][0]["actions"] == [
        {
            "type": "update",
            "description": "Postpone to 29 Dec 2026",
            "resource": request(PRIMARY[0], "bowel", on="2026-12-29"),
        }
    ]


async def test_the_decision_of_the_mdt_comes_first(client: CheckedClient) -> None:
    decided = [*chart("V01"), local("mdt-decision", "staged", on="2026-11-22", patient_id=PATIENT)]
    assert await cards(client, decided, request(PRIMARY[0], on=DAY)) == []
    [card] = await cards(client, decided, request(LIVER[0], on=DAY))
    assert card["summary"] == "Liver operation differs from the MDT's decision of 22 Nov 2026: primary first"


async def test_an_order_that_carries_the_decision_of_the_mdt_out_is_no_change_since(client: CheckedClient) -> None:
    unplanned = chart("V01", colorectal_operation=...)
    decided = [*unplanned, local("mdt-decision", "staged", on="2026-11-22", patient_id=PATIENT)]
    for more in ({"on": DAY}, {"authoredOn": "2026-11-23"}, {}):
        assert await cards(client, decided, request(LOW_ANTERIOR, **more)) == []


async def test_another_operation_than_the_mdt_knew_of_is_a_change_since(client: CheckedClient) -> None:
    decided = [*chart("V16"), local("mdt-decision", "simultaneous", on="2026-11-22", patient_id=PATIENT)]
    drafts = request((CPT, "47120"), "liver", on=DAY), request((CPT, "44160"), "bowel", on=DAY)
    assert await cards(client, decided, *drafts) == []
    larger = drafts[0], request(LOW_ANTERIOR, "bowel", on=DAY)
    assert ("no-simultaneous-major-colorectal", "critical") in await said(client, decided, *larger)


SLOPPY_ORDERS = [
    {name: value for name, value in request(BIOPSY[0]).items() if name not in {"intent", "status", "subject"}},
    request(BIOPSY[0], subject={"reference": f"https://ehr.example.org/fhir/Patient/{PATIENT}"}),
    request(BIOPSY[0], occurrencePeriod="soon", note=[None, {}], reasonCode={"text": "?"}),
    request(BIOPSY[0], code={"coding": [None, {"system": CPT, "code": 47000}]}),
]
BUNDLES = [
    {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": request(BIOPSY[0])}]},
    {"resourceType": "Bundle", "entry": [{"resource": request(BIOPSY[0]), "fullUrl": "urn:uuid:1"}]},
    {"entry": [{"resource": request(BIOPSY[0])}]},
    {"resourceType": "Bundle", "entry": {"resource": request(BIOPSY[0])}},
    {"resourceType": "Bundle", "entry": [None, {}, {"resource": None}, {"resource": request(BIOPSY[0])}, 7]},
    request(BIOPSY[0]),
]


@pytest.mark.parametrize("draft", SLOPPY_ORDERS, ids=range(len(SLOPPY_ORDERS)))
async def test_a_sloppy_order_is_read_all_the_same(client: CheckedClient, draft: Json) -> None:
    assert await said(client, chart("V01"), draft) == [("no-biopsy", "warning")]


@pytest.mark.parametrize("bundle", BUNDLES, ids=range(len(BUNDLES)))
async def test_a_sloppy_bundle_is_read_all_the_same(client: CheckedClient, bundle: Json) -> None:
    body = message("order-sign", prefetch=prefetch_of(chart("V01")), context={"draftOrders": bundle})
    answer = await client.call(body, "/cds-services/crlm-order-sign")
    assert [card["source"]["topic"]["code"] for card in answer.json()["cards"]] == ["no-biopsy"]


@pytest.mark.parametrize(
    "bundle", [None, [], "Bundle", 7, {"resourceType": "Bundle"}, {"resourceType": "Bundle", "entry": {}}], ids=str
)
async def test_orders_that_are_no_bundle_are_refused_and_an_empty_one_gives_no_card(
    client: CheckedClient, bundle: Any
) -> None:
    body = message("order-sign", prefetch=prefetch_of(chart("V01")))
    body["context"]["draftOrders"] = bundle
    answer = await client.call(body, "/cds-services/crlm-order-sign")
    if isinstance(bundle, dict):
        assert (answer.status_code, answer.json()) == (200, {"cards": []})
    else:
        assert (answer.status_code, answer.json()["issue"][0]["expression"]) == (400, ["context.draftOrders"])


async def test_an_order_of_another_patient_is_never_judged_by_this_chart(client: CheckedClient) -> None:
    assert await cards(client, chart("V01"), request(BIOPSY[0], subject={"reference": "Patient/p2"})) == []


async def test_the_chart_of_an_order_is_dated_by_the_clock_of_the_service(client: CheckedClient) -> None:
    [card] = await cards(client, chart("V01"), request(BIOPSY[0]))
    created = card["suggestions"][1]["actions"][0]["resource"]
    assert created["authoredOn"].startswith(NOW.date().isoformat())


async def test_an_order_that_changes_the_answer_is_told_what_it_speaks_against(client: CheckedClient) -> None:
    [card] = await cards(client, chart("V16"), request((CPT, "44145"), on=DAY))
    assert card["summary"].startswith("Resection of the primary differs from the recommended order: liver first")
    assert "- **Not simultaneous**: low anterior resection planned\n" in card["detail"]
