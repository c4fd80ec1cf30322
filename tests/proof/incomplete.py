"""The invariants of the requirements (section 7) that speak of unknown facts, over every chart and policy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import z3

from tests.proof.charts import AnyChart, Completion, test_of
from tests.proof.invariants import contraindicated
from tests.proof.patients import Patient, catalogue
from tests.proof.policies import symbolic
from tests.proof.reading import Reading

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.proof.guideline import WrittenGuideline


@dataclass(frozen=True)
class ChartInvariant:
    """A claim about charts: `exception` must have no solution."""

    number: str
    claim: str
    exception: z3.BoolRef


def enabled(fact: str) -> z3.BoolRef:
    """Say that the site keeps the assumption of this fact."""
    return z3.Bool(f"policy:assumes:{fact}")


class Charts:
    """Two completions and a chart; and the same chart with more known."""

    def __init__(self, guideline: WrittenGuideline) -> None:
        self.guideline = guideline
        self.parameters = symbolic(guideline)
        self._ties = range(len(guideline.ties))
        self.before, self.after = AnyChart("before"), AnyChart("after")
        self.void = {number: z3.Bool(f"before:void:{number}") for number in self._ties}
        self.void_after = {number: z3.Bool(f"after:void:{number}") for number in self._ties}
        self.one = self._completion("one", self.before, self.void)
        self.two = self._completion("two", self.before, self.void)
        self.one_after = self._completion("one", self.after, self.void_after)
        self.two_after = self._completion("two", self.after, self.void_after)

    def invariants(self) -> Iterator[ChartInvariant]:
        """Give every claim about charts."""
        yield ChartInvariant("5, fills", "every assumption has a value to fill in", self._empty_assumption())
        yield ChartInvariant(
            "5, some", "every chart that its ties allow has a completion", self._chart_without_completion()
        )
        for fact in contraindicated(self.one.patient):
            yield ChartInvariant(
                f"1, {fact}",
                f"simultaneous is never recommended while {catalogue()[fact]['title']} is unknown and not assumed",
                self._recommended_in_the_dark(fact),
            )
        for fact in catalogue():
            yield ChartInvariant(
                f"9, {fact}",
                f"knowing {catalogue()[fact]['title']} adds no completion, except by replacing an assumption",
                self._completion_out_of_nowhere(fact),
            )

    @property
    def base(self) -> tuple[z3.BoolRef, ...]:
        """Say what holds of every policy and chart."""
        charts = (*self.before.sound, *self.after.sound)
        return (*self.parameters.allowed, *charts, *self.one.patient.possible())

    def _completion(self, name: str, chart: AnyChart, void: dict[int, z3.BoolRef]) -> Completion:
        reading = Reading(self.guideline, Patient.named(name), self.parameters, lambda text: test_of(chart, text))
        return Completion(reading, chart, void, enabled)

    def _strategy(self, name: str, strategy: str) -> z3.BoolRef:
        return Reading(self.guideline, Patient.named(name), self.parameters).strategy(strategy)

    def _contradicted(self, completion: Completion, void: dict[int, z3.BoolRef]) -> z3.BoolRef:
        """Say that no tie that is void is kept by this patient: void is what no patient of the chart keeps."""
        broken = [z3.Implies(void[number], z3.Not(keeps)) for number, keeps in enumerate(completion.keeps)]
        return z3.Implies(completion.allowed, z3.And(broken))

    def _empty_assumption(self) -> z3.BoolRef:
        """Look for an assumption that neither end nor any choice of its fact fulfils."""
        found = []
        for rule in self.guideline.assumptions:
            fact = catalogue()[rule["fact"]]
            fill = Reading(self.guideline, Patient.named("fill"), self.parameters).says(rule["assume"])
            number = Patient.named("fill").numbers.get(rule["fact"])
            if number is None:
                if z3.Solver().check(fill, *Patient.named("fill").possible()) == z3.unsat:
                    found.append(z3.BoolVal(val=True))
            else:
                ends = [fact[end] for end in ("minimum", "maximum") if end in fact]
                found.append(z3.And([z3.Not(z3.substitute(fill, (number, _constant(number, end)))) for end in ends]))
        return z3.Or(found)

    def _refilled(self, *but: str) -> z3.BoolRef:
        """Say that `two` is `one`, except where assumptions that apply to `two` ask for something else."""
        kept = []
        for code in catalogue():
            if code in but:
                continue
            rules = [number for number, rule in enumerate(self.guideline.assumptions) if rule["fact"] == code]
            same = self.one.patient.same(self.two.patient, *(set(catalogue()) - {code}))
            filled = [z3.And(self.two.applies[number], self.two.fills[number]) for number in rules]
            applied = z3.Or([self.two.applies[number] for number in rules])
            kept.append(z3.Or(z3.And(z3.Not(applied), same), *filled))
        return z3.And(*kept, *self.two.patient.possible())

    def _chart_without_completion(self) -> z3.BoolRef:
        """Look for a patient who is no completion once refilled; one whom an assumption excludes has others beside."""
        code = "primary-symptoms"
        without = z3.And(self.two.patient.is_(code, "none"), self._refilled(code))
        refilled = z3.If(self.one.excluded, without, self._refilled())
        return z3.And(self.one.allowed, self.one.tied, refilled, z3.Not(self.two.holds))

    def _recommended_in_the_dark(self, fact: str) -> z3.BoolRef:
        """Look for a simultaneous completion whose contraindicated twin is none, or is simultaneous too."""
        bad = contraindicated(self.two.patient)[fact]
        if fact == "primary-symptoms":
            bad = self.two.patient.is_(fact, "obstruction")
        unknown = z3.And(z3.Not(self.before.recorded(fact)), z3.Not(self.one.filled(self.guideline, fact)))
        twin = z3.And(bad, self._refilled(fact))
        safe = z3.And(self.two.holds, z3.Not(self._strategy("two", "simultaneous")))
        return z3.And(self.one.holds, self._strategy("one", "simultaneous"), unknown, twin, z3.Not(safe))

    def _completion_out_of_nowhere(self, fact: str) -> z3.BoolRef:
        """Look for a completion (`one`) that only the fuller chart has; that both have `two` shows that they agree."""
        patients = (self.one.patient, self.two.patient)
        more = self.after.says_more_than(self.before, fact, patients)
        consistent = z3.And(self.two.holds, self.two_after.allowed)
        kept = [z3.Implies(before, now) for before, now in zip(self.one.applies, self.one_after.applies, strict=True)]
        return z3.And(
            more,
            consistent,
            self._contradicted(self.two_after, self.void_after),
            self.one_after.holds,
            *kept,
            z3.Not(self.one.holds),
        )


def _constant(number: z3.ArithRef, value: float) -> z3.ArithRef:
    return z3.IntVal(value) if number.is_int() else z3.RealVal(value)
