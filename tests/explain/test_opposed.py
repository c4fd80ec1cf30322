"""What a card says against the strategies that are excluded."""

from __future__ import annotations

import re
from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from service.knowledge.decide import decide
from service.knowledge.guideline import load_guideline
from service.knowledge.opposed import against
from service.knowledge.reading import COMPLICATIONS, MAJOR_OPERATIONS, Reading
from tests.decided import CATALOGUE, example
from tests.explain.plain import plain
from tests.generated_cases import random_case
from tests.reference_table import Settings

if TYPE_CHECKING:
    from fhir_mappings.case import Case

GUIDELINE = load_guideline()


@pytest.mark.parametrize(
    ("definition", "fact", "spoken_of"),
    [
        ("complicated", "primary_symptoms", COMPLICATIONS),
        ("major_colorectal", "colorectal_operation", MAJOR_OPERATIONS),
    ],
)
def test_the_sentences_speak_of_what_the_guideline_defines(
    definition: str, fact: str, spoken_of: frozenset[str]
) -> None:
    assert set(re.findall(r"[\w-]+", GUIDELINE.definitions[definition])) == {fact, "in", *spoken_of}


def opposed(case: Case) -> list[str]:
    return [plain(line) for line in against(Reading(case, decide(case, GUIDELINE), GUIDELINE, CATALOGUE))]


def titles(case: Case) -> list[str]:
    return [line.partition(":")[0] for line in opposed(case)]


@pytest.mark.parametrize(
    ("case", "expected"),
    [
        (example("V13"), []),  # chemotherapy, restaging, then the liver
        (example("V28"), []),  # chemotherapy before the liver
        (example("V27"), []),  # the same as an alternative
        (example("V27", "primary-pathology"), []),  # the same among what is open
        (example("V08", extrahepatic_disease="resectable"), ["Not simultaneous", "Not liver first"]),  # after relief
        (example("V09"), ["Not simultaneous", "Not liver first", "Not systemic therapy first"]),  # the primary is first
        (example("V36"), ["Not simultaneous", "Not systemic therapy first"]),
        (example("V12"), ["Not systemic therapy first"]),
    ],
)
def test_chemotherapy_before_the_liver_is_never_opposed_on_a_card_that_offers_it(
    case: Case, expected: list[str]
) -> None:
    assert titles(case) == expected


@pytest.mark.parametrize(
    "changed",
    [{"extrahepatic_disease": "unresectable"}, {"chemotherapy_response": "progressive-disease"}, {"asa": 5}],
    ids=lambda changed: next(iter(changed)),
)
def test_that_the_liver_is_resectable_is_no_reason_where_something_else_forbids_its_resection(changed: Any) -> None:
    case = example("V11", r0_achievable=True, flr_percent=38, **changed)
    decision = decide(case, GUIDELINE)
    assert decision.strategy == "staged"
    said = [plain(line) for line in against(Reading(case, decision, GUIDELINE, CATALOGUE))]
    assert [line for line in said if line.startswith("Not systemic therapy first")] == []


def test_no_strategy_that_is_open_or_offered_is_opposed() -> None:
    strategies = {
        "Not simultaneous": "simultaneous",
        "Not liver first": "liver-first",
        "Not primary first": "staged",
        "Not systemic therapy first": "systemic-first",
    }
    both = []
    for seed in range(240):
        case = random_case(Random(seed), Settings())
        decision = decide(case, GUIDELINE)
        offered = {outcome.strategy for outcome in (*decision.outcomes, *decision.alternatives)}
        both += [(seed, title) for title in titles(case) if strategies[title] in offered]
    assert both == []


def test_metastases_found_at_operation_leave_the_liver_resectable() -> None:
    case = example("V16", metastases_detected="intraoperative")
    assert titles(case) == ["Not simultaneous", "Not liver first", "Not systemic therapy first"]


def test_nothing_speaks_against_systemic_therapy_where_no_operation_is_open() -> None:
    case = example("V12", primary_margin="r2", r0_achievable=True, flr_percent=50)
    assert (decide(case, GUIDELINE).strategy, titles(case)) == ("mdt", [])


@pytest.mark.parametrize(
    ("case", "expected"),
    [
        (
            example("V16", "colorectal-operation", primary_site="rectum-mid"),
            "Not simultaneous: low anterior resection (major) (assumed)",
        ),
        (
            example("V16", "impending-complication"),
            "Not primary first: no symptoms of the primary; no impending complication (assumed)",
        ),
        (
            example("V23", "chemotherapy-cycles"),
            "Not liver first: 4 metastases; no chemotherapy for the metastases yet (assumed)",
        ),
    ],
    ids=("colorectal-operation", "impending-complication", "chemotherapy-cycles"),
)
def test_what_is_assumed_speaks_against_a_strategy_as_what_is_recorded(case: Case, expected: str) -> None:
    without_sources = [re.sub(r" \([^()]*Observation/[^()]*\)", "", line) for line in opposed(case)]
    assert [line for line in without_sources if line.endswith("(assumed)")] == [expected]
