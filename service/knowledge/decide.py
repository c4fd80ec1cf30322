"""Case → Decision: every answer that some completion of the case reaches, exactly, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, cast

from service.knowledge.completions import completions, gaps_of
from service.knowledge.decision import Assumption, Decision
from service.knowledge.formula import Conjunction, Disjunction, GapTest, rewritten
from service.knowledge.formula import Literal as CellTest
from service.knowledge.missing import missing_facts, reachable_outcomes

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from fhir_mappings.case import Case, Gap
    from service.knowledge.compiled import Compiled, Condition
    from service.knowledge.completions import Completions
    from service.knowledge.decision import Outcome, Strength
    from service.knowledge.formula import Formula, Leaf
    from service.knowledge.model import Guideline, Row


def decide(case: Case, guideline: Guideline) -> Decision:
    """Evaluate the pathway for a chart in scope.

    Raise `ValueError` when a fact holds a value that the catalogue does not know.
    """
    compiled = guideline.compiled
    found = completions(case, compiled)
    outcomes = reachable_outcomes(found.hits, compiled)
    fired = _fired(case, found, compiled)
    rows = [
        row
        for row, bound in zip(guideline.rows, compiled.rows, strict=True)
        if bound.outcome is not None and bound.cubes & found.hits
    ]
    assumptions = _assumptions(found, fired, guideline)
    determined = len({outcome.strategy for outcome in outcomes}) == 1
    return Decision(
        outcomes=outcomes,
        rows=tuple(row.id for row in rows),
        missing=missing_facts(found, compiled),
        assumptions=assumptions,
        advisories=tuple(guideline.advisories[number].code for number in fired),
        alternatives=_alternatives(rows, outcomes, found, compiled) if determined else (),
        strength=_strength(rows, assumptions, found, compiled) if determined else None,
        statements=_union(row.statements for row in rows),
        citations=_union(row.citations for row in rows),
        timing=_timing(found, compiled),
        read=_read(found, fired, compiled),
    )


def _holds(condition: Condition, found: Completions) -> bool:
    return not condition.violations & found.hits


def _fired(case: Case, found: Completions, compiled: Compiled) -> list[int]:
    """Give the numbers of the advisories whose condition is true in every completion."""
    gaps: frozenset[Gap] | None = None
    fired: list[int] = []
    for number, condition in enumerate(compiled.advisories):
        if condition.asks_gaps:
            gaps = gaps_of(case, compiled) if gaps is None else gaps
            if _true_of_gaps(condition.test, gaps):
                fired.append(number)
        elif _holds(condition, found):
            fired.append(number)
    return fired


def _true_of_gaps(formula: Formula, gaps: frozenset[Gap]) -> bool:
    def leaf(test: Leaf) -> Formula:
        return isinstance(test, GapTest) and (test.gap in gaps) is test.wanted

    return rewritten(formula, leaf) is True


def _assumptions(found: Completions, fired: Sequence[int], guideline: Guideline) -> tuple[Assumption, ...]:
    """Give the assumptions that matter: without one of them alone the outcomes or the advisories are others."""
    compiled = guideline.compiled
    standing = 0
    for number in fired:
        standing |= compiled.advisories[number].violations
    outcomes = {row.outcome for row in compiled.rows if row.cubes & found.hits}
    printed: list[Assumption] = []
    applied = {number for box in found.boxes for number in box.before}
    for assumption in compiled.assumptions:
        rule = guideline.assumptions[assumption.rule]
        if not rule.printed or assumption.rule not in applied:
            continue
        added = found.hits_without(compiled, assumption) & ~found.hits
        if not added:
            continue
        new_rows = [row for row in compiled.rows if row.cubes & added and not row.cubes & found.hits]
        if added & standing or any(row.outcome not in outcomes for row in new_rows):
            printed.append(Assumption(rule.fact, rule.label, decides=bool(new_rows)))
    return tuple(printed)


def _alternatives(
    rows: Sequence[Row], outcomes: Sequence[Outcome], found: Completions, compiled: Compiled
) -> tuple[Outcome, ...]:
    named = (
        alternative.outcome
        for row in rows
        for alternative in row.alternatives
        if alternative.when is None or _holds(compiled.alternatives[alternative.when], found)
    )
    return tuple(dict.fromkeys(outcome for outcome in named if outcome not in outcomes))


def _strength(
    rows: Sequence[Row], assumptions: Sequence[Assumption], found: Completions, compiled: Compiled
) -> Strength:
    """Give the weakest strength of the rows; an assumption that decides between rows weakens it too."""
    strong = all(
        row.strength == "strong" or (row.strong_when is not None and _holds(compiled.strong[row.id], found))
        for row in rows
    )
    return "strong" if strong and not any(assumption.decides for assumption in assumptions) else "conditional"


def _union(lists: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys([name for names in lists for name in names]))


def _timing(found: Completions, compiled: Compiled) -> Literal["synchronous", "metachronous"] | None:
    for name, condition in compiled.timing.items():
        if _holds(condition, found):
            return cast("Literal['synchronous', 'metachronous']", name)
    return None


def _read(found: Completions, fired: Sequence[int], compiled: Compiled) -> tuple[str, ...]:
    """Give the facts looked at on the way to the last reachable row and for the fired advisories, as the catalogue."""
    hull = [0] * len(found.known)
    for box in found.boxes:
        if box.hits:
            hull = [cells | more for cells, more in zip(hull, box.cells, strict=True)]
    seen: set[int] = set()
    for row in compiled.rows:
        if _look(row.test, hull, seen) is True:
            break
    for number in fired:
        _look(compiled.advisories[number].test, hull, seen)
    dates = {between.fact: (between.first, between.last) for between in compiled.months_between}
    codes = [dates.get(code, (code,)) for code, place in compiled.places.items() if place in seen]
    return _union(codes)


def _look(formula: Formula, cells: Sequence[int], seen: set[int]) -> bool | None:
    """Evaluate from left to right as far as needed, noting the places looked at; `None` is open."""
    if isinstance(formula, CellTest):
        place = formula.place
        seen.add(place)
        possible = cells[place]
        inside = possible & formula.mask
        return inside != 0 if inside in (0, possible) else None
    if isinstance(formula, Conjunction):
        return _look_at_terms(formula.terms, cells, seen, stop=False)
    if isinstance(formula, Disjunction):
        return _look_at_terms(formula.terms, cells, seen, stop=True)
    return formula if isinstance(formula, bool) else None


def _look_at_terms(terms: Iterable[Formula], cells: Sequence[int], seen: set[int], *, stop: bool) -> bool | None:
    result: bool | None = not stop
    for term in terms:
        answer = _look(term, cells, seen)
        if answer is stop:
            return stop
        if answer is None:
            result = None
    return result
