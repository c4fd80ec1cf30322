"""What is read of an order: its kinds, whether it is open, its day, its name, and the drugs that it refers to."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from fhir_mappings.case import PartialDate
from fhir_mappings.orders import OrderKind, ReadOrder, read_orders
from tests.charts import HCPCS, SNOMED, concept
from tests.orders.drafts import ATC, CPT, biopsy, cycle, hepatectomy, order, terminology

ICD10 = "http://hl7.org/fhir/sid/icd-10"
OXALIPLATIN, METFORMIN = (
    {"resourceType": "Medication", "id": "m", "code": {"coding": [{"system": ATC, "code": code}]}}
    for code in ("L01XA03", "A10BA02")
)


def read(*resources: object, drafts: bool = True, record: tuple[object, ...] = ()) -> tuple[ReadOrder, ...]:
    return read_orders(resources, terminology(), patient_id="pat-1", drafts=drafts, record=record)


def kinds(*resources: object, **more: Any) -> list[set[OrderKind]]:
    return [{*found.kinds} for found in read(*resources, **more)]


def operation(status: str | None, **elements: Any) -> dict[str, Any]:
    return hepatectomy(resourceType="Procedure", status=status, **elements)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ((CPT, "47000"), [{OrderKind.LIVER_BIOPSY}]),
        ((CPT, "47130"), [{OrderKind.LIVER_RESECTION}]),
        ((CPT, "47382"), [{OrderKind.LIVER_RESECTION}]),
        ((CPT, "44145"), [{OrderKind.PRIMARY_RESECTION}]),
        ((CPT, "96413"), [{OrderKind.CHEMOTHERAPY}]),
        ((SNOMED, "716872004"), [{OrderKind.CHEMOTHERAPY}]),
        ((ATC, "L01XA03"), [{OrderKind.CHEMOTHERAPY}]),
        ((HCPCS, "J9263"), [{OrderKind.CHEMOTHERAPY}]),
        ((HCPCS, "Q5118"), [{OrderKind.CHEMOTHERAPY}]),
        ((HCPCS, "Q0084"), [{OrderKind.CHEMOTHERAPY}]),
        ((ICD10, "Z90.4"), []),
    ],
    ids=[
        "biopsy",
        "resection",
        "ablation",
        "primary",
        "infusion",
        "regimen",
        "drug",
        "billed",
        "billed biosimilar",
        "billed visit",
        "what a resection left behind",
    ],
)
def test_the_kind_of_an_order_is_told_by_its_code(code: tuple[str, str], expected: list[set[OrderKind]]) -> None:
    system, name = code
    assert kinds(order("o", name, system)) == expected


OF_LIVER, OF_LEFT_LOBE, OF_LUNG = (concept(SNOMED, code) for code in ("10200004", "21514008", "39607008"))


@pytest.mark.parametrize("code", [(SNOMED, "86273004"), (SNOMED, "9911007"), (SNOMED, "48635004"), (CPT, "10009")])
def test_a_biopsy_is_one_of_the_liver_by_its_body_site(code: tuple[str, str]) -> None:
    system, name = code
    sites: list[Any] = [None, OF_LIVER, [OF_LUNG, OF_LEFT_LOBE], [OF_LUNG], [{"text": "liver"}], "liver", [None]]
    found = [bool(read(order("o", name, system, bodySite=site))) for site in sites]
    background = order("o", name, system, bodySite=[OF_LIVER], reasonCode=[{"text": "Fibrosis"}])
    assert (found, kinds(background)) == ([False, True, True, False, True, False, False], [])


REQUESTS = {"draft": True, "active": True, "on-hold": True, "completed": False, "revoked": False}
OPERATIONS = {"preparation": True, "not-done-yet": True, "in-progress": False, "not-done": False, "draft": False}


@pytest.mark.parametrize("drafts", [True, False])
def test_an_order_counts_while_it_is_open_and_a_draft_without_a_status_too(*, drafts: bool) -> None:
    def are_read(resources: list[dict[str, Any]]) -> list[bool]:
        return [bool(read(one, drafts=drafts)) for one in resources]

    assert are_read([hepatectomy(status=status) for status in REQUESTS]) == [*REQUESTS.values()]
    assert are_read([cycle(status=status) for status in REQUESTS]) == [*REQUESTS.values()]
    assert are_read([operation(status) for status in OPERATIONS]) == [*OPERATIONS.values()]
    assert are_read([hepatectomy(status=None), cycle(status=None), operation(None)]) == [drafts] * 3


@pytest.mark.parametrize(("forbidden", "is_read"), [(True, False), (False, True), (None, True), ("false", True)])
def test_an_order_is_left_out_where_it_says_that_it_is_not_to_be_done(forbidden: object, *, is_read: bool) -> None:
    assert bool(read(hepatectomy(doNotPerform=forbidden))) is is_read


def days(first: str, last: str | None = None) -> PartialDate:
    return PartialDate(date.fromisoformat(first), date.fromisoformat(last or first))


@pytest.mark.parametrize(
    ("elements", "expected"),
    [
        ({}, None),
        ({"occurrenceDateTime": "2026-12-01"}, days("2026-12-01")),
        ({"performedDateTime": "2026-12-01"}, days("2026-12-01")),
        ({"occurrenceDateTime": "2026-12-01", "performedDateTime": "2026-12-05"}, days("2026-12-01")),
        ({"occurrenceDateTime": "soon", "performedDateTime": "2026-12-05"}, days("2026-12-05")),
        ({"occurrencePeriod": {"start": "2026-12-01", "end": "2026-12-05"}}, days("2026-12-01", "2026-12-05")),
        ({"performedPeriod": {"start": "2026-12-01", "end": "2026-12-05"}}, days("2026-12-01", "2026-12-05")),
        ({"performedPeriod": {"end": "2026-12-05"}}, None),
        ({"occurrenceTiming": {"event": ["2026-12-05"]}}, days("2026-12-05")),
    ],
)
def test_the_day_of_an_order_is_its_first_element_that_is_one(
    elements: dict[str, Any], expected: PartialDate | None
) -> None:
    assert [found.dated for found in read(operation("preparation", **elements))] == [expected]


@pytest.mark.parametrize("ident", [None, "", 7])
@pytest.mark.parametrize("drafts", [True, False])
def test_an_order_without_an_id_is_named_by_its_place_and_by_what_it_came_with(*, drafts: bool, ident: object) -> None:
    named, unnamed = hepatectomy(priority="stat"), biopsy(id=ident)
    assert read(None, hepatectomy(status="revoked"), named, unnamed, drafts=drafts) == (
        ReadOrder("ServiceRequest/liver", frozenset({OrderKind.LIVER_RESECTION}), named, elective=False, place=3),
        ReadOrder(
            "ServiceRequest, draft 4" if drafts else "ServiceRequest, planned 4",
            frozenset({OrderKind.LIVER_BIOPSY}),
            unnamed,
            place=4,
        ),
    )


@pytest.mark.parametrize(
    ("beside", "on_record", "expected"),
    [
        ([OXALIPLATIN], [], [{OrderKind.CHEMOTHERAPY}]),
        ([], [OXALIPLATIN], [{OrderKind.CHEMOTHERAPY}]),
        ([OXALIPLATIN], [METFORMIN], [{OrderKind.CHEMOTHERAPY}]),
        ([METFORMIN], [OXALIPLATIN], []),
        ([], [], []),
    ],
    ids=["beside it", "on record", "beside it rather", "beside it rather no drug", "nowhere"],
)
def test_the_drug_of_an_order_stands_beside_it_or_else_on_record(
    beside: list[object], on_record: list[object], expected: list[set[OrderKind]]
) -> None:
    draft = cycle(medicationCodeableConcept=None, medicationReference={"reference": "Medication/m"})
    assert kinds(draft, *beside, record=tuple(on_record)) == expected


@pytest.mark.parametrize(
    "elements",
    [
        {"bodySite": [{"text": "Background Liver"}]},
        {"reasonCode": [{"text": "FIBROSIS"}]},
        {"orderDetail": [{"text": "Parenchyma"}]},
        {"note": [None, {"text": 5}, {"text": "Cirrhosis?"}]},
        {"code": {"coding": [{"system": CPT, "code": "47000", "display": "Transjugular biopsy"}]}},
        {"code": {"concept": concept(CPT, "47000") | {"text": "Biopsy of the parenchyma"}}},
        {"reason": [{"concept": {"text": "Fibrosis"}}]},
        {"reasonCode": [{"text": "Steatohepatitis"}, {"text": "staging"}], "bodySite": [{"text": "Right lobe"}]},
    ],
)
def test_a_biopsy_of_the_liver_itself_is_told_by_its_words_in_any_case(elements: dict[str, Any]) -> None:
    assert [kinds(biopsy()), kinds(biopsy(**elements))] == [[{OrderKind.LIVER_BIOPSY}], []]


BREAST, COLON = (
    {"resourceType": "Condition", "id": name, "code": concept(ICD10, code)}
    for name, code in (("breast", "C50.9"), ("colon", "C18.7"))
)
OF_BREAST, OF_COLON, OF_NOBODY = ({"reference": f"Condition/{name}"} for name in ("breast", "colon", "nobody"))


@pytest.mark.parametrize(
    ("reason", "is_ours"),
    [
        ({}, True),
        ({"reasonReference": [OF_COLON]}, True),
        ({"reasonReference": [OF_BREAST, OF_COLON]}, True),
        ({"reasonReference": [OF_NOBODY]}, True),
        ({"reasonReference": [OF_BREAST], "reasonCode": [concept(ICD10, "C78.7")]}, True),
        ({"reasonCode": [{"text": "breast cancer"}]}, True),
        ({"reasonReference": "Condition/breast", "reasonCode": "C50.9"}, True),
        ({"reasonCode": [concept(ICD10, "C22.9")]}, True),
        ({"reasonCode": [concept(ICD10, "C22.0")]}, False),
        ({"reasonReference": [OF_BREAST]}, False),
        ({"reasonReference": OF_BREAST}, False),
        ({"reasonCode": [concept(ICD10, "C50.9")]}, False),
        ({"reasonReference": [OF_BREAST], "reasonCode": [concept(ICD10, "C61")]}, False),
    ],
)
def test_chemotherapy_that_is_ordered_for_another_cancer_is_no_cycle_of_ours(
    reason: dict[str, Any], *, is_ours: bool
) -> None:
    record = (BREAST, COLON, None, {"resourceType": "Condition", "id": "x"})
    assert kinds({**cycle(), **reason}, record=record) == ([{OrderKind.CHEMOTHERAPY}] if is_ours else [])


@pytest.mark.parametrize(
    "status",
    [
        concept("http://terminology.hl7.org/CodeSystem/condition-ver-status", "refuted"),
        concept(SNOMED, "410516002"),
        {"coding": {"code": "entered-in-error"}},
        {"coding": [None, {"code": 7}], "text": "Differential"},
    ],
)
def test_a_cancer_that_is_not_asserted_is_no_reason_of_an_order(status: Any) -> None:
    refuted = BREAST | {"verificationStatus": status}
    found = kinds({**cycle(), "reasonReference": [OF_BREAST]}, record=(refuted,))
    assert found == [{OrderKind.CHEMOTHERAPY}]


def test_an_operation_is_one_of_ours_whatever_it_is_ordered_for() -> None:
    assert kinds(hepatectomy(reasonReference=[OF_BREAST]), record=(BREAST,)) == [{OrderKind.LIVER_RESECTION}]
