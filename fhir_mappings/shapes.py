"""The shape of a resource: all that validation looks at, without its content.

fhir.resources accepts or refuses by element names, nesting, JSON types and the formats of strings, never by which
letters stand in them. So a resource of a shape that was accepted before is accepted, at a tenth of the cost. Strings
of a format that is not told apart here have no shape, and their resource is validated each time. A shape holds the
names of elements and the classes of their values; it holds nothing of a patient but words like "no" and "1".
"""

from __future__ import annotations

import re
from datetime import date
from math import isfinite
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Shape: TypeAlias = tuple[str, ...]

_MOST = 4096
"""Shapes remembered; real systems write some dozens."""

# A letter that no number, date or time has, or a mark: with one of these a string is read as nothing but text.
_LETTER = "A-DF-SU-Ya-df-su-y"
_TEXT = r"(?=[\s\S]*(?:[^\W\d_eEtTzZ]|[#%<>=/()\[\]{}\"'*&?@!|~^$\\;]))"
_BLACK = r"[^\s\x00-\x1f\x7f-\x9f]"
# Nearly all strings are ids, codes and texts: they are asked for first.
_FORMATS = re.compile(
    rf"(?P<id>(?=[A-Za-z0-9.-]*[{_LETTER}])[A-Za-z0-9.-]{{1,255}})"
    rf"|(?P<code>(?=[A-Za-z0-9.-]*[^A-Za-z0-9.-]){_TEXT}{_BLACK}+(?:[ \t\r\n]{_BLACK}+)*)"
    r"|(?P<year>[1-9][0-9]{3})"
    r"|(?P<month>(?:19|20)[0-9]{2}-(?:0[1-9]|1[0-2]))"
    r"|(?P<day>(?:19|20)[0-9]{2}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01]))"
    r"|(?P<instant>(?:19|20)[0-9]{2}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])"
    r"T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]"
    r"(?P<fraction>\.[0-9]{1,9})?(?:Z|[+-](?:0[0-9]|1[0-3]):[0-5][0-9]))"
    r"|(?P<small>[1-9][0-9]{0,2})"
    r"|(?P<number>[1-9][0-9]{4,8})"
    r"|(?P<ten>1[0-9]{9}|20[0-9]{8})"
    r"|(?P<long>[3-9][0-9]{9}|[1-9][0-9]{10,17})"
    r"|(?P<padded>0[0-9]?[1-9]|0[0-9]{3,7}[1-9])"
    r"|(?P<decimal>(?:0|[1-9][0-9]{0,2})\.[0-9]{0,5}[1-9])"
    r"|(?P<dotted>[0-9]{1,9}(?:\.[0-9]{1,9}){2,5})"
    r"|(?P<dashed>[1-9][0-9]{1,6}-[0-9])"
    r"|(?P<ops>[1-9]-[0-9]{2}[0-9a-z](?:\.[0-9a-z]{1,2})?)"
    rf"|(?P<loose>(?=\S+\s){_TEXT}(?:{_BLACK}|[ \t\r\n])+(?<=\S))"
    rf"|(?P<edged>{_TEXT}(?=\s|\S[\s\S]*\s\Z)(?:{_BLACK}|[ \t\r\n])+)"
)
"""Strings that the primitive types of FHIR take or refuse together."""
_SPECIAL = frozenset(
    {"data", "hash", "image", "valueAttachment", "valueBase64Binary", "valueOid", "valueUrl", "valueUuid"}
)
"""Elements whose primitive types look deeper into a string than the formats do."""

_DATED = frozenset({"day", "instant"})
_LAX = frozenset({"0", "1", "true", "false", "yes", "no", "on", "off", "y", "n", "t", "f", "nan", "inf", "infinity"})
"""Words that a boolean or a number could be read from: each is a format of its own."""


def shape_of(resource: Mapping[str, Any], formats: dict[str, str]) -> Shape | None:
    """Give the shape of a resource, or `None` where it has a part whose format is not told apart.

    `formats` keeps the formats of the strings met, for the other resources of the same chart and no longer.
    """
    parts: list[str] = []
    _walk(resource, parts.append, formats)
    return tuple(parts) if _UNTOLD not in parts else None


_UNTOLD = ""
"""Stands in a shape for a part whose format is not told apart."""


def _walk(value: Mapping[str, Any], add: Callable[[str], None], formats: dict[str, str]) -> None:
    add("{")
    for name, member in value.items():
        add(name if name not in _SPECIAL else _UNTOLD)
        # Nearly all members are strings: they are worth a way of their own.
        if type(member) is str:
            found = formats.get(member)
            if found is None:
                found = formats[member] = _format_of(member)
            add(found if name != "resourceType" else member)
        elif type(member) is dict:
            _walk(member, add, formats)
        else:
            _member(member, add, formats)
    add("}")


def _member(value: object, add: Callable[[str], None], formats: dict[str, str]) -> None:
    if isinstance(value, dict):
        _walk(value, add, formats)
    elif isinstance(value, list):
        add("[")
        for member in value:
            _member(member, add, formats)
        add("]")
    elif isinstance(value, str):
        found = formats.get(value)
        add(_format_of(value) if found is None else found)
    else:
        add(_number(value))


_INTEGERS = 2**31
_BOOLEANS = (0, 1)
"""Numbers that a boolean could be read from."""


def _number(value: object) -> str:
    if type(value) is int and -_INTEGERS < value < _INTEGERS:
        return str(value) if value in _BOOLEANS else "+" if value > 0 else "-"
    if isinstance(value, float) and isfinite(value) and abs(value) < _INTEGERS:
        named = "whole" if value.is_integer() else "broken"
        return str(value) if value in _BOOLEANS else named if value > 0 else f"-{named}"
    return str(value) if isinstance(value, bool) else _UNTOLD


def _format_of(text: str) -> str:
    if text.strip().lstrip("+-").lower() in _LAX:
        return f"={text}" if text.lower() in _LAX else _UNTOLD
    found = _FORMATS.fullmatch(text)
    if found is None:
        return _UNTOLD
    name = found.lastgroup or _UNTOLD
    if name in _DATED:
        try:
            date.fromisoformat(text[:10])
        except ValueError:
            return _UNTOLD
        return "fraction" if found["fraction"] else name
    return name


class Shapes:
    """The shapes that were accepted in each release; bounded, and forgotten altogether when full."""

    def __init__(self) -> None:
        self._accepted: set[tuple[str, Shape]] = set()

    def has(self, release: str, shape: Shape | None) -> bool:
        """Whether a resource of this shape was accepted."""
        return (release, shape) in self._accepted

    def add(self, release: str, shape: Shape) -> None:
        """Remember an accepted shape."""
        if len(self._accepted) >= _MOST:
            self._accepted.clear()
        self._accepted.add((release, shape))
