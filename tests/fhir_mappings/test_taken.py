"""Orders of systemic therapy by the days on which they were to be taken."""

from __future__ import annotations

from typing import Any

import pytest

from fhir_mappings.case import Interval, Sign
from tests.charts import ATC, SNOMED, concept, procedure
from tests.fhir_mappings.reading import read, shown
from tests.fhir_mappings.therapies import BEVACIZUMAB, LIVER, OLD, PRIMARY, TEXT, Given, given, request, taken

COURSE = procedure("rt", (SNOMED, "1217123003"), performedPeriod={"start": "2026-02-01", "end": "2026-03-10"})


def capecitabine(status: str, ordered: str, start: str) -> Given:
    return request(status, ordered, medicationCodeableConcept=concept(ATC, "L01BC06"), **taken(start))


@pytest.mark.parametrize("status", ["completed", "stopped"])
@pytest.mark.parametrize(
    ("ordered", "start", "cycles", "since"),
    [("2026-01-20", "2026-02-01", "gap: absent", False), ("2026-02-01", "2026-03-11", 1, True)],
)
def test_fluoropyrimidine_is_part_of_a_course_by_the_day_from_which_it_was_to_be_taken(
    status: str, ordered: str, start: str, cycles: Any, *, since: bool
) -> None:
    case = read(PRIMARY, LIVER, COURSE, capecitabine(status, ordered, start))
    found = (shown(case, "chemotherapy-cycles"), Sign.SYSTEMIC_THERAPY_SINCE_METASTASIS in case.signs)
    assert found == (cycles if status == "completed" else "gap: absent", since)


@pytest.mark.parametrize("start", ["2026-06-01", "2026-06-15"])
def test_an_order_until_today_was_taken_until_today(start: str) -> None:
    case = read(PRIMARY, LIVER, request("completed", "2026-01-10", **taken(start, "2026-06-15")))
    found = [str(shown(case, fact)) for fact in ("chemotherapy-cycles", "chemotherapy-last-date")]
    assert found == ["1", "2026-06-15"]


def timed(**timing: Any) -> Given:
    return {"dosageInstruction": [{"timing": timing}]}


def lasting(value: float, unit: str, **more: Any) -> Given:
    return timed(repeat={"boundsDuration": {"value": value, "unit": unit, **more}})


@pytest.mark.parametrize(
    ("instructions", "last"),
    [
        (timed(event=["2026-02-01", "2026-02-15", "2026-03-01"]), "2026-03-01"),
        (timed(event=["2026-02-01", "2026-07-01"]), "2026-02-01"),
        (timed(event=["2026-02-01T08:00:00+01:00"]), "2026-02-01"),
        (lasting(14, "days", code="d"), "2026-02-02"),
        (lasting(2, "wk"), "2026-02-02"),
        (lasting(2, "Wochen", code="wk"), "2026-02-02"),
        (lasting(2.5, "wk"), "2026-02-05"),
        (timed(repeat={"boundsDuration": {"value": "14.0", "unit": "d"}}), "2026-02-02"),
        (lasting(2, "weeks"), "2026-02-02"),
        (lasting(3, "months", code="mo"), "2026-04-19"),
        (lasting(1, "Monat"), "2026-01-20"),
        (lasting(1.5, "mo"), "2026-02-19"),
        (lasting(1, "a"), "2026-01-20"),
        (timed(repeat={"count": 6, "period": 2, "periodUnit": "wk"}), "2026-03-31"),
        (timed(repeat={"count": 3, "frequency": 1, "period": 1, "periodUnit": "mo"}), "2026-03-20"),
        (timed(repeat={"count": 5, "frequency": 2, "period": 3, "periodUnit": "wk"}), "2026-03-03"),
        (timed(repeat={"count": 90, "period": 2, "periodUnit": "wk"}), "2026-01-20"),
        (lasting(-1e9, "mo"), "2026-01-20"),
        (timed(repeat={"count": 2, "period": -1e9, "periodUnit": "a"}), "2026-01-20"),
        (lasting(1e9, "mo"), "2026-01-20"),
        (lasting(1e9, "wk"), "2026-01-20"),
        (lasting(8, "h"), "2026-01-20"),
        (timed(repeat={"boundsDuration": {"unit": "wk"}}), "2026-01-20"),
        (timed(repeat={"count": 6}), "2026-01-20"),
        ({}, "2026-01-20"),
    ],
    ids=[
        "days",
        "days past and to come",
        "moment",
        "14 days",
        "weeks",
        "weeks in another language beside their code",
        "halves",
        "text",
        "weeks in words",
        "months",
        "another language",
        "half a month",
        "a year to come",
        "every two weeks",
        "every month",
        "twice in three weeks",
        "beyond today",
        "months backwards",
        "years backwards",
        "months for ever",
        "for ever",
        "hours",
        "no number",
        "count",
        "none",
    ],
)
def test_the_last_day_of_an_order_is_the_last_past_one_on_which_it_was_to_be_taken(
    instructions: Given, last: str
) -> None:
    case = read(PRIMARY, LIVER, request("completed", "2026-01-20", **instructions))
    assert str(shown(case, "chemotherapy-last-date")) == last
    assert str(case.last_given["chemotherapy-last-date"].value) == last


def test_the_days_of_an_order_in_r5_are_those_of_its_period() -> None:
    order = request("completed", "2026-01-20", effectiveDosePeriod={"start": "2026-02-01", "end": "2026-05-20"})
    order["medication"] = {"concept": order.pop("medicationCodeableConcept")}
    case = read(PRIMARY, LIVER, order)
    found = [str(shown(case, fact)) for fact in ("chemotherapy-cycles", "chemotherapy-last-date")]
    assert found == ["1", "2026-05-20"]


def test_an_order_for_some_days_began_on_its_own_day_and_not_on_the_last() -> None:
    case = read(PRIMARY, LIVER, request("completed", "2026-01-10", **lasting(14, "d")))
    assert shown(case, "chemotherapy-cycles") == "gap: absent"


def test_a_proposal_of_another_drug_leaves_the_last_day_of_bevacizumab_as_it_is() -> None:
    bevacizumab = given("2026-03-01", BEVACIZUMAB)
    case = read(PRIMARY, LIVER, bevacizumab, request("completed", "2026-03-20", intent="proposal"))
    assert str(shown(case, "bevacizumab-last-date")) == "2026-03-01"


@pytest.mark.parametrize("status", ["stopped", "unknown"])
@pytest.mark.parametrize("drug", [{}, TEXT], ids=["coded", "in text"])
@pytest.mark.parametrize(
    ("start", "end", "since"),
    [
        ("2026-01-12", None, False),
        ("2026-01-12", "2026-01-14", False),
        ("2026-01-12", "2026-02-20", True),
        ("2026-01-20", None, True),
        ("2026-01-12", "2026-12-31", True),
    ],
    ids=["before", "until before", "into", "from after", "to an end to come"],
)
def test_an_order_from_before_the_metastases_may_have_been_taken_since_by_its_days(
    status: str, drug: Given, start: str, end: str | None, *, since: bool
) -> None:
    case = read(PRIMARY, LIVER, request(status, "2026-01-10", **taken(start, end), **drug))
    assert (Sign.SYSTEMIC_THERAPY_SINCE_METASTASIS in case.signs) is since


def test_an_order_that_was_taken_into_the_metastases_leaves_cycles_and_last_day_open() -> None:
    case = read(
        PRIMARY, LIVER, request("completed", "2026-01-02", **taken("2026-01-05", "2026-05-30")), given("2026-02-01")
    )
    found = (shown(case, "chemotherapy-cycles"), str(shown(case, "chemotherapy-last-date")))
    assert found == (Interval(1), "gap: absent")


def test_an_order_in_text_that_was_taken_after_the_resection_leaves_the_last_adjuvant_day_open() -> None:
    in_text = request("completed", "2024-01-20", **taken("2024-03-04", "2024-08-19"), **TEXT)
    case = read(*OLD, given("2024-03-04"), in_text)
    assert (shown(case, "adjuvant-status"), str(shown(case, "adjuvant-end-date"))) == ("completed", "gap: absent")


@pytest.mark.parametrize(
    ("ordered", "start", "status"),
    [
        ("2024-01-20", "2024-03-04", "ongoing"),
        ("2024-01-20", "2024-01-25", "completed"),
        ("2024-02-20", "2026-02-01", "completed"),
        ("2024-02-20", "2024-03-04", "ongoing"),
    ],
    ids=["from after the resection", "from before it", "from after the metastases", "between"],
)
def test_an_open_order_is_adjuvant_by_the_day_from_which_it_was_to_be_taken(
    ordered: str, start: str, status: str
) -> None:
    case = read(*OLD, given("2024-03-04"), request("active", ordered, **taken(start)))
    assert shown(case, "adjuvant-status") == status


ORDERS = ["order", "original-order", "reflex-order", "filler-order", "instance-order"]


@pytest.mark.parametrize("intent", ["proposal", "plan", "option", *ORDERS])
def test_a_proposal_that_was_carried_out_is_no_dose_of_its_day_and_leaves_open_what_was_given(intent: str) -> None:
    one = request("completed", "2026-02-01", intent=intent)
    is_dose = intent in ORDERS
    case = read(PRIMARY, LIVER, one)
    found = (shown(case, "chemotherapy-cycles"), str(shown(case, "chemotherapy-last-date")))
    assert found == ((1, "2026-02-01") if is_dose else ("gap: absent", "gap: absent"))
    assert Sign.SYSTEMIC_THERAPY_SINCE_METASTASIS in case.signs
    assert ("chemotherapy-last-date" in case.last_given) is is_dose
    beside = read(PRIMARY, LIVER, one, given("2026-03-01"))
    assert shown(beside, "chemotherapy-cycles") == (2 if is_dose else Interval(1))
    before = read(PRIMARY, LIVER, request("completed", "2026-01-01", intent=intent), given("2026-03-01"))
    assert shown(before, "chemotherapy-cycles") == 1


@pytest.mark.parametrize(("intent", "status"), [("proposal", "gap: unreadable"), ("order", "completed")])
def test_adjuvant_therapy_that_was_proposed_and_carried_out_is_asked_for(intent: str, status: str) -> None:
    assert shown(read(*OLD, request("completed", "2024-03-04", intent=intent)), "adjuvant-status") == status


@pytest.mark.parametrize(("intent", "status"), [("proposal", "completed"), ("plan", "completed"), ("order", "ongoing")])
def test_adjuvant_therapy_that_is_only_proposed_is_not_under_way(intent: str, status: str) -> None:
    case = read(*OLD, given("2024-03-04"), request("active", "2024-03-04", intent=intent))
    assert shown(case, "adjuvant-status") == status
