"""The shape of a resource: all that validation looks at, without its content.

fhir.resources accepts or refuses by element names, nesting, JSON types and the formats of strings, never by which
letters stand in them. So a resource of a shape that was accepted before is accepted, at a tenth of the cost. Strings
of a format that is not told apart here have no shape, and their resource is validated each time. A shape holds the
names of elements and the classes of their values; it holds nothing of a patient.
"""

from __future__ import annotations

import re
from datetime import date
from math import isfinite
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

Shape: TypeAlias = tuple[str, ...]

_MOST = 4096
"""Shapes remembered; real systems write some dozens."""

_CLASSES = re.compile(
    r"(?P<uuid>[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12})"
    r"|(?P<year>(?:19|20)\d\d)"
    r"|(?P<month>(?:19|20)\d\d-(?:0[1-9]|1[0-2]))"
    r"|(?P<day>(?:19|20)\d\d-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01]))"
    r"|(?P<instant>(?:19|20)\d\d-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d"
    r"(?P<fraction>\.\d{1,6})?(?:Z|[+-](?:0\d|1[0-3]):[0-5]\d))"
    r"|(?P<small>[1-9]\d{0,2})"
    r"|(?P<number>[1-9]\d{4,8})"
    r"|(?P<long>[1-9]\d{9,17})"
    r"|(?P<mixed>\d+[A-DF-Za-df-z][A-Za-z0-9.-]{0,50})"
    r"|(?P<dashed>\d{2,7}-\d)"
    r"|(?P<name>[A-Za-z][A-Za-z0-9.-]{0,63})"
    r"|(?P<token>(?=[!-~]*[^A-Za-z0-9.-])[A-Za-z][!-~]{0,400})"
    r"|(?P<text>[^\s]+(?: [^\s]+)+)"
)
_LITERAL = frozenset({"resourceType"})
_SPECIAL = frozenset(
    {"data", "hash", "image", "valueAttachment", "valueBase64Binary", "valueOid", "valueUrl", "valueUuid"}
)
"""Elements whose primitive types look deeper into a string than the classes do."""

_LAX = frozenset({"1", "true", "false", "yes", "no", "on", "off", "y", "n", "t", "f", "nan", "inf", "infinity"})
"""Words that a boolean or a number could be read from."""


def shape_of(resource: Mapping[str, Any]) -> Shape | None:
    """Give the shape of a resource, or `None` where it has a part whose format is not told apart."""
    parts: list[str] = []
    return tuple(parts) if _walk(resource, parts) else None


def _walk(value: Mapping[str, Any], parts: list[str]) -> bool:
    parts.append("{")
    for name, member in value.items():
        if name in _SPECIAL:
            return False
        parts.append(name)
        if name in _LITERAL:
            parts.append(str(member))
        if not _leaf(member, parts):
            return False
    parts.append("}")
    return True


def _leaf(value: object, parts: list[str]) -> bool:
    match value:
        case str():
            found = _class_of(value)
            parts.append(found)
            return bool(found)
        case dict():
            return _walk(value, parts)
        case list():
            parts.append("[")
            known = all(_leaf(member, parts) for member in value)
            parts.append("]")
            return known
        case bool():
            parts.append(str(value))
            return True
        case _:
            return _number(value, parts)


_INTEGERS = 2**31
_BOOLEANS = (0, 1)
"""Numbers that a boolean could be read from."""


def _number(value: object, parts: list[str]) -> bool:
    if type(value) is int and -_INTEGERS < value < _INTEGERS:
        parts.append(str(value) if value in _BOOLEANS else "+" if value > 0 else "-")
        return True
    if isinstance(value, float) and isfinite(value) and abs(value) < _INTEGERS:
        named = "whole" if value.is_integer() else "broken"
        parts.append(str(value) if value in _BOOLEANS else named if value > 0 else f"-{named}")
        return True
    return False


def _class_of(text: str) -> str:
    found = _CLASSES.fullmatch(text)
    if found is None or text.lower() in _LAX:
        return ""
    name = found.lastgroup or ""
    if found["day"] or found["instant"]:
        try:
            date.fromisoformat(text[:10])
        except ValueError:
            return ""
        name = "day" if found["day"] else "fraction" if found["fraction"] else "instant"
    return name


class Shapes:
    """The shapes that were accepted; bounded, and forgotten altogether when full."""

    def __init__(self) -> None:
        self._accepted: set[tuple[str, Shape]] = set()

    def __contains__(self, at: tuple[str, Shape]) -> bool:
        """Whether a resource of this type and shape was accepted."""
        return at in self._accepted

    def add(self, at: tuple[str, Shape]) -> None:
        """Remember an accepted shape."""
        if len(self._accepted) >= _MOST:
            self._accepted.clear()
        self._accepted.add(at)
