"""Maps a few resources to a case on a fixed day, and shows facts as plain values."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fhir_mappings.case import Case, Known, Narrowed, Unknown
from fhir_mappings.catalogue import load_catalogue
from fhir_mappings.mapper import map_case
from fhir_mappings.policy import MappingPolicy
from fhir_mappings.terminology import Terminology, load_terminology
from tests.charts import COMPLETE, ICD10CM, Resource, chart_of, condition

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from fhir_mappings.chart import Completeness

NOW = datetime(2026, 6, 15, 12, tzinfo=UTC)
TODAY = date(2026, 6, 15)
SAMPLES = Path(__file__).parent / "samples"

PRIMARY = condition("primary", (ICD10CM, "C18.7"), onset="2026-05-01")
LIVER = condition("liver", (ICD10CM, "C78.7"), onset="2026-05-10")


@cache
def terminology() -> Terminology:
    return load_terminology()


def read(
    *resources: Resource,
    drafts: Iterable[Resource] = (),
    completeness: Mapping[str, Completeness] = COMPLETE,
    now: datetime = NOW,
    policy: MappingPolicy | None = None,
) -> Case:
    chart = chart_of(resources, drafts=drafts, completeness=completeness)
    return map_case(
        chart,
        as_of=now,
        terminology=terminology(),
        catalogue=load_catalogue(),
        policy=policy or MappingPolicy(),
    )


def shown(case: Case, fact: str) -> Any:
    """Show a fact: its value, its narrowed values, or the name of its gap."""
    match case.facts[fact]:
        case Known(value=value):
            return value
        case Narrowed(values=values):
            return values
        case Unknown(gap=gap):
            return f"gap: {gap}"


def proofs(case: Case, fact: str) -> list[tuple[str, str]]:
    """Show a fact's evidence as reference and how it was read."""
    return [(proof.reference, proof.how) for proof in case.facts[fact].evidence]


def messy(name: str) -> Any:
    return json.loads((SAMPLES / "messy" / f"{name}.json").read_text(encoding="utf-8"))
