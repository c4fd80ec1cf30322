"""What free text could be about, by word roots in several languages; used to say so, never to read a value."""

from __future__ import annotations

import re
import tomllib
import unicodedata
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_LONGEST = 2000
"""Characters of one text that are looked at: more is a report, not a name."""


@cache
def _topics() -> Mapping[str, tuple[tuple[str, tuple[re.Pattern[str], ...]], ...]]:
    tables = tomllib.loads(files("fhir_mappings").joinpath("words.toml").read_text(encoding="utf-8"))
    topics: dict[str, list[tuple[str, tuple[re.Pattern[str], ...]]]] = {}
    for topic, table in tables.items():
        for kind in table["resource"]:
            topics.setdefault(kind, []).append((topic, tuple(re.compile(group) for group in table["groups"])))
    return {kind: tuple(found) for kind, found in topics.items()}


def could_be(kind: str, text: str) -> frozenset[str]:
    """Give the topics that the text of a resource of type `kind` could be about."""
    topics = _topics().get(kind)
    if not topics or not text:
        return frozenset()
    plain = text[:_LONGEST].lower()
    if not plain.isascii():
        letters = unicodedata.normalize("NFKD", plain)
        plain = "".join(letter for letter in letters if not unicodedata.combining(letter))
    return frozenset(topic for topic, groups in topics if all(group.search(plain) for group in groups))
