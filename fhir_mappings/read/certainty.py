"""How sure a diagnosis in ICD-10-GM is: the letter beside its code, read as FHIR's verification or clinical status."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fhir_mappings.read.values import codings
from fhir_mappings.relevance import objects

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_URL = "/StructureDefinition/icd-10-gm-diagnosesicherheit"
_VERIFICATION = {"A": "refuted", "V": "provisional"}
"""A: excluded; V: suspected."""
_CLINICAL = {"Z": "resolved"}
"""Z: status after."""


def certainty(concept: object) -> Mapping[str, frozenset[str]]:
    """Give what the letter beside a Condition's codes adds to its statuses, by element; different ones add nothing."""
    met = set(_letters(concept))
    letters = met if len(met) == 1 else set[str]()
    return {
        "verificationStatus": frozenset(_VERIFICATION[one] for one in letters & _VERIFICATION.keys()),
        "clinicalStatus": frozenset(_CLINICAL[one] for one in letters & _CLINICAL.keys()),
    }


def _letters(concept: object) -> Iterable[str]:
    for coding in codings(concept):
        for extension in objects(coding.get("extension")):
            said = objects(extension.get("valueCoding")) if str(extension.get("url")).endswith(_URL) else []
            for value in said:
                if isinstance(value.get("code"), str):
                    yield value["code"].strip().upper()
