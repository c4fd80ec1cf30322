"""Numbers of a site's policy are the ones that cards say, and read as words do: one month, a window of one week."""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

from service.knowledge.decide import decide
from service.knowledge.explain import explain
from service.knowledge.guideline import load_guideline
from service.knowledge.model import Policy
from service.knowledge.reading import Reading
from tests.decided import CATALOGUE, cards_of, example, section_of
from tests.explain.plain import plain

if TYPE_CHECKING:
    from fhir_mappings.case import Case
    from service.knowledge.explanation import SectionCode
    from service.knowledge.model import Guideline

ONE = load_guideline(
    Policy(
        "one of each",
        {
            name: 1
            for name, parameter in load_guideline().parameters.items()
            if parameter.minimum == 1 and parameter.unit in {"mo", "wk", "{count}"} and parameter.use == "text"
        },
    )
)
RESPONDED: dict[str, Any] = {"chemotherapy_cycles": 4, "chemotherapy_response": "partial-response"}
CASES = {
    "V01": {},
    "V01 after response": RESPONDED,
    "V08": {},
    "V09": {},
    "V12": {},
    "V12 after resection": {"primary_resection_date": date(2026, 10, 12)},
    "V13": {},
    "V20": {},
    "V27": {},
    "V28": {},
}


@pytest.mark.parametrize("name", CASES)
def test_one_of_each_is_said_in_the_singular(name: str) -> None:
    (card,) = cards_of(example(name[:3], **CASES[name]), guideline=ONE)
    text = f"{card['summary']}\n{card['detail']}\n{card['suggestions']}"
    assert re.findall(r"\b1 (?:to 1 )?(?:months|weeks|two-weekly cycles)", text) == []


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("V01", "about 1 week after the liver operation"),
        ("V08", "about 1 month after recovery from the primary (window 1 week)"),
        ("V13", "then restaging of the liver, at 1 month"),
        ("V20", "every 1 month, first by 23 Dec 2026"),
        ("V28", "FOLFOX before the liver operation, 1 month (1 two-weekly cycle)"),
    ],
)
def test_what_is_one_is_still_said(name: str, words: str) -> None:
    (card,) = cards_of(example(name), guideline=ONE)
    assert words in card["detail"]


def test_sentences_of_the_guideline_are_in_the_singular_too() -> None:
    assert ONE.advisory("restage-3-months").sentence == "Restage at 1 month, before the liver resection."
    assert ONE.next_steps["upfront-hepatectomy"].interval == "1 month of adjuvant chemotherapy (1 two-weekly cycle)"
    one_day = load_guideline(Policy("ours", {"intraoperative_window_days": 1}))
    assert one_day.resolutions["R11"].endswith("only ever stated explicitly and holds for 1 day.")


def told(case: Case, guideline: Guideline, code: SectionCode) -> list[str]:
    section = section_of(explain(Reading(case, decide(case, guideline), guideline, CATALOGUE)), code)
    assert section is not None
    return [plain(line) for line in section.lines]


def test_a_changed_number_of_the_policy_is_printed() -> None:
    guideline = load_guideline(Policy("ours", {"remnant_minimum_percent": 35.0}))
    case = example("V01")
    assert "Local policy of this site: remnant minimum percent = 35" in told(case, guideline, "sources")


def test_advisories_speak_in_the_numbers_of_the_policy() -> None:
    numbers = {"adjuvant_failure_months": 18, "restaging_months": 4, "adjuvant_months": 3}
    guideline = load_guideline(Policy("ours", dict(numbers)))
    failed = {"adjuvant_end_date": date(2025, 6, 1), "liver_metastasis_date": date(2026, 10, 1)}
    said = [
        told(case, guideline, "advisories")
        for case in (
            example("V13"),
            example("V27", "adjuvant-status"),
            example("V27", adjuvant_status="completed", **failed),
        )
    ]
    assert "Restage at 4 months, before the liver resection." in said[0]
    assert said[1][0] == (
        "After the liver resection 3 months of oxaliplatin-based chemotherapy improve disease-free, not overall "
        "survival, unless adjuvant chemotherapy failed within 18 months (not recorded)."
    )
    assert said[2][0].startswith("Adjuvant chemotherapy failed within 18 months. Recorded: ")


def test_titles_of_next_steps_speak_in_the_numbers_of_the_policy() -> None:
    ours = load_guideline(Policy("ours", {"restaging_months": 4, "perioperative_months_each": 2}))
    restage, perioperative = "chemotherapy-then-restage-3-months", "perioperative-folfox-3-3"
    assert [ours.next_steps[code].title for code in (restage, perioperative)] == [
        "chemotherapy before the liver, restage at 4 months",
        "perioperative FOLFOX, 2 months before and 2 after",
    ]
    assert ONE.next_steps[perioperative].title == "perioperative FOLFOX, 1 month before and 1 after"


def test_resolutions_speak_in_the_numbers_of_the_policy() -> None:
    resolutions = load_guideline().resolutions
    numbers: dict[str, float | bool] = {
        "upfront_maximum_nodules": 5,
        "adjuvant_months": 4,
        "perioperative_months_each": 2,
        "short_interval_months": 18,
        "primary_to_liver_months": 5,
        "restaging_months": 4,
        "simultaneous_maximum_diameter_mm": 45,
        "ecog_poor_performance": 1,
        "ecog_unfit": 4,
        "asa_unfit": 5,
        "intraoperative_window_days": 90,
    }
    ours = load_guideline(Policy("ours", dict(numbers)))
    changed = {code: text for code, text in ours.resolutions.items() if text != resolutions[code]}
    assert changed == {
        "R3": "More than 5 synchronous nodules, not yet treated: systemic therapy first, then restaging; resectable "
        "after response: resect.",
        "R5": "In total 2 + 2 months of chemotherapy around the liver resection or 4 months after it, never both. "
        "Adjuvant chemotherapy improves disease-free, not overall survival.",
        "R6": "The disease-free interval starts at the resection of the primary, else at its diagnosis; calendar "
        "months, short strictly under 18 months.",
        "R8": "After 5 months without interval chemotherapy; 4 months is the restaging when chemotherapy is given.",
        "R9": "Small: largest at most 45 mm. Accessible: peripheral or left-lateral, under 3 segments, no contact with "
        "major vessels. Poor performance: ECOG 1 or more. ECOG 4 or ASA 5 and more: unfit for elective surgery.",
        "R11": "A small accessible lesion found at operation: no biopsy and referral win. Found at operation is only "
        "ever stated explicitly and holds for 90 days.",
    }
