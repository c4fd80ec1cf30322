"""Values that say that there is none: a reason of FHIR for absent data, or a code for "unknown" in place of a value."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fhir_mappings.read.concepts import codings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fhir_mappings.terminology import Terminology

UNKNOWN = "answer-unknown"
_REASON, _VALUE = "dataAbsentReason", "valueCodeableConcept"
_REASONS = frozenset(
    {"unknown", "asked-unknown", "temp-unknown", "not-asked", "asked-declined", "not-performed"}
    | {"unk", "asku", "nask", "nav", "ni"}
)
_SYSTEMS = ("/data-absent-reason", "nullflavor", "2.16.840.1.113883.5.1008")
"""How the systems of FHIR's and HL7's reasons end; others of these say that a value is withheld or stands elsewhere."""


def without_absent(observation: Mapping[str, Any], terminology: Terminology) -> Mapping[str, Any]:
    """Give an Observation without the values of which it says, itself or in a component, that they are absent."""
    components = observation.get("component", ())
    absent = _is_absent(observation, terminology)
    if not absent and not (components and any(_is_absent(one, terminology) for one in components)):
        return observation
    said = _without_value(observation, terminology)
    if components:
        said["component"] = [_without_value(one, terminology) for one in components]
    return said


def _is_absent(carrier: Mapping[str, Any], terminology: Terminology) -> bool:
    return _REASON in carrier or (_VALUE in carrier and _says_unknown(carrier[_VALUE], terminology))


def _without_value(carrier: Mapping[str, Any], terminology: Terminology) -> dict[str, Any]:
    if not _is_absent(carrier, terminology):
        return {**carrier}
    kept = {name: member for name, member in carrier.items() if not name.startswith("value")}
    return {_REASON: carrier.get(_VALUE), **kept}


def _says_unknown(concept: Mapping[str, Any], terminology: Terminology) -> bool:
    """Whether all that a concept says is that something is not known; its text may say more than its codes."""
    names: set[str] = set()
    for one in codings(concept):
        if not _is_unknown(one, terminology):
            return False
        names |= {name.casefold() for name in (one["code"], one.get("display", ""))}
    return bool(names) and ("text" not in concept or concept["text"].casefold() in names)


def _is_unknown(coding: Mapping[str, Any], terminology: Terminology) -> bool:
    system, code = coding.get("system"), coding.get("code")
    if not isinstance(system, str) or not isinstance(code, str):
        return False
    if code.lower() in _REASONS:
        return system.lower().rstrip("/").endswith(_SYSTEMS)
    return UNKNOWN in terminology.sets(system, code)
