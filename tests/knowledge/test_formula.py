"""Trees of tests are built without constants, which decide at once or fall away."""

from __future__ import annotations

import pytest

from service.knowledge.formula import (
    Conjunction,
    Disjunction,
    Formula,
    Leaf,
    Literal,
    conjunction,
    disjunction,
    leaves,
    rewritten,
)

A, B, C = Literal(0, 1), Literal(1, 2), Literal(2, 4)


@pytest.mark.parametrize(
    ("terms", "joined"),
    [
        ((), True),
        ((True, True), True),
        ((False,), False),
        ((A, False), False),
        ((False, True), False),
        ((A,), A),
        ((True, A), A),
        ((A, True, B), Conjunction((A, B))),
    ],
)
def test_and_is_decided_by_a_no_and_forgets_a_yes(terms: tuple[Formula, ...], joined: Formula) -> None:
    assert conjunction(terms) == joined


@pytest.mark.parametrize(
    ("terms", "joined"),
    [
        ((), False),
        ((False, False), False),
        ((True,), True),
        ((A, True), True),
        ((True, False), True),
        ((A,), A),
        ((False, A), A),
        ((A, False, B), Disjunction((A, B))),
    ],
)
def test_or_is_decided_by_a_yes_and_forgets_a_no(terms: tuple[Formula, ...], joined: Formula) -> None:
    assert disjunction(terms) == joined


TREE = Conjunction((A, Disjunction((B, C))))


@pytest.mark.parametrize(("formula", "found"), [(True, []), (False, []), (A, [A]), (TREE, [A, B, C])])
def test_leaves_are_given_in_reading_order_and_constants_have_none(formula: Formula, found: list[Leaf]) -> None:
    assert list(leaves(formula)) == found


def test_leaves_that_become_constants_leave_what_remains_open() -> None:
    assert rewritten(TREE, lambda leaf: leaf) == TREE
    assert rewritten(TREE, lambda leaf: leaf == C or leaf) == A
    assert rewritten(TREE, lambda leaf: leaf != A and leaf) is False
    assert rewritten(conjunction(()), lambda leaf: leaf) is True
