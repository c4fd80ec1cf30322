"""Policies as z3 knows them: every parameter a variable over what a site may choose, or the numbers of one policy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import z3

from service.knowledge.model import Policy
from tests.proof.patients import number_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from service.knowledge.model import ParameterValue
    from tests.proof.guideline import Table, WrittenGuideline

_MONTHS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


@dataclass(frozen=True)
class Parameters:
    """The value of each parameter, and what is known of those that are variables."""

    values: Mapping[str, z3.ExprRef]
    allowed: tuple[z3.BoolRef, ...]
    defaults: tuple[z3.BoolRef, ...] = ()

    def of(self, policy: Policy, guideline: WrittenGuideline) -> Iterator[z3.BoolRef]:
        """Say that the variables have the values of one policy."""
        for name, parameter in guideline.parameters.items():
            if "value" in parameter:
                yield self.values[name] == policy.parameters.get(name, parameter["value"])

    def at(self, model: z3.ModelRef) -> list[z3.BoolRef]:
        """Say that the variables have the values of a model."""
        return [value == model.eval(value, model_completion=True) for value in self.values.values()]

    def chosen(self, model: z3.ModelRef, guideline: WrittenGuideline) -> Policy:
        """Give the policy of a model: what differs from the guideline's own values."""
        found: dict[str, ParameterValue] = {}
        for name, parameter in guideline.parameters.items():
            if "value" in parameter:
                value = model.eval(self.values[name], model_completion=True)
                plain = z3.is_true(value) if z3.is_bool(value) else number_of(value)
                if plain != parameter["value"]:
                    found[name] = plain
        return Policy("counterexample", found)


def symbolic(guideline: WrittenGuideline) -> Parameters:
    """Let every parameter be whatever its table allows."""
    values: dict[str, z3.ExprRef] = {}
    allowed: list[z3.BoolRef] = []
    defaults: list[z3.BoolRef] = []
    for name, parameter in guideline.parameters.items():
        if "value" in parameter:
            values[name] = _variable(name, parameter)
            allowed += _ends(values[name], parameter)
            defaults.append(values[name] == parameter["value"])
    _derive(values, guideline)
    return Parameters(values, tuple(allowed), tuple(defaults))


def settled(guideline: WrittenGuideline, policy: Policy) -> Parameters:
    """Give every parameter the value that it has under one policy."""
    values: dict[str, z3.ExprRef] = {}
    for name, parameter in guideline.parameters.items():
        if "value" in parameter:
            value = policy.parameters.get(name, parameter["value"])
            values[name] = z3.BoolVal(value) if isinstance(value, bool) else _number(value)
    _derive(values, guideline)
    return Parameters(values, ())


def _derive(values: dict[str, z3.ExprRef], guideline: WrittenGuideline) -> None:
    for name, parameter in guideline.parameters.items():
        if "months_in" in parameter:
            days = values[parameter["months_in"]] + parameter.get("more_days", 0)
            values[name] = z3.simplify(z3.Sum([z3.If(days >= fewest, 1, 0) for fewest in _fewest_days()]))


def _fewest_days() -> list[int]:
    """Give the days that 1, 2, … two dozen months take at least: those around February."""
    years = _MONTHS * 3
    return [min(sum(years[first : first + months]) for first in range(12)) for months in range(1, 25)]


def _variable(name: str, parameter: Table) -> z3.ExprRef:
    if isinstance(parameter["value"], bool):
        return z3.Bool(f"policy:{name}")
    return z3.Real(f"policy:{name}") if parameter.get("number") else z3.Int(f"policy:{name}")


def _ends(value: z3.ExprRef, parameter: Table) -> Iterator[z3.BoolRef]:
    if "minimum" in parameter:
        yield value >= parameter["minimum"]
    if "maximum" in parameter:
        yield value <= parameter["maximum"]


def _number(value: float) -> z3.ArithRef:
    return z3.IntVal(value) if isinstance(value, int) else z3.RealVal(value)
