"""Policies that a site may choose: the corners of what is allowed, and others drawn at random."""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.knowledge.guideline import load_guideline
from service.knowledge.model import Policy

if TYPE_CHECKING:
    from random import Random

    from service.knowledge.model import Parameter, ParameterValue

DEFAULT = load_guideline()
ASSUMED = frozenset(rule.fact for rule in DEFAULT.assumptions)


def at_the_end(which: str) -> dict[str, ParameterValue]:
    """Set every number that conditions read to one end of what a site may choose."""
    return {
        name: int(end) if parameter.kind == "integer" else end
        for name, parameter in DEFAULT.parameters.items()
        if parameter.use == "condition" and (end := getattr(parameter, which)) is not None
    }


CORNERS = {
    "default": Policy(),
    "liver first preferred": Policy("p", {"prefer_simultaneous_when_eligible": False}),
    "nothing assumed": Policy("p", {}, ASSUMED),
    "all minima": Policy("p", at_the_end("minimum")),
    "all maxima": Policy("p", at_the_end("maximum")),
    "all minima, liver first": Policy("p", {**at_the_end("minimum"), "prefer_simultaneous_when_eligible": False}),
}


def random_policy(random: Random) -> Policy:
    """Draw a policy: each parameter by itself, often at an end; some assumptions off."""
    drawn = {
        name: _drawn(random, parameter)
        for name, parameter in DEFAULT.parameters.items()
        if parameter.use != "text" and parameter.months_in is None and random.random() < 0.7
    }
    off = random.sample(sorted(ASSUMED), random.choice((0, 0, 1, 3)))
    return Policy("drawn", drawn, frozenset(off))


def _drawn(random: Random, parameter: Parameter) -> ParameterValue:
    if parameter.kind == "boolean":
        return random.random() < 0.5
    low, high = int(parameter.minimum or 0), int(parameter.maximum or 0)
    if parameter.kind == "number":
        return random.choice((low, high, random.randint(2 * low, 2 * high) / 2))
    return random.choice((low, high, random.randint(low, high)))
