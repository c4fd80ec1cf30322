"""TNM where no code of T or N stands beside it: as the stage of the primary, under a stage group, or by its name."""

from __future__ import annotations

import time
from typing import Any

import pytest

from fhir_mappings.case import Sign
from fhir_mappings.catalogue import load_catalogue
from tests.charts import ICD10CM, LOINC, SNOMED, concept, condition, observation
from tests.fhir_mappings.reading import LIVER, PRIMARY, proofs, read, shown

FACTS = ("primary-t", "primary-n", "primary-margin", "primary-pathology", "extrahepatic-disease")
ABSENT, UNREADABLE = "gap: absent", "gap: unreadable"
SEVERAL = {"resectable", "unresectable"}
NOTHING = [ABSENT] * 5
UICC = "https://www.uicc.org/resources/tnm"
GROUPS = [(LOINC, code) for code in ("21902-2", "21908-9", "21914-7")]
GROUPS += [(SNOMED, code) for code in ("399588009", "399537006", "399390009")]
FORMULA = "pT4b pN2a pM1b R1"


def staged(*summaries: dict[str, Any], of: dict[str, Any] = PRIMARY) -> dict[str, Any]:
    return of | {"stage": [{"summary": one} for one in summaries]}


def grouped(text: str, code: tuple[str, str] = GROUPS[0], **more: Any) -> dict[str, Any]:
    return observation("o", code, {"valueString": text}, on="2026-06-10", **more)


def told(*resources: dict[str, Any]) -> list[Any]:
    case = read(*resources)
    return [shown(case, fact) for fact in FACTS]


@pytest.mark.parametrize(
    "chart",
    [
        (staged({"text": FORMULA}), LIVER),
        (staged({"text": "pT4b"}, {"text": "pN2a pM1b"}, {"coding": [{"system": UICC, "code": "R1"}]}), LIVER),
        *((PRIMARY, LIVER, grouped(FORMULA, code)) for code in GROUPS),
        (PRIMARY, LIVER, grouped("") | {"valueString": "Stage IVB, pT4b pN2a R1"}),
    ],
)
def test_a_formula_is_read_from_the_stage_of_the_primary_and_under_a_stage_group(chart: tuple[dict[str, Any]]) -> None:
    case = read(*chart)
    found = [shown(case, fact) for fact in FACTS]
    assert found == ["T4b", "N2a", "r1", "unfavourable-nodal", SEVERAL]
    assert {Sign.RESECTION_HINTED, Sign.METASTASIS_ELSEWHERE} <= case.signs


def test_the_stage_of_the_primary_is_evidence_of_its_condition() -> None:
    case = read(staged({"text": "pT3 pN1"}), LIVER)
    assert [proofs(case, fact) for fact in FACTS[:2]] == [[("Condition/primary", "coded")]] * 2
    assert (Sign.PATHOLOGICAL_NODES in case.signs, case.issues) == (True, ())


@pytest.mark.parametrize(
    ("summary", "expected"),
    [
        ({"text": "cT3 cN2"}, ["T3", "N2", *NOTHING[2:]]),
        ({"text": "T3 N2 M1"}, ["T3", "N2", *NOTHING[2:]]),
        (concept(SNOMED, "1229866004"), ["T4b", *NOTHING[1:]]),
        (concept(SNOMED, "1229957002"), [ABSENT, "N2", ABSENT, "unfavourable-nodal", ABSENT]),
        ({"text": "pT4b?"}, [set(load_catalogue()["primary-t"].choices), *NOTHING[1:]]),
        ({"text": "UICC IVC"}, [*NOTHING[:4], SEVERAL]),
        *(({"text": text}, NOTHING) for text in ("IV", "IVA", "Stage 3", "TX NX", "advanced")),
    ],
)
def test_a_stage_tells_what_it_spells_and_no_more(summary: dict[str, Any], expected: list[Any]) -> None:
    assert told(staged(summary), LIVER) == expected


def test_a_report_in_the_place_of_a_stage_or_a_name_is_not_looked_through() -> None:
    at_most = FORMULA + " " * (2000 - len(FORMULA))
    named = [PRIMARY | {"code": PRIMARY["code"] | {"text": text}} for text in (at_most, f"{at_most} ")]
    found = [told(one, LIVER)[:2] for one in (staged({"text": at_most}), staged({"text": f"{at_most} "}), *named)]
    assert found == [["T4b", "N2a"], [ABSENT, ABSENT], [UNREADABLE, UNREADABLE], [ABSENT, ABSENT]]
    grouped_at_most = [told(PRIMARY, LIVER, grouped(text))[:2] for text in (at_most, f"{at_most} ")]
    assert grouped_at_most == [["T4b", "N2a"], [ABSENT, ABSENT]]


def test_a_report_in_the_place_of_a_value_is_unreadable_at_once() -> None:
    report = observation(
        "t", (LOINC, "21899-0"), {"valueString": f"pT4b {'no evidence of ' * 20_000}"}, on="2026-06-01"
    )
    began = time.thread_time()
    found = told(PRIMARY, LIVER, report)[:2]
    assert (found[0], time.thread_time() - began < 0.5) == (UNREADABLE, True)


def test_a_newer_observation_counts_and_a_pathological_one_before_a_clinical_stage() -> None:
    n = observation("n", (LOINC, "21900-6"), {"valueString": "pN1"}, on="2026-06-01")
    found = [shown(read(staged({"text": text}), LIVER, n), "primary-n") for text in ("pN2", "cN2")]
    assert found == ["N1", "N1"]


def test_the_stage_of_another_or_a_refuted_cancer_tells_nothing() -> None:
    breast = condition("breast", (ICD10CM, "C50.911"), onset="2015-01-01")
    refuted = condition("refuted", (ICD10CM, "C18.7"), onset="2026-05-02", verification="refuted")
    summary = {"text": FORMULA}
    assert told(PRIMARY, LIVER, staged(summary, of=breast), staged(summary, of=refuted)) == NOTHING
    assert told(PRIMARY, LIVER, breast, grouped(FORMULA, focus=[{"reference": "Condition/breast"}])) == NOTHING


def test_a_stage_group_of_germanys_oncology_module_tells_several_organs_and_nothing_else() -> None:
    coded = {"coding": [{"system": UICC, "code": "IVB", "display": "Stadium IVB"}]}
    of_module = grouped("") | {"valueCodeableConcept": coded, "hasMember": [{"reference": "Observation/t"}]}
    del of_module["valueString"]
    assert told(PRIMARY, LIVER, of_module) == [*NOTHING[:4], SEVERAL]


@pytest.mark.parametrize("name", ["TNM", "pTNM", "UICC TNM classification", "ypTNM"])
def test_a_formula_by_its_name_is_unreadable_in_what_it_spells(name: str) -> None:
    named = grouped("pT3 pN2") | {"code": {"text": name}}
    assert told(PRIMARY, LIVER, named) == [UNREADABLE, UNREADABLE, *NOTHING[2:]]
    assert told(PRIMARY, LIVER, named | {"valueString": "T4b"}) == [UNREADABLE, *NOTHING[1:]]
    assert told(PRIMARY, LIVER, named | {"valueString": "see report"}) == NOTHING
    assert told(PRIMARY, LIVER, named | {"valueString": "pT3 R1"})[:3] == [UNREADABLE, ABSENT, UNREADABLE]


@pytest.mark.parametrize(("text", "hinted"), [("pT3", True), ("ypN0", True), ("cT3", False), ("Pn1 L0", False)])
def test_a_pathological_category_by_the_name_of_tnm_hints_at_a_resection(text: str, *, hinted: bool) -> None:
    case = read(PRIMARY, LIVER, grouped(text) | {"code": {"text": "TNM"}})
    assert (Sign.RESECTION_HINTED in case.signs) is hinted


@pytest.mark.parametrize(("text", "stops"), [("M1c", True), ("Stage IVB", True), ("no M1b", False), ("IVA", False)])
def test_spread_by_the_name_of_tnm_keeps_none_from_being_assumed(text: str, *, stops: bool) -> None:
    case = read(PRIMARY, LIVER, grouped(text) | {"code": {"text": "TNM"}})
    assert (shown(case, "extrahepatic-disease"), Sign.METASTASIS_ELSEWHERE in case.signs) == (ABSENT, stops)


def test_a_formula_by_its_name_of_another_cancer_says_nothing() -> None:
    breast = condition("breast", (ICD10CM, "C50.911"), onset="2015-01-01")
    named = grouped("pT4b", focus=[{"reference": "Condition/breast"}]) | {"code": {"text": "TNM"}}
    assert told(PRIMARY, LIVER, breast, named) == NOTHING
