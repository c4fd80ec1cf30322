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
def _topics(*, beside_code: bool) -> Mapping[str, tuple[tuple[str, tuple[re.Pattern[str], ...]], ...]]:
    tables = tomllib.loads(files("fhir_mappings").joinpath("words.toml").read_text(encoding="utf-8"))
    topics: dict[str, list[tuple[str, tuple[re.Pattern[str], ...]]]] = {}
    for topic, table in tables.items():
        groups = [table["beside_code"]] if beside_code and "beside_code" in table else table["groups"]
        for kind in table["resource"] if not beside_code or "beside_code" in table else ():
            topics.setdefault(kind, []).append((topic, tuple(re.compile(group) for group in groups)))
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
    return frozenset(topic for topic, groups in topics if all(group.search(plain) for group in groups))
