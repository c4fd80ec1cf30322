"""A first look at the conditions alone: whether a chart can be in scope at all, so that others cost no more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fhir_mappings.read.places import METASTASIS_BY_SITE
from fhir_mappings.read.values import written_codes

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fhir_mappings.terminology import Terminology

_METASTASES = frozenset({"liver-metastasis", METASTASIS_BY_SITE})


def may_be_in_scope(resources: Iterable[dict[str, Any]], terminology: Terminology) -> bool:
    """Whether one of the resources that `read_source` kept is, or could be, a metastasis in the liver.

    False means that row G0 excludes the chart, whatever else it holds; true asks for the whole reading. A Condition
    that was kept without an understood code (text alone, withheld, of an odd shape) could be one.
    """
    for resource in resources:
        if resource.get("resourceType") != "Condition":
            continue
        sets = {name for system, code in written_codes(resource.get("code")) for name in terminology.sets(system, code)}
        if not sets or not sets.isdisjoint(_METASTASES):
            return True
    return False
