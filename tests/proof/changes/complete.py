"""Complete patients whom two guidelines answer differently, under any policy that a site may choose."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import z3

from fhir_mappings.case import Gap
from service.knowledge.model import Policy
from tests.proof.equivalence import usual_model
from tests.proof.patients import Patient, case_with
from tests.proof.policies import settled, symbolic
from tests.proof.reading import Reading, chart_test

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fhir_mappings.case import Case
    from tests.proof.guideline import WrittenGuideline
    from tests.proof.policies import Parameters

Said: TypeAlias = tuple[Any, ...]
"""One thing that a guideline may say of a patient: a row with its answer, an advisory, an alternative …"""


class CompletePatients:
    """Where what two guidelines say of a complete patient is not the same."""

    def __init__(self, before: WrittenGuideline, after: WrittenGuideline) -> None:
        self._guidelines = before, after
        self._patient = Patient.named("one")
        self._parameters = parameters_of(before, after)
        readings = [
            Reading(guideline, self._patient, parameters)
            for guideline, parameters in zip(self._guidelines, self._parameters, strict=True)
        ]
        one, other = (said(reading) for reading in readings)
        never = z3.BoolVal(val=False)
        self._differences = [z3.Xor(one.get(key, never), other.get(key, never)) for key in {**one, **other}]

    def suspects(self) -> Iterator[tuple[Policy, Case]]:
        """Give patients of whom something else is said, at least one for each thing that can differ."""
        solver = z3.Solver()
        solver.add(*self._parameters[0].allowed, *self._patient.possible())
        solver.add(*(z3.Not(chart_test(f"{gap.value} in gaps")) for gap in Gap))
        if solver.check(z3.Or(self._differences)) == z3.unsat:
            return
        usual = [*self._parameters[0].defaults, *self._patient.plausible()]
        for difference in self._differences:
            model = usual_model(solver, difference, usual)
            if model is not None:
                policy = self._parameters[0].chosen(model, self._guidelines[0])
                yield policy, case_with(self._patient.facts(model))


def parameters_of(before: WrittenGuideline, after: WrittenGuideline) -> tuple[Parameters, Parameters]:
    """Give variables where both allow the same policies; where a number of the guideline changed, its own numbers."""
    if before.parameters == after.parameters:
        return symbolic(before), symbolic(after)
    return settled(before, Policy()), settled(after, Policy())


def said(reading: Reading) -> dict[Said, z3.BoolRef]:
    """Give everything that a guideline may say of a patient, and when it does."""
    found: dict[Said, z3.BoolRef] = {}
    for row in reading.guideline.rows:
        fires, row_id = reading.fires[row["id"]], row["id"]
        answer = row.get("strategy"), row.get("next_step")
        found["row", row_id, *answer, *sorted(row["from"]), *sorted(row.get("citations", ()))] = fires
        if row.get("strength") == "strong":
            found["strong", row_id] = fires
        elif "strong_when" in row:
            found["strong", row_id] = z3.And(fires, reading.says(row["strong_when"]))
        for other in row.get("alternatives", ()):
            holds = reading.says(other["when"]) if "when" in other else z3.BoolVal(val=True)
            found["alternative", row_id, other["strategy"], other.get("next_step")] = z3.And(fires, holds)
    found |= {("advisory", code): holds for code, holds in reading.advises.items()}
    timings = [name for name in ("synchronous", "metachronous") if name in reading.guideline.definitions]
    return found | {("timing", name): reading.says(name) for name in timings}
