"""The catalogue of facts: their kinds, units, choices and ages, read from `catalogue.toml`."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

if TYPE_CHECKING:
    from collections.abc import Mapping

FACTS_SYSTEM = "https://crlm-cds.example/fhir/CodeSystem/case-facts"

Kind: TypeAlias = Literal["boolean", "integer", "number", "choice", "date"]


class CatalogueError(Exception):
    """The catalogue is faulty; the message lists every fault."""


@dataclass(frozen=True, slots=True)
class FactDefinition:
    """One fact: what it is called, which values it may have, and which reader finds it.

    `unit` is a UCUM code; `maximum_age_days` is `None` for facts that never become too old. `yes` and
    `no` are the choices that a boolean stands for. `sources` are, for each resource type beside the local Observation,
    the value sets of the codes that carry the fact (ids, or prefixes that end with `*`).
    """

    code: str
    title: str
    question: str
    kind: Kind
    reader: str
    choices: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    unit: str | None = None
    maximum_age_days: int | None = None
    yes: str | None = None
    no: str | None = None
    sources: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The name in the condition language: the code with underscores."""
        return self.code.replace("-", "_")


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All facts by code, in the order of the file."""

    facts: Mapping[str, FactDefinition]

    def __getitem__(self, code: str) -> FactDefinition:
        """Give the fact with this code."""
        return self.facts[code]


_KINDS: Mapping[str, tuple[tuple[type, ...], str]] = {
    "title": ((str,), "a text"),
    "question": ((str,), "a text"),
    "kind": ((str,), "a text"),
    "reader": ((str,), "a text"),
    "choices": ((list,), "a list of texts"),
    "minimum": ((int, float), "a number"),
    "maximum": ((int, float), "a number"),
    "unit": ((str,), "a text"),
    "maximum_age_days": ((int,), "a whole number"),
    "yes": ((str,), "a text"),
    "no": ((str,), "a text"),
    "sources": ((dict,), "lists of value sets by resource type"),
}
"""Every key of a fact: what it may hold, and how that is called."""


def parse_catalogue(text: str) -> Catalogue:
    """Read a catalogue from TOML; raise `CatalogueError` with every fault at once."""
    try:
        document = tomllib.loads(text)
    except (ValueError, RecursionError) as fault:
        raise CatalogueError(str(fault)) from fault
    tables = document.pop("fact", {})
    faults = [f"unknown key {key!r}: facts are tables headed [fact.CODE]" for key in sorted(document)]
    facts: dict[str, FactDefinition] = {}
    if not isinstance(tables, dict):
        raise CatalogueError("fact must be tables by code")
    for code, table in tables.items():
        found = _faults_of(code, table)
        faults += found
        if not found:
            facts[code] = _definition(code, table)
    if not tables:
        faults.append("the catalogue has no facts")
    if faults:
        raise CatalogueError("\n".join(faults))
    return Catalogue(facts)


def _definition(code: str, table: Mapping[str, Any]) -> FactDefinition:
    sources = {kind: tuple(sets) for kind, sets in table.get("sources", {}).items()}
    return FactDefinition(code=code, **{**table, "choices": tuple(table.get("choices", ())), "sources": sources})


def _faults_of(code: str, table: object) -> list[str]:
    if not isinstance(table, dict):
        return [f"fact {code}: must be a table"]
    faults = [f"fact {code}: unknown key {key!r}" for key in sorted(table.keys() - _KINDS.keys())]
    faults += [f"fact {code}: {key} is missing" for key in ("title", "question", "kind", "reader") if key not in table]
    faults += _contradictions(code, {key: value for key, value in table.items() if key in _KINDS and _fits(key, table)})
    return faults + [f"fact {code}: {key} must be {name}" for key, (_, name) in _KINDS.items() if not _fits(key, table)]


def _fits(key: str, table: Mapping[str, object]) -> bool:
    if key not in table:
        return True
    value, (types, _) = table[key], _KINDS[key]
    if not isinstance(value, types) or isinstance(value, bool):
        return False
    return _are_texts(value) if key == "choices" else _is_sources(value) if key == "sources" else True


def _are_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(member, str) for member in value)


def _contradictions(code: str, table: Mapping[str, Any]) -> list[str]:
    faults = []
    kind = table.get("kind")
    if "kind" in table and kind not in get_args(Kind):
        faults.append(f"fact {code}: kind must be one of {', '.join(get_args(Kind))}")
    if (kind == "choice") != bool(table.get("choices")):
        faults.append(f"fact {code}: choices belong to kind choice, and only there")
    faults += [
        f"fact {code}: {key} must be one of its choices"
        for key in ("yes", "no")
        if key in table and table[key] not in table.get("choices", ())
    ]
    if kind == "number" and "unit" not in table:
        faults.append(f"fact {code}: a number needs a unit")
    return faults


def _is_sources(sources: object) -> bool:
    return isinstance(sources, dict) and all(_are_texts(sets) for sets in sources.values())


@cache
def load_catalogue() -> Catalogue:
    """Read the catalogue that ships with the package."""
    return parse_catalogue(files("fhir_mappings").joinpath("catalogue.toml").read_text(encoding="utf-8"))
