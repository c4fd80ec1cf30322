"""The completions of a case as disjoint boxes: unknown facts range over their cells, assumptions and ties hold.

A box is a set of cells for each fact. The boxes are split only on facts that conditions of assumptions and ties need;
within one box every assumption applies or does not.
"""

from __future__ import annotations

from dataclasses import replace
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, cast

import msgspec

from fhir_mappings.case import ABSENT, Gap, Interval, Known, Narrowed, PartialDate, Unknown, complete_months
from service.knowledge.cubes import halves, truth, where
from service.knowledge.formula import (
    AbsentTest,
    Literal,
    RecordedTest,
    SignTest,
    StatedTest,
    leaves,
    rewritten,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from fhir_mappings.case import Case, Fact, Value
    from service.knowledge.compiled import BoundAssumption, BoundTie, Compiled
    from service.knowledge.cubes import Cube
    from service.knowledge.domain import ChoiceTest, Domain
    from service.knowledge.formula import Formula, Leaf


class Box(msgspec.Struct, frozen=True):
    """Some completions: all combinations of `cells`.

    `filled` has a bit for each place that an assumption fills here; `before` gives the cells that each applied
    assumption (by its number in the guideline) found there. `hits` are the cubes that the box touches: none where a
    tie leaves no cell to fill, since only without the assumption there is a patient like this.
    """

    cells: Cube
    filled: int
    before: dict[int, int]
    hits: int


class Completions(msgspec.Struct, frozen=True):
    """All completions of one case.

    `known` are the cells that the chart alone leaves to each fact; `split` the places that boxes were split on,
    `moving` those whose cells differ between boxes.
    """

    known: Cube
    boxes: tuple[Box, ...]
    hits: int
    split: tuple[int, ...]
    moving: tuple[int, ...]

    def hits_without(self, compiled: Compiled, assumption: BoundAssumption) -> int:
        """Give the cubes that are reached where this one assumption would no longer fill its fact."""
        applied = [(box, before) for box in self.boxes if (before := box.before.get(assumption.rule)) is not None]
        if not applied:
            return 0
        touching, place, reached = compiled.index.touching, assumption.place, 0
        moving = [other for other in self.moving if other != place]
        still = _touched(self.boxes[0].cells, {*self.moving, place}, compiled)
        for box, before in applied:
            found = still & touching[place][before & ~assumption.fill]
            for other in moving:
                found &= touching[other][box.cells[other]]
            reached |= found
        return reached


def completions(case: Case, compiled: Compiled) -> Completions:
    """Spread the unknown facts of a case over their cells."""
    if case.possibilities:
        return _together([completions(one, compiled) for one in _possible(case, compiled)])
    known = _known_cells(case, compiled)
    steps = _Steps(case, compiled, known)
    spread = steps.spread()
    first = spread[0][0]
    moving: tuple[int, ...] = ()
    if len(spread) > 1:
        moving = tuple(place for place in steps.places() if any(cells[place] != first[place] for cells, _, _ in spread))
    still = _touched(first, moving, compiled)
    boxes: list[Box] = []
    reached = 0
    for box_cells, filled, before in spread:
        hits = still
        for place in moving:
            hits &= compiled.index.touching[place][box_cells[place]]
        boxes.append(Box(box_cells, filled, before, hits))
        reached |= hits
    return Completions(known, tuple(boxes), reached, steps.split(), moving)


def _possible(case: Case, compiled: Compiled) -> list[Case]:
    """Give the case on each part of the days of its partial dates, but those on which it contradicts a tie newly."""
    parts = [
        replace(case, facts={**case.facts, **one.facts}, signs=one.signs, possibilities=())
        for one in case.possibilities
    ]
    void, *others = (_Steps(one, compiled, _known_cells(one, compiled)).void_ties() for one in (case, *parts))
    return [part for part, found in zip(parts, others, strict=True) if all(tie in void for tie in found)] or parts


def _together(found: Sequence[Completions]) -> Completions:
    """Put the completions of several cases together; where what the charts leave differs, boxes are split as well."""
    boxes = {(box.cells, box.filled, *box.before.items()): box for one in found for box in one.boxes}
    known = list(zip(*(one.known for one in found), strict=True))
    split = {place for one in found for place in one.split}
    split |= {place for place, cells in enumerate(known) if len(set(cells)) > 1}
    moving = enumerate(zip(*(box.cells for box in boxes.values()), strict=True))
    return Completions(
        tuple(reduce(or_, cells) for cells in known),
        tuple(boxes.values()),
        reduce(or_, (one.hits for one in found)),
        tuple(sorted(split)),
        tuple(place for place, cells in moving if len(set(cells)) > 1),
    )


def _touched(cells: Cube, but: Collection[int], compiled: Compiled) -> int:
    """Give the cubes that these cells touch, some places left out."""
    hits = compiled.index.everything
    for place, touching in enumerate(compiled.index.touching):
        if place not in but:
            hits &= touching[cells[place]]
    return hits


def gaps_of(case: Case, compiled: Compiled) -> frozenset[Gap]:
    """Give the gaps of the facts that the pathway tests."""
    facts = [case.facts.get(code, ABSENT) for code in compiled.pathway_facts]
    return frozenset([fact.gap for fact in facts if isinstance(fact, Unknown)])


def _known_cells(case: Case, compiled: Compiled) -> Cube:
    facts = dict(case.facts)
    for between in compiled.months_between:
        first, last = PartialDate.of(case.value(between.first)), PartialDate.of(case.value(between.last))
        if first is not None and last is not None:
            least, most = complete_months(first.last, last.first), complete_months(first.first, last.last)
            facts[between.fact] = Narrowed(Interval(least, most))
    cells = list(compiled.whole)
    for code, place in compiled.places.items():
        fact = facts.get(code, ABSENT)
        if not isinstance(fact, Unknown):
            cells[place] = _cells(code, fact, compiled.domains[place])
    return tuple(cells)


def _cells(code: str, fact: Known | Narrowed, domain: Domain) -> int:
    """Give the cells that a fact may lie in; a narrowing that leaves no value of the catalogue says nothing."""
    try:
        if isinstance(fact, Known):
            return domain.mask_at(fact.value)
        return domain.mask_within(fact.values) or domain.full
    except ValueError as fault:
        raise ValueError(f"fact {code}: {fault}") from None


class _Steps:
    """The ties and assumptions that may matter for one case, ready to be applied box by box."""

    def __init__(self, case: Case, compiled: Compiled, known: Cube) -> None:
        self._case = case
        self._compiled = compiled
        self._known = known
        self._reach = _touched(known, (), compiled)
        self._ties = [(when, tie) for tie in compiled.ties if (when := self._tie_condition(tie)) is not False]
        self._assumptions = [
            (when, assumption)
            for assumption in compiled.assumptions
            if (when := self._assumption_condition(assumption)) is not False
        ]

    def split(self) -> tuple[int, ...]:
        """Give the places that conditions may split boxes on."""
        return tuple(sorted({place for when, _ in (*self._ties, *self._assumptions) for place in _places(when)}))

    def places(self) -> list[int]:
        """Give the places that splitting, ties and assumptions may change."""
        tied = {tie.place for _, tie in self._ties}
        filled = {assumption.place for _, assumption in self._assumptions}
        return sorted({*self.split(), *tied, *filled})

    def spread(self) -> list[tuple[Cube, int, dict[int, int]]]:
        """Give the disjoint boxes, each with its filled places and what they held before."""
        boxes: list[tuple[Cube, int, dict[int, int]]] = []
        todo = [self._known]
        while todo:
            cells = list(todo.pop())
            found = self._settled(cells)
            if isinstance(found, Literal):
                todo += halves(tuple(cells), found)
            elif found is not None:
                boxes.append((tuple(cells), *found))
        return boxes

    def _settled(self, cells: list[int]) -> tuple[int, dict[int, int]] | Literal | None:
        """Apply everything to `cells`; or name the test to split on, or `None` when no patient is like this."""
        for when, tie in self._ties:
            if cells[tie.place] & ~tie.then:
                holds = truth(when, cells)
                if isinstance(holds, Literal):
                    return holds
                if holds:
                    cells[tie.place] &= tie.then
                    if not cells[tie.place]:
                        return None
        filled, before = 0, {}
        unfilled = list(cells)
        for when, assumption in self._assumptions:
            holds = truth(when, unfilled)
            if isinstance(holds, Literal):
                cells[:] = unfilled
                return holds
            if holds:
                before[assumption.rule] = unfilled[assumption.place]
                filled |= 1 << assumption.place
                cells[assumption.place] = unfilled[assumption.place] & assumption.fill
        return filled, before

    def _irrelevant(self, place: int) -> bool:
        """Whether no cube within reach tells the cells of this fact apart."""
        return not self._reach & ~self._compiled.index.holding[place][self._known[place]]

    def _tie_condition(self, tie: BoundTie) -> Formula:
        """Give what is left of a tie's condition; a tie that the known facts contradict is void."""
        if not self._known[tie.place] & ~tie.then:
            return False
        when = rewritten(tie.when, self._chart_answer)
        return when is not False and not self._is_void(tie, when) and when

    def _is_void(self, tie: BoundTie, when: Formula) -> bool:
        return not self._known[tie.place] & tie.then and next(where(when, self._known, holds=False), None) is None

    def void_ties(self) -> list[BoundTie]:
        """Give the ties that the known facts contradict."""
        return [tie for tie in self._compiled.ties if self._is_void(tie, rewritten(tie.when, self._chart_answer))]

    def _assumption_condition(self, assumption: BoundAssumption) -> Formula:
        if not _is_absent(self._case.facts.get(assumption.fact, ABSENT)):
            return False
        if self._irrelevant(assumption.place) and not self._opposes(assumption):
            return False
        return rewritten(assumption.when, self._chart_answer)

    def _opposes(self, assumption: BoundAssumption) -> bool:
        """Whether a tie leaves no cell that the assumption fills."""
        return any(tie.place == assumption.place and not tie.then & assumption.fill for _, tie in self._ties)

    def _chart_answer(self, leaf: Leaf) -> Formula:
        """Answer what the chart alone decides; tests of facts stay."""
        case = self._case
        match leaf:
            case SignTest(sign=sign, wanted=wanted):
                return (sign in case.signs) is wanted
            case AbsentTest(fact=code, wanted=wanted):
                return _is_absent(case.facts.get(code, ABSENT)) is wanted
            case StatedTest(fact=code, wanted=wanted):
                fact = case.facts.get(code, ABSENT)
                stated = not isinstance(fact, Unknown) or fact.gap in {Gap.OUTDATED, Gap.CONFLICTING}
                return stated is wanted
            case RecordedTest(test=test, certain=certain, wanted=wanted):
                return _recorded(case.facts.get(test.fact, ABSENT), test, certain=certain) is wanted
            case _:
                return leaf


def _places(formula: Formula) -> set[int]:
    return {leaf.place for leaf in leaves(formula) if isinstance(leaf, Literal)}


def _is_absent(fact: Fact) -> bool:
    return isinstance(fact, Unknown) and fact.gap is Gap.ABSENT


_ANYTHING = frozenset({Gap.UNREADABLE, Gap.NOT_RETRIEVED})
"""Gaps behind which any value may stand that the chart has and nobody could see."""


def _recorded(fact: Fact, test: ChoiceTest, *, certain: bool) -> bool:
    if isinstance(fact, Unknown):
        return not certain and (fact.gap in _ANYTHING or not test.values.isdisjoint(fact.contested))
    # A fact that is a choice is narrowed to choices, never to an interval.
    said = cast("frozenset[Value]", fact.values) if isinstance(fact, Narrowed) else frozenset({fact.value})
    return said <= test.values if certain else not said.isdisjoint(test.values)
