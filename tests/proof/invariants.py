"""The invariants of the requirements (section 7) that speak of complete patients, each as a search for an exception.

What the requirements call major, complicated or unresectable is spelled out here again: a definition of the guideline
that drifts away from them is an exception, too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import z3

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.proof.patients import Patient
    from tests.proof.reading import Reading

MAJOR = ("low-anterior-resection", "abdominoperineal-resection", "total-colectomy", "proctocolectomy", "hartmann")
OPERATES_ON_THE_LIVER = (
    "refer-hpb-after-recovery", "chemotherapy-then-restage-3-months", "liver-about-2-months-after-recovery",
    "resect-now-no-more-chemotherapy", "liver-centre-discussion", "liver-surgery-in-radiotherapy-interval",
    "liver-resection-or-ablation-then-primary", "liver-before-chemotherapy", "chemotherapy-before-resection",
    "perioperative-folfox-3-3", "upfront-hepatectomy",
)  # fmt: skip
CHEMOTHERAPY_FIRST = (
    "systemic-after-relief", "chemotherapy-then-restage-3-months", "reassess-resectability", "second-line",
    "chemotherapy-then-reassess", "chemotherapy-before-resection", "perioperative-folfox-3-3",
)  # fmt: skip
NEVER_LOOKED_AT = ("cea", "primary-t", "nodes-positive", "ras", "braf", "metastasis-distribution")


@dataclass(frozen=True)
class World:
    """Two patients under one policy; claims about a single one leave the second alone."""

    one: Reading
    two: Reading


@dataclass(frozen=True)
class Invariant:
    """A claim by its number in the requirements; `exception` is what must not exist."""

    number: str
    claim: str
    exception: Callable[[World], z3.BoolRef]
    of_two: bool = False
    """Whether it compares two patients."""


def in_situ(patient: Patient) -> z3.BoolRef:
    return patient.is_("primary-in-situ", True)


def complicated(patient: Patient) -> z3.BoolRef:
    return patient.is_("primary-symptoms", "obstruction", "perforation", "bleeding")


def contraindicated(patient: Patient) -> dict[str, z3.BoolRef]:
    """Give for each fact what forbids operating on liver and primary together (S28, R2, R9)."""
    return {
        "hepatectomy-extent": patient.is_("hepatectomy-extent", "major"),
        "colorectal-operation": patient.is_("colorectal-operation", *MAJOR),
        "colorectal-multivisceral": patient.is_("colorectal-multivisceral", True),
        "ecog": patient.numbers["ecog"] >= 2,
        "primary-symptoms": complicated(patient),
    }


def resectable(reading: Reading) -> z3.BoolRef:
    patient = reading.patient
    enough = patient.numbers["flr-percent"] > reading.parameter("remnant_minimum_percent")
    return z3.And(patient.is_("r0-achievable", True), enough)


def metachronous_after_resection(patient: Patient) -> z3.BoolRef:
    return z3.And(z3.Not(in_situ(patient)), patient.is_("metastases-detected", "follow-up"))


def treated(patient: Patient) -> z3.BoolRef:
    return patient.numbers["chemotherapy-cycles"] >= 1


def progressed(patient: Patient) -> z3.BoolRef:
    return patient.is_("chemotherapy-response", "progressive-disease")


def _together_against_a_contraindication(world: World) -> z3.BoolRef:
    one = world.one
    return z3.And(one.strategy("simultaneous"), z3.Or(list(contraindicated(one.patient).values())))


def _liver_first_before_a_complication(world: World) -> z3.BoolRef:
    patient = world.one.patient
    threatened = z3.Or(complicated(patient), patient.is_("impending-complication", True))
    return z3.And(world.one.strategy("liver-first"), patient.is_("liver-state", "untreated"), threatened)


def _staged_for_a_silent_primary(world: World) -> z3.BoolRef:
    one = world.one
    unresectable = z3.Or(z3.Not(resectable(one)), one.patient.is_("extrahepatic-disease", "unresectable"))
    silent = z3.And(in_situ(one.patient), one.patient.is_("primary-symptoms", "none"))
    return z3.And(silent, unresectable, one.strategy("staged"), z3.Not(one.fires["A1"]))


def _order_of_a_primary_that_is_gone(world: World) -> z3.BoolRef:
    one = world.one
    return z3.And(metachronous_after_resection(one.patient), one.strategy("simultaneous", "liver-first", "staged"))


def _advice_without_a_statement(world: World) -> z3.BoolRef:
    rows = world.one.guideline.rows
    bare = [row["id"] for row in rows if "strategy" in row and not row.get("from")]
    return z3.Or([world.one.fires[row] for row in bare])


def _differently_answered(world: World) -> z3.BoolRef:
    return z3.Or([z3.Xor(fires, world.two.fires[row]) for row, fires in world.one.fires.items()])


def _marker_that_matters(world: World) -> z3.BoolRef:
    return z3.And(world.one.patient.same(world.two.patient, *NEVER_LOOKED_AT), _differently_answered(world))


def _nodules_that_matter(world: World) -> z3.BoolRef:
    one, two = world.one.patient, world.two.patient
    return z3.And(one.same(two, "metastasis-count"), metachronous_after_resection(one), _differently_answered(world))


def _operation_in_progress(world: World) -> z3.BoolRef:
    one = world.one
    operated = z3.Or(one.strategy("simultaneous"), one.step(*OPERATES_ON_THE_LIVER))
    return z3.And(treated(one.patient), progressed(one.patient), operated, z3.Not(one.fires["A1"]))


def _chemotherapy_after_response(world: World) -> z3.BoolRef:
    one, patient = world.one, world.one.patient
    responded = z3.And(treated(patient), z3.Not(progressed(patient)))
    operable = z3.And(resectable(one), patient.is_("extrahepatic-disease", "none"))
    simple = z3.Not(z3.And(in_situ(patient), complicated(patient)))
    return z3.And(responded, operable, simple, one.step(*CHEMOTHERAPY_FIRST))


def _case_without_a_row(world: World) -> z3.BoolRef:
    return z3.Not(z3.Or(list(world.one.fires.values())))


INVARIANTS = (
    Invariant(
        "1",
        "simultaneous is never recommended with a major hepatectomy, a major or multivisceral colorectal operation,"
        " ECOG ≥ 2 or a complicated primary",
        _together_against_a_contraindication,
    ),
    Invariant(
        "2",
        "liver-first never with a complicated primary or an impending complication while the liver is untreated",
        _liver_first_before_a_complication,
    ),
    Invariant(
        "3",
        "an asymptomatic primary in situ with unresectable disease never yields staged, A1 apart",
        _staged_for_a_silent_primary,
    ),
    Invariant(
        "4",
        "a resected primary with metachronous disease never yields simultaneous, liver-first or staged",
        _order_of_a_primary_that_is_gone,
    ),
    Invariant(
        "6", "each recommendation names at least one statement or resolution", _advice_without_a_statement
    ),
    Invariant(
        "7, markers",
        "CEA, T category, positive nodes, RAS, BRAF and lobes never change a strategy (age and sex are no facts)",
        _marker_that_matters,
        of_two=True,
    ),
    Invariant(
        "7, nodules",
        "the nodule count never changes the answer for a resected primary with metachronous disease",
        _nodules_that_matter,
        of_two=True,
    ),
    Invariant(
        "8, progression",
        "progressive disease on chemotherapy never yields an operation of the liver, A1 apart",
        _operation_in_progress,
    ),
    Invariant(
        "8, response",
        "responded, resectable disease without extrahepatic disease never yields more chemotherapy first,"
        " complicated primaries apart",
        _chemotherapy_after_response,
    ),
    Invariant("10, no gap", "every complete case hits a row", _case_without_a_row),
)  # fmt: skip
