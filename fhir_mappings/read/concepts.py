"""What a CodeableConcept says: its codings, the value sets that hold them, its words, and what they call by name."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from fhir_mappings.terminology import Terminology

_BETWEEN = re.compile(
    r"[()\[\],;/]|\b(?:(?:as )?(?:per|by)|according to|nach|selon|volgens)? ?"
    r"\b(?:m|i|ir)?recist(?: ?(?:v\.?|version)? ?[\d.]+)?(?: ?[:\u2013-])?"
)
"""What stands between two names of one finding: "MSI-H (dMMR)"; or tells by which criteria it was found."""


def concept_sets(concept: object, terminology: Terminology) -> frozenset[str]:
    """Give the value sets that hold any coding of a CodeableConcept."""
    found: frozenset[str] = frozenset()
    for system, code in written_codes(concept):
        found |= terminology.sets(system, code)
    return found


def written_codes(concept: object) -> list[tuple[str, str]]:
    """Give system and code of the codings of a CodeableConcept that have both; before repair a code may be a number."""
    found = []
    for coding in codings(concept):
        system, code = coding.get("system"), coding.get("code")
        spelled = str(code) if type(code) is int else code
        if isinstance(system, str) and isinstance(spelled, str) and spelled:
            found.append((system, spelled))
    return found


def codings(concept: object) -> Iterable[dict[str, Any]]:
    """Give the codings of a CodeableConcept that are objects; before repair one may stand without its list."""
    listed = concept.get("coding") if isinstance(concept, dict) else None
    if isinstance(listed, dict):
        return [listed]
    return [coding for coding in listed if isinstance(coding, dict)] if isinstance(listed, list) else []


def concept_texts(concept: object) -> list[str]:
    """Give the text and the displays of a CodeableConcept, the text first."""
    text = [concept["text"]] if isinstance(concept, dict) and isinstance(concept.get("text"), str) else []
    return text + [coding["display"] for coding in codings(concept) if isinstance(coding.get("display"), str)]


def value_texts(carrier: Mapping[str, Any]) -> list[str]:
    """Give the words of a value: a string, or the text and the displays of a concept."""
    said = carrier.get("valueString")
    return [*([said] if isinstance(said, str) else []), *concept_texts(carrier.get("valueCodeableConcept"))]


def named(texts: Iterable[str], sets: Collection[str], terminology: Terminology) -> frozenset[str]:
    """Give which of `sets` have a member that is called by a text in full, or by all that stands in its parts."""
    found = frozenset[str]()
    for text in texts:
        parts = [text] if terminology.named(text) else filter(None, map(str.strip, _BETWEEN.split(text.casefold())))
        called = [terminology.named(part).intersection(sets) for part in parts]
        found = found.union(*called) if all(called) else found
    return found
