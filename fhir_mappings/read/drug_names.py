"""Whether a prescription is of chemotherapy by the name that it begins with, where no code says what it is of."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from fhir_mappings.read.concepts import concept_texts, written_codes
from fhir_mappings.words import could_be

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fhir_mappings.terminology import Terminology

_SYSTEMIC = frozenset({"systemic-therapy"})
_AMOUNT = re.compile(r"(?:[\d.,]+ ?(?:ml|mg|g)\b|inj\w*|infus\w*|[\s.,:])+", re.IGNORECASE)
"""What may stand before the name of a drug."""
_REST = re.compile(
    r"[,;:()+]|\b(?:before|after|for|during|with|prior|vor|nach|bei|mit|avant|apr\u00e8s|avec|pour|antes|con|para)\b",
    re.IGNORECASE,
)
"""What follows on the name: of which drug it is said, the name has told by then."""
_BESIDE = re.compile(r"premed|antiem|hydrat|rescue|topical|cream|cr[e\u00e8]me|crema|salbe|intravitr|ophth|\beye|auge")
"""Words by which a name says something else."""


def is_chemotherapy_by_name(concepts: Iterable[object], terminology: Terminology) -> bool:
    """Whether one of the concepts of a prescription begins with a drug of chemotherapy or, without code, a regimen."""
    return any(_begins_with_chemotherapy(concept, terminology) for concept in concepts)


def _begins_with_chemotherapy(concept: object, terminology: Terminology) -> bool:
    understood = any(terminology.reads(system) for system, _ in written_codes(concept))
    names = (_name_in(text) for text in concept_texts(concept) if not _BESIDE.search(text.lower()))
    return any(could_be("MedicationRequest", name, beside_code=understood, among=_SYSTEMIC) for name in names)


def _name_in(text: str) -> str:
    amount = _AMOUNT.match(text)
    return _REST.split(text[amount.end() if amount else 0 :], maxsplit=1)[0]
