"""Fitness for surgery, CEA and the tumour's genes."""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING

from msgspec.structs import replace

from fhir_mappings.case import Interval
from fhir_mappings.read.concepts import concept_sets, named, value_texts
from fhir_mappings.read.conditions import active
from fhir_mappings.read.reader import UNREADABLE_VALUE
from fhir_mappings.read.settle import Candidate, derived
from fhir_mappings.read.values import ANSWERS, Answers

if TYPE_CHECKING:
    from fhir_mappings.catalogue import FactDefinition
    from fhir_mappings.read.chart_reading import Resource
    from fhir_mappings.read.reader import Reader

_KARNOFSKY_ANSWERS = Answers("karnofsky", tuple(range(0, 101, 10)))
_PRESENT, _ABSENT = "finding-present", "finding-absent"
_MUTATED, _WILD = "mutated", "wild-type"

_CHANGE = r"(?:(?:p\.)?\(?[A-Z](?:[a-z]{2})?\d{1,4}[A-Z](?:[a-z]{2})?\)?|c\.\d{1,4}[ACGT]>[ACGT])"
_CHANGES = {
    fact: re.compile(
        rf"(?:{gene}:? )?{_CHANGE}(?:,? \(?{_CHANGE}\)?)?(?: (?:mutation|variant))?(?: (?:detected|found))?"
    )
    for fact, gene in (("ras", "[KN]-?RAS"), ("braf", "BRAF"))
}
"""The names of mutations of each gene, as its tests are answered: "KRAS G12D", "c.35G>A (p.Gly12Asp)"."""


def ecog(reader: Reader, fact: FactDefinition) -> list[Candidate]:
    """Read ECOG scores and grades; a Karnofsky score gives one where they are tied."""
    return [*reader.measured(fact, "ecog", answers=ANSWERS["ecog"]), *_karnofsky(reader, fact), *_found(reader, fact)]


def _found(reader: Reader, fact: FactDefinition) -> list[Candidate]:
    """Read grades that are codes themselves: "ASA class 4" as a Condition, or an Observation that affirms it."""
    answers = ANSWERS[fact.code]
    wanted = f"{answers.prefix}-*"
    read = []
    for resource in reader.observations(wanted):
        if "dataAbsentReason" not in resource.body:
            grade = _grade(resource, answers) if _is_affirmed(reader, resource) else None
            if grade is None:
                reader.note(resource, UNREADABLE_VALUE, fact.code)
            proof = (reader.evidence(resource, wanted),)
            read.append(Candidate(grade, resource.dated, proof, unreadable=grade is None))
    conditions = [one for one in reader.chart.holding("Condition", wanted) if active(one) and not one.future]
    return read + [Candidate(_grade(one, answers), one.dated, (reader.evidence(one, wanted),)) for one in conditions]


def _grade(resource: Resource, answers: Answers) -> int | Interval:
    grades = [int(value) for value in answers.values if f"{answers.prefix}-{value}" in resource.sets]
    return _between(min(grades), max(grades))


def _is_affirmed(reader: Reader, resource: Resource) -> bool:
    """Whether an Observation says that its code holds: by no value, true, or a word for present."""
    if not any(name.startswith("value") for name in resource.body):
        return True
    sets = concept_sets(resource.body.get("valueCodeableConcept"), reader.terminology)
    return resource.body.get("valueBoolean") is True or not sets.isdisjoint({_PRESENT, "answer-yes"})


def _karnofsky(reader: Reader, fact: FactDefinition) -> list[Candidate]:
    if not reader.observations("karnofsky"):
        return []
    read = []
    scores = reader.measured(dataclasses.replace(fact, maximum=None), "karnofsky", answers=_KARNOFSKY_ANSWERS)
    for resource, found in zip(reader.stated("karnofsky"), scores, strict=True):
        value = _from_karnofsky(found.value)
        untied = found.value is not None and value is None
        if untied:
            reader.note(resource, UNREADABLE_VALUE, fact.code)
        unreadable = found.unreadable or untied
        read.append(replace(found, value=value, evidence=derived(found.evidence), unreadable=unreadable))
    return read


_KARNOFSKY = {100: 0, 90: 0, 80: 1, 70: 1, 60: 2, 50: 2, 40: 3, 30: 3, 20: 4, 10: 4, 0: 5}


def _from_karnofsky(score: object) -> int | Interval | None:
    if isinstance(score, Interval):
        grades = [grade for tens, grade in _KARNOFSKY.items() if tens in score]
        return _between(min(grades), max(grades)) if grades else None
    return _KARNOFSKY.get(score) if isinstance(score, int) else None


def _between(low: int, high: int) -> int | Interval:
    return low if low == high else Interval(low, high)


def asa(reader: Reader, fact: FactDefinition) -> list[Candidate]:
    """Read ASA classes."""
    return [
        *reader.measured(fact, "asa", answers=ANSWERS["asa"]),
        *_found(reader, fact),
        *reader.unread(reader.named("asa")),
    ]


def cea(reader: Reader, fact: FactDefinition) -> list[Candidate]:
    """Read the mass concentration of CEA in serum; arbitrary and molar units are other codes."""
    return reader.measured(fact, "cea")


def ras(reader: Reader, fact: FactDefinition) -> list[Candidate]:
    """Read RAS tests, and variants of KRAS and NRAS; one mutated gene of a day makes it mutated."""
    return _gene(reader, fact, "ras", "gene-ras")


def braf(reader: Reader, fact: FactDefinition) -> list[Candidate]:
    """Read BRAF tests and variants."""
    return _gene(reader, fact, "braf", "gene-braf")


def msi(reader: Reader, fact: FactDefinition) -> list[Candidate]:
    """Read microsatellite tests: stable and low are stable."""
    choices = {f"msi-{choice.removeprefix('msi-')}": choice for choice in fact.choices}
    found = []
    for resource in reader.stated("msi"):
        sets = concept_sets(resource.body.get("valueCodeableConcept"), reader.terminology)
        if sets.isdisjoint(choices) and (_PRESENT in sets) != (_ABSENT in sets):
            sets = frozenset({"msi-high" if _PRESENT in sets else "msi-stable"})
        held = sets.intersection(choices) or named(value_texts(resource.body), choices, reader.terminology)
        value = choices[next(iter(held))] if len(held) == 1 else None
        found.append(reader.candidate(resource, fact, value, "msi"))
    return found


def _gene(reader: Reader, fact: FactDefinition, test: str, gene: str) -> list[Candidate]:
    variants = [one for one in reader.observations("genetic-variant") if _studies(reader, one, gene)]
    found = [
        reader.candidate(resource, fact, _mutation(reader, resource, fact), test, "genetic-variant")
        for resource in (*reader.stated(test), *variants)
    ]
    mutated_days = {candidate.dated for candidate in found if candidate.value == _MUTATED}
    return [one for one in found if one.value != _WILD or one.dated not in mutated_days]


def _mutation(reader: Reader, resource: Resource, fact: FactDefinition) -> str | None:
    texts = value_texts(resource.body)
    sets = concept_sets(resource.body.get("valueCodeableConcept"), reader.terminology)
    if (_PRESENT in sets) == (_ABSENT in sets):
        sets = named(texts, (_PRESENT, _ABSENT), reader.terminology)
    if (_PRESENT in sets) == (_ABSENT in sets):
        return _MUTATED if any(map(_CHANGES[fact.code].fullmatch, texts)) else None
    return _MUTATED if _PRESENT in sets else _WILD


def _studies(reader: Reader, resource: Resource, gene: str) -> bool:
    return any(
        "gene-studied" in concept_sets(component.get("code"), reader.terminology)
        and gene in concept_sets(component.get("valueCodeableConcept"), reader.terminology)
        for component in resource.body.get("component", ())
    )
