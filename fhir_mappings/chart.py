"""The chart: the relevant resources of one request, and which types of them were had completely."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


class Completeness(StrEnum):
    """How much of one resource type was had."""

    COMPLETE = "complete"
    PARTIAL = "partial"
    NOT_RETRIEVED = "not-retrieved"


@dataclass(frozen=True, slots=True)
class Chart:
    """The input of the mapper: raw JSON resources that may matter, in any order, duplicates included.

    `resources` come from the EHR's record, `draft_orders` from the hook's context (they win over the record's copies).
    `completeness` has an entry for each resource type that was asked for; a type that is not named counts as
    not retrieved.
    """

    patient_id: str
    resources: tuple[dict[str, Any], ...] = ()
    draft_orders: tuple[dict[str, Any], ...] = ()
    completeness: Mapping[str, Completeness] = field(default_factory=dict)
