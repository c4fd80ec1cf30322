"""The codes that matter: value sets and code systems from FHIR JSON, looked up by any spelling of system and code."""

from __future__ import annotations

import json
import re
import tomllib
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from string import ascii_uppercase
from typing import TYPE_CHECKING, Any

from fhir_mappings.value_set_json import (
    is_code_system,
    is_value_set,
    read_code_system,
    read_members,
    set_id_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from importlib.resources.abc import Traversable
    from pathlib import Path

NOTHING: frozenset[str] = frozenset()


class TerminologyError(Exception):
    """A value set or code system is faulty; the message lists every fault."""


@dataclass(frozen=True, slots=True)
class CodeSystem:
    """One of our own code systems: its URL and the display of each code."""

    url: str
    codes: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Systems:
    """The code systems that are read: for each spelling of a URL or OID its key, and how its codes are written.

    `editions` are beginnings of URLs, each with its key: national editions and versions of a system.
    """

    keys: Mapping[str, str]
    dotted: frozenset[str]
    urls: Mapping[str, str]
    editions: tuple[tuple[str, str], ...]

    def key(self, system: str) -> str | None:
        """Give the key of a system's URL, `urn:oid:` or bare OID; `None` for systems that are not read."""
        found = self.keys.get(system)
        if found is not None:
            return found
        spelled = _bare(system)
        edition = next((key for beginning, key in self.editions if spelled.startswith(beginning)), None)
        return self.keys.get(spelled, edition)

    def code(self, key: str, code: str) -> str:
        """Give a code as the value sets write it: upper case, ICD and OPCS with their dot, no spaces around."""
        code = code.strip().upper()
        if key in self.dotted:
            written = WITH_CERTAINTY.fullmatch(code)
            plain = (written[1] if written else code.rstrip("+*!†-")).replace(".", "").replace(" ", "")
            return plain if len(plain) <= _CATEGORY else f"{plain[:_CATEGORY]}.{plain[_CATEGORY:]}"
        return code.removeprefix("HGNC:") if key == "hgnc" else code


_CATEGORY = 3
WITH_CERTAINTY = re.compile(r"([A-Z]\d\d[.\d]*)\s?([AGVZ])\s?[BLR]?")
"""A code of ICD-10-GM in upper case, the letter of its certainty behind it, and that of a side."""


def _bare(system: str) -> str:
    spelled = system.strip().lower().partition("|")[0].rstrip("/")
    for prefix in ("urn:oid:", "https://", "http://", "www."):
        spelled = spelled.removeprefix(prefix)
    return spelled


def parse_systems(text: str) -> Systems:
    """Read the table of code systems (TOML: one table a system with `url`, `dotted`, `also` and `editions`)."""
    keys: dict[str, str] = {}
    urls: dict[str, str] = {}
    tables = tomllib.loads(text)
    for key, table in tables.items():
        urls[key] = table["url"]
        for spelling in (table["url"], *table.get("also", ())):
            keys[spelling] = key
            keys[_bare(spelling)] = key
    dotted = frozenset(key for key, table in tables.items() if table.get("dotted"))
    editions = tuple((beginning, key) for key, table in tables.items() for beginning in table.get("editions", ()))
    return Systems(keys, dotted, urls, editions)


_SNOMED = "snomed"
_ICD_10 = "icd-10"
_TERM = re.compile(r"\|[^|]*\|")
_CONCEPT = re.compile(r"\b\d{6,18}\b")
_SITE = re.compile(r"\b363698007\s*=\s*(\d{6,18})\b")
_CONTEXT = re.compile(r"\b(?:408729009|408731000|408732007)\b|\b408730004\s*=(?!\s*385658003\b)")
"""Attributes that say of a finding whether it is there, when it was and whose it is, or that no procedure was done."""


def refined(expression: str) -> list[str]:
    """Give the concepts that an expression of SNOMED CT refines, and so is; none that it puts into a context."""
    focus, _, refinement = _TERM.sub("", expression).partition(":")
    return [] if _CONTEXT.search(refinement) else _CONCEPT.findall(focus)


def sites_in(expression: str) -> list[str]:
    """Give the finding sites that an expression of SNOMED CT names."""
    return _SITE.findall(_TERM.sub("", expression))


@dataclass(frozen=True, slots=True)
class Terminology:
    """All value sets, by code.

    A code of our own systems is in the set `<system>:<code>`, such as `case-facts:ecog` or `strategy:staged`.
    """

    systems: Systems
    exact: Mapping[tuple[str, str], frozenset[str]]
    patterns: Mapping[str, Sequence[tuple[re.Pattern[str], str]]]
    any_pattern: Mapping[str, re.Pattern[str]]
    code_systems: Mapping[str, CodeSystem]
    set_ids: frozenset[str]
    members: Mapping[str, tuple[tuple[str, str], ...]]
    names: Mapping[str, frozenset[str]]
    """The value sets by the designations of their members, in letters and digits alone."""
    _as_written: dict[tuple[str | None, str | None], frozenset[str]] = field(
        init=False, default_factory=dict, repr=False
    )

    def __post_init__(self) -> None:
        """Look up ahead, under every address of its system, each code in the spelling that most charts use.

        Those are the enumerated codes, and of ICD-10, which has its codes by patterns, categories and subcategories.
        """
        plain = [*self.exact, *((key, code) for key, own in self.code_systems.items() for code in own.codes)]
        icd_10 = self.any_pattern.get(_ICD_10)
        plain += [(_ICD_10, code) for code in _subcategories() if icd_10 is not None and icd_10.fullmatch(code)]
        addresses: dict[str, list[str]] = {}
        for address, key in self.systems.keys.items():
            addresses.setdefault(key, []).append(address)
        for key, code in plain:
            found = self._find(self.systems.urls[key], code)
            self._as_written.update({(address, code): found for address in addresses[key]})

    def sets(self, system: str | None, code: str | None) -> frozenset[str]:
        """Give the ids of the value sets that hold a coding; empty for none and for systems that are not read."""
        found = self._as_written.get((system, code))
        return self._find(system, code) if found is None else found

    def _find(self, system: str | None, code: str | None) -> frozenset[str]:
        if not system or not code:
            return NOTHING
        key = self.systems.key(system)
        if key is None:
            return NOTHING
        spelled = self.systems.code(key, code)
        if key == _SNOMED and not spelled.isdigit():
            return NOTHING.union(*(self.exact.get((key, concept), NOTHING) for concept in refined(spelled)))
        found = self.exact.get((key, spelled), NOTHING)
        screen = self.any_pattern.get(key)
        if screen is not None and screen.fullmatch(spelled):
            found |= {name for pattern, name in self.patterns[key] if pattern.fullmatch(spelled)}
        return found

    def named(self, text: str) -> frozenset[str]:
        """Give the ids of the value sets that have a member of this designation."""
        return self.names.get(_letters(text), NOTHING) if len(text) <= _LONGEST else NOTHING

    def reads(self, system: str | None) -> bool:
        """Whether codes of this system are understood, so that an unlisted code means something else."""
        return bool(system) and self.systems.key(system or "") is not None


_LONGEST = 500
"""Characters of a text that is looked at for a designation."""


_SAYS_MORE = frozenset("?<>")
"""Signs by which a text says something else."""


def _letters(text: str) -> str:
    return "".join(char for char in text.casefold() if char.isalnum() or char in _SAYS_MORE)


def _subcategories() -> Iterator[str]:
    """Give all that may be a code of three or four characters in ICD-10."""
    for letter in ascii_uppercase:
        for number in range(100):
            category = f"{letter}{number:02}"
            yield category
            yield from (f"{category}.{digit}" for digit in range(10))


@cache
def shipped_documents() -> tuple[tuple[str, dict[str, Any]], ...]:
    """Give the value sets and code systems that ship with the package, each with its file's name."""
    return tuple(_read(files("fhir_mappings").joinpath("value_sets").iterdir()))


def load_terminology(extra: Path | None = None) -> Terminology:
    """Read the value sets that ship with the package, widened by those in the folder `extra`.

    A value set in `extra` adds its codes to the shipped one with the same url. Raises `TerminologyError`.
    """
    return _shipped() if extra is None else _widened(_read_folder(extra))


@cache
def _shipped() -> Terminology:
    return _widened(())


def _widened(extra: Iterable[tuple[str, dict[str, Any]]]) -> Terminology:
    systems = parse_systems(files("fhir_mappings").joinpath("systems.toml").read_text(encoding="utf-8"))
    return build_terminology(systems, shipped_documents(), extra)


def _read_folder(folder: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    try:
        entries = list(folder.iterdir())
    except OSError:
        raise TerminologyError(f"{folder}: is no folder that can be read") from None
    yield from _read(entries)


def _read(entries: Iterable[Traversable]) -> Iterator[tuple[str, dict[str, Any]]]:
    for entry in sorted(entries, key=lambda entry: entry.name):
        if not entry.name.endswith(".json"):
            continue
        try:
            yield entry.name, json.loads(entry.read_text(encoding="utf-8"))
        except (ValueError, RecursionError) as fault:
            raise TerminologyError(f"{entry.name}: is not JSON: {fault}") from fault
        except OSError as fault:
            raise TerminologyError(f"{entry.name}: cannot be read") from fault


def build_terminology(
    systems: Systems,
    documents: Iterable[tuple[str, dict[str, Any]]],
    widening: Iterable[tuple[str, dict[str, Any]]] = (),
) -> Terminology:
    """Index value sets and code systems, given as (file name, JSON); raise `TerminologyError` with every fault.

    Value sets in `widening` add to those in `documents`.
    """
    exact: dict[tuple[str, str], set[str]] = {}
    patterns: dict[str, dict[tuple[str, str], re.Pattern[str]]] = {}
    members: dict[str, list[tuple[str, str]]] = {}
    names: dict[str, set[str]] = {}
    own: dict[str, CodeSystem] = {}
    documents, widening = list(documents), list(widening)
    faults = list(_misplaced(documents, widening))
    known = dict(systems.keys)
    documents += widening
    for name, document in documents:
        if is_code_system(document):
            system = CodeSystem(*read_code_system(name, document, faults))
            key = system.url.rpartition("/")[2]
            own[key] = system
            known[system.url] = known[_bare(system.url)] = key
            for code in system.codes:
                exact.setdefault((key, code.upper()), set()).add(f"{key}:{code}")
    urls = {**systems.urls, **{key: system.url for key, system in own.items()}}
    systems = Systems(known, systems.dotted, urls, systems.editions)
    value_sets = [(name, document) for name, document in documents if is_value_set(document)]
    for name, document in value_sets:
        set_id = set_id_of(document)
        members.setdefault(set_id, [])
        codes, designations = read_members(name, document, faults)
        for designation in designations:
            names.setdefault(_letters(designation), set()).add(set_id)
        for system_url, code, regex in codes:
            at = systems.key(system_url)
            if at is None:
                faults.append(f"{name}: system {system_url!r} is not in systems.toml")
            elif regex is None:
                exact.setdefault((at, systems.code(at, code)), set()).add(set_id)
                members[set_id].append((at, code))
            else:
                _add_pattern(patterns.setdefault(at, {}), (regex, set_id), name, faults)
    if faults:
        raise TerminologyError("\n".join(faults))
    return Terminology(
        systems=systems,
        exact={at: frozenset(sets) for at, sets in exact.items()},
        patterns={key: [(p, set_id) for (_, set_id), p in found.items()] for key, found in patterns.items()},
        any_pattern={
            key: re.compile("|".join(f"(?:{regex})" for regex, _ in found)) for key, found in patterns.items()
        },
        code_systems=own,
        set_ids=frozenset(members),
        members={set_id: tuple(found) for set_id, found in members.items()},
        names={designation: frozenset(sets) for designation, sets in names.items()},
    )


def _misplaced(documents: Iterable[tuple[str, object]], widening: Iterable[tuple[str, object]]) -> Iterator[str]:
    widened = {set_id_of(document) for _, document in documents if is_value_set(document)}
    for name, document in (*documents, *widening):
        if not (is_code_system(document) or is_value_set(document)):
            yield f"{name}: is neither a ValueSet with url nor a CodeSystem"
        elif is_value_set(document) and set_id_of(document) not in widened:
            yield f"{name}: no value set that ships is called {set_id_of(document)!r}, so it widens none"


def _add_pattern(
    found: dict[tuple[str, str], re.Pattern[str]], at: tuple[str, str], name: str, faults: list[str]
) -> None:
    try:
        found[at] = re.compile(at[0])
        re.compile(f"(?:{at[0]})")  # as it stands among the others
    except re.error as fault:
        faults.append(f"{name}: regex {at[0]!r}: {fault}")
