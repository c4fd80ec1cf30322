"""The written guideline as formulas over one patient under some parameters: what each condition says, which row fires.

Tests of the chart (signs, gaps, `absent`, `recorded` …) become variables, the same for everyone who reads them.
"""

from __future__ import annotations

import operator
from functools import cached_property
from typing import TYPE_CHECKING

import z3

from tests.proof.language import Call, Comparison, Joined, Name, Not, read
from tests.proof.patients import catalogue

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from tests.proof.guideline import WrittenGuideline
    from tests.proof.language import Member, Node
    from tests.proof.patients import Patient
    from tests.proof.policies import Parameters

_ORDERS = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}


def chart_test(text: str) -> z3.BoolRef:
    """Name what only the chart knows: `absent(asa)`, `perforation in signs`."""
    return z3.Bool(f"chart:{text}")


def recorded(function: str, code: str, values: Collection[str | bool]) -> str:
    """Write `recorded(…)` or `suspected(…)` in one way: with the values that pass, in the order of the catalogue."""
    members = [choice for choice in catalogue()[code]["choices"] if choice in values]
    return f"{function}({name_of(code)} in {{{', '.join(members)}}})"


class Reading:
    """What the guideline says of one patient."""

    def __init__(
        self,
        guideline: WrittenGuideline,
        patient: Patient,
        parameters: Parameters,
        chart: Callable[[str], z3.BoolRef] = chart_test,
    ) -> None:
        self.guideline = guideline
        self.patient = patient
        self.allowed_parameters = parameters.allowed
        self._values = parameters.values
        self._chart = chart
        self._definitions: dict[str, z3.BoolRef] = {}

    def says(self, condition: str) -> z3.BoolRef:
        """Give what one condition says; raise `KeyError` where it names what there is not."""
        return self._node(read(condition))

    @cached_property
    def fires(self) -> dict[str, z3.BoolRef]:
        """Give for each row, by its id, where it is the first that holds."""
        found: dict[str, z3.BoolRef] = {}
        none_before = z3.BoolVal(val=True)
        for row in self.guideline.rows:
            test = self.says(row["when"])
            found[row["id"]] = z3.And(none_before, test)
            none_before = z3.And(none_before, z3.Not(test))
        return found

    @cached_property
    def advises(self) -> dict[str, z3.BoolRef]:
        """Give for each advisory, by its code, where it holds."""
        return {advisory["code"]: self.says(advisory["when"]) for advisory in self.guideline.advisories}

    def parameter(self, name: str) -> z3.ExprRef:
        """Give the value of a parameter."""
        return self._values[name]

    def strategy(self, *strategies: str) -> z3.BoolRef:
        """Say that the answer is one of these strategies."""
        return self._fired(*(row["id"] for row in self.guideline.rows if row.get("strategy") in strategies))

    def step(self, *steps: str) -> z3.BoolRef:
        """Say that the answer has one of these next steps."""
        return self._fired(*(row for row, step in self.guideline.steps.items() if step in steps))

    def _fired(self, *rows: str) -> z3.BoolRef:
        return z3.Or([self.fires[row] for row in rows])

    def _node(self, node: Node) -> z3.BoolRef:
        match node:
            case Not(operand=operand):
                return z3.Not(self._node(operand))
            case Joined(word=word, terms=terms):
                return (z3.And if word == "and" else z3.Or)([self._node(term) for term in terms])
            case Name(text=text):
                return self._name(text)
            case Call(function=function, argument=argument):
                return self._chart(_call(function, argument))
            case Comparison(left=left, operator=how, group=group) if group:
                shown = self._chart(f"{left} in {group}")
                return shown if how == "in" else z3.Not(shown)
            case Comparison():
                return self._comparison(node)

    def _name(self, name: str) -> z3.BoolRef:
        if name in self.guideline.definitions:
            if name not in self._definitions:
                self._definitions[name] = self.says(self.guideline.definitions[name])
            return self._definitions[name]
        if name in self._values:
            return self._values[name]
        return self.patient.truths[_code(name)][True]

    def _comparison(self, test: Comparison) -> z3.BoolRef:
        if test.operator in {"==", "in"}:
            return self._any_of(test.left, test.members)
        if test.operator in {"!=", "not in"}:
            return z3.Not(self._any_of(test.left, test.members))
        return _ORDERS[test.operator](self.patient.numbers[_code(test.left)], self._constant(test.members[0]))

    def _any_of(self, left: str, members: tuple[Member, ...]) -> z3.BoolRef:
        if left == "row":
            return self._fired(*map(str, members))
        if left == "next_step":
            return self.step(*map(str, members))
        code = _code(left)
        if code in self.patient.numbers:
            return z3.Or([self.patient.numbers[code] == self._constant(member) for member in members])
        truths = self.patient.truths[code]
        return z3.Or([truths[{"true": True, "false": False}.get(str(member), str(member))] for member in members])

    def _constant(self, member: Member) -> z3.ExprRef | float:
        return self._values[member] if isinstance(member, str) else member


def _call(function: str, argument: Node) -> str:
    match argument:
        case Name(text=name):
            return f"{function}({name})"
        case Comparison(left=left, operator=how, members=members):
            values = set(catalogue()[_code(left)]["choices"])
            passing = values & set(members) if how in {"==", "in"} else values - set(members)
            return recorded(function, _code(left), passing)
        case _:
            raise ValueError(f"{function}(…) takes a fact or one test of a choice")


def name_of(code: str) -> str:
    """Give the name that conditions have for a fact."""
    return code.replace("-", "_")


def _code(name: str) -> str:
    return name.replace("_", "-")
