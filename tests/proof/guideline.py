"""The guideline as its files have it: plain TOML tables, no reader of the service between."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from tests.proof.language import Call, Comparison, Name, atoms, read, written

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

Table: TypeAlias = dict[str, Any]


@dataclass(frozen=True)
class WrittenGuideline:
    """The tables of all files; rows and advisories in their order."""

    definitions: Mapping[str, str]
    rows: tuple[Table, ...]
    advisories: tuple[Table, ...]
    assumptions: tuple[Table, ...]
    ties: tuple[Table, ...]
    parameters: Mapping[str, Table]

    @property
    def steps(self) -> dict[str, str | None]:
        """Give the next step of each row."""
        return {row["id"]: row.get("next_step") for row in self.rows}

    def conditions(self) -> Iterator[str]:
        """Give every condition that there is."""
        yield from self.definitions.values()
        yield from self.alternatives
        for entry in (*self.rows, *self.advisories, *self.assumptions, *self.ties):
            yield from (entry[key] for key in ("when", "strong_when", "assume", "then") if key in entry)

    @property
    def alternatives(self) -> tuple[str, ...]:
        """Give the conditions of alternatives, each once."""
        listed = [other.get("when") for row in self.rows for other in row.get("alternatives", ())]
        return tuple(dict.fromkeys(when for when in listed if when))


def read_guideline(texts: Iterable[str]) -> WrittenGuideline:
    """Read the files of a guideline."""
    tables = [tomllib.loads(text) for text in texts]

    def listed(key: str) -> tuple[Table, ...]:
        return tuple(entry for table in tables for entry in table.get(key, ()))

    def named(key: str) -> dict[str, Any]:
        return {name: entry for table in tables for name, entry in table.get(key, {}).items()}

    return WrittenGuideline(
        definitions=named("definition"),
        rows=listed("row"),
        advisories=listed("advisory"),
        assumptions=listed("assumption"),
        ties=listed("tie"),
        parameters=named("parameter"),
    )


def names_in(conditions: Iterable[str], guideline: WrittenGuideline) -> set[str]:
    """Give every name that conditions use, by themselves or by definitions."""
    found: set[str] = set()
    for atom in (atom for condition in conditions for atom in atoms(read(condition))):
        match atom:
            case Name(text=name) | Comparison(left=name):
                found |= {name, *names_in(filter(None, [guideline.definitions.get(name)]), guideline)}
            case Call(argument=argument):
                found |= names_in([written(argument)], guideline)
    return found
