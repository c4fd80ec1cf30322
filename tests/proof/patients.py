"""A patient as z3 knows one: a variable for each fact of the catalogue, and back again into facts to read."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import z3

from tests.cases import case_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from fhir_mappings.case import Case

Catalogue: TypeAlias = dict[str, dict[str, Any]]
Facts: TypeAlias = dict[str, bool | int | float | str]
MONTHS_SINCE_ADJUVANT = "months-adjuvant-to-metastases"
"""The one number that follows from two dates."""
_USUAL: Facts = {
    "liver-state": "untreated", "primary-in-situ": True, "primary-symptoms": "none", "extrahepatic-disease": "none",
    "r0-achievable": True, "flr-percent": 60, "impending-complication": False, "hepatectomy-extent": "minor",
    "ecog": 0, "asa": 2, "chemotherapy-cycles": 0, "chemotherapy-response": "stable-disease", "metastasis-count": 2,
    "largest-metastasis": 20, "metastases-accessible": True, "colorectal-operation": "right-hemicolectomy",
    "colorectal-multivisceral": False, "rectal-radiotherapy": "not-indicated", "primary-site": "caecum",
    "metastases-detected": "at-staging", "months-primary-to-metastases": 1, "primary-margin": "r0",
    "primary-pathology": "favourable", "liver-centre-discussed": "agreed", "adjuvant-status": "none",
    MONTHS_SINCE_ADJUVANT: 24, "liver-condition": "normal", "liver-mri-done": True, "msi": "stable",
}  # fmt: skip
"""What a found patient is like where the search leaves it open."""
METASTASIS = date(2026, 1, 31)


@cache
def catalogue() -> Catalogue:
    """Read the facts that a condition can test, by their code."""
    facts = tomllib.loads(files("fhir_mappings").joinpath("catalogue.toml").read_text(encoding="utf-8"))["fact"]
    derived = {"title": "months from adjuvant chemotherapy to the metastases", "kind": "integer", "minimum": 0}
    tested = {code: fact for code, fact in facts.items() if fact["kind"] != "date"}
    return {**tested, MONTHS_SINCE_ADJUVANT: {**derived, "unit": "mo"}}


@dataclass(frozen=True)
class Patient:
    """One complete patient whose facts are variables: a choice is one truth a value, exactly one of them true."""

    truths: Mapping[str, Mapping[str | bool, z3.BoolRef]]
    numbers: Mapping[str, z3.ArithRef]

    @classmethod
    def named(cls, name: str) -> Patient:
        """Make the variables of a patient of this name."""
        truths: dict[str, dict[str | bool, z3.BoolRef]] = {}
        numbers: dict[str, z3.ArithRef] = {}
        for code, fact in catalogue().items():
            match fact["kind"]:
                case "boolean":
                    yes = z3.Bool(f"{name}:{code}")
                    truths[code] = {True: yes, False: z3.Not(yes)}
                case "choice":
                    truths[code] = {value: z3.Bool(f"{name}:{code}:{value}") for value in fact["choices"]}
                case "integer":
                    numbers[code] = z3.Int(f"{name}:{code}")
                case "number":
                    numbers[code] = z3.Real(f"{name}:{code}")
        return cls(truths, numbers)

    def possible(self) -> Iterator[z3.BoolRef]:
        """Say what the catalogue says: one value of each choice, numbers within their ends."""
        for code, values in self.truths.items():
            if catalogue()[code]["kind"] == "choice":
                yield z3.PbEq([(truth, 1) for truth in values.values()], 1)
        for code, number in self.numbers.items():
            fact = catalogue()[code]
            if "minimum" in fact:
                yield number >= fact["minimum"]
            if "maximum" in fact:
                yield number <= fact["maximum"]

    def plausible(self) -> Iterator[z3.BoolRef]:
        """Say what makes a found patient easy to read; never part of a proof."""
        for code, number in self.numbers.items():
            if "maximum" not in catalogue()[code]:
                yield number <= 120
            if number.is_real():
                yield z3.IsInt(number * 2)
        for code, usual in _USUAL.items():
            yield self.numbers[code] == usual if code in self.numbers else self.truths[code][cast("str", usual)]

    def is_(self, code: str, *values: str | bool) -> z3.BoolRef:
        """Say that a choice is one of these values."""
        return z3.Or([self.truths[code][value] for value in values])

    def same(self, other: Patient, *but: str) -> z3.BoolRef:
        """Say that both have the same facts, some left out."""
        pairs = [
            (truth, other.truths[code][value])
            for code, values in self.truths.items()
            for value, truth in values.items()
            if code not in but
        ]
        numbers = [(number, other.numbers[code]) for code, number in self.numbers.items() if code not in but]
        return z3.And([one == two for one, two in (*pairs, *numbers)])

    def has(self, facts: Facts) -> z3.BoolRef:
        """Say that the patient has these facts; a choice has no other value."""
        said = [self.numbers[code] == value for code, value in facts.items() if code in self.numbers]
        truths = [
            truth == (value == facts[code])
            for code, values in self.truths.items()
            for value, truth in values.items()
            if code in facts
        ]
        return z3.And(*said, *truths)

    def facts(self, model: z3.ModelRef) -> Facts:
        """Read the facts that a model gives to this patient."""
        found: Facts = {}
        for code in catalogue():
            if code in self.numbers:
                found[code] = number_of(model.eval(self.numbers[code], model_completion=True))
            else:
                values = self.truths[code]
                found[code] = next(
                    value for value, truth in values.items() if z3.is_true(model.eval(truth, model_completion=True))
                )
        return found


def number_of(value: z3.ExprRef) -> int | float:
    """Give a number of a model as Python has it."""
    if isinstance(value, z3.IntNumRef):
        return int(value.as_long())
    fraction = value.as_fraction()
    return int(fraction) if fraction.denominator == 1 else float(fraction)


def case_with(facts: Mapping[str, Any]) -> Case:
    """Give the complete case of these facts; months since adjuvant chemotherapy become two dates."""
    stated = {code: value for code, value in facts.items() if code != MONTHS_SINCE_ADJUVANT}
    if MONTHS_SINCE_ADJUVANT in facts:
        years, month = divmod(METASTASIS.year * 12 + METASTASIS.month - 1 - int(facts[MONTHS_SINCE_ADJUVANT]), 12)
        stated |= {"liver-metastasis-date": METASTASIS, "adjuvant-end-date": date(years, month + 1, 1)}
    return case_of(stated)


def described(facts: Mapping[str, Any]) -> Iterator[str]:
    """Write a patient in the words of the catalogue, one fact a line."""
    for code, value in facts.items():
        unit = catalogue()[code].get("unit", "")
        text = {True: "yes", False: "no"}[value] if isinstance(value, bool) else f"{value}"
        yield f"{catalogue()[code]['title']}: {text}" + (f" {unit}" if unit[:1] not in {"", "{"} else "")
