"""What stands in a chart and counts for nothing: refuted, not done, revoked, resolved, or text about something else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.roundtrip.dated import on
from tests.roundtrip.story import DRUGS, SITES
from tests.roundtrip.terms import any_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date
    from random import Random

    from tests.roundtrip.record import Record

_DISEASES = (
    "liver-metastasis metastasis-elsewhere symptom-perforation symptom-obstruction liver-condition-cirrhosis"
).split()
_REFUTABLE = (*(f"primary-site-{site}" for site in SITES), *_DISEASES)
_OVER = "symptom-obstruction symptom-bleeding symptom-anaemia metastasis-elsewhere liver-condition-cirrhosis".split()
_OPERATIONS = "resection-hartmann resection-anterior hepatectomy-major hepatectomy-minor liver-ablation".split()
_TEXTS = ("Essential hypertension", "Bluthochdruck", "Diabetes type 2", "cataract", "fracture of the wrist")


def write_decoys(record: Record) -> None:
    """Add some resources from which nothing may be read."""
    random = record.random
    for _ in range(random.choice((0, 0, 1, 3))):
        day = record.ago(random.choice((1, 20, 300, 3000)))
        _WAYS[random.randrange(len(_WAYS))](record, random, day)


def _refuted(record: Record, random: Random, day: date) -> None:
    verification = random.choice(("refuted", "entered-in-error", "differential"))
    record.condition(any_of(random, random.choice(_REFUTABLE)), on(day), verification=verification)


def _over(record: Record, random: Random, day: date) -> None:
    clinical = random.choice(("resolved", "inactive", "remission"))
    record.condition(any_of(random, random.choice(_OVER)), on(day), clinical=clinical)


def _not_done(record: Record, random: Random, day: date) -> None:
    status = random.choice(("not-done", "entered-in-error"))
    record.procedure(any_of(random, random.choice(_OPERATIONS)), on(day), status=status)


def _revoked(record: Record, random: Random, day: date) -> None:
    status = random.choice(("revoked", "completed", "entered-in-error", "unknown"))
    forbidden = random.random() < 0.3
    more = {"doNotPerform": True} if forbidden else {}
    record.order(any_of(random, random.choice(_OPERATIONS)), day, status="active" if forbidden else status, **more)


def _not_given(record: Record, random: Random, day: date) -> None:
    term = any_of(random, f"drug-{random.choice(DRUGS)}")
    record.dose(term, day, status="not-done")
    if record.resources[-1]["resourceType"] == "MedicationRequest":
        record.resources[-1]["status"] = random.choice(("cancelled", "draft", "entered-in-error"))


def _withdrawn(record: Record, random: Random, day: date) -> None:
    term = ("https://crlm-cds.example/fhir/CodeSystem/strategy", random.choice(("staged", "liver-first", "mdt")))
    record.plan(term, day, status=random.choice(("revoked", "draft", "entered-in-error")))


def _in_words(record: Record, random: Random, day: date) -> None:
    record.condition(("urn:oid:1.2.3.4.5", "X1"), on(day))
    record.resources[-1]["code"] = {"text": random.choice(_TEXTS)}


_WAYS: tuple[Callable[[Record, Random, date], None], ...] = (
    _refuted,
    _over,
    _not_done,
    _revoked,
    _not_given,
    _withdrawn,
    _in_words,
)
