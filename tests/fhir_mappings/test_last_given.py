"""The last chemotherapy and bevacizumab of a chart, whatever they were given for: what a liver operation waits for."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

from fhir_mappings.case import Evidence, Interval, Known, PartialDate, Sign
from tests.charts import CPT, OPCS, SNOMED, local, procedure
from tests.fhir_mappings.reading import read, shown
from tests.fhir_mappings.therapies import (
    BEVACIZUMAB,
    FLUOROURACIL,
    OLD,
    OXALIPLATIN,
    Given,
    given,
    operated,
    period,
    request,
)

if TYPE_CHECKING:
    from fhir_mappings.case import Case

OPS = "http://fhir.de/CodeSystem/bfarm/ops"


def last(case: Case) -> dict[str, Any]:
    return {code: (fact.value, [one.reference for one in fact.evidence]) for code, fact in case.last_given.items()}


def test_the_last_of_all_that_was_given_is_told_apart_from_the_preoperative() -> None:
    pump = given(ident="pump", drug=FLUOROURACIL, **period("2026-03-01", "2026-03-03"))
    others = [
        given("2026-03-02", ident="ox"),
        given("2024-03-01", BEVACIZUMAB, "beva"),
        request("active", "2026-03-20"),
    ]
    assert last(read(*OLD, operated("2026-02-01"), pump, *others, given(ident="undated"))) == {
        "chemotherapy-last-date": (date(2026, 3, 3), ["MedicationAdministration/pump"]),
        "bevacizumab-last-date": (date(2024, 3, 1), ["MedicationAdministration/beva"]),
    }
    assert last(read(*OLD, given(ident="undated"), request("stopped", "2026-03-20"))) == {}


INFUSIONS = [(SNOMED, "367336001"), (SNOMED, "265760000"), (CPT, "96413"), (CPT, "96409"), (OPCS, "X72.1")]


@pytest.mark.parametrize("code", [*INFUSIONS, (OPS, "8-542.21")], ids=lambda code: code[1])
def test_a_procedure_of_chemotherapy_stands_for_what_was_given(code: tuple[str, str]) -> None:
    def infusion(**more: Any) -> Given:
        return procedure("infusion", code, **more)

    assert last(read(*OLD, given("2026-03-01"), infusion(on="2026-03-15"))) == {
        "chemotherapy-last-date": (date(2026, 3, 15), ["Procedure/infusion"])
    }
    planned = infusion(on="2026-03-15", status="preparation")
    assert [last(read(*OLD, one)) for one in (planned, infusion(), infusion(on="2026-07-01"))] == [{}, {}, {}]


@pytest.mark.parametrize("status", ["in-progress", "on-hold", "stopped"])
def test_an_infusion_that_was_begun_is_waited_for_and_leaves_open_whether_it_is_a_cycle(status: str) -> None:
    pump = given(status=status, drug=BEVACIZUMAB, **period("2026-05-30", "2026-06-01"))
    case = read(*OLD, given("2026-03-01", ident="before"), pump)
    assert (last(case), shown(case, "chemotherapy-cycles"), shown(case, "chemotherapy-last-date")) == (
        dict.fromkeys(
            ("chemotherapy-last-date", "bevacizumab-last-date"), (date(2026, 6, 1), ["MedicationAdministration/d"])
        ),
        Interval(low=1),
        "gap: absent",
    )
    by_procedure = procedure("infusion", (CPT, "96413"), status=status, on="2026-06-01")
    assert last(read(*OLD, by_procedure)) == {"chemotherapy-last-date": (date(2026, 6, 1), ["Procedure/infusion"])}


def test_an_infusion_that_was_begun_does_not_count_where_it_is_to_come_or_of_a_course_of_radiotherapy() -> None:
    course = procedure("rt", (SNOMED, "1217123003"), performedPeriod={"start": "2026-02-01", "end": "2026-03-10"})
    sensitiser = given("2026-02-10", FLUOROURACIL, status="stopped")
    to_come = given("2026-07-01", status="in-progress")
    others = [given("2026-06-01", status=status) for status in ("not-done", "entered-in-error", "unknown")]
    assert [last(read(*OLD, course, one)) for one in (sensitiser, to_come, *others)] == [{}] * 5


def test_a_procedure_of_chemotherapy_over_months_ends_with_its_period() -> None:
    months = procedure("infusion", (CPT, "96413"), performedPeriod={"start": "2026-01-20", "end": "2026-05-30"})
    assert last(read(*OLD, months)) == {"chemotherapy-last-date": (date(2026, 5, 30), ["Procedure/infusion"])}


@pytest.mark.parametrize(
    ("dose", "reference", "coding"),
    [
        (given("2026-03-01"), "MedicationAdministration/d", "|".join(OXALIPLATIN)),
        (procedure("i", (CPT, "96413"), on="2026-03-01"), "Procedure/i", f"{CPT}|96413"),
    ],
    ids=["drug", "procedure"],
)
def test_the_last_of_all_is_derived_from_the_coding_of_its_dose(dose: Given, reference: str, coding: str) -> None:
    day = date(2026, 3, 1)
    proof = Evidence(reference, "derived", PartialDate(day, day), coding)
    assert read(*OLD, dose).last_given == {"chemotherapy-last-date": Known(day, (proof,))}


@pytest.mark.parametrize(
    ("status", "begun"),
    [
        ("in-progress", True),
        ("on-hold", True),
        ("stopped", True),
        ("unknown", False),
        ("not-done", False),
        ("entered-in-error", False),
    ],
)
def test_an_administration_that_has_begun_is_the_last_that_was_given(status: str, *, begun: bool) -> None:
    case = read(*OLD, given("2026-03-01", ident="done"), given("2026-06-12", status=status))
    day, reference = (date(2026, 6, 12), "d") if begun else (date(2026, 3, 1), "done")
    assert last(case) == {"chemotherapy-last-date": (day, [f"MedicationAdministration/{reference}"])}


@pytest.mark.parametrize("fact", ["chemotherapy-last-date", "bevacizumab-last-date"])
@pytest.mark.parametrize(
    ("day", "since"),
    [
        ("2026-01-14", False),
        ("2026-01-15", True),
        ("2026-05", True),
        ("2026", True),
        ("2025-12", False),
        ("2031-01-01", True),
    ],
)
def test_a_last_day_that_was_entered_is_a_sign_of_therapy(fact: str, day: str, *, since: bool) -> None:
    case = read(*OLD, local(fact, day, on="2026-06-01"))
    assert (Sign.SYSTEMIC_THERAPY_SINCE_METASTASIS in case.signs) is since
