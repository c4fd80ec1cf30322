"""Whether what the catalogue of facts names is there: its readers, value sets and types of resources."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fhir_mappings.read.chart_reading import matches
from fhir_mappings.read.reader import has_reader
from fhir_mappings.relevance import READ

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fhir_mappings.catalogue import Catalogue
    from fhir_mappings.terminology import Terminology


def loose_ends(catalogue: Catalogue, terminology: Terminology) -> Iterator[str]:
    """Name every reader, value set and type of resource that a fact names and that is not there."""
    own = (f"{key}:{code}" for key, system in terminology.code_systems.items() for code in system.codes)
    known = {*terminology.set_ids, *own}
    for code, fact in catalogue.facts.items():
        if not has_reader(fact.reader):
            yield f"fact {code}: there is no reader {fact.reader!r}"
        for kind, sets in fact.sources.items():
            if kind not in READ:
                yield f"fact {code}: resources of the type {kind!r} are not read"
            yield from (
                f"fact {code}: there is no value set {wanted!r}"
                for wanted in sets
                if not any(matches(name, (wanted,)) for name in known)
            )
