"""The margin as the outcome of the primary's resection, where Germany's oncology module has it."""

from __future__ import annotations

from typing import Any

import pytest

from fhir_mappings.case import Sign
from tests.charts import CPT, LOINC, SNOMED, coded, concept, observation, procedure
from tests.fhir_mappings.reading import LIVER, PRIMARY, proofs, read, shown

MII = "https://www.medizininformatik-initiative.de/fhir/ext/modul-onko/CodeSystem/mii-cs-onko-residualstatus"
MARGIN = (SNOMED, "17964000")


def resected(outcome: dict[str, Any] | None, code: str = "44145", **more: Any) -> dict[str, Any]:
    told = {} if outcome is None else {"outcome": outcome}
    return procedure("p", (CPT, code), **({"on": "2026-05-20"} | told | more))


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        *((concept(MII, f"R{number}"), f"r{number}") for number in (0, 1, 2)),
        ({"coding": [{"system": MII, "code": "R0", "display": "Kein Residualtumor"}]}, "r0"),
        (concept(MII, "R1(cy+)"), "r1"),
        *((outcome, "r2") for outcome in (concept(MII, "R2a"), concept(MII, "R2b"), {"text": "R2b resection"})),
        (concept(SNOMED, "258254000"), "r0"),
        *((concept(SNOMED, code), f"r{left}") for left, code in enumerate(("1222638005", "1222639002", "1222640000"))),
        ({"text": "R1 resection"}, "r1"),
        *(
            (outcome, "gap: unreadable")
            for outcome in (concept(MII, "RX"), concept(MII, "R1a"), {"text": "R0/R1"}, {"text": "R0?"})
        ),
        *((outcome, "gap: absent") for outcome in (None, {"text": "successful"}, concept(SNOMED, "385669000"))),
    ],
)
def test_the_outcome_of_the_resection_tells_its_margin(outcome: dict[str, Any] | None, expected: str) -> None:
    assert shown(read(PRIMARY, LIVER, resected(outcome)), "primary-margin") == expected


@pytest.mark.parametrize(
    ("code", "more"),
    [("44145", {"status": "not-done"}), ("44145", {"on": "2025-05-20"}), ("47120", {}), ("44320", {})],
)
def test_the_outcome_of_another_operation_is_no_margin_of_the_primary(code: str, more: dict[str, Any]) -> None:
    assert shown(read(PRIMARY, LIVER, resected(concept(MII, "R1"), code, **more)), "primary-margin") == "gap: absent"


def test_a_report_that_is_newer_than_the_resection_counts() -> None:
    report = observation("m", MARGIN, coded(MII, "R1"), on="2026-05-27")
    case = read(PRIMARY, LIVER, resected(concept(MII, "R0")), report)
    assert (shown(case, "primary-margin"), proofs(case, "primary-margin")) == ("r1", [("Observation/m", "coded")])


@pytest.mark.parametrize("code", [MARGIN, (LOINC, "84892-9")])
def test_the_margin_names_the_coding_of_each_source_that_told_it(code: tuple[str, str]) -> None:
    report = observation("m", code, coded(MII, "R1"), on="2026-05-20")
    told = read(PRIMARY, LIVER, resected(concept(MII, "R1")), report).facts["primary-margin"].evidence
    assert [(one.reference, one.coding) for one in told] == [
        ("Observation/m", "|".join(code)),
        ("Procedure/p", f"{CPT}|44145"),
    ]


def test_a_report_of_the_day_of_the_resection_that_says_something_else_contradicts_it() -> None:
    report = observation("m", MARGIN, coded(MII, "R1"), on="2026-05-20")
    assert shown(read(PRIMARY, LIVER, resected(concept(MII, "R0")), report), "primary-margin") == "gap: conflicting"


OVERALL, COURSE = (LOINC, "84892-9"), (SNOMED, "445200009")
ANY = {"r0", "r1", "r2"}


@pytest.mark.parametrize(
    ("stage", "expected"),
    [("R0", "r0"), ("R1", "r1"), ("R1(is)", "r1"), ("R2", ANY), ("R2a", ANY), ("RX", "gap: unreadable")],
)
def test_an_overall_residual_status_tells_the_margin_but_where_metastases_may_be_what_is_left(
    stage: str, expected: Any
) -> None:
    status = observation("m", OVERALL, coded(MII, stage), on="2026-05-27")
    both = status | {"code": {"coding": [*concept(*OVERALL)["coding"], *concept(*MARGIN)["coding"]]}}
    older = status | {"code": concept(*COURSE)}
    cases = [read(PRIMARY, LIVER, one) for one in (status, both, older)]
    noted = int(expected == "gap: unreadable")
    assert [(shown(case, "primary-margin"), len(case.issues)) for case in cases] == [(expected, noted)] * 3


def test_an_overall_status_coded_in_snomed_ct_is_read() -> None:
    status = observation("m", OVERALL, coded(SNOMED, "258254000"), on="2026-05-27")
    assert shown(read(PRIMARY, LIVER, status), "primary-margin") == "r0"


@pytest.mark.parametrize("answer", ["K", "T", "P", "N", "R", "F", "U", "X"])
def test_how_the_primary_does_in_the_course_of_the_disease_tells_no_margin(answer: str) -> None:
    system = (
        "https://www.medizininformatik-initiative.de/fhir/ext/modul-onko/CodeSystem/mii-cs-onko-verlauf-primaertumor"
    )
    part = {"code": concept(*COURSE)} | coded(system, answer)
    case = read(PRIMARY, LIVER, observation("m", (SNOMED, "396432002"), {"component": [part]}, on="2026-05-27"))
    hinted = Sign.RESECTION_HINTED in case.signs
    noted = [issue.reason for issue in case.issues]
    assert (shown(case, "primary-margin"), hinted) == ("gap: absent", False)
    assert noted == ["disease status without chemotherapy before it: no response"]


def test_an_overall_status_leaves_the_margin_of_the_resection_before_it() -> None:
    status = observation("m", OVERALL, coded(MII, "R2"), on="2026-05-27")
    assert shown(read(PRIMARY, LIVER, resected(concept(MII, "R0")), status), "primary-margin") == "r0"


BOWEL, HEPATECTOMY = resected(None), procedure("h", (CPT, "47120"), on="2026-06-01")


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        (["Procedure/h"], "gap: absent"),
        (["https://ehr.example/fhir/Procedure/h/_history/1"], "gap: absent"),
        (["urn:uuid:h"], "gap: absent"),
        (["Procedure/p"], "r1"),
        (["Procedure/h", "Procedure/p"], "r1"),
        (["Procedure/x"], "r1"),
    ],
)
def test_a_margin_that_is_part_of_a_liver_operation_alone_is_not_that_of_the_primary(
    parts: list[str], expected: str
) -> None:
    whose: dict[str, Any] = {
        "focus": [{"reference": "Condition/primary"}],
        "partOf": [{"reference": one} for one in parts],
    }
    status = observation("m", MARGIN, coded(MII, "R1"), on="2026-06-05", **whose)
    named = status | {"code": {"text": "Resection margin"}}
    found = [shown(read(PRIMARY, LIVER, BOWEL, HEPATECTOMY, one), "primary-margin") for one in (status, named)]
    assert found == [expected, "gap: unreadable" if expected == "r1" else "gap: absent"]
