"""A first look at the conditions alone: whether a chart can be in scope at all, so that others cost no more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fhir_mappings.read.chart_reading import codings_of, topics_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fhir_mappings.terminology import Terminology

_LIVER = "liver-metastasis"


def may_be_in_scope(resources: Iterable[dict[str, Any]], terminology: Terminology) -> bool:
    """Whether one of the resources that `read_source` kept is, or could be, a metastasis in the liver.

    False means that row G0 excludes the chart, whatever else it holds; true asks for the whole reading. A Condition
    that was kept without a code of any value set (text alone, withheld, of an odd shape) could be one, and one whose
    code names no organ where its text does.
    """
    for resource in resources:
        if resource.get("resourceType") != "Condition":
            continue
        coded, understood = codings_of("Condition", resource, terminology)
        if not coded or any(_LIVER in sets for _, sets in coded):
            return True
        if not understood and _LIVER in topics_of("Condition", resource, beside_code=False)[0]:
            return True
    return False
