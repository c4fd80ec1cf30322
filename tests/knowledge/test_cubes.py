"""Regions of the case space: what holds in all of a cube, where tests hold, and which cubes cells touch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from service.knowledge.cubes import Index, bits, first_match, halves, merged, on_row, truth, where
from service.knowledge.formula import Conjunction, Disjunction, Formula, Literal, RowTest

if TYPE_CHECKING:
    from service.knowledge.cubes import Cube

A, B = Literal(0, 0b01), Literal(1, 0b011)
WHOLE: Cube = (0b11, 0b111)


@pytest.mark.parametrize(
    ("formula", "cube", "answer"),
    [
        (True, WHOLE, True),
        (A, (0b01, 0b111), True),
        (A, (0b10, 0b111), False),
        (A, WHOLE, A),
        (Conjunction((A, B)), WHOLE, A),
        (Conjunction((A, B)), (0b01, 0b111), B),
        (Conjunction((A, B)), (0b11, 0b100), False),
        (Conjunction((A, B)), (0b01, 0b010), True),
        (Disjunction((A, B)), WHOLE, A),
        (Disjunction((A, B)), (0b10, 0b110), B),
        (Disjunction((A, B)), (0b11, 0b001), True),
        (Disjunction((A, B)), (0b10, 0b100), False),
    ],
)
def test_a_whole_cube_is_true_false_or_open_at_its_first_test(
    formula: Formula,
    cube: Cube,
    answer: bool | Literal,  # noqa: FBT001 - a truth
) -> None:
    assert truth(formula, cube) == answer


def test_tests_of_rows_have_no_truth_in_a_cube() -> None:
    row = RowTest(frozenset({"A1"}))
    with pytest.raises(TypeError, match=r"^only tests of cells can be evaluated$"):
        truth(row, WHOLE)
    assert [on_row(row, name) for name in ("A1", "A2")] == [True, False]


def test_a_test_splits_a_cube_in_two() -> None:
    assert halves(WHOLE, B) == ((0b11, 0b011), (0b11, 0b100))


def test_each_patient_is_taken_by_the_first_test_that_holds() -> None:
    assert first_match([A, B], WHOLE) == [[(0b01, 0b111)], [(0b10, 0b011)], [(0b10, 0b100)]]
    assert first_match([True, A], WHOLE) == [[WHOLE], [], []]
    assert first_match([], WHOLE) == [[WHOLE]]


def test_where_a_test_holds_and_where_not_is_the_whole() -> None:
    formula = Disjunction((A, B))
    found = sorted((*where(formula, WHOLE, holds=True), *where(formula, WHOLE, holds=False)))
    assert found == [(0b01, 0b111), (0b10, 0b011), (0b10, 0b100)]


def test_neighbours_are_joined_until_none_are_left() -> None:
    assert merged([]) == []
    assert merged([(0b01, 0b001), (0b10, 0b001), (0b11, 0b110)]) == [WHOLE]
    assert merged([(0b01, 0b001), (0b01, 0b110), (0b10, 0b111)]) == [WHOLE]
    assert merged([(0b01, 0b001), (0b10, 0b110)]) == [(0b01, 0b001), (0b10, 0b110)]


def test_an_index_says_which_cubes_cells_touch_and_fill() -> None:
    index = Index([(0b01, 0b011), (0b11, 0b100)], [2, 3])
    assert index.everything == 0b11
    assert index.touching == [[0, 0b11, 0b10, 0b11], [0, 1, 1, 1, 2, 3, 3, 3]]
    assert index.holding == [[0b11, 0b11, 0b10, 0b10], [3, 1, 1, 1, 2, 0, 0, 0]]


def test_bits_are_numbered_from_the_lowest() -> None:
    assert list(bits(0b10110)) == [1, 2, 4]
    assert list(bits(0)) == []
