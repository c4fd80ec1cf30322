"""A first look at the conditions alone: whether a chart can be in scope at all, so that others cost no more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fhir_mappings.read.topics import about, codings_of, named_beside

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fhir_mappings.terminology import Terminology

_LIVER = "liver-metastasis"


def may_be_in_scope(resources: Iterable[dict[str, Any]], terminology: Terminology) -> bool:
    """Whether one of the resources that `read_source` kept is, or could be, a metastasis in the liver.

    False means that row G0 excludes the chart, whatever else it holds; true asks for the whole reading. What a
    Condition could be beside what its code says is told by its text; one that was kept for nothing else (its
    code is withheld, or of an odd shape) could be any.
    """
    waiting = []
    for resource in resources:
        if resource.get("resourceType") == "Condition":
            _, sets, understood = codings_of("Condition", resource, terminology)
            if _LIVER in sets:
                return True
            waiting.append((resource, sets, understood))
    for condition, sets, understood in waiting:
        topics, masked = about("Condition", condition, sets, terminology, understood=understood)
        named = topics | named_beside(condition, sets, terminology)
        if masked or _LIVER in named or not (named or sets or understood):
            return True
    return False
