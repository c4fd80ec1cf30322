"""The case as a whole: gaps, order and duplication, versions of FHIR, the MDT's decision, no chart text."""

from __future__ import annotations

import json
import random
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fhir_mappings.bundle import read_source
from fhir_mappings.case import Case, Gap, Issue, Known, Scope, Sign, Unknown
from fhir_mappings.catalogue import load_catalogue
from fhir_mappings.chart import Completeness
from fhir_mappings.mapper import map_case
from fhir_mappings.policy import MappingPolicy
from tests.canary.mark import MARK
from tests.cases import examples
from tests.charts import (
    COMPLETE,
    CPT,
    ICD10CM,
    LOINC,
    RXNORM,
    SNOMED,
    STRATEGY,
    chart_of,
    concept,
    condition,
    dose,
    local,
    local_chart,
    observation,
    order,
    procedure,
    quantity,
    standard_chart,
)
from tests.fhir_mappings.decoded import read_decoded
from tests.fhir_mappings.reading import LIVER, NOW, PRIMARY, SAMPLES, proofs, read, shown, terminology


def cond(code: str, ident: str = "c", **more: Any) -> dict[str, Any]:
    return condition(ident, (ICD10CM, code), **more)


TEXT_LIVER = {
    "resourceType": "Condition",
    "id": "t",
    "code": {"text": "Lebermetastasen"},
    "subject": PRIMARY["subject"],
}
NOBODY_ELSE = {"reference": "Patient/999"}


@pytest.mark.parametrize(("build", "example"), [(b, e) for b in (local_chart, standard_chart) for e in examples()])
def test_the_worked_examples_are_read_in_local_and_standard_codes(build: Any, example: Any) -> None:
    case = read(*[one for found in build(example.facts, as_of=NOW).values() for one in found])
    assert case.scope is Scope.IN
    assert {code: case.value(code) for code in example.facts} == dict(example.facts)
    assert case.issues == ()


def _rich_chart() -> list[dict[str, Any]]:
    return [
        PRIMARY,
        LIVER,
        cond("C78.7", "again", recordedDate="2026-05-12"),
        cond("C78.00", "lung", onset="2026-05-20"),
        cond("K63.1", "k", onset="2026-05-03"),
        LIVER | {"id": "v", "meta": {"versionId": "2"}, "onsetDateTime": "2026-05-05"},
        LIVER | {"id": "v", "meta": {"versionId": "10"}, "onsetDateTime": "2026-05-06"},
        LIVER | {"id": "broken", "foo": 1},
        LIVER | {"id": "other", "subject": NOBODY_ELSE},
        TEXT_LIVER,
        local("ecog", 1, on="2026-06-01"),
        local("ecog", 2, on="2026-06-01", ident="ecog2"),
        observation("e", (LOINC, "89247-1"), {"valueInteger": 0}, on="2026-05-01"),
        observation("cea1", (LOINC, "2039-6"), quantity(4, "ng/mL"), on="2026-05"),
        observation("cea2", (LOINC, "2039-6"), quantity(6, "ng/mL"), on="2026-05-05"),
        procedure("r", (CPT, "44140"), on="2026-05-20"),
        procedure("h", (CPT, "47120"), on="2026-06-10"),
        order("o", (CPT, "47125"), on="2026-06-11"),
        dose("d1", (RXNORM, "32592"), on="2026-05-21"),
        dose("d2", (RXNORM, "4492"), on="2026-06-05"),
        local("mdt-decision", "staged", on="2026-06-02", note=[{"text": "fit"}]),
        {"resourceType": "Condition", "code": {"text": "liver mets"}, "subject": PRIMARY["subject"]},
    ]


@settings(max_examples=60)
@given(st.randoms(use_true_random=False))
def test_order_and_duplication_make_no_difference(rng: random.Random) -> None:
    resources = _rich_chart()
    expected = read(*resources)
    shuffled = resources + rng.choices(resources, k=rng.randint(0, 10))
    rng.shuffle(shuffled)
    turned = [dict(rng.sample(list(one.items()), len(one))) for one in shuffled]
    assert read(*turned) == expected


def test_the_newest_version_of_a_resource_is_read() -> None:
    versions = [
        LIVER | {"meta": {"versionId": number, "lastUpdated": "2026-01-01T00:00:00Z"}, "onsetDateTime": day}
        for number, day in (("2", "2026-05-05"), ("10", "2026-05-06"))
    ]
    assert str(shown(read(PRIMARY, *versions), "liver-metastasis-date")) == "2026-05-06"
    updated = [
        LIVER | {"meta": {"lastUpdated": f"2026-06-{day}T00:00:00Z"}, "onsetDateTime": f"2026-05-{day}"}
        for day in ("08", "09")
    ]
    assert str(shown(read(PRIMARY, *updated), "liver-metastasis-date")) == "2026-05-09"


@pytest.mark.parametrize("code", list(load_catalogue().facts))
def test_without_observations_every_absent_fact_is_not_retrieved(code: str) -> None:
    case = read(completeness={**COMPLETE, "Observation": Completeness.NOT_RETRIEVED})
    assert case.facts[code] == Unknown(Gap.NOT_RETRIEVED)


def test_an_empty_chart_has_every_fact_absent() -> None:
    case = read()
    assert set(case.facts.values()) == {Unknown()}
    assert (case.as_of, case.signs, case.issues, case.mdt, case.not_retrieved) == (
        NOW.date(),
        frozenset({Sign.PROCEDURES_COMPLETE}),
        (),
        None,
        (),
    )


def test_what_procedures_and_orders_would_say_is_open_without_them() -> None:
    def gaps(kind: str) -> set[str]:
        case = read(completeness={**COMPLETE, kind: Completeness.PARTIAL})
        return {code for code, fact in case.facts.items() if fact == Unknown(Gap.NOT_RETRIEVED)}

    assert gaps("ServiceRequest") == {"colorectal-operation", "colorectal-multivisceral", "hepatectomy-extent"}
    assert gaps("CarePlan") == {"mdt-decision"}
    assert gaps("Procedure") == {
        "primary-in-situ",
        "primary-resection-date",
        "primary-operation-done",
        "rectal-radiotherapy",
        "metastases-detected",
        "months-primary-to-metastases",
        "liver-state",
        "adjuvant-status",
        "adjuvant-end-date",
    }


def test_r5_procedures_and_drugs_are_read() -> None:
    subject: dict[str, Any] = {"subject": {"reference": "Patient/1"}}
    resection: dict[str, Any] = {
        "resourceType": "Procedure",
        "id": "p",
        "status": "completed",
        "code": concept(CPT, "44140"),
    }
    resection |= subject | {"occurrenceDateTime": "2026-05-20"}
    drug: dict[str, Any] = {"resourceType": "MedicationAdministration", "id": "d", "status": "completed"}
    drug |= subject | {"medication": {"concept": concept(RXNORM, "32592")}, "occurenceDateTime": "2026-05-25"}
    hepatectomy: dict[str, Any] = {"resourceType": "ServiceRequest", "id": "s", "status": "active", "intent": "order"}
    hepatectomy |= subject | {"code": {"concept": concept(CPT, "47125")}, "authoredOn": "2026-06-01"}
    case = read(PRIMARY, LIVER, resection, drug, hepatectomy)
    facts = ("primary-in-situ", "chemotherapy-cycles", "hepatectomy-extent")
    assert [shown(case, fact) for fact in facts] == [False, 1, "major"]
    assert {issue.reason for issue in case.issues} == {"read as FHIR R5"}


def test_an_r5_body_structure_is_placed() -> None:
    body = {
        "resourceType": "BodyStructure",
        "id": "b",
        "patient": {"reference": "Patient/1"},
        "includedStructure": [{"structure": concept(SNOMED, "10200004")}],
    }
    size = observation("o", (LOINC, "21889-1"), quantity(20, "mm"), on="2026-06-01")
    case = read(body, size | {"focus": [{"reference": "BodyStructure/b"}]})
    assert (shown(case, "largest-metastasis"), shown(case, "metastasis-count")) == (20, 1)


@pytest.mark.parametrize(
    ("resource", "reason"),
    [
        (LIVER | {"clinicalStatus": "active"}, "STU3 or DSTU2 shape: R4 is read"),
        (LIVER | {"assertedDate": "2026-05-01"}, "STU3 or DSTU2 shape: R4 is read"),
        (procedure("p", (CPT, "44140"), notDone=False), "STU3 or DSTU2 shape: R4 is read"),
        (procedure("p", (CPT, "44140"), occurrenceFoo=1), "not valid FHIR R4"),
        (observation("o", (LOINC, "2039-6"), {}, comment="x"), "STU3 or DSTU2 shape: R4 is read"),
        (LIVER | {"onsetDateTime": ""}, "not valid FHIR R4"),
        (LIVER | {"id": "a_b"}, "not valid FHIR R4"),
        (
            LIVER | {"stage": 5},
            "not valid FHIR R4",
        ),
    ],
)
def test_other_versions_and_invalid_resources_are_refused(resource: dict[str, Any], reason: str) -> None:
    case = read(resource)
    assert [(issue.reason, issue.severity, bool(issue.costs)) for issue in case.issues] == [(reason, "left-out", True)]


def test_deeply_nested_extensions_are_refused_and_cost_their_facts_only() -> None:
    extension: dict[str, Any] = {"url": "u", "valueString": "x"}
    for _ in range(2000):
        extension = {"url": "u", "extension": [extension]}
    case = read(PRIMARY, LIVER | {"extension": [extension]}, local("ecog", 1, on="2026-06-01"))
    assert (case.scope, shown(case, "ecog"), shown(case, "liver-metastasis-date")) == (
        Scope.UNCERTAIN,
        1,
        "gap: unreadable",
    )


def test_a_resource_of_300_nested_extensions_is_contained() -> None:
    extension: dict[str, Any] = {"url": "u", "valueString": "x"}
    for _ in range(300):
        extension = {"url": "u", "extension": [extension]}
    case = read(PRIMARY, LIVER | {"extension": [extension]})
    assert case.scope in (Scope.UNCERTAIN, Scope.IN)


def test_preliminary_values_are_used_and_flagged() -> None:
    case = read(local("ecog", 1, on="2026-06-01", status="preliminary"))
    assert (shown(case, "ecog"), case.facts["ecog"].evidence[0].remarks) == (1, ("preliminary",))


@pytest.mark.parametrize("status", ["entered-in-error", "cancelled", "unknown", "registered"])
def test_observations_of_other_statuses_are_ignored(status: str) -> None:
    assert shown(read(local("ecog", 1, on="2026-06-01", status=status)), "ecog") == "gap: absent"


def test_a_value_of_tomorrow_is_used_and_one_of_later_is_not() -> None:
    assert shown(read(local("ecog", 1, on="2026-06-16")), "ecog") == 1
    later = read(local("ecog", 1, on="2026-06-17"))
    assert (shown(later, "ecog"), later.issues) == (
        "gap: unreadable",
        (Issue("Observation/local-ecog", "dated in the future", costs=("ecog",)),),
    )


def _plan(**more: Any) -> dict[str, Any]:
    return {
        "resourceType": "CarePlan",
        "id": "plan",
        "status": "active",
        "intent": "plan",
        "subject": {"reference": "Patient/1"},
        "created": "2026-06-01",
        "category": [concept(STRATEGY, "liver-first")],
    } | more


def test_the_decision_of_the_mdt_carries_the_facts_of_its_day() -> None:
    case = read(
        PRIMARY,
        LIVER,
        local("ecog", 1, on="2026-06-01"),
        local("ecog", 3, on="2026-06-10", ident="later"),
        local("mdt-decision", "staged", on="2026-06-02", note=[{"text": "bulky primary"}]),
    )
    assert case.mdt is not None
    assert (case.mdt.strategy, str(case.mdt.decided), case.mdt.reason) == ("staged", "2026-06-02", "bulky primary")
    then, now = case.mdt.facts_then["ecog"], case.facts["ecog"]
    assert isinstance(then, Known)
    assert isinstance(now, Known)
    assert (then.value, now.value) == (1, 3)


def test_the_decision_of_the_mdt_carries_the_signs_of_its_day() -> None:
    later = dose("d", (RXNORM, "32592"), on="2026-06-05")
    case = read(PRIMARY, LIVER, later, local("mdt-decision", "staged", on="2026-06-02"))
    assert case.mdt is not None
    assert case.mdt.signs_then == case.signs - {Sign.SYSTEMIC_THERAPY_SINCE_METASTASIS}
    assert Sign.SYSTEMIC_THERAPY_SINCE_METASTASIS in case.signs


@pytest.mark.parametrize(
    ("measured", "then"),
    [
        (None, "gap: outdated"),
        ("2026-06-01", 1),
        ("2026-06-02", 1),
        ("2026-06-03", "gap: absent"),
        ("2026-03-04", 1),
        ("2026-03-03", "gap: outdated"),
    ],
)
def test_the_facts_of_a_decision_are_those_dated_by_its_day(measured: str | None, then: Any) -> None:
    found = read(local("ecog", 1, on=measured), local("mdt-decision", "staged", on="2026-06-02")).mdt
    assert found is not None
    assert shown(Case(facts=found.facts_then, as_of=date(2026, 6, 2), scope=Scope.IN), "ecog") == then


def test_a_care_plan_decides_by_category_or_activity() -> None:
    by_activity = _plan(category=[], activity=[{"detail": {"code": concept(STRATEGY, "mdt"), "status": "scheduled"}}])
    del by_activity["category"]
    assert shown(read(by_activity), "mdt-decision") == "mdt"
    described = read(_plan(description="as discussed")).mdt
    assert described is not None
    assert described.reason == "as discussed"
    assert shown(read(_plan(status="draft")), "mdt-decision") == "gap: absent"
    several = _plan(category=[concept(STRATEGY, "mdt"), concept(STRATEGY, "staged")])
    assert (shown(read(several), "mdt-decision"), read(several).mdt) == ({"mdt", "staged"}, None)


def test_an_undetermined_plan_or_one_of_the_future_decides_nothing() -> None:
    undetermined = _plan(category=[concept(STRATEGY, "undetermined")])
    assert shown(read(undetermined), "mdt-decision") == "gap: absent"
    assert shown(read(_plan(created="2027-01-01")), "mdt-decision") == "gap: absent"


def test_an_undated_decision_has_no_facts_of_its_day() -> None:
    found = read(local("mdt-decision", "staged", note=[{"text": "because"}])).mdt
    assert found is not None
    assert (found.strategy, found.decided, found.facts_then, found.reason) == ("staged", None, {}, "because")
    assert found.evidence.reference == "Observation/local-mdt-decision"


CANARY = f"{MARK}-1"
_TEXTS = ("text", "display", "unit", "title")


def _poisoned(value: Any) -> Any:
    """Put a canary into every text of a resource that is no code."""
    if isinstance(value, dict):
        return {
            name: f"{CANARY} {member}" if name in _TEXTS and isinstance(member, str) else _poisoned(member)
            for name, member in value.items()
        }
    return [_poisoned(member) for member in value] if isinstance(value, list) else value


def test_no_chart_text_enters_issues_or_remarks() -> None:
    resources = [_poisoned(one) for one in _rich_chart()]
    resources += [_poisoned(json.loads(path.read_text())) for path in (SAMPLES / "messy").glob("[cox]*.json")]
    case = read(*resources)
    seen = [case.issues, case.scope_evidence, [fact.evidence for fact in case.facts.values()]]
    assert case.issues
    assert CANARY not in repr(seen)


SYNTHEA = sorted((Path(__file__).parent.parent / "samples" / "synthea").glob("*.json"))


def test_the_synthea_patients_are_there() -> None:
    assert len(SYNTHEA) == 3


@pytest.mark.parametrize("path", SYNTHEA, ids=lambda path: path.name.partition("_")[0])
def test_synthea_patients_are_out_of_scope_and_scanned_like_read(path: Path) -> None:
    raw = path.read_bytes()
    found = read_source(raw, terminology())
    assert found == read_decoded(raw, terminology())
    patient = next(one["id"] for one in found.resources if one["resourceType"] == "Patient")
    case = map_case(
        chart_of(found.resources, patient_id=patient),
        as_of=NOW,
        terminology=terminology(),
        catalogue=load_catalogue(),
        policy=MappingPolicy(),
    )
    assert (case.scope, case.issues) == (Scope.OUT, ())


@settings(max_examples=150)
@given(st.integers(min_value=0))
def test_no_mutation_of_a_chart_raises(seed: int) -> None:
    rng = random.Random(seed)
    pieces: list[Any] = [None, True, 7, -1.5, "", "x", [], {}, [None], [[]], {"coding": 3}, {"reference": 5}, 10**30]

    def mutated(value: Any) -> Any:
        if isinstance(value, dict) and value and rng.random() < 0.8:
            key = rng.choice(sorted(value))
            return value | {key: mutated(value[key])}
        if isinstance(value, list) and value and rng.random() < 0.8:
            at = rng.randrange(len(value))
            return [*value[:at], mutated(value[at]), *value[at + 1 :]]
        return rng.choice(pieces)

    resources = [mutated(one) for one in _rich_chart()]
    case = read(*resources, now=datetime(2026, 6, 15, tzinfo=UTC))
    assert set(case.facts) == set(load_catalogue().facts)


def test_evidence_of_a_fact_names_its_coding_and_day() -> None:
    case = read(observation("e", (LOINC, "89247-1"), {"valueInteger": 0}, on="2026-05-01"))
    proof = case.facts["ecog"].evidence[0]
    assert (proof.coding, str(proof.dated), proofs(case, "ecog")) == (
        "http://loinc.org|89247-1",
        "2026-05-01",
        [("Observation/e", "coded")],
    )
