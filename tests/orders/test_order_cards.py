"""Which drafted orders get a card in the order hooks, and what each card offers."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

from fhir_mappings.case import PartialDate, Scope
from service.knowledge.model import Policy
from tests.charts import ICD10, concept
from tests.decided import by_mdt, charted, example, recorded, with_facts
from tests.orders.drafts import (
    CPT,
    DAY,
    SNOMED,
    biopsy,
    cards,
    colectomy,
    cycle,
    found,
    hepatectomy,
    order,
    responded,
)

if TYPE_CHECKING:
    from fhir_mappings.case import Case


def test_a_biopsy_of_resectable_metastases_is_warned_of() -> None:
    assert found(example("V01"), biopsy()) == [("no-biopsy", "warning")]


def test_a_card_rests_on_the_statements_of_its_own_advisory() -> None:
    (card,) = cards(example("V01"), biopsy())
    assert card["extension"]["example.crlm-cds.advice"]["statements"] == ["S24"]
    assert "Statements S24 (summary ref 1)" in card["detail"]
    assert "Jones OM et al. BJS 2005;92:1165–8" in card["detail"]  # noqa: RUF001 - as printed
    (late,) = cards(responded(), hepatectomy("2026-12-01"))
    assert "statements" not in late["extension"]["example.crlm-cds.advice"]
    assert "(general knowledge)" in late["detail"]


def test_a_biopsy_is_warned_of_also_where_nothing_is_recorded_of_the_metastases() -> None:
    bare = example("V01", "metastases-detected", "metastasis-count", "r0-achievable")
    (card,) = cards(bare, biopsy())
    assert card["source"]["topic"]["code"] == "no-biopsy"
    assert "In this patient" not in card["detail"]


def test_a_biopsy_of_lesions_found_at_operation_is_critical() -> None:
    assert found(example("V11"), biopsy()) == [("no-biopsy", "critical")]


@pytest.mark.parametrize("case", [example("V20"), example("V12", liver_state="treated"), charted({}, scope=Scope.OUT)])
def test_a_biopsy_without_resectable_lesions_gives_no_card(case: Case) -> None:
    assert found(case, biopsy()) == []


@pytest.mark.parametrize(
    "elements",
    [
        {"code": {"coding": [{"system": CPT, "code": "47000"}], "text": "Biopsy of background liver"}},
        {"reasonCode": [{"text": "staging of fibrosis"}]},
        {"orderDetail": [{"coding": [{"display": "Liver parenchyma"}]}]},
        {"note": [{"text": "cirrhosis?"}]},
        {"reasonCode": [{"text": "V. a. Leberzirrhose"}]},
        {"reasonCode": [{"text": "Fibrose hépatique"}]},
        {"reasonCode": [{"text": "Stéatose"}, {"text": "Hépatite auto-immune"}]},
        {"reasonCode": [{"text": "cirrosis hepática"}]},
        {"reasonCode": [{"text": "NASH"}]},
        {"reasonCode": [concept(SNOMED, "19943007")]},
        {"reasonCode": [concept(ICD10, "K76.0")]},
        {"bodySite": [{"text": "Non-tumorous liver beside the lesion"}]},
    ],
)
def test_a_biopsy_of_the_liver_itself_gives_no_card(elements: dict[str, Any]) -> None:
    assert found(example("V01"), biopsy() | elements) == []


@pytest.mark.parametrize(
    "elements",
    [
        {"reasonCode": [concept(ICD10, "C78.7")], "note": [{"text": "known cirrhosis"}]},
        {"reasonCode": [concept(ICD10, "C78.7"), concept(ICD10, "K74.6")]},
        {"reasonCode": [{"text": "Liver lesion in a patient with steatosis"}]},
        {"code": {"coding": [{"system": CPT, "code": "47000"}], "text": "Punktion der Leberläsion bei Leberzirrhose"}},
        {"bodySite": [{"text": "segment 7"}], "note": [{"text": "Hepatitis B"}, {"text": "metastasis, 2 cm"}]},
    ],
)
def test_a_biopsy_of_a_lesion_in_a_liver_that_is_ill_is_warned_of(elements: dict[str, Any]) -> None:
    assert found(example("V01"), biopsy() | elements) == [("no-biopsy", "warning")]


@pytest.mark.parametrize(
    ("code", "expected"),
    [("K74.6", []), ("C78.7", [("no-biopsy", "warning")]), ("E11.9", [("no-biopsy", "warning")])],
)
def test_a_biopsy_is_of_what_its_reason_on_record_says(code: str, expected: list[tuple[str, str]]) -> None:
    reason = {"resourceType": "Condition", "id": "c", "code": concept(ICD10, code)}
    draft = biopsy(reasonReference=[{"reference": "https://ehr.example.org/fhir/Condition/c"}])
    assert found(example("V01"), draft, record=[reason]) == expected
    assert found(example("V01"), draft, record=[reason | {"id": "other"}]) == [("no-biopsy", "warning")]


def test_a_prophylactic_resection_of_the_primary_is_warned_of_once() -> None:
    assert found(example("V20"), colectomy()) == [("no-prophylactic-primary-resection", "warning")]


def test_liver_and_bowel_drafted_together_are_critical_where_simultaneous_is_excluded() -> None:
    assert found(example("V01"), hepatectomy(), colectomy()) == [
        ("no-simultaneous-major-liver", "critical"),
        ("no-simultaneous-major-liver", "critical"),
        ("strategy-differs", "warning"),
    ]


def test_a_draft_for_the_day_of_a_planned_operation_is_critical() -> None:
    planned = colectomy(DAY, status="active")
    assert found(example("V01"), hepatectomy(DAY), record=[planned]) == [("no-simultaneous-major-liver", "critical")]


def test_a_draft_for_another_day_than_the_planned_operation_is_not_combined() -> None:
    assert found(example("V01"), hepatectomy(DAY), record=[colectomy("2027-01-20", status="active")]) == []


def test_the_second_operation_is_offered_for_a_day_that_fits() -> None:
    drafts = [hepatectomy(DAY), colectomy(DAY)]
    (card,) = cards(example("V01"), *drafts, selections=["ServiceRequest/bowel"])[:1]
    first = card["suggestions"][0]
    assert (first["label"], first["isRecommended"]) == ("Postpone to 29 Dec 2026", True)
    assert first["actions"] == [
        {"type": "update", "description": "Postpone to 29 Dec 2026", "resource": colectomy("2026-12-29")}
    ]
    assert card["selectionBehavior"] == "at-most-one"


def test_a_combined_operation_that_fits_gives_no_card() -> None:
    assert found(example("V16"), order("liver", "47120", on=DAY), order("bowel", "44160", on=DAY)) == []


def test_the_primary_before_the_liver_differs_from_liver_first() -> None:
    assert found(example("V01"), colectomy(DAY)) == [("strategy-differs", "warning")]


def test_the_primary_after_a_planned_liver_operation_fits_liver_first() -> None:
    assert found(example("V01"), colectomy("2027-01-20"), record=[hepatectomy(DAY, status="active")]) == []


@pytest.mark.parametrize("priority", ["stat", "asap"])
def test_an_emergency_operation_of_the_primary_gives_no_card(priority: str) -> None:
    assert found(example("V01"), colectomy(priority=priority)) == []


def test_the_liver_before_a_complicated_primary_differs() -> None:
    assert found(example("V08"), hepatectomy()) == [("strategy-differs", "warning")]


def test_the_liver_after_a_planned_resection_of_the_primary_fits() -> None:
    assert found(example("V08"), hepatectomy("2027-02-01"), record=[colectomy(DAY, status="active")]) == []


@pytest.mark.parametrize(("on", "expected"), [("2026-11-22", [("strategy-differs", "warning")]), ("2026-11-23", [])])
def test_what_was_planned_for_a_day_that_has_passed_comes_before_nothing(
    on: str, expected: list[tuple[str, str]]
) -> None:
    assert found(example("V08"), hepatectomy("2027-02-01"), record=[colectomy(on, status="active")]) == expected
    assert found(example("V01"), colectomy("2027-02-01"), record=[hepatectomy(on, status="active")]) == expected


@pytest.mark.parametrize(
    "case",
    [
        example("V08", r0_achievable=False),
        example("V08", ecog=3),
        example("V01", impending_complication=True, flr_percent=30),
    ],
    ids=["systemic-after-relief", "relief-then-mdt", "secure-primary-before-systemic"],
)
def test_a_liver_that_cannot_be_operated_on_has_no_room_after_the_primary_either(case: Case) -> None:
    [differs] = cards(case, colectomy("2026-12-01"), hepatectomy("2027-02-10"))
    assert differs["source"]["topic"]["code"] == "strategy-differs"
    assert differs["summary"].startswith("Liver operation differs from the recommended order: ")


@pytest.mark.parametrize("draft", [hepatectomy(), colectomy()])
def test_any_resection_differs_where_no_elective_surgery_is_advised(draft: dict[str, Any]) -> None:
    assert found(example("V16", ecog=4), draft) == [("strategy-differs", "warning")]


@pytest.mark.parametrize(
    ("case", "draft"),
    [
        (example("V01"), hepatectomy()),
        (example("V08"), colectomy()),
        (example("V12"), hepatectomy()),
        (example("V27"), hepatectomy()),
        (example("V28"), hepatectomy("2027-03-15")),
        (example("V23"), cycle()),
        (example("V19"), colectomy()),
    ],
)
def test_orders_that_fit_or_cannot_be_judged_give_no_card(case: Case, draft: dict[str, Any]) -> None:
    assert found(case, draft) == []


def test_the_liver_before_the_advised_chemotherapy_differs() -> None:
    assert found(example("V28"), hepatectomy(DAY)) == [("strategy-differs", "warning")]


@pytest.mark.parametrize(
    ("case", "parameter"),
    [(example("V13"), "restaging_months"), (example("V28"), "perioperative_months_each")],
    ids=["restaging", "perioperative"],
)
@pytest.mark.parametrize(
    ("months", "on", "expected"),
    [
        (1, "2026-12-08", [("strategy-differs", "warning")]),
        (1, "2026-12-09", []),
        (5, "2027-04-08", [("strategy-differs", "warning")]),
        (5, "2027-04-09", []),
        (1, None, [("strategy-differs", "warning")]),
    ],
)
def test_the_liver_waits_for_as_many_months_of_chemotherapy_as_the_site_gives(
    case: Case, parameter: str, months: int, on: str | None, expected: list[tuple[str, str]]
) -> None:
    assert found(case, hepatectomy(on), policy=Policy("our MDT", {parameter: months})) == expected


def test_a_further_cycle_is_warned_of_where_the_liver_is_next() -> None:
    (card,) = cards(responded(), cycle())
    assert (card["source"]["topic"]["code"], card["indicator"]) == ("stop-chemotherapy-resect-now", "warning")
    assert "Liver resection, not before 8 Dec 2026: 4 weeks after the last chemotherapy (10 Nov 2026)" in card["detail"]
    assert [suggestion["label"] for suggestion in card["suggestions"]] == [
        "Remove this draft order",
        "Refer to the hepatobiliary unit",
    ]
    assert card["suggestions"][0]["actions"] == [
        {"type": "delete", "description": "Remove the drafted order", "resourceId": "MedicationRequest/cycle"}
    ]


@pytest.mark.parametrize(
    ("on", "expected"),
    [("2026-12-07", [("interval-too-short", "info")]), ("2026-12-08", []), (None, [("interval-too-short", "info")])],
)
def test_four_weeks_pass_between_chemotherapy_and_liver(on: str | None, expected: list[tuple[str, str]]) -> None:
    assert found(responded(), hepatectomy(on)) == expected


def test_six_weeks_pass_between_bevacizumab_and_liver() -> None:
    (card,) = cards(responded(bevacizumab_last_date=date(2026, 11, 10)), hepatectomy("2026-12-10"))
    assert card["summary"] == "Liver operation too soon after chemotherapy: not before 22 Dec 2026"
    assert card["suggestions"][0]["actions"][0]["resource"]["occurrenceDateTime"] == "2026-12-22"


def test_orders_are_compared_with_the_decision_of_the_mdt_first() -> None:
    case = by_mdt(example("V01"), "staged")
    assert found(case, colectomy(DAY)) == []
    (card,) = cards(case, hepatectomy(DAY))
    assert card["summary"] == "Liver operation differs from the MDT's decision of 10 Nov 2026: primary first"


def test_an_undated_decision_of_the_mdt_is_compared_without_a_day() -> None:
    (card,) = cards(by_mdt(example("V01"), "staged", decided=None), hepatectomy(DAY))
    assert card["summary"] == "Liver operation differs from the MDT's decision: primary first"


@pytest.mark.parametrize(("liver", "expected"), [("untreated", ["strategy-differs"]), ("treated", [])])
def test_the_primary_fits_liver_first_of_the_mdt_once_the_liver_is_treated(liver: str, expected: list[str]) -> None:
    decided_after = by_mdt(example("V01", liver_state=liver), "liver-first")
    operated = PartialDate(date(2026, 11, 18), date(2026, 11, 18))
    since = with_facts(by_mdt(example("V01"), "liver-first"), liver_state=recorded("liver-state", liver, operated))
    for case in (decided_after, since):
        assert [code for code, _ in found(case, colectomy(DAY))] == expected


def test_a_simultaneous_operation_that_the_mdt_decided_gives_no_card() -> None:
    case = by_mdt(example("V01"), "simultaneous")
    assert found(case, hepatectomy(DAY), colectomy(DAY)) == []


def test_a_change_since_the_mdt_brings_the_warnings_back() -> None:
    case = by_mdt(example("V16"), "simultaneous")
    later = PartialDate(date(2026, 11, 18), date(2026, 11, 18))
    changed = with_facts(case, ecog=recorded("ecog", 2, later))
    drafts = [order("liver", "47120", on=DAY), order("bowel", "44160", on=DAY)]
    assert ("no-simultaneous-poor-performance", "critical") in found(changed, *drafts)
