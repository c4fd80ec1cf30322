"""Operations of bowel and liver: what a code says of the operation, what was done, and what is planned."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fhir_mappings.read.conditions import earliest, past_metastases
from fhir_mappings.read.dates import shifted
from fhir_mappings.read.once import once
from fhir_mappings.read.other_cancers import is_for_another
from fhir_mappings.read.reader import NOT_DONE

if TYPE_CHECKING:
    from fhir_mappings.case import PartialDate
    from fhir_mappings.read.chart_reading import Resource
    from fhir_mappings.read.reader import Reader

RESECTIONS = "resection-*"
LIVER_OPERATIONS = ("hepatectomy-*", "liver-ablation")
UNLISTED_LIVER_OPERATIONS = "liver-operation-unlisted"
RELIEFS = ("resection-*", "stoma-or-stent")
FOR_ANOTHER = "an operation for another cancer, not used"
UNLISTED = "an operation of the liver, its code does not say which"
NOT_PLACED = "an operation of the liver, not certainly for these metastases"
BEFORE_DIAGNOSIS_DAYS = 90
"""The Condition is often dated by the specimen: what happened this long before it still belongs to the primary."""

_LOW, _HIGH = "low-anterior-resection", "sigmoid-or-high-anterior-resection"
_PERINEAL, _HARTMANN = "abdominoperineal-resection", "hartmann"
_OPEN: dict[str, frozenset[str]] = {
    "segmental": frozenset({"right-hemicolectomy", "transverse-colectomy", "left-hemicolectomy", _HIGH}),
    "colectomy": frozenset({
        "right-hemicolectomy", "transverse-colectomy", "left-hemicolectomy", _HIGH, _HARTMANN, "total-colectomy",
    }),
    "whole-colon": frozenset({"total-colectomy", "proctocolectomy"}),
    "anterior": frozenset({_HIGH, _LOW}),
    "rectum": frozenset({_LOW, _PERINEAL}),
    "multivisceral": frozenset({_LOW, _PERINEAL, _HARTMANN}),
}  # fmt: skip
"""Operations that a code leaves open."""

_LOW_SITES = frozenset({"rectum-mid", "rectum-low"})


def operation(reader: Reader, resource: Resource) -> str | frozenset[str | bool] | None:
    """Give the colorectal operation that a resource's codes say, or those that they leave open.

    An anterior resection is low where the primary is in the middle or lower rectum.
    """
    left: frozenset[str | bool] | None = None
    for said in resource.starting("resection-"):
        meant: frozenset[str | bool] = frozenset(_OPEN.get(said, {said}))
        if said == "anterior" and reader.value("primary-site") in _LOW_SITES:
            meant = frozenset({_LOW})
        left = meant if left is None else (left & meant) or (left | meant)
    if left is None:
        return None
    return str(next(iter(left))) if len(left) == 1 else left


@once
def primary_resections(reader: Reader) -> tuple[Resource, ...]:
    """Give the completed resections of the primary: from 90 days before its diagnosis on, dated.

    Where the diagnosis has no date every dated resection is taken for one of the primary.
    """
    resections = _resections(reader)
    if not resections:
        return ()
    since = _since(reader)
    return tuple(
        resection
        for resection in resections
        if resection.dated is not None and (since is None or resection.dated.first >= since.last)
    )


@once
def undecided_resections(reader: Reader) -> tuple[Resource, ...]:
    """Give the completed resections of which no date says whether they were of this primary."""
    resections = _resections(reader)
    if not resections:
        return ()
    since = _since(reader)
    return tuple(
        resection
        for resection in resections
        if resection.dated is None
        or (since is not None and resection.dated.first < since.last and resection.dated.last >= since.first)
    )


@once
def _resections(reader: Reader) -> tuple[Resource, ...]:
    """Give the completed resections of the bowel, but those for another cancer."""
    return tuple(resection for resection in reader.done(RESECTIONS) if not is_for_another(reader, resection))


def flag_others(reader: Reader, fact: str, *sets: str) -> None:
    """Note the completed operations in some value sets that tell nothing of a fact: they were for another cancer."""
    for done in reader.done(*sets):
        if is_for_another(reader, done):
            reader.flag(done, FOR_ANOTHER, fact)


def flag_liver_operations(reader: Reader, fact: str) -> None:
    """Note the operations of the liver that do not tell whether the metastases are treated."""
    flag_others(reader, fact, *LIVER_OPERATIONS)
    for unlisted in unlisted_liver_operations(reader):
        reader.flag(unlisted, UNLISTED, fact)
    counted = {done.reference for done in operations_for_metastases(reader)}
    for done in liver_operations(reader):
        if done.reference not in counted and not is_for_another(reader, done):
            reader.flag(done, NOT_PLACED, fact)


def resected_long_before_diagnosis(reader: Reader) -> bool:
    """Whether the date of the resection, as somebody entered it, may be too early for a resection of this primary."""
    resected = reader.date_of("primary-resection-date")
    if resected is None:
        return False
    since = _since(reader)
    return since is not None and resected.first < since.last


def _since(reader: Reader) -> PartialDate | None:
    """Give the day from which on a resection is one of this primary, where the diagnosis has a date."""
    diagnosed = reader.date_of("primary-diagnosis-date")
    return shifted(diagnosed, -BEFORE_DIAGNOSIS_DAYS) if diagnosed is not None else None


@once
def planned_operations(reader: Reader, *sets: str) -> tuple[Resource, ...]:
    """Give the open plans of operations in some value sets, but those for another cancer."""
    return tuple(plan for plan in reader.planned(*sets) if not is_for_another(reader, plan))


def liver_operations(reader: Reader) -> list[Resource]:
    """Give the completed resections and ablations of the liver, whatever their date."""
    return reader.done(*LIVER_OPERATIONS)


def unlisted_liver_operations(reader: Reader) -> list[Resource]:
    """Give the operations of the liver, done or perhaps done, whose code does not say which."""
    found = reader.chart.held("Procedure", UNLISTED_LIVER_OPERATIONS)
    return [operation for operation in found if operation.status not in NOT_DONE]


@once
def operations_for_metastases(reader: Reader) -> tuple[Resource, ...]:
    """Give the completed liver operations on or after the first liver metastasis on every reading of the dates.

    One for another cancer, as of the liver itself, is none of them.
    """
    operations = liver_operations(reader)
    if not operations:
        return ()
    dates = [met.dated for met in past_metastases(reader) if met.dated is not None and not met.future]
    known = reader.date_of("liver-metastasis-date")
    if known is not None:
        dates.append(known)
    if not dates:
        return ()
    first = earliest(dates).last
    return tuple(
        found
        for found in operations
        if found.dated is not None and found.dated.first >= first and not is_for_another(reader, found)
    )
