"""Places in the body: the liver, and the organ of a cancer whose code names none."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from fhir_mappings.loose_json import objects
from fhir_mappings.read.concepts import concept_sets, concept_texts, written_codes
from fhir_mappings.terminology import sites_in

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from fhir_mappings.terminology import Terminology

_METASTASIS = "metastasis-by-site"
_BY_SITE = {"cancer-by-site": "cancer", "colorectal-by-site": "colorectal cancer", _METASTASIS: "metastasis"}
"""Value sets of codes that do not name their organ, each with what they name."""
_UNPLACED = frozenset(_BY_SITE)
_TOPOGRAPHY = re.compile(r"C(?:(?P<colon>18(?!\.?1)|19|20)|22)(?!\d\d)", re.IGNORECASE)
"""Codes of bowel and liver in ICD-O-3, as it is used for body sites beside FHIR's own systems."""
_LIVER_TOPOGRAPHY = re.compile(r"C22(?:\.?0)?", re.IGNORECASE)
_RECTAL_TOPOGRAPHY = re.compile(r"C(?:19|20)(?:\.?9)?", re.IGNORECASE)
_RECTAL = frozenset({"body-site-rectum-unspecified", "body-site-rectosigmoid"})
_BOWEL, _ELSEWHERE = "body-site-", "elsewhere-structure"


def is_liver(place: object, terminology: Terminology) -> bool:
    """Whether a body site is the liver or a part of it: by its code, in ICD-O-3 too, else by its whole name."""
    if _names_liver(concept_sets(place, terminology)):
        return True
    if any(terminology.reads(system) for system, _ in written_codes(place)):
        return False
    if any(map(_LIVER_TOPOGRAPHY.fullmatch, _unread_codes(place, terminology))):
        return True
    names = concept_texts(place)
    return bool(names) and all(_names_liver(terminology.named(name)) for name in names)


def _names_liver(places: Iterable[str]) -> bool:
    return any(name.startswith(("liver-structure", "liver-lobe-")) for name in places)


def is_rectum(place: object, terminology: Terminology) -> bool:
    """Whether a body site is the rectum or its junction with the sigmoid."""
    if not _RECTAL.isdisjoint(concept_sets(place, terminology)):
        return True
    return any(_RECTAL_TOPOGRAPHY.fullmatch(code) for code in _unread_codes(place, terminology))


def is_elsewhere(place: object, terminology: Terminology) -> bool:
    """Whether a place that a metastasis may have is coded outside the liver."""
    return _ELSEWHERE in concept_sets(place, terminology)


def taken_from(specimen: Mapping[str, Any]) -> object:
    """Give the body site of a Specimen."""
    collection = specimen.get("collection")
    return collection.get("bodySite") if isinstance(collection, dict) else None


def placed(
    sets: frozenset[str], condition: Mapping[str, Any], terminology: Terminology, *, coding: tuple[str, str]
) -> frozenset[str]:
    """Give the value sets of a Condition's coding; one that names no organ is of those that the body sites name.

    An expression of SNOMED CT may name its site itself.
    """
    if _UNPLACED.isdisjoint(sets):
        return sets
    system, code = coding
    places = [concept_sets(place, terminology) for place in objects(condition.get("bodySite"))]
    places += [terminology.sets(system, site) for site in sites_in(code)]
    named = frozenset[str]().union(*places)
    if _METASTASIS not in sets:
        return sets | {f"primary-site-{name.removeprefix(_BOWEL)}" for name in named if name.startswith(_BOWEL)}
    if _names_liver(named):
        sets |= {"liver-metastasis"}
    return sets | {"metastasis-elsewhere"} if _ELSEWHERE in named else sets


def is_unplaced(sets: frozenset[str]) -> bool:
    """Whether a code names no organ and no body site that is understood does."""
    return bool(sets) and sets <= _UNPLACED


def names_of_sites(condition: Mapping[str, Any], sets: frozenset[str], terminology: Terminology) -> Iterable[str]:
    """Name the body sites of a Condition, coded ones in words; and what is there, where its code says no more."""
    metastasis = _METASTASIS in sets
    for place in objects(condition.get("bodySite")):
        yield from concept_texts(place)
        named = concept_sets(place, terminology)
        topographies = [found for found in map(_TOPOGRAPHY.match, _unread_codes(place, terminology)) if found]
        if _names_liver(named) or any(not found["colon"] for found in topographies):
            yield "liver"
        elif not metastasis and (topographies or any(name.startswith(_BOWEL) for name in named)):
            yield "colon"
    yield from (what for name, what in _BY_SITE.items() if name in sets)


def _unread_codes(place: object, terminology: Terminology) -> Iterable[str]:
    return (code for system, code in written_codes(place) if not terminology.reads(system))
