"""What free text could be about, by word roots in several languages; used to say so, never to read a value."""

from __future__ import annotations

import re
import tomllib
import unicodedata
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

_LONGEST = 2000
"""Characters of one text that are looked at: more is a report, not a name."""


_Words: TypeAlias = "tuple[re.Pattern[str], ...]"
"""Patterns of which each is met."""


@cache
def _topics(*, beside_code: bool) -> Mapping[str, tuple[tuple[str, tuple[_Words, ...]], ...]]:
    """Give the topics of each type of resource, each with the ways to meet it."""
    tables = tomllib.loads(files("fhir_mappings").joinpath("words.toml").read_text(encoding="utf-8"))
    topics: dict[str, list[tuple[str, tuple[_Words, ...]]]] = {}
    for topic, table in tables.items():
        if beside_code:
            ways = [table["beside_code"]] if "beside_code" in table else []
        else:
            ways = [table["groups"], *([[table["codes"]]] if "codes" in table else [])]
        for kind in table["resource"] if ways else ():
            topics.setdefault(kind, []).append((topic, tuple(tuple(map(re.compile, way)) for way in ways)))
    return {kind: tuple(found) for kind, found in topics.items()}


def could_be(kind: str, text: str, *, beside_code: bool = False) -> frozenset[str]:
    """Give what the text of a resource of type `kind` could be about, alone or beside a code that is read."""
    topics = _topics(beside_code=beside_code).get(kind)
    if not topics or not text:
        return frozenset()
    plain = text[:_LONGEST].lower()
    if not plain.isascii():
        letters = unicodedata.normalize("NFKD", plain)
        plain = "".join(letter for letter in letters if not unicodedata.combining(letter))
    return frozenset(topic for topic, ways in topics if any(_meets(plain, way) for way in ways))


def _meets(text: str, way: _Words) -> bool:
    for words in way:  # noqa: SIM110  half the time of `all`: each coded operation and Condition is asked
        if words.search(text) is None:
            return False
    return True
