"""The JSON of ValueSets and CodeSystems: which codes it lists, and what of it only a terminology server could read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias, TypeGuard

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Member: TypeAlias = "tuple[str, str, str | None]"
"""A system and its code, or the system, no code and a regular expression for its codes."""
_ODD_SHAPE = (AttributeError, KeyError, TypeError)
"""What it raises to read an element that is another than FHIR has there."""


def is_value_set(document: object) -> TypeGuard[dict[str, Any]]:
    """Whether a document is a ValueSet with an url."""
    if not isinstance(document, dict) or document.get("resourceType") != "ValueSet":
        return False
    return isinstance(document.get("url"), str)


def is_code_system(document: object) -> TypeGuard[dict[str, Any]]:
    """Whether a document is a CodeSystem with an url."""
    if not isinstance(document, dict) or document.get("resourceType") != "CodeSystem":
        return False
    return isinstance(document.get("url"), str)


def set_id_of(document: Mapping[str, Any]) -> str:
    """Give the last part of the url, by which value sets are called."""
    url: str = document["url"]
    return url.rpartition("/")[2]


def read_code_system(name: str, document: Mapping[str, Any], faults: list[str]) -> tuple[str, dict[str, str]]:
    """Give url and codes with their displays; an odd shape is a fault of the file `name`, and there are no codes."""
    try:
        codes = {_text(one["code"]): _text(one.get("display", one["code"])) for one in document["concept"]}
    except _ODD_SHAPE:
        faults.append(f"{name}: concept is not of FHIR's shape")
        codes = {}
    return document["url"], codes


def read_members(name: str, document: Mapping[str, Any], faults: list[str]) -> tuple[list[Member], list[str]]:
    """Give the members of a value set and their designations.

    What cannot be read, and an odd shape, is a fault of the file `name`.
    """
    try:
        faults += [f"{name}: {part} is not read: list the codes, or add the expansion" for part in _unread(document)]
        return list(_codes(document)), list(_designations(document))
    except _ODD_SHAPE:
        faults.append(f"{name}: compose or expansion is not of FHIR's shape")
        return [], []


def _designations(document: Mapping[str, Any]) -> Iterator[str]:
    for include in document.get("compose", {}).get("include", ()):
        for concept in include.get("concept", ()):
            yield from (_text(designation["value"]) for designation in concept.get("designation", ()))


def _codes(document: Mapping[str, Any]) -> Iterator[Member]:
    for include in document.get("compose", {}).get("include", ()):
        system = _text(include.get("system", ""))
        for concept in include.get("concept", ()):
            yield system, _text(concept["code"]), None
        for rule in include.get("filter", ()):
            if _by_pattern(rule):
                yield system, "", _text(rule["value"])
    for contained in document.get("expansion", {}).get("contains", ()):
        yield from _expanded(contained)


def _expanded(contained: Mapping[str, Any]) -> Iterator[Member]:
    if "code" in contained and not contained.get("abstract"):
        yield _text(contained.get("system", "")), _text(contained["code"]), None
    for below in contained.get("contains", ()):
        yield from _expanded(below)


def _unread(document: Mapping[str, Any]) -> Iterator[str]:
    """Name what of a compose takes a terminology server to read, where no expansion says what it comes to."""
    if "expansion" in document:
        return
    compose = document.get("compose", {})
    if compose.get("exclude"):
        yield "an exclude"
    for include in compose.get("include", ()):
        if include.get("valueSet"):
            yield "an include of a valueSet"
        elif not (include.get("concept") or include.get("filter")):
            yield "an include of a whole system"
        for rule in include.get("filter", ()):
            if not _by_pattern(rule):
                yield f"a filter by {rule.get('property')} {rule.get('op')}"


def _by_pattern(rule: Mapping[str, Any]) -> bool:
    return rule.get("property") == "code" and rule.get("op") == "regex"


def _text(element: object) -> str:
    if not isinstance(element, str):
        raise TypeError
    return element
