"""Which descendants of SNOMED CT concepts widen which value set; what a terminology server said is given, not asked."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from fnmatch import fnmatchcase
from importlib.resources import files
from typing import TYPE_CHECKING, Any, TypeAlias

from fhir_mappings.terminology import shipped_documents

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

SNOMED = "http://snomed.info/sct"

Expansions: TypeAlias = "Mapping[str, Mapping[str, str]]"
"""For each concept the codes of itself and its descendants, with their displays."""


@dataclass(frozen=True, slots=True)
class ValueSet:
    """One shipped value set with SNOMED CT concepts."""

    id: str
    url: str
    title: str
    version: str
    concepts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Family:
    """Sets that exclude each other, concepts whose descendants none of them takes, and codes placed already."""

    name: str
    sets: tuple[ValueSet, ...]
    exclude: tuple[str, ...] = ()
    placed: frozenset[str] = frozenset()

    @property
    def concepts(self) -> tuple[str, ...]:
        """Give every concept whose descendants have to be known, each once."""
        own = (concept for value_set in self.sets for concept in value_set.concepts)
        return tuple(dict.fromkeys([*own, *self.exclude]))


@dataclass(frozen=True, slots=True)
class Widened:
    """A set and the codes that it gains, with their displays; `undecided` are those that two sets could claim."""

    value_set: ValueSet
    codes: Mapping[str, str]
    undecided: tuple[str, ...] = ()


def load_families() -> tuple[Family, ...]:
    """Read the families and the shipped sets in them."""
    shipped = [_shipped(document) for _, document in shipped_documents()]
    tables = tomllib.loads(files("fhir_mappings").joinpath("widening.toml").read_text(encoding="utf-8"))["family"]
    placed = frozenset(concept for one in shipped for concept in one.concepts)
    return tuple(_family(table, [one for one in shipped if one.concepts], placed) for table in tables)


def widen(family: Family, expansions: Expansions) -> tuple[Widened, ...]:
    """Share out the descendants among the sets of a family; a set that gains nothing is not listed."""
    barred = family.placed.union(*(expansions[concept].keys() for concept in family.exclude))
    claims: dict[str, dict[str, set[str]]] = {}
    displays: dict[str, str] = {}
    for value_set in family.sets:
        for concept in value_set.concepts:
            for code, display in expansions[concept].items():
                if code not in barred:
                    displays[code] = display
                    claims.setdefault(code, {}).setdefault(value_set.id, set()).add(concept)
    gained: dict[str, dict[str, str]] = {one.id: {} for one in family.sets}
    undecided: dict[str, list[str]] = {one.id: [] for one in family.sets}
    for code in sorted(claims):
        nearest = _nearest(claims[code], expansions)
        if len(nearest) == 1:
            gained[nearest[0]][code] = displays[code]
        else:
            for set_id in nearest:
                undecided[set_id].append(code)
    found = (Widened(one, gained[one.id], tuple(undecided[one.id])) for one in family.sets)
    return tuple(one for one in found if one.codes or one.undecided)


def value_set_of(widened: Widened, *, version: str, timestamp: str, edition: str | None) -> dict[str, Any]:
    """Give the expansion as a FHIR ValueSet; it widens the shipped set, whose url it carries.

    `version` is that of the widening, `timestamp` a FHIR dateTime, `edition` the version of SNOMED CT as the server
    names it.
    """
    shipped = widened.value_set
    used = [{"name": "used-codesystem", "valueUri": f"{SNOMED}|{edition}"}] if edition else []
    return {
        "resourceType": "ValueSet",
        "id": shipped.id,
        "url": shipped.url,
        "version": f"{shipped.version}+{version}",
        "title": shipped.title,
        "status": "active",
        "expansion": {
            "timestamp": timestamp,
            "total": len(widened.codes),
            "parameter": [*used, {"name": "widens", "valueString": f"{shipped.url}|{shipped.version}"}],
            "contains": [
                {"system": SNOMED, "code": code, "display": display} for code, display in widened.codes.items()
            ],
        },
    }


def codes_of(document: Mapping[str, Any]) -> dict[str, str]:
    """Give the codes of an expansion that was written before, with their displays."""
    contains = document.get("expansion", {}).get("contains", ())
    return {entry["code"]: entry.get("display", "") for entry in contains if "code" in entry}


def _nearest(claims: Mapping[str, set[str]], expansions: Expansions) -> Sequence[str]:
    """Give the sets whose concepts stand nearest above a code: those under which no other claim's concept lies."""
    return [
        set_id
        for set_id, concepts in claims.items()
        if not any(other_id != set_id and _all_below(other, concepts, expansions) for other_id, other in claims.items())
    ]


def _all_below(lower: Iterable[str], upper: Iterable[str], expansions: Expansions) -> bool:
    """Whether some concept of `lower` lies below every one of `upper`, so that it stands nearer to their descendant."""
    return any(all(concept != above and concept in expansions[above] for above in upper) for concept in lower)


def _shipped(document: Mapping[str, Any]) -> ValueSet:
    includes = document.get("compose", {}).get("include", ())
    concepts = [
        concept["code"]
        for include in includes
        if include.get("system") == SNOMED
        for concept in include.get("concept", ())
    ]
    return ValueSet(
        id=document.get("id", ""),
        url=document["url"],
        title=document.get("title", ""),
        version=document.get("version", ""),
        concepts=tuple(concepts),
    )


def _family(table: Mapping[str, Any], shipped: Sequence[ValueSet], placed: frozenset[str]) -> Family:
    sets = tuple(one for one in shipped if any(fnmatchcase(one.id, pattern) for pattern in table["sets"]))
    return Family(table["name"], sets, tuple(table.get("exclude", ())), placed)
