"""The numbers of a site that reading a chart needs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class MappingPolicy:
    """Windows and ages in days.

    In `staging_window_days` after the primary's diagnosis metastases count as found at staging; for
    `intraoperative_window_days` "found at operation" holds; `maximum_age_days` replaces those of the catalogue, fact by
    fact.
    """

    staging_window_days: int = 30
    intraoperative_window_days: int = 60
    maximum_age_days: Mapping[str, int] = field(default_factory=dict)
