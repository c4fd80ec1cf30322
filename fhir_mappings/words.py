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
def _topics(*, beside_code: bool, scanned: bool) -> Mapping[str, tuple[_Topic, ...]]:
    """Give the topics of each type of resource; to scan with, only what is not within another topic."""
    tables = tomllib.loads(files("fhir_mappings").joinpath("words.toml").read_text(encoding="utf-8"))
    topics: dict[str, list[_Topic]] = {}
    for name, table in tables.items():
        ways = _ways(table, beside_code=beside_code, within=scanned and "within" in table)
        unless = re.compile(table["unless"]) if beside_code and "unless" in table else None
        topic = _Topic(name, tuple(tuple(map(re.compile, way)) for way in ways), unless)
        for kind in table["resource"] if ways else ():
            topics.setdefault(kind, []).append(topic)
    return {kind: tuple(found) for kind, found in topics.items()}


def _ways(table: Mapping[str, Any], *, beside_code: bool, within: bool) -> list[list[str]]:
    if beside_code:
        names = table["groups"] if "unless" in table else table.get("beside_code")
        return [names] if names and not within else []
    return [*([] if within else [table["groups"]]), *([[table["codes"]]] if "codes" in table else [])]


def could_be(
    kind: str, text: str, *, beside_code: bool = False, among: Collection[str] | None = None
) -> frozenset[str]:
    """Give what the text of a resource of type `kind` could be about, alone or beside a code that is read.

    `among` are the topics that are asked for, where not all of them are.
    """
    topics = _topics(beside_code=beside_code, scanned=False).get(kind)
    if not topics or not text:
        return frozenset()
    plain = _plain(text)
    return frozenset(topic.name for topic in topics if (among is None or topic.name in among) and _is_met(topic, plain))


def is_worth_a_look(kind: str, text: str, *, beside_code: bool) -> bool:
    """Whether `could_be` gives anything, or would if it knew of a Condition's body site: in the least time."""
    ways = _scanned(beside_code=beside_code).get(kind)
    if not ways or not text:
        return False
    plain = _plain(text)
    for way in ways:
        for words in way:
            if words.search(plain) is None:
                break
        else:
            return True
    return False


@cache
def _scanned(*, beside_code: bool) -> Mapping[str, tuple[_Words, ...]]:
    topics = _topics(beside_code=beside_code, scanned=True)
    return {kind: tuple(way for topic in found for way in topic.ways) for kind, found in topics.items()}


def _plain(text: str) -> str:
    """Give a text in lower case without accents."""
    plain = text[:_LONGEST].lower()
    if plain.isascii():
        return plain
    letters = unicodedata.normalize("NFKD", plain.translate(_LETTERS))
    return "".join(letter for letter in letters if not unicodedata.combining(letter))


def _is_met(topic: _Topic, text: str) -> bool:
    met = any(all(words.search(text) for words in way) for way in topic.ways)
    return met and (topic.unless is None or topic.unless.search(text) is None)
