"""Readings of a chart that a dozen facts ask for: each is made at its first use."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    from fhir_mappings.read.reader import Reader

_T = TypeVar("_T", bound="tuple[Any, ...] | frozenset[Any]")


def once(read: Callable[[Reader], _T]) -> Callable[[Reader], _T]:
    """Keep what `read` gives with the reader of the chart, so that it goes with it."""

    @wraps(read)
    def kept(reader: Reader) -> _T:
        found: _T | None = reader.kept.get(read)
        if found is None:
            found = reader.kept[read] = read(reader)
        return found

    return kept
