"""Every row is hit by some complete case, whatever a site chooses: patients that follow the policy until none is left.

A witness found under one policy has its numbers written as thresholds (`short_interval_months - 1`), so that it stands
for all policies where the same words describe a patient of the row; the search ends when these cover every policy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import z3

from tests.proof.equivalence import usual_model
from tests.proof.language import Comparison, Name, atoms, read
from tests.proof.patients import Patient, catalogue, number_of
from tests.proof.policies import symbolic
from tests.proof.reading import Reading

if TYPE_CHECKING:
    from collections.abc import Iterator

    from service.knowledge.model import Policy
    from tests.proof.guideline import WrittenGuideline


def unreached(guideline: WrittenGuideline) -> Iterator[tuple[str, Policy]]:
    """Give each row that no patient reaches under some policy, with that policy.

    A row that reads a switch of the policy is asked for only where the switch is on.
    """
    parameters = symbolic(guideline)
    patient = Patient.named("witness")
    reading = Reading(guideline, patient, parameters)
    ends = {code: list(thresholds(reading, code)) for code in patient.numbers}
    for row in guideline.rows:
        switches = [atom.text for atom in atoms(read(row["when"])) if isinstance(atom, Name)]
        on = [reading.parameter(name) for name in switches if name in guideline.parameters]
        policies = z3.Solver()
        policies.add(*parameters.allowed, *on)
        while (chosen := usual_model(policies, z3.BoolVal(val=True), list(parameters.defaults))) is not None:
            fires = reading.fires[row["id"]]
            witness = _witness(fires, patient, parameters.at(chosen), ends)
            if witness is None:
                yield row["id"], parameters.chosen(chosen, guideline)
                break
            described = z3.And(fires, *patient.possible())
            policies.add(z3.Not(z3.substitute(described, *witness)))


def _witness(
    fires: z3.BoolRef,
    patient: Patient,
    policy: list[z3.BoolRef],
    ends: dict[str, list[z3.ArithRef]],
) -> list[tuple[z3.ExprRef, z3.ExprRef]] | None:
    solver = z3.Solver()
    solver.add(fires, *policy, *patient.possible())
    for code, number in patient.numbers.items():
        solver.add(z3.Or([number == end for end in ends[code]]))
    if solver.check() != z3.sat:
        return None
    model = solver.model()
    found: list[tuple[z3.ExprRef, z3.ExprRef]] = []
    for code, number in patient.numbers.items():
        value = number_of(model.eval(number, model_completion=True))
        end = next(end for end in ends[code] if number_of(model.eval(end, model_completion=True)) == value)
        found.append((number, z3.ToReal(end) if number.is_real() and end.is_int() else end))
    for code, values in patient.truths.items():
        variables = values.values() if catalogue()[code]["kind"] == "choice" else [values[True]]
        found += [(truth, model.eval(truth, model_completion=True)) for truth in variables]
    return found


def thresholds(reading: Reading, code: str) -> Iterator[z3.ArithRef]:
    """Give the least value of a number, and those at, below and above all numbers that conditions compare it with."""
    number = reading.patient.numbers[code]
    yield (z3.RealVal if number.is_real() else z3.IntVal)(catalogue()[code].get("minimum", 0))
    for text in reading.guideline.conditions():
        for atom in atoms(read(text)):
            if isinstance(atom, Comparison) and atom.left.replace("_", "-") == code:
                for member in atom.members:
                    threshold = reading.parameter(member) if isinstance(member, str) else z3.IntVal(member)
                    yield from (threshold, threshold - 1, threshold + 1)
