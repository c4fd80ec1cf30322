"""Unknown facts spread over their cells, box by box, as far as assumptions and ties need it."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

from fhir_mappings.case import Case, Gap, Interval, Unknown
from fhir_mappings.catalogue import load_catalogue
from service.knowledge.completions import Box, completions, gaps_of
from service.knowledge.guideline import build_guideline
from tests.cases import case_of
from tests.knowledge.small_guideline import SMALL

if TYPE_CHECKING:
    from service.knowledge.compiled import Compiled

ASSUMED = '[[assumption]]\nfact = "ecog"\nwhen = "asa < 3"\nassume = "ecog < 3"\nsentence = "."\n'
TIED = '[[tie]]\nwhen = "ecog >= 3"\nthen = "asa > 2"\nreason = "."\n'


def compiled(extra: str = "") -> Compiled:
    return build_guideline({"1": SMALL, "2": extra}, load_catalogue()).compiled


def test_an_assumption_splits_on_what_it_needs_and_fills_where_it_applies() -> None:
    guideline = compiled(ASSUMED)
    found = completions(case_of(), guideline)
    assert (found.known, found.split, found.moving) == ((0b11, 0b11), (1,), (0, 1))
    filled, untouched = Box((0b01, 0b01), 0b1, {0: 0b11}, 0b10), Box((0b11, 0b10), 0, {}, 0b11)
    assert sorted(found.boxes, key=lambda box: box.cells) == [filled, untouched]
    assert found.hits == 0b11
    assert found.hits_without(guideline, guideline.assumptions[0]) == 0b01


def test_what_a_tie_and_an_assumption_exclude_together_is_a_patient_without_the_assumption() -> None:
    against = '[[tie]]\nwhen = "asa < 3"\nthen = "ecog >= 3"\nreason = "."\n'
    guideline = compiled(ASSUMED + against)
    found = completions(case_of(), guideline)
    nobody, untouched = Box((0, 0b01), 0b1, {0: 0b10}, 0), Box((0b11, 0b10), 0, {}, 0b11)
    assert sorted(found.boxes, key=lambda box: box.cells) == [nobody, untouched]
    assert found.hits == untouched.hits
    assert found.hits_without(guideline, guideline.assumptions[0]) == 0b01


def test_an_assumption_that_applies_nowhere_adds_nothing() -> None:
    guideline = compiled(ASSUMED)
    found = completions(case_of({"asa": 4}), guideline)
    assert (found.boxes, found.split, found.moving) == ((Box((0b11, 0b10), 0, {}, 0b11),), (1,), ())
    assert found.hits_without(guideline, guideline.assumptions[0]) == 0


@pytest.mark.parametrize(
    ("facts", "boxes"),
    [
        ({}, [(0b01, 0b11), (0b10, 0b10)]),
        ({"asa": Interval(high=2)}, [(0b01, 0b01)]),
        ({"ecog": 4}, [(0b10, 0b10)]),
        ({"ecog": 4, "asa": 2}, [(0b10, 0b01)]),
        ({"ecog": 1}, [(0b01, 0b11)]),
    ],
)
def test_a_tie_leaves_out_impossible_patients_unless_the_chart_holds_one(facts: dict[str, Any], boxes: Any) -> None:
    found = completions(case_of(facts), compiled(TIED))
    assert sorted(box.cells for box in found.boxes) == boxes
    assert {box.filled for box in found.boxes} == {0}


@pytest.mark.parametrize(
    ("symptoms", "filled"),
    [
        ("none", True),
        ("perforation", False),
        (frozenset({"none", "minor"}), True),
        (frozenset({"none", "bleeding"}), False),
        (Unknown(), False),
    ],
)
def test_recorded_holds_where_every_value_left_passes(symptoms: Any, filled: bool) -> None:  # noqa: FBT001 - a truth
    rule = ASSUMED.replace("asa < 3", "recorded(primary_symptoms in {none, minor})")
    found = completions(case_of({"primary-symptoms": symptoms}), compiled(rule))
    assert [bool(box.filled) for box in found.boxes] == [filled]


@pytest.mark.parametrize(
    ("when", "filled"),
    [
        ("absent(asa)", True),
        ("not absent(asa)", False),
        ("stated(asa)", False),
        ("not stated(asa)", True),
        ("recorded(primary_symptoms == none)", False),
        ("not suspected(primary_symptoms == none)", True),
    ],
)
def test_a_fact_that_the_case_leaves_out_is_as_absent(when: str, filled: bool) -> None:  # noqa: FBT001 - a truth
    empty = Case(facts={}, as_of=date(2026, 11, 23))
    found = completions(empty, compiled(ASSUMED.replace("asa < 3", when)))
    assert [bool(box.filled) for box in found.boxes] == [filled]


def test_a_value_that_the_catalogue_does_not_know_is_refused_with_its_fact() -> None:
    with pytest.raises(ValueError, match=r"^fact ecog: not a number$"):
        completions(case_of({"ecog": "2"}), compiled())


def test_a_narrowing_to_no_value_says_nothing_and_a_fact_left_out_is_absent() -> None:
    assert completions(case_of({"ecog": Interval(low=9)}), compiled()).known == (0b11,)
    empty = Case(facts={}, as_of=date(2026, 11, 23))
    found = completions(empty, compiled(ASSUMED))
    assert sorted(box.cells for box in found.boxes) == [(0b01, 0b01), (0b11, 0b10)]
    assert gaps_of(empty, compiled(ASSUMED)) == {Gap.ABSENT}


def test_gaps_are_those_of_facts_that_rows_test() -> None:
    facts = {"ecog": Unknown(Gap.OUTDATED), "asa": Unknown(Gap.CONFLICTING)}
    assert gaps_of(case_of(facts), compiled(ASSUMED)) == {Gap.OUTDATED}
    assert gaps_of(case_of({"ecog": 2}), compiled(ASSUMED)) == frozenset()
