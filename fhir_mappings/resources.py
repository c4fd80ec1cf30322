"""FHIR at the edge: what is repaired, validated with fhir.resources, read as R5, or refused with the reason."""

from __future__ import annotations

import importlib
from functools import cache
from typing import TYPE_CHECKING, Any

import msgspec
import orjson
from pydantic import ValidationError

from fhir_mappings.loose_json import objects
from fhir_mappings.shapes import Shapes, shape_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from fhir_mappings.shapes import Shape

VALIDATED = (
    "BodyStructure",
    "CarePlan",
    "Condition",
    "Medication",
    "MedicationAdministration",
    "MedicationRequest",
    "Observation",
    "Procedure",
    "ServiceRequest",
    "Specimen",
)

REPAIRED = "repaired before validation: spaces, numeric codes, lone objects or nulls"
INVALID = "not valid FHIR R4"
OLDER = "STU3 or DSTU2 shape: R4 is read"
DEEP = "nested too deeply"
AS_R5 = "read as FHIR R5"
MODIFIED = "changed by a modifierExtension that is not known"

_TRIMMED = frozenset({"code", "system", "status", "intent", "comparator", "priority", "use", "language", "kind"})
_LISTS = frozenset({
    "coding", "extension", "modifierExtension", "contained", "note", "component", "stage", "evidence",
    "tag", "security", "reasonCode", "reasonReference", "interpretation", "referenceRange", "appliesTo",
    "assessment", "additionalInstruction", "doseAndRate", "goal", "progress", "outcomeCodeableConcept",
    "outcomeReference",
})  # fmt: skip
"""Elements that are lists wherever they stand."""
_LISTS_OF: dict[str, frozenset[str]] = {
    "Condition": frozenset({"category", "bodySite"}),
    "Observation": frozenset({"category", "performer", "focus", "hasMember", "derivedFrom", "basedOn", "partOf"}),
    "Procedure": frozenset({
        "bodySite", "performer", "basedOn", "partOf", "report", "complication", "complicationDetail", "followUp",
        "focalDevice", "usedReference", "usedCode",
    }),
    "ServiceRequest": frozenset({
        "category", "bodySite", "orderDetail", "basedOn", "replaces", "performer", "locationCode", "locationReference",
        "insurance", "supportingInfo", "specimen", "relevantHistory",
    }),
    "Medication": frozenset({"ingredient"}),
    "MedicationRequest": frozenset({
        "category", "dosageInstruction", "basedOn", "insurance", "supportingInformation", "detectedIssue",
        "eventHistory",
    }),
    "MedicationAdministration": frozenset({
        "performer", "partOf", "statusReason", "supportingInformation", "device", "eventHistory",
    }),
    "CarePlan": frozenset({
        "category", "activity", "addresses", "basedOn", "replaces", "partOf", "contributor", "careTeam",
        "supportingInfo",
    }),
    "BodyStructure": frozenset({"locationQualifier", "image"}),
    "Specimen": frozenset({"parent", "request", "processing", "container", "condition"}),
}  # fmt: skip
_LISTS_OF_ANY = frozenset({"identifier"})
"""Elements that are lists in each of these, and single in a Reference and in some that may be contained."""
_LISTS_IN: dict[str, frozenset[str]] = {
    "container": _LISTS | {"identifier"},
    "evidence": _LISTS | {"code", "detail"},
    "detail": _LISTS | {"performer"},
    "processing": _LISTS | {"additive"},
}
"""Elements that are lists below one of this name, and single elsewhere."""
_OLDER_ELEMENTS: dict[str, frozenset[str]] = {
    "Condition": frozenset({"patient", "dateRecorded", "assertedDate", "context"}),
    "Observation": frozenset({"comment", "comments", "related", "context", "reliability"}),
    "Procedure": frozenset({"notDone", "notDoneReason", "notPerformed", "reasonNotPerformed", "context", "definition"}),
    "MedicationRequest": frozenset({"context", "definition", "patient"}),
    "MedicationAdministration": frozenset(
        {"patient", "notGiven", "wasNotGiven", "prescription", "practitioner", "effectiveTimeDateTime"}
    ),
    "CarePlan": frozenset({"context", "definition"}),
}
_R5_PREFIXES: dict[str, tuple[str, ...]] = {
    "Condition": ("participant",),
    "Observation": ("instantiates", "triggeredBy", "bodyStructure"),
    "Procedure": ("occurrence", "reason", "reported", "recorded", "focus"),
    "ServiceRequest": ("code", "reason", "bodyStructure", "focus"),
    "MedicationRequest": ("medication", "reason", "effectiveDosePeriod", "informationSource"),
    "MedicationAdministration": ("medication", "occurence", "reason", "subPotentReason", "isSubPotent"),
    "CarePlan": ("activity", "custodian", "addresses"),
    "BodyStructure": ("includedStructure", "excludedStructure"),
}
_R5_WITHIN: dict[str, frozenset[str]] = {
    "evidence": frozenset({"concept", "reference"}),
    "referenceRange": frozenset({"normalValue"}),
}
"""Elements of R4 and R5, and what only R5 has in them."""


class Checked(msgspec.Struct, frozen=True):
    """A resource after repair and validation: `body` in R4 names, or `None` with the reason of its refusal."""

    body: Mapping[str, Any] | None
    refused: str | None = None
    remarks: tuple[str, ...] = ()


def warm() -> None:
    """Load the models of R4B, so that the first chart does not pay for it; those of R5 wait for an R5 resource."""
    for kind in VALIDATED:
        _model(kind)


_R4, _R5 = "R4B.", ""
"""The releases, as the modules of fhir.resources are named."""


@cache
def _model(kind: str, release: str = _R4) -> Callable[[Mapping[str, Any]], object]:
    module = importlib.import_module(f"fhir.resources.{release}{kind.lower()}")
    validate: Callable[[Mapping[str, Any]], object] = getattr(module, kind).model_validate
    return validate


def check(resource: Mapping[str, Any], formats: dict[str, str]) -> Checked:
    """Repair and validate one resource of a type in `VALIDATED`; never raises on data.

    What has, or has after its repair, a shape that fhir.resources accepted before is accepted. `formats` is a
    dictionary for all resources of one chart (`shape_of`).
    """
    try:
        shape = shape_of(resource, formats)
        if _SHAPES.has(_R4, shape):
            return Checked(resource)
        return Checked(None, MODIFIED) if _is_modified(resource) else _checked(resource, shape, formats)
    except RecursionError:
        return Checked(None, DEEP)


def _checked(resource: Mapping[str, Any], shape: Shape | None, formats: dict[str, str]) -> Checked:
    kind = resource["resourceType"]
    body = mend(resource)
    repaired = body != resource
    remarks = (REPAIRED,) if repaired else ()
    if repaired:
        shape = shape_of(body, formats)
    if _accepts(_R4, kind, body, shape):
        return Checked(body, remarks=remarks)
    if is_older(kind, body):
        return Checked(None, OLDER)
    if _is_r5(kind, body) and _accepts(_R5, kind, body, shape):
        return Checked(_in_r4_names(kind, body), remarks=(AS_R5, *remarks))
    return Checked(None, INVALID)


_SHAPES = Shapes()


def _accepts(release: str, kind: str, body: Mapping[str, Any], shape: Shape | None) -> bool:
    if _SHAPES.has(release, shape):
        return True
    valid = _valid(kind, body, release)
    if valid and shape is not None:
        _SHAPES.add(release, shape)
    return valid


def _is_modified(resource: Mapping[str, Any]) -> bool:
    """Whether a modifier extension may turn the meaning: FHIR forbids to read what has an unknown one (R4 2.4.1)."""
    if resource.get("modifierExtension"):
        return True
    return any(component.get("modifierExtension") for component in objects(resource.get("component")))


def _valid(kind: str, body: Mapping[str, Any], release: str = _R4) -> bool:
    try:
        _model(kind, release)(body)
    except (ValidationError, KeyError, ValueError, TypeError, AttributeError):
        # beside ValidationError, fhir.resources raises KeyError for unknown contained types
        return False
    return True


def mend(resource: Mapping[str, Any]) -> dict[str, Any]:
    """Repair what is often sent and is not FHIR: spaces around codes, numeric codes, lone objects, nulls."""
    return _mend(resource, _LISTS | _lists_of(resource))


def _mend(value: Mapping[str, Any], lists: frozenset[str]) -> dict[str, Any]:
    mended: dict[str, Any] = {}
    for name, member in value.items():
        found = member
        if found is None:
            continue
        if name in _TRIMMED:
            if isinstance(found, str):
                found = found.strip()
            elif name == "code" and type(found) is int:
                found = str(found)
        if name in lists and isinstance(found, dict):
            found = [found]
        below = _LISTS_IN.get(name, _LISTS)
        if isinstance(found, dict):
            found = _mend(found, below)
        elif isinstance(found, list):
            found = _mend_list(found, below, keep_nulls=name.startswith("_") or f"_{name}" in value)
        mended[name] = found
    return mended


def _mend_list(members: list[Any], lists: frozenset[str], *, keep_nulls: bool) -> list[Any]:
    return [
        _mend(member, lists | _lists_of(member)) if isinstance(member, dict) else member
        for member in members
        if member is not None or keep_nulls
    ]


def _lists_of(value: Mapping[str, Any]) -> frozenset[str]:
    """Give the elements that are lists in a resource of a type that is read; none in anything else."""
    kind = value.get("resourceType")
    return _LISTS_OF_ANY | _LISTS_OF[kind] if isinstance(kind, str) and kind in _LISTS_OF else frozenset()


def is_older(kind: str, body: Mapping[str, Any]) -> bool:
    """Whether a resource is written in a version of FHIR before R4."""
    if kind == "Condition" and any(
        isinstance(body.get(name), str) for name in ("clinicalStatus", "verificationStatus")
    ):
        return True
    return bool(_OLDER_ELEMENTS.get(kind, frozenset()) & body.keys())


def _is_r5(kind: str, body: Mapping[str, Any]) -> bool:
    if any(name.startswith(_R5_PREFIXES.get(kind, ())) for name in body):
        return True
    return any(not new.isdisjoint(one) for name, new in _R5_WITHIN.items() for one in objects(body.get(name)))


def _in_r4_names(kind: str, body: dict[str, Any]) -> dict[str, Any]:
    """Give an R5 resource the element names of R4, as far as the readers look at them."""
    named = dict(body)
    for old, new in (("occurrence", "performed"), ("occurence", "effective")):
        if (kind, old) in {("Procedure", "occurrence"), ("MedicationAdministration", "occurence")}:
            named |= {new + name.removeprefix(old): named.pop(name) for name in body if name.startswith(old)}
    medication = named.get("medication")
    if isinstance(medication, dict):
        named |= {"medicationCodeableConcept": medication["concept"]} if "concept" in medication else {}
        named |= {"medicationReference": medication["reference"]} if "reference" in medication else {}
    code = named.get("code")
    if kind == "ServiceRequest" and isinstance(code, dict) and isinstance(code.get("concept"), dict):
        named["code"] = code["concept"]
    if kind == "BodyStructure":
        places, qualifiers = _places(named)
        named |= {"location": places[0]} if places else {}
        named["locationQualifier"] = [*places[1:], *qualifiers]
    if kind == "Condition" and "evidence" in named:
        named["evidence"] = [_finding(one) for one in named["evidence"]]
    if kind == "Observation" and "bodyStructure" in named:
        named["focus"] = [*named.get("focus", ()), named["bodyStructure"]]
    return named


def _finding(evidence: Mapping[str, Any]) -> dict[str, Any]:
    """Give a Condition's evidence of R5 as one of R4."""
    return {new: [evidence[name]] for name, new in (("concept", "code"), ("reference", "detail")) if name in evidence}


def _places(body: Mapping[str, Any]) -> tuple[list[Any], list[Any]]:
    """Give the structures that a BodyStructure of R5 includes, and what qualifies them."""
    included = [one for one in body.get("includedStructure") or () if "structure" in one]
    return [one["structure"] for one in included], [found for one in included for found in one.get("qualifier", ())]


def canonical(resource: Mapping[str, Any]) -> bytes:
    """Give a resource as bytes that do not depend on the order of its elements; empty where it nests too deeply."""
    try:
        return orjson.dumps(resource, option=orjson.OPT_SORT_KEYS)
    except TypeError:
        return b""


_STAGES = (
    frozenset({"registered", "draft", "preparation", "not-done-yet"}),
    frozenset({"preliminary", "partial", "active", "on-hold", "in-progress"}),
    frozenset({"final", "completed", "stopped", "not-done"}),
    frozenset({"amended", "corrected"}),
    frozenset({"cancelled", "revoked", "entered-in-error"}),
)
"""Statuses in the order in which a resource comes to them."""


def newest_version(versions: Iterable[Mapping[str, Any]]) -> Mapping[str, Any]:
    """Give the newest of several versions of one resource: by `versionId`, then `lastUpdated`, then its status."""
    return max(versions, key=lambda resource: (*_version(resource), _stage(resource), canonical(resource)))


def _stage(resource: Mapping[str, Any]) -> int:
    status = resource.get("status")
    return next((at for at, stage in enumerate(_STAGES) if isinstance(status, str) and status in stage), -1)


def _version(resource: Mapping[str, Any]) -> tuple[int, str]:
    meta = resource.get("meta")
    if not isinstance(meta, dict):
        return -1, ""
    number, updated = meta.get("versionId"), meta.get("lastUpdated")
    numbered = int(number) if isinstance(number, str) and number.isascii() and number.isdigit() else -1
    return numbered, updated if isinstance(updated, str) else ""
