"""The product and an independent evaluator agree: outcomes, missing facts, assumptions, advisories, exactly."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

import pytest

from service.knowledge.decide import decide
from service.knowledge.guideline import load_guideline
from service.knowledge.model import Policy
from tests.cases import case_of, examples
from tests.generated_cases import random_case, random_settings
from tests.reference_evaluator import Verdict, evaluate
from tests.reference_table import Settings

if TYPE_CHECKING:
    from fhir_mappings.case import Case
    from service.knowledge.model import Guideline
    from tests.cases import Example


def verdict(case: Case, guideline: Guideline) -> Verdict:
    decision = decide(case, guideline)
    return Verdict(
        outcomes=tuple((outcome.strategy, outcome.next_step or "") for outcome in decision.outcomes),
        missing=tuple((missing.fact, missing.settles) for missing in decision.missing),
        answers=frozenset(
            (missing.fact, tuple((outcome.strategy, outcome.next_step or "") for outcome in answer.outcomes))
            for missing in decision.missing
            for answer in missing.answers
        ),
        assumptions=frozenset((assumption.fact, assumption.value) for assumption in decision.assumptions),
        advisories=frozenset(decision.advisories),
    )


def guideline_under(settings: Settings) -> Guideline:
    if settings == Settings():
        return load_guideline()
    return load_guideline(
        Policy(
            "drawn",
            {
                "prefer_simultaneous_when_eligible": settings.prefer_simultaneous,
                "upfront_maximum_nodules": settings.nodules,
                "simultaneous_maximum_nodules": settings.simultaneous_nodules,
                "simultaneous_maximum_diameter_mm": settings.diameter,
                "remnant_minimum_percent": settings.remnant,
                "short_interval_months": settings.short_interval,
                "ecog_poor_performance": settings.ecog_poor,
                "ecog_unfit": settings.ecog_unfit,
                "asa_unfit": settings.asa_unfit,
            },
            settings.off,
        )
    )


@pytest.mark.parametrize("example", examples(), ids=lambda example: example.id)
def test_examples_are_answered_as_the_requirements_say(example: Example) -> None:
    case = case_of(example.facts)
    found = verdict(case, load_guideline())
    expected = example.expected
    answers = [f"{strategy}: {step}" for strategy, step in found.outcomes]
    wanted = expected.get("candidates", [f"{expected['strategy']}: {expected.get('next-step')}"])
    assert answers == wanted
    assert sorted(found.advisories) == expected["advisories"]
    assert [{"fact": fact, "settles": settles} for fact, settles in found.missing] == expected.get("missing", [])
    assert found == evaluate(case)


def test_generated_cases_agree(case_count: int, seed: int) -> None:
    random = Random(seed)
    settings = Settings()
    for number in range(case_count):
        if number % 50 == 0:
            settings = random_settings(random)
            guideline = guideline_under(settings)
        case = random_case(random, settings, most=random.choice((20, 60, 200)))
        assert verdict(case, guideline) == evaluate(case, settings), f"seed {seed}, case {number}: {case}"
