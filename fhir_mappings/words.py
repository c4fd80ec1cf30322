"""What free text could be about, by word roots in several languages; used to say so, never to read a value."""

from __future__ import annotations

import re
import tomllib
import unicodedata
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

_LONGEST = 2000
"""Characters of one text that are looked at: more is a report, not a name."""
_LETTERS = str.maketrans({"æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "ß": "ss"})
"""Letters that are no plain letter with an accent."""


_Words: TypeAlias = "tuple[re.Pattern[str], ...]"
"""Patterns of which each is met."""


class _Topic(NamedTuple):
    """A topic, the ways to meet it, and the words by which a text says something else all the same."""

    name: str
    ways: tuple[_Words, ...]
    unless: re.Pattern[str] | None


@cache
def _tables() -> Mapping[str, Any]:
    return tomllib.loads(files("fhir_mappings").joinpath("words.toml").read_text(encoding="utf-8"))


@cache
def _topics(*, beside_code: bool) -> Mapping[str, tuple[_Topic, ...]]:
    """Give the topics of each type of resource."""
    topics: dict[str, list[_Topic]] = {}
    for name, table in _tables().items():
        ways = _ways(table, beside_code=beside_code)
        unless = re.compile(table["unless"]) if beside_code and "unless" in table else None
        topic = _Topic(name, tuple(tuple(map(_compiled, way)) for way in ways), unless)
        for kind in table["resource"] if ways else ():
            topics.setdefault(kind, []).append(topic)
    return {kind: tuple(found) for kind, found in topics.items()}


@cache
def _scanned(*, beside_code: bool) -> Mapping[str, tuple[_Words, ...]]:
    """Give the ways to meet a topic of each type, but of none within another; ways of one pattern are one way."""
    ways: dict[str, list[list[str]]] = {}
    for table in _tables().values():
        for kind in table["resource"]:
            ways.setdefault(kind, []).extend(_ways(table, beside_code=beside_code, scanned=True))
    return {kind: tuple(tuple(map(_compiled, way)) for way in _joined(found)) for kind, found in ways.items() if found}


def _joined(ways: list[list[str]]) -> list[list[str]]:
    alone = [words for way in ways if len(way) == 1 for words in way]
    return [*([["|".join(alone)]] if alone else []), *(way for way in ways if len(way) > 1)]


def _ways(table: Mapping[str, Any], *, beside_code: bool, scanned: bool = False) -> list[list[str]]:
    within = scanned and "within" in table
    if beside_code:
        named = table.get("beside_code")
        names = table["groups"] if "unless" in table or named is True else named
        return [names] if names and not within else []
    return [*([] if within else [table["groups"]]), *([[table["codes"]]] if "codes" in table else [])]


_PARTS = re.compile(r"(?:\\.|\[[^\]]*\]|[^\\\[()|])+|[()|]")
_ALTERNATIVE = re.compile(r"((?:\^|\\b|\(\?<[=!][^()]*\))*)([\w/])(?![?*{])(.*)", re.DOTALL)


def _compiled(words: str) -> re.Pattern[str]:
    return re.compile(letters_first(words))


def letters_first(words: str) -> str:
    r"""Write a pattern that is searched for by the letters that begin it: `\bmet|mal` as `m(?:(?<=\bm)et|al)`.

    It is met by the same texts. `re` passes over the letters that begin nothing in a tenth of the time, but only where
    letters come first, and no condition without width.
    """
    found: dict[str, list[str]] = {}
    for alternative in _alternatives(words):
        parts = _ALTERNATIVE.fullmatch(alternative)
        if parts is None:
            return words
        before, letter, rest = parts.groups()
        found.setdefault(letter, []).append((f"(?<={before}{letter})" if before else "") + rest)
    return "|".join(f"{letter}(?:{'|'.join(rests)})" for letter, rests in found.items())


def _alternatives(words: str) -> list[str]:
    found, depth = [""], 0
    for part in _PARTS.findall(words):
        depth += (part == "(") - (part == ")")
        if part == "|" and not depth:
            found.append("")
        else:
            found[-1] += part
    return found


def could_be(
    kind: str, text: str, *, beside_code: bool = False, among: Collection[str] | None = None
) -> frozenset[str]:
    """Give what the text of a resource of type `kind` could be about, alone or beside a code that is read.

    `among` are the topics that are asked for, where not all of them are.
    """
    topics = _topics(beside_code=beside_code).get(kind)
    if not topics or not text:
        return frozenset()
    plain = _plain(text)
    return frozenset(topic.name for topic in topics if (among is None or topic.name in among) and _is_met(topic, plain))


def is_worth_a_look(kind: str, text: str, *, beside_code: bool) -> bool:
    """Whether `could_be` gives anything, or would if it knew of a Condition's body site: in the least time."""
    ways = _scanned(beside_code=beside_code).get(kind)
    if not ways or not text:
        return False
    return _meets(ways, _plain(text))


def _plain(text: str) -> str:
    """Give a text in lower case without accents."""
    plain = text[:_LONGEST].lower()
    if plain.isascii():
        return plain
    letters = unicodedata.normalize("NFKD", plain.translate(_LETTERS))
    return "".join(letter for letter in letters if not unicodedata.combining(letter))


def _is_met(topic: _Topic, text: str) -> bool:
    return _meets(topic.ways, text) and (topic.unless is None or topic.unless.search(text) is None)


def _meets(ways: tuple[_Words, ...], text: str) -> bool:
    for way in ways:
        for words in way:
            if words.search(text) is None:
                break
        else:
            return True
    return False
