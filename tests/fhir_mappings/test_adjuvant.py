"""Adjuvant chemotherapy between resection and metastases."""

from __future__ import annotations

from typing import Any

import pytest

from fhir_mappings.chart import Completeness
from tests.charts import (
    COMPLETE,
    RXNORM,
    SNOMED,
    concept,
    local,
    procedure,
)
from tests.fhir_mappings.reading import read, shown
from tests.fhir_mappings.therapies import (
    FLUOROURACIL,
    OLD,
    OXALIPLATIN,
    TEXT,
    Given,
    given,
    period,
    request,
    taken,
)

PERHAPS = {"none", "completed"}
ADJUVANT: list[tuple[str, list[Given], Any, str]] = [
    ("between", [given("2024-03-01")], "completed", "2024-03-01"),
    ("day after the resection", [given("2024-02-02")], "completed", "2024-02-02"),
    ("day of the resection", [given("2024-02-01")], "gap: absent", "gap: absent"),
    ("day before the metastases", [given("2026-01-14")], "completed", "2026-01-14"),
    ("day of the metastases", [given("2026-01-15")], "gap: absent", "gap: absent"),
    ("the last of two", [given("2024-09-01"), given("2024-03-01", ident="a")], "completed", "2024-09-01"),
    ("the end of an infusion", [given(**period("2024-03-01", "2024-03-03"))], "completed", "2024-03-03"),
    (
        "the end of a pump with another drug of its day",
        [given(ident="a", **period("2024-03-01", "2024-03-03")), given("2024-03-01", ident="z")],
        "completed",
        "2024-03-03",
    ),
    (
        "perhaps another before the metastases",
        [given("2024-03-01"), given("2026-01", ident="e")],
        "completed",
        "2024-03-01/2026-01-15",
    ),
    (
        "some day of a year, another in November",
        [given("2025"), given("2025-11", ident="e")],
        "completed",
        "2025-11-01/2025-12-31",
    ),
    ("some day of a year, another before", [given("2025"), given("2024-11-02", ident="e")], "completed", "2025"),
    (
        "perhaps an order to its last day",
        [given("2024-03-01"), request("completed", "2024-02", **taken(end="2024-09-01"))],
        "completed",
        "2024-03-01/2024-09-01",
    ),
    (
        "perhaps another after the resection",
        [given("2024-03-01"), given("2024-02", ident="e")],
        "completed",
        "2024-03-01",
    ),
    ("another after the metastases", [given("2024-03-01"), given("2026-01-15", ident="e")], "completed", "2024-03-01"),
    ("another before the resection", [given("2024-03-01"), given("2024-02-01", ident="e")], "completed", "2024-03-01"),
    (
        "another in radiotherapy or after it",
        [
            procedure("rt", (SNOMED, "1217123003"), performedPeriod={"start": "2024-02-20", "end": "2024-03-10"}),
            given("2024-02-10"),
            given("2024-03", FLUOROURACIL, ident="e"),
        ],
        "completed",
        "2024-02-10/2024-03-31",
    ),
    (
        "perhaps another on the day of the last",
        [given("2024-03-01"), given("2024-03-01", ident="e", status="in-progress")],
        "completed",
        "2024-03-01",
    ),
    (
        "halted fluoropyrimidine of radiotherapy",
        [
            procedure("rt", (SNOMED, "1217123003"), performedPeriod={"start": "2024-02-20", "end": "2024-03-30"}),
            request("stopped", "2024-02-10", medicationCodeableConcept=concept(*FLUOROURACIL), **taken("2024-02-21")),
        ],
        "gap: absent",
        "gap: absent",
    ),
    ("another in text", [given("2024-03-01"), given("2024-08-01", ident="e") | TEXT], "completed", "gap: absent"),
    ("another in text, since", [given("2024-03-01"), given("2026-02-01", ident="e") | TEXT], "completed", "2024-03-01"),
    (
        "another unreadable",
        [given("2024-03-01"), given("2024-08-01", ident="e", foo=1)],
        "completed",
        "gap: unreadable",
    ),
    ("another undated", [given("2024-03-01"), request("completed", None)], "completed", "gap: absent"),
    ("undated", [given()], "gap: unreadable", "gap: unreadable"),
    ("perhaps after the resection", [given("2024-02")], PERHAPS, "gap: absent"),
    ("perhaps before the metastases", [given("2026-01")], PERHAPS, "gap: absent"),
    ("perhaps in the year of the resection", [given("2024"), given("2023-12-01", ident="e")], PERHAPS, "gap: absent"),
    ("begun", [given("2024-03-01", status="in-progress")], PERHAPS, "gap: absent"),
    ("an undated order that was done", [request("completed", None)], PERHAPS, "gap: absent"),
    (
        "perhaps, and an order still open",
        [given("2024-02"), request("active", "2024-03-01")],
        {"none", "ongoing"},
        "gap: absent",
    ),
    (
        "perhaps, and another in text surely",
        [given("2024-02"), given("2024-08-01", ident="e") | TEXT],
        "gap: unreadable",
        "gap: absent",
    ),
    ("an order still open alone", [request("active", "2024-03-01")], "gap: absent", "gap: absent"),
    (
        "an order to its last day",
        [request("completed", "2024-03-01", **taken("2024-03-04", "2024-08-19"))],
        "completed",
        "2024-08-19",
    ),
    (
        "an order to the last day of its last part",
        [
            request(
                "completed",
                "2024-03-01",
                dosageInstruction=[
                    {"text": "with food"},
                    *taken("2024-06-03", "2024-08-19")["dosageInstruction"],
                    *taken("2024-03-04", "2024-05-27")["dosageInstruction"],
                ],
            )
        ],
        "completed",
        "2024-08-19",
    ),
    (
        "an order from its first day",
        [request("completed", "2024-01-20", **taken("2024-03-04"))],
        "completed",
        "2024-03-04",
    ),
    (
        "an order that was done before its last day",
        [request("completed", "2024-03-01", **taken(end="2027-03-01"))],
        "completed",
        "2024-03-01",
    ),
    ("an order still open", [given("2024-03-01"), request("active", "2024-03-01")], "ongoing", "gap: absent"),
    (
        "an open order not to give it",
        [given("2024-03-01"), request("active", "2024-03-01", doNotPerform=True)],
        "completed",
        "2024-03-01",
    ),
    (
        "an order of the day after the resection",
        [given("2024-03-01"), request("active", "2024-02-02")],
        "ongoing",
        "gap: absent",
    ),
    (
        "an order from before the resection",
        [given("2024-03-01"), request("active", "2024-02-01")],
        "completed",
        "2024-03-01",
    ),
    ("an order of the metastases", [given("2024-03-01"), request("active", "2026-01-15")], "completed", "2024-03-01"),
    ("an undated order", [given("2024-03-01"), request("active", None)], "completed", "2024-03-01"),
    ("an order on hold", [given("2024-03-01"), request("on-hold", "2024-03-01")], "completed", "2024-03-01"),
    *(
        (f"an order {status}", [request(status, "2024-03-01")], PERHAPS, "gap: absent")
        for status in ("stopped", "unknown")
    ),
    *(
        (f"an order alone, {status}", [request(status, "2024-03-01")], "gap: absent", "gap: absent")
        for status in ("active", "on-hold", "cancelled", "draft", "entered-in-error")
    ),
    (
        "an order stopped beside its doses",
        [given("2024-03-01"), request("stopped", "2024-04-01")],
        "completed",
        "2024-03-01",
    ),
    ("an order stopped before the resection", [request("stopped", "2024-01-20")], "gap: absent", "gap: absent"),
    ("an order stopped after the metastases", [request("stopped", "2026-01-15")], "gap: absent", "gap: absent"),
    ("an order not to give it", [request("stopped", "2024-03-01", doNotPerform=True)], "gap: absent", "gap: absent"),
    ("a proposal stopped", [request("stopped", "2024-03-01", intent="proposal")], "gap: absent", "gap: absent"),
    (
        "an order of another drug",
        [given("2024-03-01"), request("active", "2024-03-01", medicationCodeableConcept=concept(RXNORM, "860975"))],
        "completed",
        "2024-03-01",
    ),
]


@pytest.mark.parametrize(
    ("resources", "status", "end"), [one[1:] for one in ADJUVANT], ids=[one[0] for one in ADJUVANT]
)
def test_adjuvant_therapy_lies_between_resection_and_metastases(resources: list[Given], status: Any, end: str) -> None:
    case = read(*OLD, *resources)
    assert (shown(case, "adjuvant-status"), str(shown(case, "adjuvant-end-date"))) == (status, end)


def test_adjuvant_therapy_is_derived_from_the_codings_of_its_doses() -> None:
    last = request("completed", "2024-03-01", **taken(end="2024-09-01"))
    case = read(*OLD, given("2024-04-01", FLUOROURACIL), last)
    told = {
        fact: [(proof.reference, proof.how, proof.coding) for proof in case.facts[fact].evidence]
        for fact in ("adjuvant-status", "adjuvant-end-date")
    }
    order = ("MedicationRequest/r", "derived", "|".join(OXALIPLATIN))
    assert told == {
        "adjuvant-status": [order, ("MedicationAdministration/d", "derived", "|".join(FLUOROURACIL))],
        "adjuvant-end-date": [order],
    }


@pytest.mark.parametrize(
    ("entered", "expected"), [("2024-05-01", "2024-06-01"), ("2024-06-01", "2024-03-01"), ("2024-07-01", "2024-03-01")]
)
def test_of_an_adjuvant_end_that_was_entered_and_one_by_doses_the_newer_counts(entered: str, expected: str) -> None:
    case = read(*OLD, given("2024-06-01"), local("adjuvant-end-date", "2024-03-01", on=entered))
    assert str(shown(case, "adjuvant-end-date")) == expected


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ([], ("completed", "derived")),
        ([local("adjuvant-status", "ongoing", on="2026-01-02")], ("completed", "derived")),
        ([local("adjuvant-status", "none", on="2026-02-01")], ("none", "entered")),
        ([local("adjuvant-status", "ongoing", on="2026-03-01")], ("ongoing", "entered")),
    ],
)
def test_adjuvant_chemotherapy_of_which_an_end_is_entered_was_given(
    status: list[Given], expected: tuple[str, str]
) -> None:
    case = read(*OLD, local("adjuvant-end-date", "2025-06-01", on="2026-02-01"), *status)
    found = case.facts["adjuvant-status"]
    assert (shown(case, "adjuvant-status"), found.evidence[0].how) == expected


@pytest.mark.parametrize("had", [Completeness.PARTIAL, Completeness.NOT_RETRIEVED])
def test_without_all_orders_nobody_knows_whether_it_is_over(had: Completeness) -> None:
    def status(*more: Given) -> Any:
        case = read(*OLD, given("2024-03-01"), *more, completeness=COMPLETE | {"MedicationRequest": had})
        return shown(case, "adjuvant-status")

    assert (status(), status(request("active", "2024-03-10"))) == ({"ongoing", "completed"}, "ongoing")
