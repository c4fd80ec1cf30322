"""A counterexample as a patient to read: the facts, the policy, what the files say and what the service answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import z3

from service.knowledge.decide import decide
from service.knowledge.policy import GuidelineError
from tests.proof.patients import Patient, case_with, described
from tests.proof.policies import settled
from tests.proof.reading import Reading

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from service.knowledge.model import Guideline, Policy
    from tests.proof.guideline import WrittenGuideline
    from tests.proof.patients import Facts

NO_CARD = "no card"


@dataclass(frozen=True)
class Answered:
    """The answer for one complete patient."""

    row: str
    strategy: str
    next_step: str
    advisories: tuple[str, ...]

    def __str__(self) -> str:
        """Write the answer on one line."""
        answer = f"{self.strategy}, {self.next_step}" if self.next_step else self.strategy
        return f"{self.row}: {answer}; advisories: {', '.join(self.advisories) or 'none'}"


@dataclass(frozen=True)
class Counterexample:
    """A patient for whom something is not as claimed; `twin` where a claim compares two patients."""

    policy: Policy
    facts: Facts
    written: Answered
    service: Answered | str
    """What the service answers, or why it refuses the files."""
    twin: Counterexample | None = None

    def lines(self) -> Iterator[str]:
        """Print the patient, the twin by what differs."""
        settings = [f"{name} = {value}" for name, value in self.policy.parameters.items()]
        settings += [f"not assumed: {fact}" for fact in sorted(self.policy.assumptions_off)]
        yield f"policy: {', '.join(settings) or 'as shipped'}"
        yield from (f"  {line}" for line in described(self.facts))
        yield f"as written: {self.written}"
        yield f"the service: {self.service}"
        if self.twin is not None:
            yield "the same patient, but"
            changed = {code: value for code, value in self.twin.facts.items() if value != self.facts[code]}
            yield from (f"  {line}" for line in described(changed))
            yield f"as written: {self.twin.written}"
            yield f"the service: {self.twin.service}"


def counterexample(
    guideline: WrittenGuideline, served: Callable[[Policy], Guideline], policy: Policy, facts: Facts
) -> Counterexample:
    """Ask both for their answer on one complete patient."""
    try:
        service: Answered | str = as_served(served(policy), facts)
    except GuidelineError as refused:
        service = f"refuses the files: {refused}"
    return Counterexample(policy, facts, as_written(guideline, policy, facts), service)


def as_written(guideline: WrittenGuideline, policy: Policy, facts: Facts) -> Answered:
    """Give the answer that the files give."""
    reading = Reading(guideline, Patient.named("patient"), settled(guideline, policy))
    solver = z3.Solver()
    solver.add(reading.patient.has(facts))
    solver.check()
    model = solver.model()

    def true(condition: z3.BoolRef) -> bool:
        return bool(z3.is_true(model.eval(condition)))

    rows = [row for row in guideline.rows if true(reading.fires[row["id"]])]
    row = rows[0] if rows else {"id": "no row"}
    advisories = tuple(code for code, holds in reading.advises.items() if true(holds))
    return Answered(row["id"], row.get("strategy", NO_CARD), row.get("next_step", ""), advisories)


def as_served(served: Guideline, facts: Facts) -> Answered:
    """Give the answer of the service's evaluator."""
    decision = decide(case_with(facts), served)
    row = served.row(decision.rows[0]) if decision.rows else next(row for row in served.rows if row.strategy is None)
    return Answered(row.id, row.strategy or NO_CARD, row.next_step or "", decision.advisories)
