"""What the service evaluates, as formulas over one patient: its cubes, bit sets, assumptions and ties, taken apart.

The one place here that looks into the compiled guideline; it knows cells by the borders between them.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, assert_never

import z3

from service.knowledge.cubes import bits
from service.knowledge.domain import Choices, ChoiceTest, Numbers, NumberTest
from service.knowledge.formula import (
    AbsentTest,
    Conjunction,
    Disjunction,
    GapTest,
    Literal,
    RecordedTest,
    RowTest,
    SignTest,
    StatedTest,
)
from tests.proof.reading import name_of, recorded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from service.knowledge.compiled import Compiled
    from service.knowledge.formula import ChartTest, Formula
    from tests.proof.patients import Patient


class Evaluated:
    """A compiled guideline seen from one patient."""

    def __init__(self, compiled: Compiled, patient: Patient, chart: Callable[[str], z3.BoolRef]) -> None:
        self._compiled = compiled
        self._chart = chart
        self._cells = [
            list(_cells(domain, patient, code)) for code, domain in zip(compiled.places, compiled.domains, strict=True)
        ]
        self._cubes = [self._cube(number) for number in range(len(compiled.cubes))]

    def within(self, cubes: int) -> z3.BoolRef:
        """Say that the patient lies in one of these cubes."""
        return z3.Or([self._cubes[number] for number in bits(cubes)])

    def cells(self, place: int, mask: int) -> z3.BoolRef:
        """Say that a fact lies in one of these cells."""
        cells = self._cells[place]
        return (
            z3.BoolVal(val=True) if mask == (1 << len(cells)) - 1 else z3.Or([cells[number] for number in bits(mask)])
        )

    def formula(self, formula: Formula) -> z3.BoolRef:
        """Translate the condition of an assumption, a tie or an advisory about gaps."""
        match formula:
            case bool():
                return z3.BoolVal(formula)
            case Literal(place=place, mask=mask):
                return self.cells(place, mask)
            case Conjunction(terms=terms):
                return z3.And([self.formula(term) for term in terms])
            case Disjunction(terms=terms):
                return z3.Or([self.formula(term) for term in terms])
            case RowTest() | ChoiceTest() | NumberTest():
                raise TypeError("compiled conditions test cells")
            case _:
                return self._shown(formula)

    def _shown(self, test: ChartTest) -> z3.BoolRef:
        shown = self._chart(_chart_text(test))
        return shown if test.wanted else z3.Not(shown)

    def _cube(self, number: int) -> z3.BoolRef:
        return z3.And([self.cells(place, mask) for place, mask in enumerate(self._compiled.cubes[number])])


def _chart_text(test: ChartTest) -> str:
    match test:
        case SignTest(sign=sign):
            return f"{sign.value} in signs"
        case GapTest(gap=gap):
            return f"{gap.value} in gaps"
        case AbsentTest(fact=fact):
            return f"absent({name_of(fact)})"
        case StatedTest(fact=fact):
            return f"stated({name_of(fact)})"
        case RecordedTest(test=choice, certain=certain):
            return recorded("recorded" if certain else "suspected", choice.fact, choice.values)
        case _:
            assert_never(test)


def wrong_bits(compiled: Compiled) -> Iterator[str]:
    """Name the facts whose bit sets say other cubes than the cubes themselves."""
    for place, code in enumerate(compiled.places):
        for mask in range(1 << compiled.domains[place].size):
            touching = sum(1 << number for number, cube in enumerate(compiled.cubes) if cube[place] & mask)
            holding = sum(1 << number for number, cube in enumerate(compiled.cubes) if not mask & ~cube[place])
            found = compiled.index.touching[place][mask], compiled.index.holding[place][mask]
            if found != (touching, holding):
                yield code


def _cells(domain: object, patient: Patient, code: str) -> Iterator[z3.BoolRef]:
    match domain:
        case Choices(cells=cells):
            yield from (patient.is_(code, *values) for values in cells)
        case Numbers():
            number = patient.numbers[code]
            borders = [None, *domain._cuts, None]  # noqa: SLF001 - the borders are what the proof is about
            for left, right in pairwise(borders):
                yield z3.And(
                    z3.BoolVal(val=True) if left is None else _above(number, left.number, left.side),
                    z3.BoolVal(val=True) if right is None else z3.Not(_above(number, right.number, right.side)),
                )
        case _:
            raise TypeError("a kind of cells that the proof does not know")


def _above(number: z3.ArithRef, border: float, side: float) -> z3.BoolRef:
    return number > z3.RealVal(border) if side else number >= z3.RealVal(border)
