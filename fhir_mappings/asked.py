"""Whether a source holds what was asked for: what does not is no answer, and must not count as "there is none"."""

from __future__ import annotations

from enum import Enum, auto
from typing import TYPE_CHECKING, Any

from fhir_mappings.bundle import each_match
from fhir_mappings.read.references import OTHER_PATIENT, patient_fault

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fhir_mappings.bundle import Body, Opened, SourceRead


class Stray(Enum):
    """What a source holds in the place of what was asked for."""

    OTHER_TYPES = auto()
    OTHER_PATIENT = auto()


def stray(sent: Body | Opened, source: SourceRead, *, resource_type: str, patient_id: str) -> Stray | None:
    """Say what was sent in the place of resources of one type and patient; `None` where some, or nothing, came.

    `source` is what `read_source` made of it. What nothing can read, a Bundle inside and what names no patient may all
    be what was asked for.
    """

    def answers(one: Mapping[str, Any] | None) -> bool:
        if one is None or one.get("resourceType") == "Bundle":
            return True
        return one.get("resourceType") == resource_type and patient_fault(one, patient_id) != OTHER_PATIENT

    if any(answers(one) for one in source.resources):
        return None
    found = None
    for one in each_match(sent):
        if answers(one):
            return None
        if one is not None and one.get("resourceType") == resource_type:
            found = Stray.OTHER_PATIENT
        found = found or Stray.OTHER_TYPES
    return found
