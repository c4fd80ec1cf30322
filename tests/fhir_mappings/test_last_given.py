"""The last chemotherapy and bevacizumab of a chart, whatever they were given for: what a liver operation waits for."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

from tests.charts import CPT, SNOMED, procedure
from tests.fhir_mappings.reading import read
from tests.fhir_mappings.therapies import (
    BEVACIZUMAB,
    FLUOROURACIL,
    OLD,
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


@pytest.mark.parametrize("code", [(SNOMED, "367336001"), (CPT, "96413"), (OPS, "8-542.21")], ids=lambda code: code[1])
def test_a_procedure_of_chemotherapy_stands_for_what_was_given(code: tuple[str, str]) -> None:
    def infusion(**more: Any) -> Given:
        return procedure("infusion", code, **more)

    assert last(read(*OLD, given("2026-03-01"), infusion(on="2026-03-15"))) == {
        "chemotherapy-last-date": (date(2026, 3, 15), ["Procedure/infusion"])
    }
    planned = infusion(on="2026-03-15", status="preparation")
    assert [last(read(*OLD, one)) for one in (planned, infusion(), infusion(on="2026-07-01"))] == [{}, {}, {}]
