"""Disease outside the liver: metastases elsewhere as Conditions, as Observations of their sites, and as M1b or M1c."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fhir_mappings.read.conditions import active
from fhir_mappings.read.places import is_elsewhere, is_liver
from fhir_mappings.read.settle import Candidate
from fhir_mappings.read.tnm import several_organs

if TYPE_CHECKING:
    from fhir_mappings.catalogue import FactDefinition
    from fhir_mappings.read.chart_reading import Resource
    from fhir_mappings.read.reader import Reader

_SITE = "distant-metastasis-site"


def extrahepatic(reader: Reader, fact: FactDefinition) -> list[Candidate]:
    """Read an active metastasis elsewhere as present, resectable or not."""
    kind = "metastasis-elsewhere"
    conditions = [one for one in reader.chart.held("Condition", kind) if active(one) and not one.future]
    sites = [one for one in distant_sites(reader) if any(is_elsewhere(place, reader.terminology) for place in _at(one))]
    stages = [one for one, affirmed in several_organs(reader) if affirmed]
    return [
        Candidate(
            frozenset({"resectable", "unresectable"}),
            resource.dated,
            (reader.evidence(resource, kind, _SITE, "tnm-*", how="derived"),),
        )
        for resource in (*conditions, *sites, *stages)
    ]


def distant_sites(reader: Reader) -> list[Resource]:
    """Give the Observations that name the site of a distant metastasis, but those that surely name the liver."""
    return [
        one
        for one in reader.stated(_SITE)
        if any(name == "bodySite" or name.startswith("value") for name in one.body)
        and not any(is_liver(place, reader.terminology) for place in _at(one))
    ]


def _at(site: Resource) -> tuple[object, object]:
    return site.body.get("valueCodeableConcept"), site.body.get("bodySite")
