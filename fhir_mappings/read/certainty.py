"""How sure a diagnosis in ICD-10-GM is: the letter beside its code, read as FHIR's verification or clinical status."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from fhir_mappings.read.values import codings
from fhir_mappings.relevance import objects

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_URL = "/StructureDefinition/icd-10-gm-diagnosesicherheit"
_WRITTEN = re.compile(r"[A-Z]\d\d[.\d]*\s?([AGVZ])\s?[BLR]?", re.IGNORECASE)
"""A code with its letter behind it, and a side."""
_VERIFICATION = {"A": "refuted", "V": "provisional"}
"""A: excluded; V: suspected."""
_CLINICAL = {"Z": "resolved"}
"""Z: status after."""


_IN_SNOMED = {
    "410516002": "refuted",  # known absent
    "410594000": "refuted",  # definitely not present
    "723511001": "refuted",
    "723505004": "differential",
    "410592001": "provisional",  # probably present
    "410590009": "provisional",  # known possible
    "415684004": "provisional",  # suspected
    "413322009": "resolved",
    "73425007": "inactive",
    "277022003": "remission",
}
"""Statuses of a Condition in SNOMED CT, as FHIR's."""


def status_codes(concept: object) -> frozenset[str]:
    """Give the codes of a Condition's status, in FHIR's words where SNOMED CT says the same."""
    codes = (coding["code"].lower() for coding in codings(concept) if "code" in coding)
    return frozenset(_IN_SNOMED.get(code, code) for code in codes)


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
        code = coding.get("code")
        written = _WRITTEN.fullmatch(code.strip()) if isinstance(code, str) else None
        if written is not None and "icd-10-gm" in str(coding.get("system")).lower():
            yield written[1].upper()
        for extension in objects(coding.get("extension")):
            said = objects(extension.get("valueCoding")) if str(extension.get("url")).endswith(_URL) else []
            for value in said:
                if isinstance(value.get("code"), str):
                    yield value["code"].strip().upper()
