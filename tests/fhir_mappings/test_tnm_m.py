"""M of TNM: what says that more than the liver has metastases."""

from __future__ import annotations

import gc
from time import process_time
from typing import Any

import pytest

from fhir_mappings.case import Sign
from tests.charts import ICD10CM, LOINC, SNOMED, coded, concept, condition, observation
from tests.fhir_mappings.reading import LIVER, PRIMARY, read, shown

RECENT = "2026-06-10"
UICC = "https://www.uicc.org/resources/tnm"
SEVERAL = {"resectable", "unresectable"}


@pytest.mark.parametrize(
    ("code", "value", "expected"),
    [
        *(((LOINC, code), coded(SNOMED, "1229907005"), SEVERAL) for code in ("21901-4", "21907-1", "21913-9")),
        *(((SNOMED, code), coded(UICC, "M1c"), SEVERAL) for code in ("371497001", "399387003", "277208005")),
        ((LOINC, "21901-4"), coded(SNOMED, "1229923005"), SEVERAL),
        ((LOINC, "21901-4"), {"valueString": "pM1b (HEP, PUL)"}, SEVERAL),
        ((LOINC, "21901-4"), coded(UICC, "1c"), SEVERAL),
        ((LOINC, "21899-0"), {"valueString": "pT3 pN2a M1c"}, SEVERAL),
        *(((LOINC, "21901-4"), {"valueString": said}, "gap: absent") for said in ("M0", "M1", "pM1a", "M1a", "MX")),
        *(
            ((LOINC, "21901-4"), {"valueString": said}, "gap: absent")
            for said in ("no M1b", "M1b?", "V.a. M1c", "M1a or M1b")
        ),
        ((LOINC, "21900-6"), coded(UICC, "1b"), "gap: absent"),
        ((LOINC, "21901-4"), coded(SNOMED, "1229904003"), "gap: absent"),
    ],
)
def test_m1b_and_m1c_are_disease_outside_the_liver(code: tuple[str, str], value: Any, expected: Any) -> None:
    assert shown(read(PRIMARY, LIVER, observation("m", code, value, on=RECENT)), "extrahepatic-disease") == expected


def test_of_several_codes_of_a_stage_the_one_that_was_read_is_its_evidence() -> None:
    stage = observation("m", (LOINC, "21901-4"), coded(SNOMED, "1229907005"), on=RECENT)
    stage["code"]["coding"].insert(0, {"system": "https://lab.example", "code": "TNM"})
    [proof] = read(PRIMARY, LIVER, stage).facts["extrahepatic-disease"].evidence
    assert (proof.reference, proof.how, proof.coding) == ("Observation/m", "derived", "http://loinc.org|21901-4")


@pytest.mark.parametrize(
    ("value", "stops"),
    [
        ("M1b", True),
        ("M1b?", True),
        ("M1a or M1b", True),
        ("M1a", False),
        ("no M1b", False),
        ("M1", False),
        ("cM0", False),
    ],
)
def test_m1b_stops_the_assumption_that_there_is_none_also_where_it_is_doubted_or_old(
    value: str,
    *,
    stops: bool,
) -> None:
    for day in (RECENT, "2025-01-01"):
        case = read(PRIMARY, LIVER, observation("m", (LOINC, "21907-1"), {"valueString": value}, on=day))
        assert (Sign.METASTASIS_ELSEWHERE in case.signs) is stops


def test_m1b_of_another_cancer_says_nothing_of_this_one() -> None:
    breast = condition("breast", (ICD10CM, "C50.911"), onset="2015-01-01", clinical="remission")
    stage = observation("m", (LOINC, "21907-1"), {"valueString": "M1b"}, on=RECENT)
    stage["focus"] = [{"reference": "Condition/breast"}]
    case = read(PRIMARY, LIVER, breast, stage)
    assert shown(case, "extrahepatic-disease") == "gap: absent"
    assert Sign.METASTASIS_ELSEWHERE not in case.signs


@pytest.mark.parametrize(
    ("value", "stops"),
    [({"valueString": text}, True) for text in ("M1", "pM1a", "M1b")]
    + [(coded(SNOMED, "1229907005"), True)]
    + [({"valueString": text}, False) for text in ("cM0", "MX")]
    + [({}, False)],
)
def test_m1_at_a_site_outside_the_liver_keeps_none_from_being_assumed(value: dict[str, Any], *, stops: bool) -> None:
    lung, liver = (concept(SNOMED, site) for site in ("39607008", "10200004"))
    case = read(PRIMARY, LIVER, observation("m", (LOINC, "21907-1"), value, on=RECENT, bodySite=lung))
    found = (shown(case, "extrahepatic-disease"), Sign.METASTASIS_ELSEWHERE in case.signs, case.issues)
    assert found == ("gap: absent", stops, ())
    confined = observation("m", (LOINC, "21907-1"), {"valueString": "M1a"}, on=RECENT, bodySite=liver)
    at_liver = read(PRIMARY, LIVER, confined)
    assert Sign.METASTASIS_ELSEWHERE not in at_liver.signs


def panel(question: tuple[str, str], value: dict[str, Any], **categories: str) -> dict[str, Any]:
    codes = {"t": "21899-0", "n": "21900-6", "m": "21901-4"}
    parts = [{"code": concept(LOINC, codes[one])} | coded(UICC, said) for one, said in categories.items()]
    return observation("p", question, value, on=RECENT, component=parts)


PANELS = [((LOINC, "21902-2"), coded(UICC, "IV")), ((LOINC, "21902-2"), {}), (("urn:local", "TNM"), {})]


@pytest.mark.parametrize(("question", "value"), PANELS, ids=["stage with value", "stage", "local"])
@pytest.mark.parametrize(
    ("nodes", "metastases", "expected"),
    [("1b", "1a", "gap: absent"), ("1c", "0", "gap: absent"), ("1", "1b", SEVERAL), ("1a", "1c", SEVERAL)],
)
def test_each_category_of_a_panel_is_of_its_own_kind(
    question: tuple[str, str], value: dict[str, Any], nodes: str, metastases: str, expected: Any
) -> None:
    case = read(PRIMARY, LIVER, panel(question, value, t="3", n=nodes, m=metastases))
    assert (shown(case, "primary-n"), shown(case, "extrahepatic-disease")) == (f"N{nodes}", expected)


@pytest.mark.parametrize(
    ("code", "expected"), [("4B", SEVERAL), ("4C", SEVERAL), ("4A", "gap: absent"), ("4", "gap: absent")]
)
def test_a_stage_in_the_code_of_ajcc_is_disease_outside_the_liver_from_4b_on(code: str, expected: Any) -> None:
    stage = coded("http://cancerstaging.org", code)
    group = observation("s", (LOINC, "21908-9"), stage, on=RECENT)
    summary = PRIMARY | {"stage": [{"summary": stage["valueCodeableConcept"]}]}
    found = [shown(read(*chart), "extrahepatic-disease") for chart in ((PRIMARY, LIVER, group), (summary, LIVER))]
    assert found == [expected, expected]


def test_t4b_in_a_bare_code_is_no_stage() -> None:
    case = read(PRIMARY, LIVER, observation("t", (LOINC, "21899-0"), coded(UICC, "4b"), on=RECENT))
    assert (shown(case, "primary-t"), shown(case, "extrahepatic-disease")) == ("T4b", "gap: absent")


def seconds_to_read(count: int) -> float:
    many = [observation(f"m{number}", (LOINC, "21901-4"), {"valueString": "M0"}, on=RECENT) for number in range(count)]
    gc.disable()  # a full collection looks through all that other tests have left, and only the many bring one about
    began = process_time()
    read(PRIMARY, LIVER, *many)
    gc.enable()
    return process_time() - began


def test_many_categories_of_m_cost_each_what_one_does() -> None:
    few, many = (min(seconds_to_read(count) for _ in range(3)) for count in (1_000, 8_000))
    assert many < 14 * few, "8 times are linear, 22 were seen where each was held against all"
