"""Resolved conditions: and-or trees over single tests, with negation pushed down to the tests.

A tree is generic in its leaves: first they are tests of named facts, later masks of cells; what a tree can do with
leaves that are true, false or open is the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from service.knowledge.domain import ChoiceTest, NumberTest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fhir_mappings.case import Gap, Sign


@dataclass(frozen=True, slots=True)
class RowTest:
    """The row that fires is one of these."""

    rows: frozenset[str]


@dataclass(frozen=True, slots=True)
class SignTest:
    """The chart shows (or does not show) this sign."""

    sign: Sign
    wanted: bool


@dataclass(frozen=True, slots=True)
class GapTest:
    """Some fact of the pathway has (or none has) this gap."""

    gap: Gap
    wanted: bool


@dataclass(frozen=True, slots=True)
class AbsentTest:
    """The chart says nothing (or something) of this fact."""

    fact: str
    wanted: bool


@dataclass(frozen=True, slots=True)
class StatedTest:
    """The chart holds a value of this fact, be it narrowed, too old or in conflict (or it does not)."""

    fact: str
    wanted: bool


@dataclass(frozen=True, slots=True)
class RecordedTest:
    """A value is recorded and every (`certain`) or some value that it leaves passes; or the opposite of that.

    What cannot be read or was not had leaves every value.
    """

    test: ChoiceTest
    certain: bool
    wanted: bool


@dataclass(frozen=True, slots=True)
class Literal:
    """One fact, by its place, lies in one of the cells of `mask`."""

    place: int
    mask: int


ChartTest: TypeAlias = SignTest | GapTest | AbsentTest | StatedTest | RecordedTest
"""Tests that the chart alone answers, the same in every completion."""
Leaf: TypeAlias = ChoiceTest | NumberTest | RowTest | ChartTest | Literal


@dataclass(frozen=True, slots=True)
class Conjunction:
    """All of these hold."""

    terms: tuple[Formula, ...]


@dataclass(frozen=True, slots=True)
class Disjunction:
    """One of these holds."""

    terms: tuple[Formula, ...]


Formula: TypeAlias = bool | Leaf | Conjunction | Disjunction


def conjunction(terms: tuple[Formula, ...]) -> Formula:
    """Join by `and`, without constants."""
    left = tuple(term for term in terms if term is not True)
    if False in left:
        return False
    if not left:
        return True
    return left[0] if len(left) == 1 else Conjunction(left)


def disjunction(terms: tuple[Formula, ...]) -> Formula:
    """Join by `or`, without constants."""
    left = tuple(term for term in terms if term is not False)
    if True in left:
        return True
    if not left:
        return False
    return left[0] if len(left) == 1 else Disjunction(left)


def rewritten(formula: Formula, leaf: Callable[[Leaf], Formula]) -> Formula:
    """Replace every leaf."""
    match formula:
        case bool():
            return formula
        case Conjunction(terms=terms):
            return conjunction(tuple(rewritten(term, leaf) for term in terms))
        case Disjunction(terms=terms):
            return disjunction(tuple(rewritten(term, leaf) for term in terms))
        case _:
            return leaf(formula)


def leaves(formula: Formula) -> Iterator[Leaf]:
    """Give every leaf, in reading order."""
    match formula:
        case bool():
            return
        case Conjunction(terms=terms) | Disjunction(terms=terms):
            for term in terms:
                yield from leaves(term)
        case _:
            yield formula
