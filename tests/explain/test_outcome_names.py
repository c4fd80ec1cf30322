"""What to do and how, of every next step that the guideline has, in the words of one patient's facts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from service.knowledge.decide import decide
from service.knowledge.decision import Outcome
from service.knowledge.guideline import load_guideline
from service.knowledge.headline import in_reading_order, outcome_name, recommended, strategy_name
from service.knowledge.reading import Reading
from tests.decided import CATALOGUE, charted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fhir_mappings.case import Value

GUIDELINE = load_guideline()
FACTS: Mapping[str, Value] = {
    "primary-in-situ": True,
    "primary-site": "sigmoid-colon",
    "primary-margin": "r1",
    "metastasis-count": 5,
    "months-primary-to-metastases": 8,
    "ecog": 3,
    "asa": 2,
}
NAMES = {
    ("liver-first", "liver-resection-or-ablation-then-primary"): (
        "liver first, liver resection or ablation, then the sigmoid primary"
    ),
    ("liver-first", "liver-surgery-in-radiotherapy-interval"): (
        "liver first, liver surgery in the radiotherapy interval, then the sigmoid primary"
    ),
    ("liver-first", "primary-resection-next"): (
        "primary next, liver treated, resection of the sigmoid primary 4 to 8 weeks after it"
    ),
    ("liver-first", "resect-now-no-more-chemotherapy"): (
        "liver first, resection of the liver now, no more chemotherapy, then the sigmoid primary"
    ),
    ("liver-first", None): "liver first",
    ("mdt", "incomplete-resection-of-primary"): "MDT, primary not completely resected (R1)",
    ("mdt", "multi-site-disease"): "MDT, resectable disease outside the liver, which the summary does not cover",
    ("mdt", "no-elective-surgery"): "MDT, no elective surgery (ECOG 3)",
    ("mdt", "recurrence-outside-the-summary"): (
        "MDT, recurrence after liver treatment, which the summary does not cover"
    ),
    ("mdt", "second-line"): "MDT, progression on chemotherapy, second-line therapy before any liver operation",
    ("mdt", "secure-primary-before-systemic"): "MDT, secure the primary before systemic therapy",
    ("mdt", None): "MDT",
    ("metachronous", "chemotherapy-before-resection"): (
        "chemotherapy before liver resection, disease-free interval 8 months"
    ),
    ("metachronous", "perioperative-folfox-3-3"): "FOLFOX around liver resection, 3 months before and 3 months after",
    ("metachronous", "resect-now-no-more-chemotherapy"): "liver resection now, no more chemotherapy",
    ("metachronous", "upfront-hepatectomy"): "liver resection before chemotherapy, disease-free interval 8 months",
    ("metachronous", None): "treatment as metachronous disease",
    ("simultaneous", "liver-centre-discussion"): (
        "simultaneous resection, only after discussion with the liver centre"
    ),
    ("simultaneous", None): "simultaneous resection",
    ("staged", "chemotherapy-then-restage-3-months"): (
        "primary first, perforated primary, then chemotherapy and restaging at 3 months, before the liver"
    ),
    ("staged", "liver-about-2-months-after-recovery"): (
        "primary first, the sigmoid primary, then the liver about 2 months after recovery"
    ),
    ("staged", "liver-before-chemotherapy"): "liver resection before chemotherapy, about 2 months after the primary",
    ("staged", "refer-hpb-after-recovery"): (
        "primary only for now, no biopsy, referral to the hepatobiliary unit, liver after recovery"
    ),
    ("staged", "relief-then-mdt"): "relief of the primary first, then MDT, unfit for elective surgery (ECOG 3)",
    ("staged", "resect-now-no-more-chemotherapy"): "liver resection now, no more chemotherapy",
    ("staged", "systemic-after-relief"): (
        "relief of the primary first, then systemic therapy for the liver metastases"
    ),
    ("staged", None): "primary first",
    ("systemic-first", "chemotherapy-then-reassess"): (
        "systemic therapy first, 5 metastases, then reassessment for resection"
    ),
    ("systemic-first", "reassess-resectability"): (
        "systemic therapy first, not resectable now, review of resectability every 2 months"
    ),
    ("systemic-first", None): "systemic therapy first",
}


def reading(facts: Mapping[str, Value]) -> Reading:
    case = charted(dict(facts))
    return Reading(case, decide(case, GUIDELINE), GUIDELINE, CATALOGUE)


def names(facts: Mapping[str, Value]) -> dict[tuple[str, str | None], str]:
    read = reading(facts)
    return {(strategy, step): outcome_name(read, Outcome(strategy, step)) for strategy, step in NAMES}


def test_every_outcome_of_the_guideline_is_named() -> None:
    assert {(row.strategy, row.next_step) for row in GUIDELINE.rows if row.strategy} <= NAMES.keys()
    assert names(FACTS) == NAMES


def differing(facts: Mapping[str, Value]) -> dict[str | None, str]:
    return {step: name for (strategy, step), name in names(facts).items() if name != NAMES[strategy, step]}


def test_a_name_follows_what_the_chart_says() -> None:
    facts = {
        **FACTS,
        "primary-in-situ": False,
        "liver-centre-discussed": "agreed",
        "extrahepatic-disease": "unresectable",
        "asa": 4,
    }
    assert differing(facts) == {
        "no-elective-surgery": "MDT, no elective surgery (ECOG 3, ASA 4)",
        "liver-centre-discussion": (
            "simultaneous resection, liver and bowel in one operation, as agreed with the liver centre"
        ),
        "chemotherapy-then-restage-3-months": (
            "chemotherapy before the liver, unfavourable primary, restaging at 3 months"
        ),
        "relief-then-mdt": "relief of the primary first, then MDT, unfit for elective surgery (ECOG 3, ASA 4)",
        None: "staged (liver next)",
        "reassess-resectability": (
            "systemic therapy first, disease outside the liver not resectable, review of resectability every 2 months"
        ),
    }


def test_a_name_leaves_out_what_the_chart_does_not_say() -> None:
    assert differing({"primary-in-situ": True, "primary-site": "sigmoid-colon"}) == {
        "incomplete-resection-of-primary": "MDT, primary not completely resected",
        "no-elective-surgery": "MDT, no elective surgery",
        "chemotherapy-before-resection": "chemotherapy before liver resection, metachronous metastases",
        "upfront-hepatectomy": "liver resection before chemotherapy, metachronous metastases",
        "relief-then-mdt": "relief of the primary first, then MDT, unfit for elective surgery",
        "chemotherapy-then-reassess": "systemic therapy first, several metastases, then reassessment for resection",
    }


@pytest.mark.parametrize(
    ("strategy", "name"),
    [("watch-and-wait", "watch and wait"), ("mdt", "MDT"), ("staged", "primary first")],
)
def test_a_strategy_is_named_without_a_next_step(strategy: str, name: str) -> None:
    assert strategy_name(reading(FACTS), strategy) == name
    assert recommended(reading(FACTS), Outcome(strategy, "later")) == (name, "")


def test_a_reader_finds_operations_first_and_strategies_that_are_new_behind_the_mdt() -> None:
    wanted = tuple(Outcome(strategy) for strategy in ("simultaneous", "liver-first", "staged", "mdt", "a-new-one"))
    assert in_reading_order(tuple(sorted(wanted))) == wanted
