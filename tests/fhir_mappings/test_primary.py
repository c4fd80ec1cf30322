"""The primary: dates, whether it is in place, symptoms, plans, pathology."""

from __future__ import annotations

from typing import Any

import pytest

from fhir_mappings.case import Issue, Sign
from fhir_mappings.chart import Completeness
from fhir_mappings.policy import MappingPolicy
from tests.charts import (
    COMPLETE,
    CPT,
    ICD10,
    ICD10CM,
    LOINC,
    SNOMED,
    coded,
    concept,
    condition,
    dose,
    local,
    observation,
    order,
    procedure,
)
from tests.fhir_mappings.reading import LIVER, NOW, PRIMARY, TODAY, proofs, read, shown

RESECTION = (CPT, "44140")
NO_PROCEDURES = {**COMPLETE, "Procedure": Completeness.NOT_RETRIEVED}
ASSERTED = "http://hl7.org/fhir/StructureDefinition/condition-assertedDate"


def primary(ident: str = "p", **more: Any) -> dict[str, Any]:
    return condition(ident, (ICD10CM, "C18.7"), **more)


def test_onset_comes_before_assertion_before_recording() -> None:
    more: dict[str, Any] = {
        "extension": [{"url": ASSERTED, "valueDateTime": "2026-05-02"}],
        "recordedDate": "2026-05-03",
    }
    asserted = read(primary(**more))
    recorded = read(primary(recordedDate="2026-05-03"))
    period = read(primary(onsetPeriod={"start": "2026-04-01"}, **more))
    dates = [shown(case, "primary-diagnosis-date").isoformat() for case in (asserted, recorded, period)]
    remarks = [case.facts["primary-diagnosis-date"].evidence[0].remarks for case in (asserted, recorded, period)]
    assert dates == ["2026-05-02", "2026-05-03", "2026-04-01"]
    assert remarks == [("from assertedDate",), ("from recordedDate",), ()]


def test_the_first_of_several_diagnoses_counts() -> None:
    case = read(primary("a", onset="2026-05-10"), primary("b", onset="2026-05-02"), primary("c", recordedDate="2026"))
    assert shown(case, "primary-diagnosis-date").isoformat() == "2026-05-02"


FIRST = [condition("a", (ICD10CM, "C18.2"), onset="2015-03-01"), procedure("r", RESECTION, on="2015-03-20")]
AGAIN: list[tuple[str, list[dict[str, Any]], Any, Any]] = [
    ("in the rectum", [condition("b", (ICD10CM, "C20"), onset="2026-05-01")], "gap: absent", "gap: absent"),
    ("in the rectum, recorded then", [condition("b", (ICD10CM, "C20"), recordedDate="2026-05-01")], False, "follow-up"),
    (
        "in the rectum, over",
        [condition("b", (ICD10CM, "C20"), onset="2026-05-01", clinical="resolved")],
        False,
        "follow-up",
    ),
    ("at the site of the first", [condition("b", (ICD10CM, "C18.2"), onset="2026-05-01")], False, "follow-up"),
    ("in the colon, no segment named", [condition("b", (ICD10CM, "C18.9"), onset="2026-05-01")], False, "follow-up"),
    ("within 90 days of the resection", [condition("b", (ICD10CM, "C20"), onset="2015-06-18")], False, "follow-up"),
    (
        "in the rectum, resected too",
        [condition("b", (ICD10CM, "C20"), onset="2026-05-01"), procedure("s", (CPT, "45110"), on="2026-05-20")],
        False,
        "at-staging",
    ),
]


@pytest.mark.parametrize(("again", "in_situ", "found"), [one[1:] for one in AGAIN], ids=[one[0] for one in AGAIN])
def test_an_active_cancer_at_another_site_after_the_resection_leaves_open_which_primary_counts(
    again: list[dict[str, Any]], in_situ: Any, found: Any
) -> None:
    case = read(*FIRST, *again, condition("l", (ICD10CM, "C78.7"), onset="2026-05-10"))
    assert (shown(case, "primary-in-situ"), shown(case, "metastases-detected")) == (in_situ, found)


def test_a_precise_date_inside_the_first_partial_one_is_taken() -> None:
    case = read(primary("a", onset="2026"), primary("b", onset="2026-05-02"))
    assert shown(case, "primary-diagnosis-date").isoformat() == "2026-05-02"


def test_a_completed_resection_says_that_the_primary_is_out() -> None:
    case = read(PRIMARY, procedure("p", RESECTION, on="2026-05-20"), order("o", RESECTION, on="2026-06-01"))
    assert (shown(case, "primary-in-situ"), proofs(case, "primary-in-situ")) == (False, [("Procedure/p", "derived")])
    assert shown(case, "primary-resection-date").isoformat() == "2026-05-20"
    assert Sign.PRIMARY_RESECTED in case.signs


def test_a_resection_up_to_90_days_before_the_diagnosis_belongs_to_it() -> None:
    at_90 = read(primary(onset="2026-05-01"), procedure("p", RESECTION, on="2026-01-31"))
    at_91 = read(primary(onset="2026-05-01"), procedure("p", RESECTION, on="2026-01-30"))
    assert (shown(at_90, "primary-in-situ"), shown(at_91, "primary-in-situ")) == (False, "gap: absent")
    assert at_90.issues == at_91.issues == ()


def test_a_resection_whose_partial_date_may_be_too_early_leaves_it_open() -> None:
    case = read(primary(onset="2026-05-01"), procedure("p", RESECTION, on="2026-01"))
    assert shown(case, "primary-in-situ") == "gap: absent"
    assert Sign.PRIMARY_RESECTED in case.signs


def test_an_undated_resection_leaves_it_open() -> None:
    case = read(PRIMARY, procedure("p", RESECTION, performedString="in spring"), order("o", RESECTION, on="2026-06-01"))
    assert shown(case, "primary-in-situ") == "gap: absent"
    reason = "recorded without a date that places it, not used"
    assert case.issues == (Issue("Procedure/p", reason, "flagged", ("primary-in-situ",)),)


def test_an_undated_symptom_is_flagged() -> None:
    case = read(PRIMARY, condition("s", (SNOMED, "81060008")))
    reason = "recorded without a date that places it, not used"
    assert case.issues == (Issue("Condition/s", reason, "flagged", ("primary-symptoms",)),)


def test_an_open_plan_without_resection_says_that_it_is_in_place() -> None:
    case = read(PRIMARY, order("o", RESECTION, on="2026-06-01"))
    assert (shown(case, "primary-in-situ"), proofs(case, "primary-in-situ")) == (
        True,
        [("ServiceRequest/o", "derived")],
    )


def test_a_plan_says_nothing_where_procedures_were_not_had() -> None:
    case = read(PRIMARY, order("o", RESECTION, on="2026-06-01"), completeness=NO_PROCEDURES)
    assert shown(case, "primary-in-situ") == "gap: not-retrieved"


def test_a_resection_of_uncertain_status_keeps_a_plan_from_saying_in_place() -> None:
    for status in ("unknown", "in-progress", "stopped", "bogus"):
        case = read(PRIMARY, order("o", RESECTION, on="2026-06-01"), procedure("p", RESECTION, status=status))
        assert shown(case, "primary-in-situ") == "gap: absent"
        assert Sign.PROCEDURES_COMPLETE not in case.signs
        assert [issue.reference for issue in case.issues] == ["Procedure/p"]


def test_a_history_code_counts_as_a_resected_primary() -> None:
    case = read(condition("z", (ICD10CM, "Z85.038")), LIVER)
    assert (case.scope.value, shown(case, "primary-in-situ")) == ("in", False)
    assert Sign.RESECTION_HINTED in case.signs


def test_a_history_code_of_the_colon_names_its_site_beside_a_coding_without_code() -> None:
    history = condition("z", (ICD10CM, "Z85.038"))
    history["code"]["coding"].insert(0, {"system": SNOMED, "display": "a past tumour"})
    assert shown(read(history, LIVER), "primary-site") == "colon-unspecified"


def test_a_history_code_of_the_colon_names_its_site_in_any_version_of_its_system() -> None:
    history = condition("z", (f"{ICD10CM}|2026", "Z85.038"))
    assert shown(read(history, LIVER), "primary-site") == "colon-unspecified"


def test_a_history_code_beside_an_active_primary_only_hints() -> None:
    case = read(PRIMARY, condition("z", (ICD10CM, "Z85.038")))
    assert shown(case, "primary-in-situ") == "gap: absent"
    assert Sign.RESECTION_HINTED in case.signs


def test_a_local_resection_date_says_that_the_primary_is_out() -> None:
    case = read(PRIMARY, local("primary-resection-date", "2026-05-20", on="2026-06-01"))
    assert shown(case, "primary-in-situ") is False


def test_a_local_resection_date_after_an_observation_in_place_wins() -> None:
    dated = local("primary-resection-date", "2026-05-20", on="2026-06-01")
    found = [read(PRIMARY, dated, local("primary-in-situ", True, on=on)) for on in ("2026-05-19", "2026-05-21")]  # noqa: FBT003 - a value
    assert [shown(case, "primary-in-situ") for case in found] == [False, True]


def test_a_newer_local_observation_wins_over_an_older_resection() -> None:
    case = read(PRIMARY, procedure("p", RESECTION, on="2026-05-20"), local("primary-in-situ", True, on="2026-06-01"))  # noqa: FBT003 - a value
    assert shown(case, "primary-in-situ") is True


SYMPTOMS = [
    ((ICD10CM, "K56.600"), {}, "obstruction"),
    ((ICD10CM, "K56699"), {}, "obstruction"),
    ((ICD10, "K56.6"), {}, "obstruction"),
    *(((SNOMED, code), {}, "obstruction") for code in ("81060008", "40650009")),
    ((ICD10CM, "K63.1"), {}, "perforation"),
    *(((SNOMED, code), {}, "perforation") for code in ("56905009", "50257008")),
    ((ICD10CM, "K92.2"), {}, "minor"),
    ((ICD10CM, "K62.5"), {"severity": concept(SNOMED, "24484000")}, "bleeding"),
    ((SNOMED, "74474003"), {"severity": concept(SNOMED, "255604002")}, "minor"),
    ((ICD10CM, "D50.0"), {}, "minor"),
    *(((ICD10CM, code), {}, "gap: absent") for code in ("K56.0", "K56.41", "K56.50", "K56.7", "D51.0", "K92.0")),
]


@pytest.mark.parametrize(
    ("codes", "expected"),
    [
        (("D50.0", "K62.5", "K56.600", "K63.1"), "perforation"),
        (("D50.0", "K62.5", "K56.600"), "obstruction"),
        (("D50.0", "K62.5"), "bleeding"),
    ],
)
def test_of_several_codes_of_one_condition_the_gravest_symptom_counts(codes: tuple[str, ...], expected: str) -> None:
    several = {"coding": [{"system": ICD10CM, "code": code} for code in codes]}
    found = condition("s", (ICD10CM, "D50.0"), onset="2026-06-01", severity=concept(SNOMED, "24484000"))
    assert shown(read(PRIMARY, {**found, "code": several}), "primary-symptoms") == expected


@pytest.mark.parametrize(("code", "more", "expected"), SYMPTOMS)
def test_symptoms_come_from_conditions(code: tuple[str, str], more: dict[str, Any], expected: str) -> None:
    assert shown(read(PRIMARY, condition("s", code, onset="2026-06-01", **more)), "primary-symptoms") == expected


@pytest.mark.parametrize(
    "more",
    [
        {"clinical": "resolved"},
        {"clinical": "inactive"},
        {"verification": "refuted"},
        {"abatementDateTime": "2026-06-05"},
        {"onset": None},
        {"onset": "2026-01-30"},
    ],
)
def test_a_symptom_that_is_over_or_too_early_or_undated_does_not_count(more: dict[str, Any]) -> None:
    given = {"onset": "2026-06-01"} | more
    assert shown(read(PRIMARY, condition("s", (SNOMED, "81060008"), **given)), "primary-symptoms") == "gap: absent"


@pytest.mark.parametrize("code", [RESECTION, (CPT, "44320"), (CPT, "45327")])
def test_a_symptom_after_a_resection_stoma_or_stent_does_not_count(code: tuple[str, str]) -> None:
    after = condition("s", (SNOMED, "81060008"), onset="2026-06-01")
    assert shown(read(PRIMARY, after, procedure("p", code, on="2026-05-20")), "primary-symptoms") == "gap: absent"
    assert shown(read(PRIMARY, after, procedure("p", code, on="2026-06-01")), "primary-symptoms") == "obstruction"


@pytest.mark.parametrize("code", [RESECTION, (CPT, "44310")])
@pytest.mark.parametrize(
    ("diagnosed", "operated", "expected"),
    [
        ("2026-05-01", "2015-04-01", "obstruction"),
        ("2026-05-01", "2026-01-30", "obstruction"),
        ("2026-05-01", "2026-01-31", "gap: absent"),
        ("2026-05-01", "2026-01", "gap: absent"),
        ("2026-05", "2026-01-30", "obstruction"),
        ("2026-05", "2026-01-31", "gap: absent"),
    ],
)
def test_what_was_operated_on_90_days_before_the_primary_relieved_nothing_of_it(
    code: tuple[str, str], diagnosed: str, operated: str, expected: str
) -> None:
    obstructed = condition("s", (SNOMED, "81060008"), onset="2026-06-01")
    case = read(primary(onset=diagnosed), obstructed, procedure("p", code, on=operated))
    assert shown(case, "primary-symptoms") == expected


def test_symptoms_without_a_dated_primary_are_not_placed() -> None:
    case = read(primary(), condition("s", (SNOMED, "81060008"), onset="2026-06-01"))
    assert shown(case, "primary-symptoms") == "gap: absent"


def test_the_newest_symptom_wins_and_none_only_explicitly() -> None:
    obstructed = condition("s", (SNOMED, "81060008"), onset="2026-06-01")
    older = read(PRIMARY, obstructed, local("primary-symptoms", "none", on="2026-05-20"))
    newer = read(PRIMARY, obstructed, local("primary-symptoms", "none", on="2026-06-02"))
    assert (shown(older, "primary-symptoms"), shown(newer, "primary-symptoms")) == ("obstruction", "none")


def test_symptoms_become_outdated() -> None:
    case = read(primary(onset="2026-04-01"), condition("s", (SNOMED, "81060008"), onset="2026-04-15"))
    assert shown(case, "primary-symptoms") == "gap: outdated"
    policy = MappingPolicy(maximum_age_days={"primary-symptoms": 61})
    kept = read(primary(onset="2026-04-01"), condition("s", (SNOMED, "81060008"), onset="2026-04-15"), policy=policy)
    assert shown(kept, "primary-symptoms") == "obstruction"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (order("o", (CPT, "44145"), on="2026-06-01", status="draft"), "low-anterior-resection"),
        (order("o", (CPT, "44145"), on="2026-06-01", status="on-hold"), "low-anterior-resection"),
        (order("o", (CPT, "44145"), on="2026-06-01", status="completed"), "gap: absent"),
        (order("o", (CPT, "44145"), on="2026-06-01", status="revoked"), "gap: absent"),
        (order("o", (CPT, "44145"), on="2026-06-01", doNotPerform=True), "gap: absent"),
        (order("o", (CPT, "44145"), occurrenceDateTime="2026-12-01"), "low-anterior-resection"),
        (procedure("p", (CPT, "44145"), status="preparation"), "low-anterior-resection"),
        (procedure("p", (CPT, "44145"), status="not-done-yet"), "low-anterior-resection"),
        (procedure("p", (CPT, "44145"), status="not-done"), "gap: absent"),
        (procedure("p", (CPT, "44145"), status="entered-in-error"), "gap: absent"),
    ],
)
def test_plans_are_open_orders_and_prepared_procedures(given: dict[str, Any], expected: str) -> None:
    assert shown(read(PRIMARY, given), "colorectal-operation") == expected


def test_a_procedure_prepared_for_a_day_to_come_is_a_plan_of_today() -> None:
    case = read(PRIMARY, procedure("p", (CPT, "44145"), on="2026-07-01", status="preparation"))
    assert (shown(case, "colorectal-operation"), case.issues) == ("low-anterior-resection", ())


def test_a_draft_order_replaces_the_servers_copy_and_may_be_sloppy() -> None:
    server = order("o", (CPT, "44160"), on="2026-06-01")
    draft = {
        "resourceType": "ServiceRequest",
        "id": "o",
        "code": concept(CPT, "44145"),
        "subject": {"reference": "Patient/1"},
    }
    case = read(PRIMARY, server, drafts=[draft])
    assert read(PRIMARY, server, drafts=[draft | {"status": None, "intent": None}]) == case
    proof = case.facts["colorectal-operation"].evidence[0]
    assert (shown(case, "colorectal-operation"), proof.remarks) == ("low-anterior-resection", ("draft order",))


def test_a_multivisceral_plan_is_read_from_its_code_alone() -> None:
    case = read(order("o", (CPT, "45126"), on="2026-06-01"))
    told = [(proof.reference, proof.coding) for proof in case.facts["colorectal-multivisceral"].evidence]
    assert (shown(case, "colorectal-multivisceral"), told) == (True, [("ServiceRequest/o", f"{CPT}|45126")])
    assert shown(read(order("o", (CPT, "45110"), on="2026-06-01")), "colorectal-multivisceral") == "gap: absent"


def test_pathological_categories_come_before_newer_clinical_ones() -> None:
    pathological = observation("p", (LOINC, "21900-6"), {"valueString": "pN1"}, on="2026-05-20")
    clinical = observation("c", (LOINC, "21906-3"), {"valueString": "cN2"}, on="2026-06-10")
    both = read(pathological, clinical)
    assert (shown(both, "primary-n"), Sign.PATHOLOGICAL_NODES in both.signs) == ("N1", True)
    alone = read(clinical)
    assert (shown(alone, "primary-n"), Sign.PATHOLOGICAL_NODES in alone.signs) == ("N2", False)
    assert shown(alone, "primary-pathology") == "gap: absent"


def test_pathology_is_unfavourable_by_pn2_or_perforation() -> None:
    nodes = observation("n", (LOINC, "21900-6"), {"valueString": "pN2a"}, on="2026-05-20")
    few = observation("n", (LOINC, "21900-6"), {"valueString": "pN1"}, on="2026-05-20")
    perforated = condition("k", (ICD10CM, "K63.1"), onset="2026-05-02", clinical="resolved")
    assert shown(read(PRIMARY, nodes), "primary-pathology") == "unfavourable-nodal"
    assert shown(read(PRIMARY, few), "primary-pathology") == "gap: absent"
    assert shown(read(PRIMARY, nodes, perforated), "primary-pathology") == "unfavourable-perforated"
    said = read(local("primary-symptoms", "perforation", on="2025-01-01"))
    assert (shown(said, "primary-symptoms"), shown(said, "primary-pathology")) == (
        "gap: outdated",
        "unfavourable-perforated",
    )


def test_a_refuted_perforation_is_none() -> None:
    case = read(PRIMARY, condition("k", (ICD10CM, "K63.1"), onset="2026-05-02", verification="refuted"))
    assert (shown(case, "primary-pathology"), Sign.PERFORATION in case.signs) == ("gap: absent", False)


def test_an_undated_perforation_is_a_sign_without_being_placed() -> None:
    case = read(PRIMARY, condition("k", (ICD10CM, "K63.1")))
    assert (shown(case, "primary-pathology"), Sign.PERFORATION in case.signs) == ("gap: absent", True)


@pytest.mark.parametrize(
    "hint",
    [
        condition("z", (ICD10CM, "Z90.49")),
        condition("z", (ICD10CM, "Z85.030")),
        condition("z", (ICD10CM, "Z85.048"), verification=None),
        observation("n", (LOINC, "21899-0"), {"valueString": "pT3"}, on="2020"),
        observation("m", (SNOMED, "17964000"), coded(SNOMED, "258254000"), on="2020"),
        local("primary-margin", "r0", on="2026-06-01"),
        local("adjuvant-status", "completed", on="2026-06-01"),
    ],
)
def test_indirect_signs_of_a_resection(hint: dict[str, Any]) -> None:
    assert Sign.RESECTION_HINTED in read(PRIMARY, LIVER, hint).signs
    assert Sign.RESECTION_HINTED not in read(PRIMARY, LIVER).signs


def test_adjuvant_chemotherapy_hints_at_a_resection() -> None:
    case = read(
        primary(onset="2024-01-01"),
        LIVER,
        local("primary-resection-date", "2024-02-01", on="2024-02-01"),
        dose("d", ("http://www.whocc.no/atc", "L01XA03"), on="2024-04-01"),
    )
    assert Sign.RESECTION_HINTED in case.signs


@pytest.mark.parametrize(
    ("onset", "recent"), [("2025-12-15", True), ("2025-12-14", False), ("2026-06", True), ("2025-12", False)]
)
def test_a_diagnosis_within_six_months_is_recent(onset: str, recent: bool) -> None:  # noqa: FBT001 - expected
    assert (Sign.RECENT_DIAGNOSIS in read(primary(onset=onset)).signs) is recent


def test_a_date_of_recording_is_no_recent_diagnosis() -> None:
    assert Sign.RECENT_DIAGNOSIS not in read(primary(recordedDate="2026-06-01")).signs
    assert NOW.date() == TODAY
