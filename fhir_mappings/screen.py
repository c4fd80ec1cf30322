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

    False means that row G0 excludes the chart, whatever else it holds; true asks for the whole reading. What a
    Condition without a code that is understood could be is said by its text; one that was kept for nothing else (its
    code is withheld, or of an odd shape) could be any.
    """
    for resource in resources:
        if resource.get("resourceType") != "Condition":
            continue
        coded, understood = codings_of("Condition", resource, terminology)
        if any(_LIVER in sets for _, sets in coded):
            return True
        if not understood:
            topics, masked = topics_of("Condition", resource, beside_code=False)
            if masked or _LIVER in topics or not (topics or coded):
                return True
    return False
