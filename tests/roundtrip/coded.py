"""Facts in the standard codings of case-facts.md: Observations, each with a code that carries the fact."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fhir_mappings.catalogue import load_catalogue
from tests.roundtrip.terms import any_of, concept
from tests.roundtrip.values import number

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from random import Random

Json = dict[str, Any]
Coded = tuple[str, Json]
"""The value set of the Observation's code, and what it says."""

CATALOGUE = load_catalogue()
_KARNOFSKY = {0: (90, 100), 1: (70, 80), 2: (50, 60), 3: (30, 40), 4: (10, 20)}
_ROMAN = ("I", "II", "III", "IV", "V", "VI")


def _valued(random: Random, *set_ids: str) -> Json:
    return {"valueCodeableConcept": concept(random, any_of(random, *set_ids))}


def _text(random: Random, *texts: str) -> Json:
    text = random.choice(texts)
    return random.choice(({"valueString": text}, {"valueCodeableConcept": {"text": text}}))


def _ecog(random: Random, value: int) -> Coded:
    roll = random.random()
    if roll < 0.25 and value in _KARNOFSKY:
        score = random.choice(_KARNOFSKY[value])
        units: tuple[Json, ...] = ({"unit": "%", "code": "%"}, {"code": "{score}"}, {})
        said = {"valueInteger": score}, {"valueQuantity": {"value": score, **random.choice(units)}}
        return "karnofsky", random.choice(said)
    if roll < 0.5:
        return "ecog", number(random, CATALOGUE["ecog"], value)
    if roll < 0.6:
        return "ecog", _text(random, f"ECOG {value}", f"{value}")
    return "ecog", _valued(random, f"ecog-{value}")


def _asa(random: Random, value: int) -> Coded:
    roll = random.random()
    if roll < 0.2:
        return "asa", number(random, CATALOGUE["asa"], value)
    if roll < 0.4:
        return "asa", _text(random, f"ASA {_ROMAN[value - 1]}", f"ASA {value}")
    return "asa", _valued(random, f"asa-{value}")


def _category(letter: str, stage: str = "pathological") -> Callable[[Random, str], Coded]:
    def say(random: Random, value: str) -> Coded:
        said = _text(random, f"{stage[0]}{value}", value, f"y{stage[0]}{value}")
        if random.random() < 0.6:
            said = _valued(random, f"tnm-{value.lower()}")
        return f"tnm-{letter}-{stage}", said

    return say


def _margin(random: Random, value: str) -> Coded:
    said = _text(random, value.upper(), f"{value.upper()} resection")
    return "margin", random.choice((_valued(random, f"margin-{value}"), said))


def _largest(random: Random, value: float) -> Coded:
    said = number(random, CATALOGUE["largest-metastasis"], value)
    place = {"bodySite": concept(random, any_of(random, "liver-structure"))}
    if "valueQuantity" in said and random.random() < 0.3:
        code = concept(random, ("http://loinc.org", "33728-7"))
        return "tumour-size-21889-1", {"component": [{"code": code, **said}], **place}
    return "tumour-size", {**said, **place}


def _gene(set_id: str, gene: str) -> Callable[[Random, str], Coded]:
    def say(random: Random, value: str) -> Coded:
        finding = "present" if value == "mutated" else "absent"
        said = _valued(random, f"finding-{finding}")
        roll = random.random()
        if roll < 0.25:
            words = ("mutated", "Mutation detected") if value == "mutated" else ("wild type", "not detected", "WT")
            return set_id, _text(random, *words)
        if roll < 0.5:
            studied = {
                "code": concept(random, any_of(random, "gene-studied")),
                "valueCodeableConcept": concept(random, any_of(random, gene)),
            }
            return "genetic-variant", {**said, "component": [studied]}
        return set_id, said

    return say


def _msi(random: Random, value: str) -> Coded:
    if random.random() < 0.3:
        return "msi", _text(random, *(("MSI-H", "dMMR") if value == "msi-high" else ("MSS", "pMMR", "stable")))
    return "msi", _valued(random, value if value == "msi-high" else "msi-stable")


OBSERVED: Mapping[str, Callable[[Random, Any], Coded]] = {
    "ecog": _ecog,
    "asa": _asa,
    "primary-t": _category("t"),
    "primary-n": _category("n"),
    "primary-margin": _margin,
    "largest-metastasis": _largest,
    "cea": lambda random, value: ("cea", number(random, CATALOGUE["cea"], value)),
    "nodes-positive": lambda random, value: ("nodes-positive", number(random, CATALOGUE["nodes-positive"], value)),
    "ras": _gene("ras", "gene-ras"),
    "braf": _gene("braf", "gene-braf"),
    "msi": _msi,
}
"""How an Observation says a fact in a standard coding."""

CLINICAL: Mapping[str, Callable[[Random, Any], Coded]] = {
    "primary-t": _category("t", "clinical"),
    "primary-n": _category("n", "clinical"),
}
"""How a category is said that was not found by pathology."""


def observed(random: Random, code: str, value: Any, *, clinical: bool = False) -> Json:
    """Write code and value of an Observation that says a fact in a standard coding."""
    set_id, said = (CLINICAL if clinical else OBSERVED)[code](random, value)
    if set_id == "tumour-size-21889-1":
        return {"code": concept(random, ("http://loinc.org", "21889-1")), **said}
    return {"code": concept(random, any_of(random, set_id)), **said}
