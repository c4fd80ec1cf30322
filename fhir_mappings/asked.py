"""Whether a source holds what was asked for: what does not is no answer, and must not count as "there is none"."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from fhir_mappings.bundle import each_match
from fhir_mappings.read.references import OTHER_PATIENT, patient_fault

if TYPE_CHECKING:
    from fhir_mappings.bundle import Body, Scan, SourceRead


def has_type(sent: Body | Scan, source: SourceRead, resource_type: str) -> bool:
    """Whether what was sent has a resource of a type, a Bundle around some, or nothing that matches.

    `source` is what `read_source` made of it.
    """
    if source.resources and source.resources[0]["resourceType"] == resource_type:
        return True
    wanted, others = {resource_type, "Bundle"}, False
    for found in each_match(sent):
        if found is None or found.get("resourceType") in wanted:
            return True
        others = True
    return not others


def is_of_another(sent: Body | Scan, source: SourceRead, resource_type: str, patient_id: str) -> bool:
    """Whether what was sent holds resources of one type alone, some, and each names a patient of another id.

    An OperationOutcome beside them says nothing of whose they are.
    """
    others = False
    for one in chain(source.resources, each_match(sent)):
        if one is not None and one.get("resourceType") == "OperationOutcome":
            continue
        if one is None or one.get("resourceType") != resource_type or patient_fault(one, patient_id) != OTHER_PATIENT:
            return False
        others = True
    return others
