"""Order hooks on orders of every shape: selections, sloppy drafts, codes, days, and what is left out of a card."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from fhir_mappings.case import Narrowed, Sign, Unknown
from fhir_mappings.read.references import drugs_of
from tests.decided import by_mdt, example
from tests.orders.drafts import (
    ATC,
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


def test_selections_narrow_the_cards_and_the_other_drafts_still_count() -> None:
    assert found(example("V01"), hepatectomy(), colectomy(), selections=["ServiceRequest/liver"]) == [
        ("no-simultaneous-major-liver", "critical")
    ]
    assert found(example("V01"), hepatectomy(), colectomy(), selections=["liver"]) == [
        ("no-simultaneous-major-liver", "critical")
    ]
    assert found(example("V01"), colectomy(), selections=[]) == []


@pytest.mark.parametrize(
    ("selection", "is_chosen"),
    [
        ("https://fhir.example.org/r4/ServiceRequest/bowel", True),
        ("ServiceRequest/bowel/_history/2", True),
        ("urn:uuid:bowel", True),
        ("MedicationRequest/bowel", False),
        ("https://fhir.example.org/r4/MedicationRequest/bowel", False),
        ("", False),
    ],
)
def test_a_selection_names_its_draft_in_every_form_of_a_reference(selection: str, *, is_chosen: bool) -> None:
    whole = found(example("V01"), colectomy())
    assert len(whole) > 0
    assert found(example("V01"), colectomy(), selections=[selection]) == (whole if is_chosen else [])


@pytest.mark.parametrize(
    ("subject", "is_judged"),
    [
        ("Patient/pat-1", True),
        ("https://fhir.example.org/r4/Patient/pat-1", True),
        ("Patient/pat-1/_history/3", True),
        ("urn:uuid:pat-1", True),
        ("Patient/pat-2", False),
        ("urn:uuid:pat-2", False),
        ("Group/pat-1", False),
    ],
)
def test_a_draft_is_for_the_patient_by_the_same_rule_as_the_chart(subject: str, *, is_judged: bool) -> None:
    draft = {**colectomy(), "subject": {"reference": subject}}
    assert found(example("V01"), draft) == (found(example("V01"), colectomy()) if is_judged else [])


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
    "drug",
    [
        {"medication": {"concept": {"coding": [{"system": ATC, "code": "L01XA03"}]}}},
        {"medication": {"reference": {"reference": "#bag"}}},
        {"medicationReference": {"reference": "#bag"}},
    ],
)
def test_a_drug_is_read_in_the_shape_of_r5_and_as_an_ingredient(drug: dict[str, Any]) -> None:
    oxaliplatin = {"itemCodeableConcept": {"coding": [{"system": ATC, "code": "L01XA03"}]}}
    bag = {"resourceType": "Medication", "id": "bag", "ingredient": [oxaliplatin]}
    draft = cycle(contained=[bag]) | drug
    del draft["medicationCodeableConcept"]
    assert found(responded(), draft) == [("stop-chemotherapy-resect-now", "warning")]


OXALIPLATIN = {"resourceType": "Medication", "id": "o", "code": {"coding": [{"system": ATC, "code": "L01XA03"}]}}


@pytest.mark.parametrize(
    ("refers", "ingredient", "contained", "others", "expected"),
    [
        ("#kit", "#o", "kit o", "", 1),
        ("#kit", "Medication/o", "kit", "o", 1),
        ("Medication/kit", "Medication/o", "", "kit o", 1),
        ("Medication/kit", "#o", "o", "kit", 0),
        ("Medication/kit", "Medication/kit", "", "kit", 0),
        ("#kit", "#kit", "kit", "o", 0),
    ],
)
def test_a_kit_is_read_by_the_drugs_that_it_refers_to(
    refers: str, ingredient: str, contained: str, others: str, expected: int
) -> None:
    kit = {"resourceType": "Medication", "id": "kit", "ingredient": [{"itemReference": {"reference": ingredient}}]}
    named = {"kit": kit, "o": OXALIPLATIN}
    draft = cycle(medicationReference={"reference": refers}, contained=[named[one] for one in contained.split()])
    del draft["medicationCodeableConcept"]
    assert len(found(responded(), draft, record=[named[one] for one in others.split()])) == expected


def test_medications_that_refer_to_each_other_without_end_are_given_up() -> None:
    parts = [{"itemReference": {"reference": f"Medication/k{number}"}} for number in range(1000)]
    kits = [{"resourceType": "Medication", "id": f"k{number}", "ingredient": parts} for number in range(1000)]
    draft = cycle(medicationReference={"reference": "Medication/k0"})
    del draft["medicationCodeableConcept"]
    drugs, are_all = drugs_of(draft, {f"Medication/{kit['id']}": kit for kit in kits})
    assert ({*drugs}, are_all) == ({f"Medication/k{number}" for number in range(20)}, False)


def test_a_kit_is_read_by_what_it_contains() -> None:
    parts = [{"itemReference": {"reference": "#o"}}]
    kit = {"resourceType": "Medication", "id": "kit", "ingredient": parts, "contained": [OXALIPLATIN]}
    draft = cycle(medicationReference={"reference": "Medication/kit"})
    del draft["medicationCodeableConcept"]
    assert found(responded(), draft, record=[kit]) == [("stop-chemotherapy-resect-now", "warning")]


def test_an_operation_is_read_in_the_shape_of_r5() -> None:
    draft = hepatectomy()
    assert found(example("V08"), draft | {"code": {"concept": draft["code"]}}) == [("strategy-differs", "warning")]


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


@pytest.mark.parametrize("name", [None, "", 7])
def test_a_draft_without_an_id_is_named_by_its_place_and_neither_changed_nor_removed(name: object) -> None:
    unnamed = [biopsy(id=name), hepatectomy(DAY, id=name), colectomy(DAY, id=name)]
    first, *others = cards(example("V01"), *unnamed)
    assert "Order: Biopsy of the liver (ServiceRequest, draft 1)" in first["detail"]
    assert [found(example("V01"), *unnamed)[0], *found(example("V01"), *unnamed[1:])] == found(example("V01"), *unnamed)
    assert "other order (ServiceRequest, draft 3)" in others[0]["detail"]
    actions = [
        action["type"]
        for card in (first, *others, *cards(responded(), hepatectomy(DAY, id=name)))
        for suggestion in card.get("suggestions", ())
        for action in suggestion["actions"]
    ]
    assert set(actions) == {"create"}


def test_an_order_without_an_id_that_stands_for_the_same_day_counts() -> None:
    planned = colectomy(DAY, status="active", id=None)
    assert found(example("V01"), hepatectomy(DAY), record=[planned]) == found(
        example("V01"), hepatectomy(DAY), record=[colectomy(DAY, status="active")]
    )


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
