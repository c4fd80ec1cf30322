"""Incomplete charts as z3 knows them: which patients a chart leaves possible once ties and assumptions are applied."""

from __future__ import annotations

from calendar import monthrange
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING, TypeAlias

import z3

from fhir_mappings.case import ABSENT, Gap, Interval, Known, Narrowed, Sign, Unknown
from tests.proof.guideline import names_in
from tests.proof.language import Call, Comparison, Name, read
from tests.proof.patients import MONTHS_SINCE_ADJUVANT, catalogue

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

    from fhir_mappings.case import Case, Fact
    from tests.proof.guideline import WrittenGuideline
    from tests.proof.patients import Patient
    from tests.proof.reading import Reading

Choice: TypeAlias = str | bool


def test_of(chart: AnyChart, text: str) -> z3.BoolRef:
    """Answer what only the chart knows, as conditions write it."""
    match read(text):
        case Call(function="absent", argument=Name(text=name)):
            return chart.absent(_code(name))
        case Call(function="stated", argument=Name(text=name)):
            return chart.stated(_code(name))
        case Call(function=function, argument=Comparison(left=left, members=members)):
            values = {value: chart.leaves(_code(left), value) for value in catalogue()[_code(left)]["choices"]}
            passing = [leaves for value, leaves in values.items() if value in members]
            failing = [leaves for value, leaves in values.items() if value not in members]
            contested = [chart.contested(_code(left), value) for value in values if value in members]
            if function == "suspected":
                unseen = z3.Not(z3.Or(chart.absent(_code(left)), chart.stated(_code(left))))
                return z3.Or(z3.And(chart.recorded(_code(left)), z3.Or(passing)), unseen, *contested)
            return z3.And(chart.recorded(_code(left)), z3.Not(z3.Or(failing)))
        case _:
            return chart.shows(text)


class AnyChart:
    """A chart of which everything is a variable."""

    def __init__(self, name: str) -> None:
        self._name = name

    def absent(self, code: str) -> z3.BoolRef:
        return z3.Bool(f"{self._name}:absent:{code}")

    def recorded(self, code: str) -> z3.BoolRef:
        return z3.Bool(f"{self._name}:recorded:{code}")

    def stated(self, code: str) -> z3.BoolRef:
        return z3.Bool(f"{self._name}:stated:{code}")

    def shows(self, sign: str) -> z3.BoolRef:
        """Charts differ in facts alone here: signs are the same in all."""
        return z3.Bool(f"chart:{sign}")

    def leaves(self, code: str, value: Choice) -> z3.BoolRef:
        return z3.Bool(f"{self._name}:leaves:{code}:{value}")

    def contested(self, code: str, value: Choice) -> z3.BoolRef:
        return z3.Bool(f"{self._name}:contested:{code}:{value}")

    def allows(self, patient: Patient) -> z3.BoolRef:
        choices = [
            z3.Implies(truth, self.leaves(code, value))
            for code, values in patient.truths.items()
            for value, truth in values.items()
        ]
        return z3.And(*choices, *(self._within(code, number) for code, number in patient.numbers.items()))

    @cached_property
    def sound(self) -> tuple[z3.BoolRef, ...]:
        """Say how gaps and values go together."""
        found: list[z3.BoolRef] = []
        for code, fact in catalogue().items():
            absent, recorded, stated = self.absent(code), self.recorded(code), self.stated(code)
            found += [z3.Not(z3.And(absent, stated)), z3.Implies(recorded, stated)]
            if fact["kind"] in {"choice", "boolean"}:
                choices = fact.get("choices", (True, False))
                values = [self.leaves(code, value) for value in choices]
                found += [z3.Or(values), z3.Implies(z3.Not(recorded), z3.And(values))]
                contested = z3.Or([self.contested(code, value) for value in choices])
                found.append(z3.Implies(contested, z3.And(stated, z3.Not(recorded))))
        return tuple(found)

    def says_more_than(self, other: AnyChart, code: str, patients: Iterable[Patient]) -> z3.BoolRef:
        """Say that this chart is the other one with one fact recorded (more exactly), as far as these patients see."""
        found: list[z3.BoolRef] = [self.recorded(code)]
        for left, fact in catalogue().items():
            if left != code:
                states = (AnyChart.absent, AnyChart.recorded, AnyChart.stated)
                found += [state(self, left) == state(other, left) for state in states]
            if fact["kind"] in {"choice", "boolean"}:
                values = fact.get("choices", (True, False))
                pairs = [(self.leaves(left, value), other.leaves(left, value)) for value in values]
                if left != code:
                    found += [self.contested(left, value) == other.contested(left, value) for value in values]
            else:
                numbers = [patient.numbers[left] for patient in patients]
                pairs = [(self._within(left, number), other._within(left, number)) for number in numbers]
            found += [z3.Implies(now, before) if left == code else now == before for now, before in pairs]
        return z3.And(found)

    def _within(self, code: str, number: z3.ArithRef) -> z3.BoolRef:
        within = z3.Function(f"{self._name}:leaves:{code}", z3.RealSort(), z3.BoolSort())
        return z3.Implies(self.recorded(code), within(z3.ToReal(number) if number.is_int() else number))


def said_by(case: Case, chart: AnyChart, patients: Collection[Patient]) -> Iterator[z3.BoolRef]:
    """Say that a chart is that of this case, as far as these patients see."""
    facts = _with_months(case)
    for sign in Sign:
        yield chart.shows(f"{sign.value} in signs") == (sign in case.signs)
    for code in catalogue():
        fact = facts.get(code, ABSENT)
        gap = fact.gap if isinstance(fact, Unknown) else None
        yield chart.absent(code) == (gap is Gap.ABSENT)
        yield chart.recorded(code) == (gap is None)
        yield chart.stated(code) == (gap in {None, Gap.OUTDATED, Gap.CONFLICTING})
        if catalogue()[code]["kind"] in {"choice", "boolean"}:
            for value in catalogue()[code].get("choices", (True, False)):
                yield chart.leaves(code, value) == _may_be(fact, value)
                yield chart.contested(code, value) == (isinstance(fact, Unknown) and value in fact.contested)
        else:
            yield from (within for patient in patients for within in _within(fact, patient, code))


def _with_months(case: Case) -> dict[str, Fact]:
    end, found = case.value("adjuvant-end-date"), case.value("liver-metastasis-date")
    if not isinstance(end, date) or not isinstance(found, date):
        return dict(case.facts)
    last = monthrange(found.year, found.month)[1]
    months = (found.year - end.year) * 12 + found.month - end.month - (found.day < min(end.day, last))
    return {**case.facts, MONTHS_SINCE_ADJUVANT: Known(max(0, months))}


def _may_be(fact: Fact, value: Choice) -> bool:
    match fact:
        case Known(value=only):
            return value == only
        case Narrowed(values=frozenset() as values):
            return value in values
        case _:
            return True


def _within(fact: Fact, patient: Patient, code: str) -> Iterator[z3.BoolRef]:
    match fact:
        case Known(value=only):
            yield patient.numbers[code] == only
        case Narrowed(values=Interval() as ends):
            within = z3.And(_inside(patient.numbers[code], ends))
            if z3.Solver().check(within, *patient.possible()) == z3.sat:
                yield within


def _inside(number: z3.ArithRef, ends: Interval) -> list[z3.BoolRef]:
    found = []
    if ends.low is not None:
        found.append(number >= ends.low if ends.low_included else number > ends.low)
    if ends.high is not None:
        found.append(number <= ends.high if ends.high_included else number < ends.high)
    return found


class Completion:
    """One patient as a completion of one chart: what ties ask of it, which assumptions apply to it.

    `void` says of each tie, by its number, that the chart contradicts it already; `excluded` that an assumption fills
    in what a tie makes impossible for this patient.
    """

    def __init__(
        self, reading: Reading, chart: AnyChart, void: Mapping[int, z3.BoolRef], enabled: Callable[[str], z3.BoolRef]
    ) -> None:
        self.patient = reading.patient
        guideline = reading.guideline
        ties = [(reading.says(tie["when"]), reading.says(tie["then"])) for tie in guideline.ties]
        self.keeps = [z3.Implies(when, then) for when, then in ties]
        self.allowed = z3.And(*reading.patient.possible(), chart.allows(reading.patient))
        self.tied = z3.And([z3.Or(void[number], keeps) for number, keeps in enumerate(self.keeps)])
        self.applies: list[z3.BoolRef] = []
        self.fills: list[z3.BoolRef] = []
        excluded: list[z3.BoolRef] = []
        for rule in guideline.assumptions:
            when = reading.says(rule["when"]) if "when" in rule else z3.BoolVal(val=True)
            fill = reading.says(rule["assume"])
            against = [
                z3.And(z3.Not(void[number]), tie_when)
                for number, (tie_when, then) in enumerate(ties)
                if rule["fact"].replace("-", "_") in names_in([guideline.ties[number]["then"]], guideline)
                and z3.Solver().check(*reading.allowed_parameters, *reading.patient.possible(), fill, then) == z3.unsat
            ]
            self.applies.append(z3.And(enabled(rule["fact"]), chart.absent(rule["fact"]), when))
            self.fills.append(fill)
            excluded += [z3.And(self.applies[-1], tied) for tied in against]
        self.excluded = z3.Or(excluded)

    @cached_property
    def holds(self) -> z3.BoolRef:
        """Say that the patient is a completion of the chart."""
        filled = [z3.Implies(applies, fill) for applies, fill in zip(self.applies, self.fills, strict=True)]
        return z3.And(self.allowed, self.tied, *filled)

    def filled(self, guideline: WrittenGuideline, code: str) -> z3.BoolRef:
        """Say that an assumption fills this fact."""
        rules = zip(guideline.assumptions, self.applies, strict=True)
        return z3.Or([applies for rule, applies in rules if rule["fact"] == code])


def _code(name: str) -> str:
    return name.replace("_", "-")
