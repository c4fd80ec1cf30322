"""What a reading of a case finds: the numbers a fact may be, and its source as a part of a sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from fhir_mappings.case import ABSENT, Evidence, Interval, Known, Narrowed
from service.knowledge.decide import decide
from service.knowledge.explanation import Source
from service.knowledge.guideline import load_guideline
from service.knowledge.reading import Reading, bounds, source
from tests.decided import CATALOGUE, RECORDED, example

if TYPE_CHECKING:
    from fhir_mappings.case import Fact

GUIDELINE = load_guideline()


def reading_of(example_id: str, *without: str, **changed: Any) -> Reading:
    case = example(example_id, *without, **changed)
    return Reading(case, decide(case, GUIDELINE), GUIDELINE, CATALOGUE)


@pytest.mark.parametrize(
    ("fact", "numbers"),
    [
        (Known(3), Interval(3, 3)),
        (Known(2.5), Interval(2.5, 2.5)),
        (Known(True), Interval()),  # noqa: FBT003 - the value of a fact
        (Known("r0"), Interval()),
        (Narrowed(Interval(2, None, low_included=False)), Interval(2, None, low_included=False)),
        (Narrowed(frozenset({"r0", "r1"})), Interval()),
        (ABSENT, Interval()),
    ],
    ids=("whole", "broken", "boolean", "choice", "interval", "choices", "absent"),
)
def test_a_fact_may_be_the_numbers_that_are_left_of_it(fact: Fact, numbers: Interval) -> None:
    assert bounds(fact) == numbers


def test_a_score_that_is_certainly_too_bad_leaves_no_elective_surgery() -> None:
    found = [
        reading_of("V01", asa=Narrowed(Interval(least, 5)), ecog=Narrowed(Interval(0, 4))).unfit for least in (2, 4)
    ]
    assert found == [(), ("asa",)]


@pytest.mark.parametrize(
    ("evidence", "said", "expected"),
    [
        ((), None, ()),
        ((Evidence("Observation/a"),), None, (Source(("Observation/a",), None),)),
        ((Evidence("Observation/a", dated=RECORDED),), None, (Source(("Observation/a",), "2 Nov 2026"),)),
        ((Evidence("Observation/a", dated=RECORDED),), "2 Nov 2026", (Source(("Observation/a",), None),)),
        ((Evidence("Observation/a", dated=RECORDED),), "1 Nov 2026", (Source(("Observation/a",), "2 Nov 2026"),)),
        ((Evidence("Observation/a", remarks=("preliminary",)),), None, (Source(("Observation/a",), "preliminary"),)),
        (
            (
                Evidence("Observation/a", dated=RECORDED, remarks=("preliminary", "from recordedDate")),
                Evidence("Observation/b", remarks=("preliminary",)),
            ),
            None,
            (Source(("Observation/a", "Observation/b"), "2 Nov 2026 preliminary, from recordedDate"),),
        ),
        (
            (Evidence("Observation/a", dated=RECORDED, remarks=("preliminary",)),),
            "2 Nov 2026",
            (Source(("Observation/a",), "preliminary"),),
        ),
    ],
)
def test_a_source_has_its_day_unless_it_is_said_and_each_remark_once(
    evidence: tuple[Evidence, ...], said: str | None, expected: tuple[Source, ...]
) -> None:
    assert source(evidence, said=said) == expected


def test_a_fact_is_put_into_words_once() -> None:
    reading = reading_of("V01")
    assert reading.spoken("ecog") is reading.spoken("ecog")


def test_what_is_not_known_is_left_out_between_what_is() -> None:
    reading = reading_of("V01", "msi")
    assert reading.spoken_together(("msi", "ecog", "msi", "asa")) == reading.spoken_together(("ecog", "asa"))
