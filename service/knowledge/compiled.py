"""A checked guideline made quick to ask: its facts as cells, its rows and advisories as numbered cubes."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

from service.knowledge.cubes import Cube, Index, bits, first_match, merged, on_row, where
from service.knowledge.domain import ChoiceTest, NumberTest, domain_of
from service.knowledge.formula import GapTest, Literal, RowTest, conjunction, leaves, rewritten

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from fhir_mappings.catalogue import FactDefinition
    from service.knowledge.decision import Outcome
    from service.knowledge.domain import Domain, FactTest, MonthsBetween
    from service.knowledge.formula import Formula, Leaf


@dataclass(frozen=True, slots=True)
class BoundAssumption:
    """An assumption by the place of its fact; `when` still holds tests of the chart."""

    fact: str
    place: int
    when: Formula
    fill: int
    rule: int
    """Its number in the guideline."""


@dataclass(frozen=True, slots=True)
class BoundTie:
    """Wherever `when` holds, the fact at `place` lies in `then`."""

    when: Formula
    place: int
    then: int


@dataclass(frozen=True, slots=True)
class Condition:
    """What must hold in every completion: violated where one of the `violations` is reached."""

    test: Formula
    violations: int
    asks_gaps: bool = False


@dataclass(frozen=True, slots=True)
class BoundRow:
    """A row: its test, and its cubes as bits; `outcome` is `None` where it gives no card."""

    id: str
    test: Formula
    outcome: Outcome | None
    cubes: int


@dataclass(frozen=True, slots=True)
class Compiled:
    """Everything that a decision asks of a guideline.

    `places` are the facts that conditions read, with their `domains`; `cubes` the disjoint regions of the rows first,
    then those in which advisories and other conditions fail; `other_outcome[i]` the cubes of rows with another outcome
    than cube i, `outcomes` the cubes of each outcome, sorted. `pathway_facts` are those that rows and their
    alternatives test.
    """

    places: Mapping[str, int]
    domains: tuple[Domain, ...]
    whole: Cube
    cubes: tuple[Cube, ...]
    index: Index
    rows: tuple[BoundRow, ...]
    row_cubes: int
    outcomes: tuple[tuple[Outcome, int], ...]
    uncovered: tuple[Cube, ...]
    other_outcome: tuple[int, ...]
    pathway_facts: frozenset[str]
    advisories: tuple[Condition, ...]
    alternatives: Mapping[str, Condition]
    strong: Mapping[str, Condition]
    timing: Mapping[str, Condition]
    assumptions: tuple[BoundAssumption, ...]
    ties: tuple[BoundTie, ...]
    months_between: tuple[MonthsBetween, ...]
    used: frozenset[str]
    """The names (facts, parameters, definitions) that some condition uses."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """A guideline whose conditions are resolved, and nothing else done yet."""

    facts: Mapping[str, FactDefinition]
    rows: Sequence[tuple[str, Formula, Outcome | None]]
    advisories: Sequence[Formula]
    alternatives: Mapping[str, Formula]
    strong: Mapping[str, Formula]
    timing: Mapping[str, Formula]
    assumptions: Sequence[tuple[str, Formula, Formula]]
    ties: Sequence[tuple[Formula, Formula]]
    months_between: tuple[MonthsBetween, ...]
    used: frozenset[str]

    def formulas(self) -> list[Formula]:
        """Give every condition."""
        return [
            *(test for _, test, _ in self.rows),
            *self.advisories,
            *self.alternatives.values(),
            *self.strong.values(),
            *self.timing.values(),
            *(part for _, when, fill in self.assumptions for part in (when, fill)),
            *(part for tie in self.ties for part in tie),
        ]


def fact_tests(formulas: Iterable[Formula]) -> dict[str, list[FactTest]]:
    """Collect the tests of each fact that completions range over."""
    found: dict[str, list[FactTest]] = {}
    for formula in formulas:
        for leaf in leaves(formula):
            if isinstance(leaf, ChoiceTest | NumberTest):
                found.setdefault(leaf.fact, []).append(leaf)
    return found


def compile_guideline(bound: Bound) -> Compiled:
    """Cut the facts into cells and the pathway into cubes."""
    tests = fact_tests(bound.formulas())
    codes = [fact.code for fact in bound.facts.values() if fact.code in tests]
    places = {code: place for place, code in enumerate(codes)}
    by_code = {fact.code: fact for fact in bound.facts.values()}
    domains = tuple(domain_of(by_code[code], tests[code]) for code in codes)
    whole = tuple(domain.full for domain in domains)

    def leaf(test: Leaf) -> Formula:
        if not isinstance(test, ChoiceTest | NumberTest):
            return test
        place = places[test.fact]
        mask = domains[place].mask_of(test)
        return mask == whole[place] if mask in (0, whole[place]) else Literal(place, mask)

    def lowered(formula: Formula) -> Formula:
        return rewritten(formula, leaf)

    tests_of_rows = [lowered(test) for _, test, _ in bound.rows]
    regions = first_match(tests_of_rows, whole)
    numbering = _Numbering()
    rows = tuple(
        BoundRow(row_id, test, outcome, numbering.add(region))
        for (row_id, _, outcome), test, region in zip(bound.rows, tests_of_rows, regions[:-1], strict=True)
    )
    row_cubes = numbering.all
    by_outcome = _by_outcome(rows)

    def condition(formula: Formula) -> Condition:
        test = lowered(formula)
        if any(isinstance(leaf, GapTest) for leaf in leaves(test)):
            return Condition(test, 0, asks_gaps=True)
        return Condition(test, numbering.violations(test, rows, whole))

    advisories = tuple(condition(formula) for formula in bound.advisories)
    alternatives = {name: condition(formula) for name, formula in bound.alternatives.items()}
    strong = {name: condition(formula) for name, formula in bound.strong.items()}
    timing = {name: condition(formula) for name, formula in bound.timing.items()}
    return Compiled(
        places=places,
        domains=domains,
        whole=whole,
        cubes=tuple(numbering.cubes),
        index=Index(numbering.cubes, [domain.size for domain in domains]),
        rows=rows,
        row_cubes=row_cubes,
        outcomes=tuple(sorted((outcome, cubes) for outcome, cubes in by_outcome.items() if outcome is not None)),
        uncovered=tuple(regions[-1]),
        other_outcome=_other_outcome(by_outcome, row_cubes),
        pathway_facts=frozenset(fact_tests([*(test for _, test, _ in bound.rows), *bound.alternatives.values()])),
        advisories=advisories,
        alternatives=alternatives,
        strong=strong,
        timing=timing,
        assumptions=tuple(
            BoundAssumption(fact, places[fact], lowered(when), _mask(lowered(fill), whole[places[fact]]), number)
            for number, (fact, when, fill) in enumerate(bound.assumptions)
        ),
        ties=tuple(tie for when, then in bound.ties if (tie := _tie(lowered(when), lowered(then)))),
        months_between=bound.months_between,
        used=bound.used,
    )


def describe(compiled: Compiled, cube: Cube) -> str:
    """Write a region as a patient: `ecog 0-1, asa 4-6`; facts that may be anything are left out."""
    parts = (
        f"{code} {domain.label(cells)}"
        for code, domain, cells in zip(compiled.places, compiled.domains, cube, strict=True)
        if cells != domain.full
    )
    return ", ".join(parts) or "everything"


def overlapping(compiled: Compiled) -> Iterator[str]:
    """Name each fact of which two assumptions may apply to one patient, whatever the chart shows."""

    def possible(leaf: Leaf) -> Formula:
        return leaf if isinstance(leaf, Literal) else True

    for one, two in combinations(compiled.assumptions, 2):
        if one.place == two.place:
            both = conjunction((rewritten(one.when, possible), rewritten(two.when, possible)))
            if next(where(both, compiled.whole, holds=True), None) is not None:
                yield one.fact


class _Numbering:
    """Gives cubes their numbers."""

    def __init__(self) -> None:
        self.cubes: list[Cube] = []

    @property
    def all(self) -> int:
        return (1 << len(self.cubes)) - 1

    def add(self, region: Sequence[Cube]) -> int:
        before = self.all
        self.cubes += region
        return self.all & ~before

    def violations(self, formula: Formula, rows: Sequence[BoundRow], whole: Cube) -> int:
        """Give numbers to where `formula` fails: whole cubes of rows where possible, new cubes elsewhere."""
        if not any(isinstance(leaf, RowTest) for leaf in leaves(formula)):
            return self.add(merged(where(formula, whole, holds=False)))
        failing = 0
        parts: list[Cube] = []
        for row in rows:
            on_this_row = on_row(formula, row.id)
            for number in bits(row.cubes):
                cube = self.cubes[number]
                found = list(where(on_this_row, cube, holds=False))
                if found == [cube]:
                    failing |= 1 << number
                else:
                    parts += found
        return failing | self.add(merged(parts))


def _mask(fill: Formula, whole: int) -> int:
    if isinstance(fill, Literal):
        return fill.mask
    return whole if fill is True else 0


def _tie(when: Formula, then: Formula) -> BoundTie | None:
    return BoundTie(when, then.place, then.mask) if isinstance(then, Literal) else None


def _by_outcome(rows: Sequence[BoundRow]) -> dict[Outcome | None, int]:
    found: dict[Outcome | None, int] = {}
    for row in rows:
        found[row.outcome] = found.get(row.outcome, 0) | row.cubes
    return found


def _other_outcome(by_outcome: Mapping[Outcome | None, int], row_cubes: int) -> tuple[int, ...]:
    found = [0] * row_cubes.bit_length()
    for same in by_outcome.values():
        for number in bits(same):
            found[number] = row_cubes & ~same
    return tuple(found)
