"""Charts that were once misread, each with the reason: the example base of the round trip.

They are files in FHIR's own words and not entries of Hypothesis's database, because those are choices of the generator
and mean something else as soon as it changes.
"""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from fhir_mappings.case import Interval, Known, Narrowed, Unknown
from tests.charts import ICD10CM, condition
from tests.hooks.serving import prefetch_of
from tests.roundtrip.reading import plain, reading

if TYPE_CHECKING:
    from fhir_mappings.case import Fact

FOUND = {
    path.stem: json.loads(path.read_text(encoding="utf-8"))
    for path in sorted(Path(__file__).with_name("found").glob("*.json"))
}
DISEASES = [
    condition("primary", (ICD10CM, "C18.7"), onset="2026-09-20", patient_id="p1"),
    condition("liver", (ICD10CM, "C78.7"), onset="2026-10-01", patient_id="p1"),
]


def written(fact: Fact) -> dict[str, Any]:
    """Write a fact as the files have it."""
    match plain(fact):
        case Known(value):
            return {"known": value.isoformat() if isinstance(value, date) else value}
        case Narrowed(Interval(low, high)):
            return {"from": low, "to": high}
        case Narrowed(frozenset() as values):
            return {"oneOf": sorted(values, key=str)}
        case Unknown(gap):
            return {"unknown": gap.value}
    raise AssertionError(fact)


@pytest.mark.parametrize("found", FOUND.values(), ids=FOUND)
async def test_a_chart_that_was_once_misread_is_read(found: dict[str, Any]) -> None:
    today = date.fromisoformat(found["today"])
    async with reading() as service:
        prefetch = prefetch_of([*DISEASES, *found["resources"]])
        case, _, _ = await service.ask(prefetch, today=today, patient_id="p1")
    assert {code: written(case.facts[code]) for code in found["facts"]} == found["facts"]
