"""First sentences that a card has room for: none is cut off in the middle."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

from fhir_mappings.case import Unknown
from service.knowledge.decide import decide
from service.knowledge.guideline import load_guideline
from service.knowledge.headline import summary
from service.knowledge.phrases import SUMMARY_LIMIT, fitting
from service.knowledge.reading import Reading
from tests.decided import CATALOGUE, charted, example
from tests.orders.drafts import cards, hepatectomy

if TYPE_CHECKING:
    from fhir_mappings.case import Case

GUIDELINE = load_guideline()
SOME: dict[str, Any] = {"primary-symptoms": "perforation", "metastasis-count": 4, "extrahepatic-disease": "none"}


@pytest.mark.parametrize(
    ("wordings", "expected"),
    [
        (("a" * SUMMARY_LIMIT, "short"), "a" * SUMMARY_LIMIT),
        (("a" * (SUMMARY_LIMIT + 1), "short"), "short"),
        (("a" * (SUMMARY_LIMIT + 1), "b" * (SUMMARY_LIMIT + 2)), "b" * (SUMMARY_LIMIT + 2)),
    ],
)
def test_the_first_wording_that_has_room_is_taken(wordings: tuple[str, ...], expected: str) -> None:
    assert fitting(*wordings) == expected


LATE = "treatment as metachronous disease"


@pytest.mark.parametrize(
    ("facts", "between", "needed"),
    [
        (SOME, f"primary first, {LATE}, systemic therapy first and MDT", "ECOG"),
        (SOME | {"ecog": 1}, f"primary first, {LATE} and systemic therapy first", "liver remnant"),
    ],
)
def test_an_open_case_names_what_has_room(facts: dict[str, Any], between: str, needed: str) -> None:
    case = charted(facts)
    said = summary(Reading(case, decide(case, GUIDELINE), GUIDELINE, CATALOGUE))
    assert said == f"Order of surgery open between {between}; first needed: {needed}"


@pytest.mark.parametrize(
    ("facts", "named"),
    [
        ({"primary-in-situ": True, "ecog": 0}, "resectability and symptoms of the primary"),
        ({"primary-in-situ": False, "ecog": 0}, "resectability"),
    ],
)
def test_a_case_that_waits_for_the_mdt_names_symptoms_only_where_they_matter(facts: dict[str, Any], named: str) -> None:
    case = charted(facts)
    said = summary(Reading(case, decide(case, GUIDELINE), GUIDELINE, CATALOGUE))
    assert said == f"Complete the case for the MDT: {named} not recorded"


RESPONDED: dict[str, Any] = {"chemotherapy_cycles": 4, "chemotherapy_response": "partial-response"}


@pytest.mark.parametrize(
    ("case", "expected"),
    [
        (
            example("V01", "primary-in-situ", **RESPONDED),
            "Order of surgery open: whether the primary is in situ decides between liver first and staged surgery",
        ),
        (
            example("V08", "primary-in-situ", **RESPONDED),
            "Consider staged surgery: next step open, whether the primary is in situ decides",
        ),
        (
            example("V08", "primary-in-situ", ecog=3),
            "Order of surgery open: whether the primary is in situ decides between primary first and MDT",
        ),
    ],
    ids=["resect-now", "primary-first-or-resect-now", "relief"],
)
def test_a_primary_that_may_be_resected_is_not_said_to_come_first(case: Case, expected: str) -> None:
    assert summary(Reading(case, decide(case, GUIDELINE), GUIDELINE, CATALOGUE)) == expected


@pytest.mark.parametrize(
    ("case", "expected"),
    [
        (
            example("V01", "asa", ecog=Unknown(), extrahepatic_disease="unresectable"),
            "Next treatment open: ECOG decides between systemic therapy first and MDT",
        ),
        (example("V01", ecog=Unknown()), "Order of surgery open: ECOG decides between liver first and MDT"),
    ],
)
def test_an_order_of_surgery_is_open_only_where_surgery_is(case: Case, expected: str) -> None:
    assert summary(Reading(case, decide(case, GUIDELINE), GUIDELINE, CATALOGUE)) == expected


def test_an_order_that_differs_names_the_whole_answer_in_its_detail_alone_where_that_is_long() -> None:
    (card,) = cards(example("V11"), hepatectomy())
    assert card["summary"] == "Liver operation differs from the recommended order: primary only for now"


TREATED: dict[str, Any] = {"chemotherapy_cycles": 4, "chemotherapy_response": "partial-response"}


@pytest.mark.parametrize(
    ("name", "last", "said"),
    [
        ("V01", None, "Liver first: resection of the liver now,"),
        ("V01", date(2026, 10, 26), "Liver first: resection of the liver now,"),
        ("V01", date(2026, 11, 10), "Liver first: resection of the liver from 8 Dec 2026 on,"),
        ("V12", date(2026, 11, 10), "Consider liver resection from 8 Dec 2026 on:"),
        ("V27", date(2026, 11, 10), "Consider liver resection from 8 Dec 2026 on:"),
    ],
)
def test_a_resection_that_has_to_wait_is_not_called_one_for_now(name: str, last: date | None, said: str) -> None:
    given = {"chemotherapy_last_date": last} if last else {}
    case = example(name, **TREATED, **given)
    found = summary(Reading(case, decide(case, GUIDELINE), GUIDELINE, CATALOGUE))
    assert found.partition(" no more chemotherapy")[0] == said
