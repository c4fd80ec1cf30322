"""Places in the body: the liver, and the organ of a cancer whose code names none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fhir_mappings.read.values import concept_sets, concept_texts
from fhir_mappings.relevance import objects

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from fhir_mappings.terminology import Terminology

_METASTASIS = "metastasis-by-site"
_BY_SITE = frozenset({"cancer-by-site", _METASTASIS})
_BOWEL, _ELSEWHERE = "body-site-", "elsewhere-structure"


def is_liver(place: object, terminology: Terminology) -> bool:
    """Whether a body site is the liver or a part of it."""
    return _names_liver(concept_sets(place, terminology))


def _names_liver(places: Iterable[str]) -> bool:
    return any(name.startswith(("liver-structure", "liver-lobe-")) for name in places)


def taken_from(specimen: Mapping[str, Any]) -> object:
    """Give the body site of a Specimen."""
    collection = specimen.get("collection")
    return collection.get("bodySite") if isinstance(collection, dict) else None


def placed(sets: frozenset[str], condition: Mapping[str, Any], terminology: Terminology) -> frozenset[str]:
    """Give the value sets of a Condition's code; one that names no organ is of those that its body sites name."""
    if sets.isdisjoint(_BY_SITE):
        return sets
    places = (concept_sets(place, terminology) for place in objects(condition.get("bodySite")))
    named = frozenset[str]().union(*places)
    if _METASTASIS not in sets:
        return sets | {f"primary-site-{name.removeprefix(_BOWEL)}" for name in named if name.startswith(_BOWEL)}
    if _names_liver(named):
        sets |= {"liver-metastasis"}
    return sets | {"metastasis-elsewhere"} if _ELSEWHERE in named else sets


def is_unplaced(sets: frozenset[str]) -> bool:
    """Whether a code names no organ and no body site that is understood does."""
    return bool(sets) and sets <= _BY_SITE


def names_of_sites(condition: Mapping[str, Any], sets: frozenset[str], terminology: Terminology) -> Iterable[str]:
    """Name the body sites of a Condition, coded ones in words; and what is there, where its code says no more."""
    metastasis = _METASTASIS in sets
    for place in objects(condition.get("bodySite")):
        yield from concept_texts(place)
        named = concept_sets(place, terminology)
        if _names_liver(named):
            yield "liver"
        elif not metastasis and any(name.startswith(_BOWEL) for name in named):
            yield "colon"
    if not sets.isdisjoint(_BY_SITE):
        yield "metastasis" if metastasis else "cancer"
