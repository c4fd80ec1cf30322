"""What the written guideline says of one incomplete chart, asked of z3: no sampling of values, no cells, no boxes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import z3

from fhir_mappings.case import ABSENT, Gap, Known, Unknown
from tests.proof.charts import AnyChart, Completion, said_by, test_of
from tests.proof.guideline import names_in
from tests.proof.incomplete import enabled
from tests.proof.patients import Patient, catalogue
from tests.proof.policies import symbolic
from tests.proof.reading import Reading

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fhir_mappings.case import Case
    from service.knowledge.decision import Decision
    from service.knowledge.model import Policy
    from tests.proof.guideline import WrittenGuideline


@dataclass(frozen=True)
class Answer:
    """The part of a decision that the requirements define exactly."""

    rows: tuple[str, ...]
    outcomes: frozenset[tuple[str, str]]
    advisories: tuple[str, ...]
    missing: frozenset[tuple[str, bool]]

    @classmethod
    def of(cls, decision: Decision) -> Answer:
        """Take it from a decision of the service."""
        return cls(
            decision.rows,
            frozenset((outcome.strategy, outcome.next_step or "") for outcome in decision.outcomes),
            decision.advisories,
            frozenset((missing.fact, missing.settles) for missing in decision.missing),
        )


class Exact:
    """One guideline, to be asked about charts under policies."""

    def __init__(self, guideline: WrittenGuideline) -> None:
        self._guideline = guideline
        self._parameters = symbolic(guideline)
        self._chart = AnyChart("asked")
        self._readings = [
            Reading(guideline, Patient.named(name), self._parameters, lambda text: test_of(self._chart, text))
            for name in ("one", "two")
        ]
        self._void = {number: z3.Bool(f"asked:void:{number}") for number in range(len(guideline.ties))}
        self._one, self._two = (Completion(reading, self._chart, self._void, enabled) for reading in self._readings)
        self._asked = pathway_facts(guideline)
        outcomes = [self._outcomes(reading) for reading in self._readings]
        strategies = [self._strategies(reading) for reading in self._readings]
        self._differ = z3.Or([z3.Xor(outcomes[0][outcome], outcomes[1][outcome]) for outcome in outcomes[0]])
        self._apart = z3.And(
            z3.Or([z3.Xor(strategies[0][name], strategies[1][name]) for name in strategies[0]]),
            *(z3.Or(list(found.values())) for found in strategies),
        )
        one, two = self._one, self._two
        self._same = {code: one.patient.same(two.patient, *(set(catalogue()) - {code})) for code in catalogue()}
        self._filled = {code: z3.Or(one.filled(guideline, code), two.filled(guideline, code)) for code in catalogue()}

    def answer(self, case: Case, policy: Policy) -> Answer:
        """Give the exact answer for a chart."""
        solver = z3.Solver()
        solver.add(*self._parameters.of(policy, self._guideline))
        for rule in self._guideline.assumptions:
            solver.add(enabled(rule["fact"]) == (rule["fact"] not in policy.assumptions_off))
        gaps = {fact.gap for code in self._asked if isinstance(fact := case.facts.get(code, ABSENT), Unknown)}
        solver.add(*(self._chart.shows(f"{gap.value} in gaps") == (gap in gaps) for gap in Gap))
        solver.add(*said_by(case, self._chart, (self._one.patient, self._two.patient)))
        for number, keeps in enumerate(self._one.keeps):
            contradicted = solver.check(self._one.allowed, keeps) == z3.unsat
            solver.add(self._void[number] == contradicted)
        solver.add(self._one.holds)
        one = self._readings[0]
        rows = [row for row in self._guideline.rows if solver.check(one.fires[row["id"]]) == z3.sat]
        holding = [code for code, holds in one.advises.items() if solver.check(z3.Not(holds)) == z3.unsat]
        solver.add(self._two.holds)
        return Answer(
            tuple(row["id"] for row in rows if "strategy" in row),
            frozenset((row["strategy"], row["next_step"]) for row in rows if "strategy" in row),
            tuple(holding),
            frozenset(self._missing(case, solver)),
        )

    def _missing(self, case: Case, solver: z3.Solver) -> Iterator[tuple[str, bool]]:
        for code in self._asked:
            if not isinstance(case.facts.get(code, ABSENT), Known):
                rest = [z3.Or(same, self._filled[other]) for other, same in self._same.items() if other != code]
                alone = z3.And(z3.Not(self._same[code]), z3.Not(self._filled[code]), *rest)
                if solver.check(alone, self._differ) == z3.sat:
                    yield code, bool(solver.check(self._same[code], self._apart) == z3.unsat)

    def _outcomes(self, reading: Reading) -> dict[tuple[str, str] | None, z3.BoolRef]:
        rows: dict[tuple[str, str] | None, list[z3.BoolRef]] = {}
        for row in self._guideline.rows:
            outcome = (row["strategy"], row["next_step"]) if "strategy" in row else None
            rows.setdefault(outcome, []).append(reading.fires[row["id"]])
        return {outcome: z3.Or(fires) for outcome, fires in rows.items()}

    def _strategies(self, reading: Reading) -> dict[str, z3.BoolRef]:
        found = dict.fromkeys(row["strategy"] for row in self._guideline.rows if "strategy" in row)
        return {strategy: reading.strategy(strategy) for strategy in found}


def pathway_facts(guideline: WrittenGuideline) -> list[str]:
    """Give the facts that rows and their alternatives test, in the order of the catalogue."""
    names = names_in([*(row["when"] for row in guideline.rows), *guideline.alternatives], guideline)
    return [code for code in catalogue() if code.replace("-", "_") in names]
