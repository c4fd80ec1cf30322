"""Random incomplete and narrowed cases, small enough for an evaluator that enumerates."""

from __future__ import annotations

from datetime import date, timedelta
from math import prod
from typing import TYPE_CHECKING, Any

from fhir_mappings.case import Case, Gap, Interval, Known, Narrowed, Sign, Unknown
from fhir_mappings.catalogue import load_catalogue
from tests.reference_table import Settings, domains

if TYPE_CHECKING:
    from random import Random

    from fhir_mappings.case import Fact

USUAL: dict[str, tuple[tuple[Any, ...], float]] = {
    "liver-state": (("untreated",), 0.9),
    "primary-symptoms": (("none", "minor"), 0.7),
    "ecog": ((0, 1), 0.6),
    "asa": ((1, 2, 3), 0.8),
    "r0-achievable": ((True,), 0.8),
    "flr-percent": ((35.0, 41.0, 70), 0.7),
    "extrahepatic-disease": (("none",), 0.8),
    "chemotherapy-cycles": ((0,), 0.6),
    "impending-complication": ((False,), 0.8),
    "colorectal-multivisceral": ((False,), 0.7),
    "hepatectomy-extent": (("minor",), 0.6),
    "metastases-accessible": ((True,), 0.6),
    "largest-metastasis": ((18, 30), 0.6),
    "metastasis-count": ((1, 2), 0.6),
    "liver-centre-discussed": (("agreed", "not-yet"), 0.7),
}
"""Values that lead deep into the pathway, and how often they are drawn."""

GAPS = (Gap.ABSENT,) * 8 + (Gap.CONFLICTING, Gap.OUTDATED, Gap.UNREADABLE, Gap.NOT_RETRIEVED)


def random_settings(random: Random) -> Settings:
    """Draw a policy: mostly the default one."""
    if random.random() < 0.6:
        return Settings()
    assumable = ("asa", "extrahepatic-disease", "impending-complication", "colorectal-operation", "flr-percent",
                 "liver-state", "primary-pathology", "rectal-radiotherapy", "adjuvant-status")  # fmt: skip
    return Settings(
        prefer_simultaneous=random.random() < 0.5,
        nodules=random.choice((2, 3, 4)),
        simultaneous_nodules=random.choice((1, 3)),
        diameter=random.choice((20, 30)),
        remnant=random.choice((30, 35)),
        short_interval=random.choice((6, 12, 18)),
        ecog_poor=random.choice((1, 2)),
        ecog_unfit=random.choice((2, 3)),
        asa_unfit=random.choice((3, 4)),
        off=frozenset(random.sample(assumable, random.choice((0, 1, 2)))),
    )


def random_case(random: Random, settings: Settings, *, most: int = 400) -> Case:
    """Draw a case whose unknown facts have at most about `most` combinations."""
    ranges = {fact: values for fact, values in domains(settings).items() if fact != "months-since-adjuvant"}
    facts: dict[str, Fact] = {fact: Known(_value(random, fact, values)) for fact, values in ranges.items()}
    _agree(facts)
    sizes: dict[str, int] = {}
    for fact in random.sample(sorted(ranges), random.randint(0, 12)):
        given = _incomplete(random, ranges[fact])
        size = len(ranges[fact]) if isinstance(given, Unknown) else 3
        if prod(sizes.values()) * size <= most:
            facts[fact], sizes[fact] = given, size
    return Case(
        facts={**dict.fromkeys(load_catalogue().facts, Unknown()), **facts, **_beside(random)},
        as_of=date(2026, 11, 23),
        signs=_signs(random),
    )


def _value(random: Random, fact: str, values: list[Any]) -> Any:
    usual, often = USUAL.get(fact, ((), 0.0))
    return random.choice(usual) if random.random() < often else random.choice(values)


def _agree(facts: dict[str, Fact]) -> None:
    """Let most drawn patients be possible."""
    symptoms, detected = facts["primary-symptoms"], facts["metastases-detected"]
    if isinstance(symptoms, Known) and symptoms.value == "perforation":
        facts["primary-pathology"] = Known("unfavourable-perforated")
    if isinstance(detected, Known) and detected.value != "follow-up":
        facts["months-primary-to-metastases"] = Known(1)


def _incomplete(random: Random, values: list[Any]) -> Fact:
    if random.random() < 0.7:
        gap = random.choice(GAPS)
        choices = [value for value in values if isinstance(value, str | bool)]
        several = min(len(choices), 2) if gap is Gap.CONFLICTING else 0
        return Unknown(gap, contested=frozenset(random.sample(choices, several)))
    if isinstance(values[0], int | float) and not isinstance(values[0], bool):
        low, high = sorted(random.sample(values, 2))
        return Narrowed(random.choice((Interval(low, high), Interval(low=low), Interval(high=high))))
    return Narrowed(frozenset(random.sample(values, min(len(values), random.randint(1, 2)))))


_STAGES: tuple[Fact, ...] = (
    Known("T3"),
    Known("T4b"),
    Narrowed(frozenset({"T4a", "T4b"})),
    Unknown(Gap.CONFLICTING, contested=frozenset({"T2", "T3"})),
    Unknown(Gap.CONFLICTING, contested=frozenset({"T3", "T4b"})),
    Unknown(Gap.UNREADABLE),
)


def _beside(random: Random) -> dict[str, Fact]:
    """Draw the facts that only conditions of assumptions and advisories read."""
    metastasis = date(2026, 1, 31)
    beside: dict[str, Fact] = {}
    if random.random() < 0.5:
        beside["primary-n"] = random.choice((Known("N0"), Known("N2a"), Narrowed(frozenset({"N1", "N1a"})),
                                             Narrowed(frozenset({"N1", "N2"}))))  # fmt: skip
    if random.random() < 0.3:
        beside["primary-t"] = random.choice(_STAGES)
    if random.random() < 0.5:
        beside["liver-metastasis-date"] = Known(metastasis)
    if random.random() < 0.5:
        beside["adjuvant-end-date"] = Known(metastasis - timedelta(days=random.choice((-9, 10, 364, 365, 367, 900))))
    return beside


def _signs(random: Random) -> frozenset[Sign]:
    often = {Sign.PROCEDURES_COMPLETE: 0.7, Sign.RECENT_DIAGNOSIS: 0.6, Sign.PATHOLOGICAL_NODES: 0.6}
    return frozenset(sign for sign in Sign if random.random() < often.get(sign, 0.15))
