"""All claims, one after the other: proven, or with a counterexample."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from random import Random
from typing import TYPE_CHECKING

import z3

from fhir_mappings.catalogue import load_catalogue
from service.knowledge.decide import decide
from service.knowledge.guideline import build_guideline
from service.knowledge.model import Policy
from tests.generated_cases import random_case
from tests.policies import CORNERS, random_policy
from tests.proof.counterexamples import counterexample
from tests.proof.equivalence import Comparison, usual_model
from tests.proof.exact import Answer, Exact
from tests.proof.guideline import read_guideline
from tests.proof.incomplete import Charts
from tests.proof.invariants import INVARIANTS, World
from tests.proof.patients import Patient, described
from tests.proof.policies import symbolic
from tests.proof.reach import unreached
from tests.proof.reading import Reading
from tests.reference_table import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from service.knowledge.model import Guideline
    from tests.proof.counterexamples import Counterexample
    from tests.proof.guideline import WrittenGuideline
    from tests.proof.invariants import Invariant


@dataclass(frozen=True)
class Result:
    """A claim; `against` is empty where it is proven, else what speaks against it, line by line."""

    group: str
    number: str
    claim: str
    against: tuple[str, ...] = ()


class Proof:
    """The claims about one guideline, given by its files."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        self._texts = texts
        self.guideline: WrittenGuideline = read_guideline(texts.values())
        self._parameters = symbolic(self.guideline)
        one, two = (Reading(self.guideline, Patient.named(name), self._parameters) for name in ("one", "two"))
        self._world = World(one, two)

    def served(self, policy: Policy) -> Guideline:
        """Give what the service makes of these files under a policy."""
        return build_guideline(self._texts, load_catalogue(), policy)

    @cached_property
    def _charts(self) -> Charts:
        return Charts(self.guideline)

    @property
    def claims(self) -> int:
        """Say how many invariants there are."""
        return len(INVARIANTS) + 1 + len(list(self._charts.invariants()))

    def invariants(self) -> Iterator[Result]:
        """Prove the claims about complete patients for every policy."""
        for invariant in INVARIANTS:
            found = self.exception_to(invariant)
            yield Result("invariants", invariant.number, invariant.claim, tuple(found.lines()) if found else ())
        idle = tuple(f"row {row}, policy {dict(policy.parameters)}" for row, policy in unreached(self.guideline))
        yield Result("invariants", "10, every row", "every row is hit by some complete case", idle)

    def exception_to(self, invariant: Invariant) -> Counterexample | None:
        """Look for a patient and a policy against a claim; where there is one, as usual as possible."""
        one, two = self._world.one.patient, self._world.two.patient
        solver = z3.Solver()
        solver.add(*self._parameters.allowed, *one.possible(), *two.possible())
        usual = [*self._parameters.defaults, *one.plausible(), *two.plausible()]
        model = usual_model(solver, invariant.exception(self._world), usual)
        if model is None:
            return None
        policy = self._parameters.chosen(model, self.guideline)
        found, twin = (
            counterexample(self.guideline, self.served, policy, patient.facts(model)) for patient in (one, two)
        )
        return replace(found, twin=twin) if invariant.of_two else found

    def charts(self, *numbers: str) -> Iterator[Result]:
        """Prove the claims about incomplete charts for every policy and chart: all of them, or some by their number."""
        charts = self._charts
        for invariant in charts.invariants():
            if numbers and invariant.number not in numbers:
                continue
            solver = z3.Solver()
            solver.add(*charts.base)
            usual = [*charts.parameters.defaults, *charts.one.patient.plausible()]
            model = usual_model(solver, invariant.exception, usual)
            facts = {} if model is None else charts.one.patient.facts(model)
            yield Result("charts", invariant.number, invariant.claim, tuple(described(facts)))

    def evaluation(self, policies: Mapping[str, Policy]) -> Iterator[Result]:
        """Prove that the service evaluates what is written, one policy after the other."""
        for name, policy in policies.items():
            served = self.served(policy)
            against: list[str] = []
            for difference in Comparison(self.guideline, served).differences():
                against.append(f"{difference.what} is not as written")
                if difference.facts:
                    against += counterexample(self.guideline, self.served, policy, difference.facts).lines()
            yield Result("evaluation", name, "the service evaluates the table as it is written", tuple(against))

    def answers(self, count: int, seed: int) -> Iterator[Result]:
        """Ask z3 for the exact answer of generated incomplete charts, and compare."""
        random, exact = Random(seed), Exact(self.guideline)
        policy = Policy()
        served = self.served(policy)
        for number in range(count):
            if number % 10 == 9:
                policy = random_policy(random)
                served = self.served(policy)
            case = random_case(random, Settings(), most=10**9)
            wanted, found = exact.answer(case, policy), Answer.of(decide(case, served))
            against = () if wanted == found else (f"{policy}", f"{case}", f"as written: {wanted}", f"service: {found}")
            yield Result("answers", f"{number}", "an incomplete chart gets exactly the answers it leaves", against)


def policies(count: int, seed: int) -> dict[str, Policy]:
    """Give the corner policies and as many random ones."""
    random = Random(seed)
    return {**CORNERS, **{f"drawn {number}": random_policy(random) for number in range(count)}}
