"""Values as Observations say them: every form of value[x], unit and coding that the requirements admit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fhir_mappings.case import Interval
from tests.roundtrip.terms import FACTS, STRATEGIES, UCUM, any_of, concept

if TYPE_CHECKING:
    from random import Random

    from fhir_mappings.catalogue import FactDefinition

Json = dict[str, Any]

_UNITS: dict[str, tuple[tuple[float, Json], ...]] = {
    "mm": (
        (1, {"unit": "mm", "system": UCUM, "code": "mm"}),
        (10, {"unit": "cm", "system": UCUM, "code": "cm"}),
        (10, {"unit": "Zentimeter", "system": UCUM, "code": "cm"}),
        (1, {"unit": "mm"}),
        (1, {"system": UCUM, "code": "mm"}),
    ),
    "ng/mL": (
        (1, {"unit": "ng/mL", "system": UCUM, "code": "ng/mL"}),
        (1, {"unit": "ug/L", "system": UCUM, "code": "ug/L"}),
        (1, {"unit": "µg/l"}),
        (1000, {"unit": "ug/mL", "system": UCUM, "code": "ug/mL"}),
    ),
    "%": ((1, {"unit": "%", "system": UCUM, "code": "%"}), (1, {"unit": "%"}), (1, {"unit": "percent", "code": "%"})),
    "mo": ((1, {"unit": "months", "system": UCUM, "code": "mo"}), (1, {"unit": "mo"})),
    "{score}": (
        (1, {"unit": "{score}", "system": UCUM, "code": "{score}"}),
        (1, {"code": "1", "system": UCUM}),
        (1, {}),
    ),
    "{count}": ((1, {"unit": "{count}", "system": UCUM, "code": "{count}"}), (1, {"unit": "1"}), (1, {})),
}
_WRONG_UNITS: dict[str, tuple[Json, ...]] = {
    "mm": ({}, {"unit": "in", "code": "[in_i]"}, {"unit": "kg"}, {"unit": "1", "code": "1"}),
    "ng/mL": ({}, {"unit": "kIU/L"}, {"unit": "nmol/L"}, {"unit": "mg/g"}),
    "%": ({}, {"unit": "1", "code": "1"}, {"unit": "mL"}, {"unit": "ratio", "code": "{ratio}"}),
    "mo": ({"unit": "a"}, {"unit": "d", "code": "d"}),
    "{score}": ({"unit": "mm"}, {"unit": "kg"}),
    "{count}": ({"unit": "mm"}, {"unit": "%"}),
}


def said(random: Random, fact: FactDefinition, value: Any) -> Json:
    """Write value[x] of an Observation in the local code system."""
    if isinstance(value, Interval):
        return _interval(random, fact, value)
    if isinstance(value, frozenset):
        return {"valueCodeableConcept": concept(random, *((FACTS, str(one)) for one in sorted(value)))}
    match fact.kind:
        case "boolean":
            return _boolean(random, value=value)
        case "choice":
            return _choice(random, fact, value)
        case "date":
            return {"valueDateTime": str(value)}
        case _:
            return number(random, fact, value)


def number(random: Random, fact: FactDefinition, value: float) -> Json:
    roll = random.random()
    if fact.kind == "integer" and roll < 0.4:
        return {"valueInteger": value}
    if roll < 0.5:
        unit = fact.unit if fact.kind == "number" else ""
        return {"valueString": f"{value} {unit}".strip()}
    return {"valueQuantity": _quantity(random, fact, value)}


def _quantity(random: Random, fact: FactDefinition, value: float) -> Json:
    factor, unit = random.choice(_UNITS[fact.unit or "{count}"])
    if factor == 1:
        return {"value": value, **unit}
    return {"value": float(f"{value / factor:.10g}"), **unit}


def _interval(random: Random, fact: FactDefinition, bounds: Interval) -> Json:
    low, high = bounds.low, bounds.high
    if low is not None and high is not None:
        if fact.kind == "integer" and random.random() < 0.3:
            return {"valueString": f"{low:g}-{high:g}"}
        factor, unit = random.choice(_UNITS[fact.unit or "{count}"])
        return {
            "valueRange": {name: {"value": bound / factor, **unit} for name, bound in (("low", low), ("high", high))}
        }
    if low is not None:
        return {"valueQuantity": {**_quantity(random, fact, low), "comparator": ">=" if bounds.low_included else ">"}}
    assert high is not None
    return {"valueQuantity": {**_quantity(random, fact, high), "comparator": "<=" if bounds.high_included else "<"}}


def _boolean(random: Random, *, value: bool) -> Json:
    if random.random() < 0.7:
        return {"valueBoolean": value}
    return {"valueCodeableConcept": concept(random, any_of(random, "answer-yes" if value else "answer-no"))}


def _choice(random: Random, fact: FactDefinition, value: str) -> Json:
    roll = random.random()
    if value in (fact.yes, fact.no) and roll < 0.4:
        return {"valueBoolean": value == fact.yes}
    if roll < 0.1:
        return {"valueString": value}
    system = STRATEGIES if fact.code == "mdt-decision" else FACTS
    return {"valueCodeableConcept": concept(random, (system, value))}


_NULL_FLAVOR = "http://terminology.hl7.org/CodeSystem/v3-NullFlavor"


def nothing(random: Random) -> Json:
    """Write that the value is not known."""
    system = "http://terminology.hl7.org/CodeSystem/data-absent-reason"
    reason = random.choice(("unknown", "not-asked", "masked"))
    coded = random.choice((("http://snomed.info/sct", "261665006"), (_NULL_FLAVOR, "UNK"), (system, "unknown")))
    return random.choice(
        (
            {"dataAbsentReason": {"coding": [{"system": system, "code": reason}]}},
            {"valueCodeableConcept": {"coding": [{"system": coded[0], "code": coded[1]}]}},
            {},
        )
    )


def unreadable(random: Random, fact: FactDefinition) -> Json:
    """Write a value that cannot be one of the fact."""
    if fact.kind in ("integer", "number"):
        return random.choice(
            (
                {"valueQuantity": {"value": 0.38, **random.choice(_WRONG_UNITS[fact.unit or "{count}"])}},
                {"valueString": "see report"},
                {"valueQuantity": {"value": -3, **_UNITS[fact.unit or "{count}"][0][1]}},
                {"valueBoolean": True},
            )
        )
    if fact.kind == "date":
        return random.choice(({"valueString": "last spring"}, {"valueInteger": 2026}))
    wrong: tuple[Json, ...] = (
        {"valueCodeableConcept": concept(random, (FACTS, "no-such-value"))},
        {"valueCodeableConcept": {"text": "perhaps"}},
        {"valueString": "perhaps"},
        {"valueInteger": 1},
    )
    if fact.kind == "choice" and fact.yes is None:
        wrong += ({"valueBoolean": True},)
    return random.choice(wrong)
