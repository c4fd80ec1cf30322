"""Which drafted orders get a card in the order hooks, and what each card offers."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from functools import cache
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from fhir_mappings.case import Evidence, MdtRecord, Narrowed, PartialDate, Scope, Sign, Unknown
from fhir_mappings.terminology import Terminology, load_terminology
from service.cds.order_cards import order_cards
from service.knowledge.decide import decide
from service.knowledge.guideline import load_guideline
from tests.decided import CATALOGUE, charted, context, example, recorded, with_facts
from tests.response_checker import check_response

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fhir_mappings.case import Case

CPT = "http://www.ama-assn.org/go/cpt"
SNOMED = "http://snomed.info/sct"
ATC = "http://www.whocc.no/atc"
DAY = "2026-12-01"
DECIDED = PartialDate(date(2026, 11, 10), date(2026, 11, 10))


@cache
def terminology() -> Terminology:
    return load_terminology()


def order(name: str, code: str, system: str = CPT, /, *, on: str | None = None, **elements: Any) -> dict[str, Any]:
    request = {
        "resourceType": "ServiceRequest",
        "id": name,
        "status": "draft",
        "intent": "order",
        "subject": {"reference": "Patient/pat-1"},
        "code": {"coding": [{"system": system, "code": code}]},
        **elements,
    }
    return request | ({"occurrenceDateTime": on} if on else {})


def biopsy(**elements: Any) -> dict[str, Any]:
    return order("biopsy", "47000", **elements)


def hepatectomy(on: str | None = None, **elements: Any) -> dict[str, Any]:
    return order("liver", "47130", on=on, **elements)


def colectomy(on: str | None = None, **elements: Any) -> dict[str, Any]:
    return order("bowel", "44145", on=on, **elements)


def cycle(**elements: Any) -> dict[str, Any]:
    return {
        "resourceType": "MedicationRequest",
        "id": "cycle",
        "status": "draft",
        "subject": {"reference": "Patient/pat-1"},
        "medicationCodeableConcept": {"coding": [{"system": ATC, "code": "L01XA03"}]},
        **elements,
    }


def cards(
    case: Case,
    *drafts: object,
    record: Iterable[object] = (),
    selections: Iterable[str] | None = None,
) -> list[dict[str, Any]]:
    guideline = load_guideline()
    made = order_cards(
        drafts,
        case,
        decide(case, guideline),
        guideline,
        CATALOGUE,
        terminology=terminology(),
        context=context(),
        record=record,
        selections=selections,
    )
    read: list[dict[str, Any]] = msgspec.json.decode(msgspec.json.encode(made))
    assert check_response({"cards": read}, hook="order-sign") == []
    return read


def found(case: Case, *drafts: object, **changed: Any) -> list[tuple[str, str]]:
    return [(card["source"]["topic"]["code"], card["indicator"]) for card in cards(case, *drafts, **changed)]


def responded(**changed: Any) -> Case:
    facts = {
        "chemotherapy_cycles": 4,
        "chemotherapy_response": "partial-response",
        "chemotherapy_last_date": date(2026, 11, 10),
    }
    return example("V01", **(facts | changed))


def by_mdt(case: Case, strategy: str) -> Case:
    evidence = Evidence("Observation/mdt", "entered", DECIDED)
    return replace(case, mdt=MdtRecord(strategy, DECIDED, evidence, facts_then=case.facts))


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
    ],
)
def test_a_biopsy_of_the_liver_itself_gives_no_card(elements: dict[str, Any]) -> None:
    assert found(example("V01"), biopsy() | elements) == []


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


def test_a_further_cycle_is_warned_of_where_the_liver_is_next() -> None:
    (card,) = cards(responded(), cycle())
    assert (card["source"]["topic"]["code"], card["indicator"]) == ("stop-chemotherapy-resect-now", "warning")
    assert "Liver resection not before 8 Dec 2026: 4 weeks after the last chemotherapy (10 Nov 2026)" in card["detail"]
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
    assert card["summary"] == "Liver operation differs from the MDT's decision: primary first on 10 Nov 2026"


def test_a_simultaneous_operation_that_the_mdt_decided_gives_no_card() -> None:
    case = by_mdt(example("V01"), "simultaneous")
    assert found(case, hepatectomy(DAY), colectomy(DAY)) == []


def test_a_change_since_the_mdt_brings_the_warnings_back() -> None:
    case = by_mdt(example("V16"), "simultaneous")
    later = PartialDate(date(2026, 11, 18), date(2026, 11, 18))
    changed = with_facts(case, ecog=recorded("ecog", 2, later))
    drafts = [order("liver", "47120", on=DAY), order("bowel", "44160", on=DAY)]
    assert ("no-simultaneous-poor-performance", "critical") in found(changed, *drafts)


def test_selections_narrow_the_cards_and_the_other_drafts_still_count() -> None:
    assert found(example("V01"), hepatectomy(), colectomy(), selections=["ServiceRequest/liver"]) == [
        ("no-simultaneous-major-liver", "critical")
    ]
    assert found(example("V01"), hepatectomy(), colectomy(), selections=["liver"]) == [
        ("no-simultaneous-major-liver", "critical")
    ]
    assert found(example("V01"), colectomy(), selections=[]) == []


def test_a_card_names_the_order_and_the_values_behind_it() -> None:
    (card,) = cards(example("V08"), hepatectomy())
    assert "Order: Liver operation (ServiceRequest/liver)" in card["detail"]
    assert "Primary in situ, obstructing primary" in card["detail"]


@pytest.mark.parametrize(
    "draft",
    [
        None,
        "ServiceRequest/1",
        {},
        {"resourceType": "ServiceRequest", "id": "t", "code": {"text": "liver biopsy"}},
        {"resourceType": "ServiceRequest", "code": {"coding": [{"system": CPT, "code": "47000"}]}},
        {"resourceType": "ServiceRequest", "id": 7, "code": {"coding": [{"system": CPT, "code": "47000"}]}},
        biopsy(subject={"reference": "Patient/other"}),
        biopsy(doNotPerform=True),
        biopsy(status="revoked"),
        biopsy(code={"coding": "47000"}),
        biopsy(code={"coding": [None, {"system": 1, "code": []}]}),
        order("lab", "2039-6", "http://loinc.org"),
        cycle(medicationCodeableConcept={"coding": [{"system": ATC, "code": "A10BA02"}]}),
    ],
)
def test_what_is_no_order_of_ours_gives_no_card(draft: object) -> None:
    assert found(example("V01"), draft) == []


@pytest.mark.parametrize(
    "sloppy",
    [
        {key: value for key, value in biopsy().items() if key not in {"intent", "status", "subject"}},
        biopsy(subject={"reference": "https://ehr.example.org/fhir/Patient/pat-1/_history/2"}),
        biopsy(code={"coding": [{"system": CPT, "code": 47000}]}),
        biopsy(note=[None, {}, {"text": None}], occurrencePeriod="soon", reasonCode={"text": "x"}),
    ],
)
def test_a_sloppy_draft_is_read_all_the_same(sloppy: dict[str, Any]) -> None:
    assert found(example("V01"), sloppy) == [("no-biopsy", "warning")]


def test_a_sloppy_draft_is_postponed_without_its_empty_members() -> None:
    (card,) = cards(responded(), hepatectomy(DAY, note=[], supportingInfo=None, text={"div": ""}))
    assert card["suggestions"][0]["actions"][0]["resource"] == hepatectomy("2026-12-08")


def test_a_draft_replaces_its_copy_in_the_record() -> None:
    stale = hepatectomy(DAY, status="active")
    assert found(example("V01"), hepatectomy("2027-01-05"), record=[stale]) == []


def test_a_contained_medication_is_read() -> None:
    draft = cycle(
        medicationReference={"reference": "#drug"},
        contained=[
            {"resourceType": "Medication", "id": "drug", "code": {"coding": [{"system": ATC, "code": "L01XA03"}]}}
        ],
    )
    del draft["medicationCodeableConcept"]
    assert found(responded(), draft) == [("stop-chemotherapy-resect-now", "warning")]


@pytest.mark.parametrize(
    ("system", "code"),
    [
        (SNOMED, "443755009"),
        ("http://loinc.org", "24813-8"),
        ("http://www.cms.gov/Medicare/Coding/ICD10", "0FB23ZX"),
        ("https://fhir.hl7.org.uk/Id/opcs-4", "J13.2"),
    ],
)
def test_biopsies_are_known_in_several_systems(system: str, code: str) -> None:
    assert found(example("V01"), order("biopsy", code, system)) == [("no-biopsy", "warning")]


@pytest.mark.parametrize(
    ("elements", "expected"),
    [
        ({"occurrencePeriod": {"start": "2026-12-07"}}, 1),
        ({"occurrencePeriod": {"start": "2026-12-09"}}, 0),
        ({"occurrenceTiming": {"event": ["2026-12-20", "2026-12-07"]}}, 1),
        ({"occurrenceTiming": {"repeat": {"boundsPeriod": {"start": "2026-12-09"}}}}, 0),
    ],
)
def test_the_day_of_an_order_is_read_in_all_its_forms(elements: dict[str, Any], expected: int) -> None:
    assert len(found(responded(), hepatectomy(**elements))) == expected


def test_another_cancer_is_mentioned_beside_the_warning_of_a_biopsy() -> None:
    case = example("V01")
    (card,) = cards(replace(case, signs=case.signs | {Sign.OTHER_CANCER}), biopsy())
    assert "where the origin is in doubt, ask the hepatobiliary unit first" in card["detail"]
    assert found(replace(case, signs=case.signs | {Sign.OTHER_CANCER}), colectomy()) == []


def test_the_liver_is_offered_for_after_a_primary_that_comes_first() -> None:
    (card, _) = cards(example("V08"), hepatectomy(DAY), colectomy(DAY), selections=["ServiceRequest/liver"])
    assert card["source"]["topic"]["code"] == "no-simultaneous-major-liver"
    assert card["suggestions"][0]["label"] == "Postpone to 12 Jan 2027"


def test_one_order_for_both_operations_is_combined_with_itself() -> None:
    codes = {"coding": [{"system": CPT, "code": "47130"}, {"system": CPT, "code": "44145"}]}
    assert ("no-simultaneous-major-liver", "critical") in found(example("V01"), hepatectomy(code=codes))


def test_a_resection_of_the_primary_that_the_mdt_decided_is_not_called_prophylactic() -> None:
    assert found(by_mdt(example("V20"), "staged"), colectomy()) == []


def test_a_decision_of_the_mdt_is_named_rather_than_the_advisory() -> None:
    assert found(by_mdt(example("V20"), "systemic-first"), colectomy()) == [("strategy-differs", "warning")]


def test_a_further_cycle_without_a_dated_one_names_no_day() -> None:
    (card,) = cards(responded(chemotherapy_last_date=Unknown()), cycle())
    assert "not before" not in card["detail"]


def test_the_liver_differs_while_the_resection_of_the_primary_was_incomplete() -> None:
    assert found(example("V12", primary_margin="r2"), hepatectomy()) == [("strategy-differs", "warning")]


def test_the_liver_without_a_day_differs_where_chemotherapy_comes_first() -> None:
    assert found(example("V28"), hepatectomy()) == [("strategy-differs", "warning")]


def test_an_open_next_step_is_named_by_its_strategy() -> None:
    either = Narrowed(frozenset({"perforation", "obstruction"}))
    (card,) = cards(example("V09", primary_symptoms=either), hepatectomy())
    assert card["summary"] == "Liver operation differs from the recommended order: primary first"


def test_an_order_whose_id_is_none_of_fhir_offers_no_deletion() -> None:
    (card,) = cards(example("V01"), biopsy(id="a b<c>"))
    assert [suggestion["label"] for suggestion in card["suggestions"]] == ["Refer to the hepatobiliary unit"]
    assert "Order: Biopsy of the liver (ServiceRequest/a b&lt;c&gt;)" in card["detail"]


def test_only_a_request_is_postponed() -> None:
    planned = {
        "resourceType": "Procedure",
        "id": "liver",
        "status": "preparation",
        "subject": {"reference": "Patient/pat-1"},
        "code": {"coding": [{"system": CPT, "code": "47130"}]},
        "performedDateTime": DAY,
    }
    (card,) = cards(responded(), planned)
    assert [suggestion["label"] for suggestion in card["suggestions"]] == ["Remove this draft order"]
