"""The table as written against what the service evaluates under one policy: no patient on whom they differ."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import z3

from service.knowledge.cubes import bits
from tests.proof.evaluated import Evaluated, wrong_bits
from tests.proof.patients import Patient
from tests.proof.policies import settled
from tests.proof.reading import Reading, chart_test

if TYPE_CHECKING:
    from collections.abc import Iterator

    from service.knowledge.compiled import Condition
    from service.knowledge.model import Guideline
    from tests.proof.guideline import WrittenGuideline
    from tests.proof.patients import Facts


@dataclass(frozen=True)
class Difference:
    """What differs, for which patient; `facts` is empty where no single patient shows it."""

    what: str
    facts: Facts


class Comparison:
    """One guideline twice: as its files say it, and as the service compiled it under a policy."""

    def __init__(self, guideline: WrittenGuideline, compiled: Guideline) -> None:
        self.patient = Patient.named("patient")
        self.written = Reading(guideline, self.patient, settled(guideline, compiled.policy))
        self.evaluated = Evaluated(compiled.compiled, self.patient, chart_test)
        self._guideline = compiled
        self._solver = z3.Solver()
        self._solver.add(*self.patient.possible())

    def differences(self) -> Iterator[Difference]:
        """Give the first patient found for each row, advisory and condition that is not the same in both."""
        yield from (Difference(f"bit sets of {code}", {}) for code in wrong_bits(self._guideline.compiled))
        yield from (Difference(what, {}) for what in self._tables())
        for what, one, other in self._pairs():
            facts = self._patient(z3.Xor(one, other))
            if facts is not None:
                yield Difference(what, facts)

    def _pairs(self) -> Iterator[tuple[str, z3.BoolRef, z3.BoolRef]]:
        compiled = self._guideline.compiled
        for row in compiled.rows:
            written = self.written.fires.get(row.id, z3.BoolVal(val=False))
            yield f"row {row.id}", written, self.evaluated.within(row.cubes)
        for outcome, cubes in compiled.outcomes:
            same = [row["id"] for row in self.written.guideline.rows if row.get("strategy") == outcome.strategy]
            steps = self.written.guideline.steps
            fires = [self.written.fires[row] for row in same if steps[row] == outcome.next_step]
            yield f"outcome {outcome.strategy}, {outcome.next_step}", z3.Or(fires), self.evaluated.within(cubes)
        for advisory, condition in zip(self._guideline.advisories, compiled.advisories, strict=True):
            written = self.written.advises[advisory.code]
            yield f"advisory {advisory.code}", written, self._condition(condition)
        for when, condition in compiled.alternatives.items():
            yield f"alternative when {when}", self.written.says(when), self._condition(condition)
        for row_id, condition in compiled.strong.items():
            when = next(row["strong_when"] for row in self.written.guideline.rows if row["id"] == row_id)
            strong = z3.Or(z3.Not(self.written.fires[row_id]), self.written.says(when))
            yield f"strength of row {row_id}", strong, self._condition(condition)
        for name, condition in compiled.timing.items():
            yield f"timing {name}", self.written.says(name), self._condition(condition)
        yield from self._of_the_chart()

    def _of_the_chart(self) -> Iterator[tuple[str, z3.BoolRef, z3.BoolRef]]:
        compiled, off = self._guideline.compiled, self._guideline.policy.assumptions_off
        for rule, bound in zip(self.written.guideline.assumptions, compiled.assumptions, strict=True):
            when = z3.BoolVal(rule["fact"] not in off)
            if "when" in rule:
                when = z3.And(when, self.written.says(rule["when"]))
            fact = f"assumption {rule['fact']}"
            yield f"{fact}, when", when, self.evaluated.formula(bound.when)
            yield fact, self.written.says(rule["assume"]), self.evaluated.cells(bound.place, bound.fill)
        for tie, bound_tie in zip(self.written.guideline.ties, compiled.ties, strict=True):
            then = self.evaluated.cells(bound_tie.place, bound_tie.then)
            yield f"tie {tie['when']}, when", self.written.says(tie["when"]), self.evaluated.formula(bound_tie.when)
            yield f"tie {tie['when']}", self.written.says(tie["then"]), then

    def _condition(self, condition: Condition) -> z3.BoolRef:
        if condition.asks_gaps:
            return self.evaluated.formula(condition.test)
        return z3.Not(self.evaluated.within(condition.violations))

    def _tables(self) -> Iterator[str]:
        """Compare what is no condition: outcomes of rows, and which cubes are of another outcome."""
        compiled = self._guideline.compiled
        rows = {row["id"]: (row["strategy"], row["next_step"]) if "strategy" in row else None
                for row in self.written.guideline.rows}  # fmt: skip
        bound = {row.id: row.outcome and (row.outcome.strategy, row.outcome.next_step) for row in compiled.rows}
        if list(rows) != list(bound):
            yield "the order of the rows"
        yield from (f"the outcome of row {row}" for row in rows if rows[row] != bound.get(row))
        of_cube = {number: row.outcome for row in compiled.rows for number in bits(row.cubes)}
        for number, here in of_cube.items():
            others = sum(1 << other for other, there in of_cube.items() if there != here)
            if compiled.other_outcome[number] != others:
                yield f"other outcomes than that of cube {number}"

    def _patient(self, difference: z3.BoolRef) -> Facts | None:
        return find(self._solver, difference, self.patient)


def find(solver: z3.Solver, wanted: z3.BoolRef, patient: Patient) -> Facts | None:
    """Give a patient who fulfils what is wanted, as usual as possible; `None` where it is proven that none does."""
    model = usual_model(solver, wanted, list(patient.plausible()))
    return None if model is None else patient.facts(model)


def usual_model(solver: z3.Solver, wanted: z3.BoolRef, preferred: list[z3.BoolRef]) -> z3.ModelRef | None:
    """Give a model that keeps as many preferences as one after the other can be kept."""
    solver.push()
    solver.add(wanted)
    answer = solver.check()
    if answer == z3.unknown:
        raise RuntimeError(f"z3 cannot tell: {solver.reason_unknown()}")
    found = None
    if answer == z3.sat:
        found = solver.model()
        for preference in preferred:
            if z3.is_true(found.eval(preference, model_completion=True)):
                solver.add(preference)
            elif solver.check(preference) == z3.sat:
                found = solver.model()
                solver.add(preference)
    solver.pop()
    return found
