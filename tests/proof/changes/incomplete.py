"""Incomplete charts that two guidelines answer differently although they answer every complete patient alike.

What can still differ: which gaps count, which assumptions apply and what they fill in, which patients ties exclude.
Either none of it does, for every policy and chart; or a chart is found; or whatever differs is without consequence.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import TYPE_CHECKING

import z3

from fhir_mappings.case import Gap, Narrowed, Sign, Unknown
from service.knowledge.model import Policy
from tests.proof.changes.complete import parameters_of, said
from tests.proof.charts import AnyChart, Completion, test_of
from tests.proof.equivalence import usual_model
from tests.proof.exact import pathway_facts
from tests.proof.guideline import names_in
from tests.proof.incomplete import enabled
from tests.proof.patients import MONTHS_SINCE_ADJUVANT, Patient, case_with, catalogue, number_of
from tests.proof.policies import settled
from tests.proof.reach import thresholds
from tests.proof.reading import Reading, chart_test

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fhir_mappings.case import Case
    from tests.proof.guideline import WrittenGuideline
    from tests.proof.patients import Facts
    from tests.proof.policies import Parameters


ALIKE = "every chart leaves the same patients under every policy"
WITHOUT_CONSEQUENCE = "every chart leaves the same rows and advisories under the shipped policy"


class IncompleteCharts:
    """Where two guidelines leave other answers to a chart; `proof` says what is proven once all suspects were seen."""

    def __init__(self, before: WrittenGuideline, after: WrittenGuideline) -> None:
        self._guidelines = before, after
        self._patient = Patient.named("one")
        self._chart = AnyChart("asked")
        self.proof: str | None = None

    def suspects(self) -> Iterator[tuple[Policy, Case]]:
        """Give charts that may be answered differently."""
        gaps = list(self._other_gaps())
        yield from gaps
        if self._the_same_completions():
            self.proof = None if gaps else ALIKE
            return
        for facts in self._groups():
            found = list(_Unknown(*self._guidelines, facts).suspects())
            yield from found
            if not found and not gaps:
                self.proof = WITHOUT_CONSEQUENCE

    def _other_gaps(self) -> Iterator[tuple[Policy, Case]]:
        """Look for a gap that is told of by one of them only."""
        one, other = (set(pathway_facts(guideline)) for guideline in self._guidelines)
        facts = _usual(self._patient)
        for code in sorted(one ^ other):
            yield Policy(), _with_gap(facts, code, Gap.CONFLICTING)
        readings = [Reading(guideline, self._patient, settled(guideline, Policy())) for guideline in self._guidelines]
        solver = z3.Solver()
        solver.add(self._patient.has(facts))
        for code in sorted({code for reading in readings for code in reading.advises}):
            told = [reading.advises.get(code, z3.BoolVal(val=False)) for reading in readings]
            if solver.check(z3.Xor(*told)) == z3.sat:
                model = solver.model()
                shown = [gap for gap in Gap if z3.is_true(model.eval(chart_test(f"{gap.value} in gaps")))]
                yield from ((Policy(), _with_gap(facts, "ecog", gap)) for gap in shown or Gap)

    def _the_same_completions(self) -> bool:
        """Prove that every chart leaves the same patients, also where one assumption alone is dropped."""
        parameters = parameters_of(*self._guidelines)
        void = {number: z3.Bool(f"asked:void:{number}") for number in range(len(self._guidelines[0].ties))}
        if len(self._guidelines[1].ties) != len(void):
            return False
        one, other = (
            Completion(self._reading(guideline, given), self._chart, void, enabled)
            for guideline, given in zip(self._guidelines, parameters, strict=True)
        )
        solver = z3.Solver()
        solver.add(*parameters[0].allowed, *self._chart.sound, *self._patient.possible())
        ties = [z3.Xor(before, after) for before, after in zip(one.keeps, other.keeps, strict=True)]
        if len(one.applies) != len(other.applies):
            return False
        applies = [z3.Xor(before, after) for before, after in zip(one.applies, other.applies, strict=True)]
        fills = [
            z3.And(applied, z3.Xor(before, after))
            for applied, before, after in zip(one.applies, one.fills, other.fills, strict=True)
        ]
        return bool(solver.check(z3.Or(*ties, *applies, *fills)) == z3.unsat)

    def _reading(self, guideline: WrittenGuideline, parameters: Parameters) -> Reading:
        return Reading(guideline, self._patient, parameters, lambda text: test_of(self._chart, text))

    def _groups(self) -> list[tuple[str, ...]]:
        """Give the facts of each assumption and tie that is not the same in both, directly or by a definition."""
        one, other = self._guidelines
        changed = {name for name, text in one.definitions.items() if other.definitions.get(name) != text}
        groups: dict[tuple[str, ...], None] = {}
        for entry in (*one.assumptions, *other.assumptions, *one.ties, *other.ties):
            conditions = [entry[key] for key in ("when", "assume", "then") if key in entry]
            names = names_in(conditions, one)
            both = any(entry in found.assumptions or entry in found.ties for found in (one, other))
            missing = not all(entry in found.assumptions or entry in found.ties for found in (one, other))
            if both and (missing or changed & names):
                facts = {entry["fact"]} if "fact" in entry else {name.replace("_", "-") for name in names}
                groups[tuple(code for code in catalogue() if code in facts)] = None
        return list(groups)


class _Unknown:
    """Charts of the shipped policy, whatever they say, seen from the patients that differ in some facts alone.

    Of a number one value is listed for each stretch between thresholds, and no patient has another. Where every patient
    of one guideline has a twin under the other, of the same row and as badly advised, both leave the same rows and
    advisories.
    """

    def __init__(self, before: WrittenGuideline, after: WrittenGuideline, facts: tuple[str, ...]) -> None:
        self._patient = Patient.named("one")
        self._chart = AnyChart("asked")
        self._readings = [
            Reading(guideline, self._patient, settled(guideline, Policy()), lambda text: test_of(self._chart, text))
            for guideline in (before, after)
        ]
        values = [list(self._substitutions(fact)) for fact in facts]
        self._twins = [[pair for fact in chosen for pair in fact] for chosen in product(*values)]
        self._listed = [
            z3.Or([number == value for chosen in found for number, value in chosen])
            for fact, found in zip(facts, values, strict=True)
            if fact in self._patient.numbers
        ]
        self._void: list[z3.BoolRef] = []
        self._completions = [self._completion(number, reading) for number, reading in enumerate(self._readings)]
        self._facts = facts

    def suspects(self) -> Iterator[tuple[Policy, Case]]:
        """Give charts on which one guideline reaches a row, or lets an advisory fail, that the other does not."""
        solver = z3.Solver()
        solver.add(*self._chart.sound, *self._patient.possible(), *self._listed, *self._void)
        usual = [self._chart.recorded(code) for code in catalogue() if code not in self._facts]
        usual += [self._exact(code) for code in self._patient.truths if code not in self._facts]
        usual += [self._chart.shows(f"{Sign.PROCEDURES_COMPLETE.value} in signs"), *self._patient.plausible()]
        for here, there in ((0, 1), (1, 0)):
            twinless = z3.Or(self._twinless(here, there))
            for wishes in ([self._chart.absent(code) for code in self._facts], []):
                model = usual_model(solver, z3.And(twinless, *wishes[:1]), [*wishes, *usual])
                if model is not None:
                    yield Policy(), self._case(model)

    def _twinless(self, here: int, there: int) -> list[z3.BoolRef]:
        """Say what this patient shows under one guideline and no twin does under the other."""
        one, other = said(self._readings[here]), said(self._readings[there])
        keys = [key for key in one if key[0] in {"row", "advisory"}]
        never = z3.BoolVal(val=False)
        shown = [one[key] if key[0] == "row" else z3.Not(one[key]) for key in keys]
        of_twins = [other.get(key, never) if key[0] == "row" else z3.Not(other.get(key, never)) for key in keys]
        both = z3.And(self._completions[there].holds, *of_twins)
        twins = [z3.substitute(both, *twin).children() for twin in self._twins]
        return [
            z3.And(
                self._completions[here].holds, shows, z3.Not(z3.Or([z3.And(twin[0], twin[place]) for twin in twins]))
            )
            for place, shows in enumerate(shown, 1)
        ]

    def _completion(self, number: int, reading: Reading) -> Completion:
        void = {tie: z3.Bool(f"void:{number}:{tie}") for tie in range(len(reading.guideline.ties))}
        completion = Completion(reading, self._chart, void, lambda _: z3.BoolVal(val=True))
        for tie, keeps in enumerate(completion.keeps):
            kept = z3.And(completion.allowed, keeps)
            some = z3.Or([z3.substitute(kept, *twin) for twin in self._twins])
            self._void.append(z3.Implies(completion.allowed, void[tie] == z3.Not(some)))
        return completion

    def _substitutions(self, fact: str) -> Iterator[list[tuple[z3.ExprRef, z3.ExprRef]]]:
        if fact in self._patient.numbers:
            number, ends = self._patient.numbers[fact], catalogue()[fact]
            found = [z3.simplify(end) for reading in self._readings for end in thresholds(reading, fact)]
            for value in sorted({number_of(end) for end in found}):
                if ends.get("minimum", value) <= value <= ends.get("maximum", value):
                    yield [(number, z3.RealVal(value) if number.is_real() else z3.IntVal(value))]
            return
        truths = self._patient.truths[fact]
        for choice in truths:
            variables = truths.items() if catalogue()[fact]["kind"] == "choice" else [(True, truths[True])]
            yield [(truth, z3.BoolVal(other == choice)) for other, truth in variables]

    def _exact(self, code: str) -> z3.BoolRef:
        """Say that the chart leaves one value of a choice."""
        return z3.And([self._chart.leaves(code, value) == truth for value, truth in self._patient.truths[code].items()])

    def _case(self, model: z3.ModelRef) -> Case:
        def true(condition: z3.BoolRef) -> bool:
            return bool(z3.is_true(model.eval(condition, model_completion=True)))

        facts = self._patient.facts(model)
        known = {code: value for code, value in facts.items() if true(self._chart.recorded(code))}
        case = case_with(known)
        gaps = {
            code: Unknown(Gap.OUTDATED if true(self._chart.stated(code)) else Gap.UNREADABLE)
            for code in catalogue().keys() - known.keys() - {MONTHS_SINCE_ADJUVANT}
            if not true(self._chart.absent(code))
        }
        narrowed = {
            code: Narrowed(left)
            for code in known.keys() & self._patient.truths.keys()
            if len(left := frozenset(v for v in self._patient.truths[code] if true(self._chart.leaves(code, v)))) > 1
        }
        signs = frozenset(sign for sign in Sign if true(self._chart.shows(f"{sign.value} in signs")))
        return replace(case, facts={**case.facts, **gaps, **narrowed}, signs=signs)


def _usual(patient: Patient) -> Facts:
    model = usual_model(z3.Solver(), z3.And(list(patient.possible())), list(patient.plausible()))
    assert model is not None
    return patient.facts(model)


def _with_gap(facts: Facts, code: str, gap: Gap) -> Case:
    case = case_with(facts)
    return replace(case, facts={**case.facts, code: Unknown(gap)})
