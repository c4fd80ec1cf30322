"""What the card of an order rests on: the strength of the recommendation, assumptions, the MDT's words, statements."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

from fhir_mappings.case import PartialDate
from service.knowledge.decide import decide
from service.knowledge.guideline import load_guideline
from service.knowledge.reading import Reading
from service.knowledge.schedule import earliest_liver_operation
from tests.decided import CATALOGUE, by_mdt, example, recorded, with_facts
from tests.orders.drafts import biopsy, cards, colectomy, cycle, hepatectomy, responded

if TYPE_CHECKING:
    from fhir_mappings.case import Case

BARE = ("asa", "extrahepatic-disease", "impending-complication")
RESPONDED = {"chemotherapy_cycles": 4, "chemotherapy_response": "partial-response"}
ASSUMED = "**Assumed, please confirm**: ASA ≤ 3; no extrahepatic disease; no impending complication"


def lines(card: dict[str, Any], start: str) -> list[str]:
    return [line.rstrip() for line in card["detail"].splitlines() if line.startswith(start)]


@pytest.mark.parametrize(
    ("case", "draft", "code"),
    [
        (example("V01", *BARE), colectomy(), "strategy-differs"),
        (example("V20", *BARE), colectomy(), "no-prophylactic-primary-resection"),
        (example("V01", *BARE, **RESPONDED), cycle(), "stop-chemotherapy-resect-now"),
    ],
)
def test_a_warning_that_rests_on_the_strategy_prints_what_is_assumed(
    case: Case, draft: dict[str, Any], code: str
) -> None:
    (card,) = cards(case, draft)
    assert (card["source"]["topic"]["code"], lines(card, "**Assumed")) == (code, [ASSUMED])


def test_a_warning_of_a_combined_operation_prints_what_is_assumed() -> None:
    found = cards(example("V01", *BARE), hepatectomy(), colectomy(), selections=["liver"])
    assert [lines(card, "**Assumed") for card in found] == [[ASSUMED]]


@pytest.mark.parametrize(("case", "draft"), [(example("V01", *BARE), biopsy()), (responded(), hepatectomy())])
def test_a_warning_that_rests_on_recorded_values_alone_prints_no_assumption(case: Case, draft: dict[str, Any]) -> None:
    assert [lines(card, "**Assumed") for card in cards(case, draft)] == [[]]


@pytest.mark.parametrize(
    ("without", "strength"),
    [
        ((), "strong"),
        (BARE, "conditional: to be considered, and only if what is assumed below is right"),
    ],
)
def test_an_order_is_compared_with_the_recommendation_as_strong_as_it_is(
    without: tuple[str, ...], strength: str
) -> None:
    (card,) = cards(example("V01", *without), colectomy())
    assert lines(card, "- **Recommended**") == [
        f"- **Recommended** ({strength}): liver first, liver resection or ablation, then the sigmoid primary"
    ]


def test_what_differs_from_the_mdt_rests_on_its_record_and_on_no_statement_of_the_summary() -> None:
    (card,) = cards(by_mdt(example("V01"), "staged"), hepatectomy())
    assert card["detail"].splitlines()[:-1] == [
        "Order: Liver operation (ServiceRequest/liver)",
        "",
        "**Why**",
        "- MDT decided primary first on 10 Nov 2026 (Observation/mdt)",
        "",
    ]
    assert "statements" not in card["extension"]["example.crlm-cds.advice"]


def test_what_differs_from_the_mdt_quotes_the_reason_that_it_gave() -> None:
    case = by_mdt(example("V01"), "staged")
    assert case.mdt is not None
    given = replace(case, mdt=replace(case.mdt, reason="stent *failed*"))
    assert lines(cards(given, hepatectomy())[0], "- ") == [
        "- MDT decided primary first on 10 Nov 2026 (Observation/mdt)",
        "- Reason given: stent \\*failed\\*",
    ]


def test_four_weeks_pass_between_adjuvant_chemotherapy_and_the_liver() -> None:
    case = example("V27", adjuvant_status="completed", adjuvant_end_date=date(2026, 11, 10))
    (card,) = cards(case, hepatectomy("2026-12-07"))
    why, recorded = lines(card, "- ")
    assert why == (
        "- Ordered for 7 Dec 2026; the interval ends on 8 Dec 2026: "
        "4 weeks after the last adjuvant chemotherapy (10 Nov 2026) (general knowledge)."
    )
    assert (
        recorded == "- Recorded: adjuvant chemotherapy ended on 10 Nov 2026 (2 Nov 2026, Observation/adjuvant-end-date)"
    )
    assert cards(case, hepatectomy("2026-12-08")) == []


def test_adjuvant_chemotherapy_of_long_ago_sets_no_day_for_the_liver() -> None:
    case = example("V27", adjuvant_status="completed", adjuvant_end_date=date(2024, 11, 10))
    guideline = load_guideline()
    assert earliest_liver_operation(Reading(case, decide(case, guideline), guideline, CATALOGUE)) is None


def test_a_prophylactic_resection_is_judged_by_the_disease_that_is_unresectable() -> None:
    (card,) = cards(example("V01", extrahepatic_disease="unresectable"), colectomy())
    assert card["summary"] == (
        "Disease outside the liver unresectable, primary without symptoms: "
        "systemic therapy first, no prophylactic resection"
    )
    (found,) = lines(card, "- In this patient")
    assert found == (
        "- In this patient: no symptoms of the primary, no impending complication, unresectable extrahepatic disease "
        "(2 Nov 2026, Observation/primary-symptoms, Observation/impending-complication, "
        "Observation/extrahepatic-disease)"
    )


@pytest.mark.parametrize(
    ("case", "found"),
    [
        (example("V01"), "not declared unresectable"),
        (example("V01", "r0-achievable"), "not declared unresectable"),
        (example("V01", extrahepatic_disease="unresectable"), "not declared unresectable"),
        (example("V11"), "found at operation"),
    ],
)
def test_a_biopsy_is_judged_by_what_was_declared_of_the_metastases(case: Case, found: str) -> None:
    (card,) = cards(case, biopsy())
    assert card["summary"] == f"Liver metastases {found}: no biopsy, refer to the hepatobiliary unit"


def test_a_warning_after_a_change_says_what_the_mdt_had_decided() -> None:
    later = PartialDate(date(2026, 11, 18), date(2026, 11, 18))
    changed = with_facts(by_mdt(example("V01"), "staged"), ecog=recorded("ecog", 1, later))
    (card,) = cards(changed, colectomy())
    assert card["source"]["topic"]["code"] == "strategy-differs"
    assert lines(card, "- MDT") == ["- MDT decided primary first on 10 Nov 2026 (Observation/mdt); changed since: ECOG"]


def test_a_warning_of_a_combined_operation_says_what_the_mdt_decided() -> None:
    (card, *_) = cards(by_mdt(example("V01"), "staged"), hepatectomy(), colectomy(), selections=["bowel"])
    assert lines(card, "- MDT") == ["- MDT decided primary first on 10 Nov 2026 (Observation/mdt)"]


def test_an_order_that_the_chart_calls_for_since_the_mdt_decided_is_not_recommended_to_go() -> None:
    later = PartialDate(date(2026, 11, 18), date(2026, 11, 18))
    obstructed = recorded("primary-symptoms", "obstruction", later)
    (card,) = cards(with_facts(by_mdt(example("V01"), "liver-first"), primary_symptoms=obstructed), colectomy())
    assert card["summary"] == "Resection of the primary differs from the MDT's decision of 10 Nov 2026: liver first"
    decided, now = lines(card, "- ")
    assert decided == (
        "- MDT decided liver first on 10 Nov 2026 (Observation/mdt); changed since: symptoms of the primary"
    )
    assert now == (
        "- From the summary now: primary first, the sigmoid primary, then the liver about 2 months after recovery "
        "(not what the MDT decided)"
    )
    offered = [(one["label"], one.get("isRecommended", False)) for one in card["suggestions"]]
    assert offered == [("Refer to the liver MDT", False), ("Remove this draft order", False)]


@pytest.mark.parametrize(
    ("case", "operation"),
    [
        (responded(), "resection of the liver"),
        (by_mdt(responded(), "staged"), "resection"),
        (by_mdt(responded(), "simultaneous"), "resection"),
    ],
    ids=["recommended", "mdt-staged", "mdt-simultaneous"],
)
def test_a_further_cycle_is_warned_of_without_arguing_with_the_order_that_the_mdt_decided(
    case: Case, operation: str
) -> None:
    (card,) = cards(case, cycle())
    assert card["summary"] == (f"Metastases resectable after chemotherapy: {operation} is next, not a further cycle")


@pytest.mark.parametrize(
    ("case", "draft", "anchor"),
    [
        (example("V01"), biopsy(), "#no-biopsy"),
        (example("V20"), colectomy(), "#no-prophylactic-primary-resection"),
        (responded(), cycle(), "#stop-chemotherapy-resect-now"),
        (example("V01"), colectomy(), "#A12c"),
        (by_mdt(example("V01"), "liver-first"), colectomy(), ""),
        (responded(), hepatectomy(), "#policy"),
    ],
    ids=["biopsy", "prophylactic", "cycle", "strategy", "mdt", "interval"],
)
def test_a_card_links_to_what_it_rests_on(case: Case, draft: dict[str, Any], anchor: str) -> None:
    (card,) = cards(case, draft)
    page = f"https://cds.example.org/knowledge{anchor}"
    assert (card["source"]["url"], card["links"][-1]["url"]) == (page, page)
