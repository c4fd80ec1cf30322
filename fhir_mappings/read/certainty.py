"""How sure a diagnosis is: the statuses of FHIR, in SNOMED CT and in words, too, and the letter of ICD-10-GM."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fhir_mappings.loose_json import objects
from fhir_mappings.read.concepts import codings, concept_texts
from fhir_mappings.terminology import WITH_CERTAINTY

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from fhir_mappings.terminology import Terminology

_URL = "/StructureDefinition/icd-10-gm-diagnosesicherheit"
_GERMAN = ("icd-10-gm", "1.2.276.0.76.5.409")
_VERIFICATION = {"A": "refuted", "V": "provisional"}
"""A: excluded; V: suspected."""
_CLINICAL = {"Z": "resolved"}
"""Z: status after."""
_STATUS = "status-"
"""Begins the value sets of codes that say what a status of FHIR says; its name follows."""
_SAYS_NOTHING: Mapping[str, frozenset[str]] = {"verificationStatus": frozenset(), "clinicalStatus": frozenset()}
_NEVER = frozenset({"refuted", "entered-in-error", "differential"})


def is_asserted(verification: frozenset[str]) -> bool:
    """Whether the verification statuses of a Condition leave it asserted at all."""
    return _NEVER.isdisjoint(verification)


def statuses(condition: Mapping[str, Any], terminology: Terminology) -> Iterable[frozenset[str]]:
    """Give the codes of a Condition's verification and clinical status; where there are none, its words."""
    said = _certainty(condition.get("code"))
    for element in ("verificationStatus", "clinicalStatus"):
        concept = condition.get(element)
        coded = _status_codes(concept, terminology)
        worded = frozenset("-".join(text.lower().split()) for text in concept_texts(concept))
        yield (coded or worded) | said[element]


def _status_codes(concept: object, terminology: Terminology) -> frozenset[str]:
    """Give the codes of a Condition's status, in FHIR's words where a code of SNOMED CT says the same."""
    found: set[str] = set()
    for coding in codings(concept):
        code = coding.get("code")
        if isinstance(code, str):
            # FHIR's own codes are words: only numbers are looked up.
            sets = terminology.sets(coding.get("system"), code) if code.isdigit() else ()
            found |= {name.removeprefix(_STATUS) for name in sets if name.startswith(_STATUS)} or {code.lower()}
    return frozenset(found)


def _certainty(concept: object) -> Mapping[str, frozenset[str]]:
    """Give what the letter beside a Condition's codes adds to its statuses, by element; different ones add nothing."""
    letters = set(_letters(concept))
    if len(letters) != 1:
        return _SAYS_NOTHING
    return {
        "verificationStatus": frozenset(_VERIFICATION[one] for one in letters & _VERIFICATION.keys()),
        "clinicalStatus": frozenset(_CLINICAL[one] for one in letters & _CLINICAL.keys()),
    }


def _letters(concept: object) -> Iterable[str]:
    for coding in codings(concept):
        code = coding.get("code")
        written = WITH_CERTAINTY.fullmatch(code.strip().upper()) if isinstance(code, str) else None
        if written is not None and any(one in str(coding.get("system")).lower() for one in _GERMAN):
            yield written[2]
        for extension in objects(coding.get("extension")):
            said = objects(extension.get("valueCoding")) if str(extension.get("url")).endswith(_URL) else []
            for value in said:
                if isinstance(value.get("code"), str):
                    yield value["code"].strip().upper()
