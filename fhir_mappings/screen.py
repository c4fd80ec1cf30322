"""A first look at the conditions alone: whether a chart can be in scope at all, so that others cost no more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fhir_mappings.read.topics import about, codings_of

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
    for resource in resources:
        if resource.get("resourceType") != "Condition":
            continue
        coded, understood = codings_of("Condition", resource, terminology)
        sets = frozenset[str]().union(*(held for _, held in coded))
        if _LIVER in sets:
            return True
        topics, masked = about("Condition", resource, sets, terminology, understood=understood)
        if masked or _LIVER in topics or not (topics or coded or understood):
            return True
    return False
