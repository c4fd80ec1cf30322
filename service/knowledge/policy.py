"""A site's policy file: which parameters it changes and which assumptions it turns off."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import date, timedelta
from typing import TYPE_CHECKING

from fhir_mappings.case import complete_months
from service.knowledge.model import Parameter, Policy
from service.knowledge.tables import root_table

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from service.knowledge.model import ParameterValue
    from service.knowledge.source import Source


LONGEST_NAME = 128
"""Characters in the name of a policy: every card, and what is kept of it, carries the name."""


class GuidelineError(Exception):
    """Knowledge or policy is faulty; `faults` lists every fault, the message has one a line."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = tuple(faults)


def read_policy(text: str, faults: list[str]) -> Policy:
    """Read the shape of a policy file: `[policy] name`, `[parameters]`, `[assumptions]`."""
    root = root_table(text, "policy file", faults)
    if faults:  # what cannot be read lacks nothing
        return Policy()
    head = root.table("policy")
    name = head.text("name")
    head.close()
    if name.strip() in {"", "default"} or not name.isprintable():
        head.fault("name must be a name of the site's own in one line, not empty and not 'default'")
    if len(name) > LONGEST_NAME:
        head.fault(f"name must have at most {LONGEST_NAME} characters")
    given = root.table("parameters")
    parameters: dict[str, ParameterValue] = {}
    for key in given.keys():  # noqa: SIM118 - not a mapping
        value = given.anything(key)
        if isinstance(value, bool | int | float):
            parameters[key] = value
        else:
            given.fault(f"{key} must be a number, true or false")
    switches = root.table("assumptions")
    off: set[str] = set()
    for key in switches.keys():  # noqa: SIM118 - not a mapping
        if switches.anything(key) is False:
            off.add(key)
        else:
            switches.fault(f"{key} can only be turned off: false")
    root.close()
    return Policy(name, parameters, frozenset(off))


def policy_faults(policy: Policy, source: Source) -> list[str]:
    """Name everything in a policy that the guideline does not allow."""
    faults: list[str] = []
    allowed: dict[str, ParameterValue] = {}
    for name, value in policy.parameters.items():
        parameter = source.parameters.get(name)
        if parameter is None:
            faults.append(f"policy {policy.name}: unknown parameter {name!r}")
        elif parameter.months_in is not None:
            faults.append(f"policy {policy.name}: parameter {name} follows {parameter.months_in}")
        elif (fault := value_fault(parameter, value)) is not None:
            faults.append(f"policy {policy.name}: parameter {name} {fault}")
        else:
            allowed[name] = value
    parameters = in_force(source, replace(policy, parameters=allowed))
    faults += [f"policy {policy.name}: {fault}" for fault in _crossed(parameters)]
    known = {rule.fact for rule in source.assumptions}
    faults += [
        f"policy {policy.name}: nothing is assumed of {fact!r}" for fact in sorted(policy.assumptions_off - known)
    ]
    return faults


def value_fault(parameter: Parameter, value: ParameterValue) -> str | None:
    """Say what is wrong with a value for a parameter, `None` when nothing is."""
    if isinstance(value, bool) != (parameter.kind == "boolean"):
        return "must be true or false" if parameter.kind == "boolean" else "must be a number"
    if parameter.kind == "integer" and not isinstance(value, int):
        return "must be a whole number"
    low = -math.inf if parameter.minimum is None else parameter.minimum
    high = math.inf if parameter.maximum is None else parameter.maximum
    if not low <= value <= high:
        return f"must lie between {low:g} and {high:g}"
    return None


def _crossed(parameters: Mapping[str, Parameter]) -> Iterator[str]:
    """Name every parameter that lies above the one that it is never above."""
    for parameter in parameters.values():
        limit = parameters.get(parameter.not_above or "")
        if limit is not None and parameter.value > limit.value:
            yield f"parameter {parameter.name} must not be above {limit.name} ({limit.value:g})"


def in_force(source: Source, policy: Policy) -> Mapping[str, Parameter]:
    """Give all parameters with the policy's values."""
    found = {
        name: replace(parameter, value=policy.parameters.get(name, parameter.value))
        for name, parameter in source.parameters.items()
    }
    for name, parameter in found.items():
        if parameter.months_in in found:
            days = int(found[parameter.months_in].value) + parameter.more_days
            found[name] = replace(parameter, value=_most_months(days))
    return found


def _most_months(days: int) -> int:
    """Count the complete calendar months that so many days hold at most, as they do without a leap day."""
    starts = (date(2001, 1, 1) + timedelta(later) for later in range(365))
    return max(complete_months(start, start + timedelta(days)) for start in starts)
