"""Readings of a chart that a dozen facts ask for: each is made at its first use."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar, TypeVarTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    from fhir_mappings.read.reader import Reader

_T = TypeVar("_T", bound="tuple[Any, ...] | frozenset[Any] | bool | None")
_Asked = TypeVarTuple("_Asked")


def once(read: Callable[[Reader, *_Asked], _T]) -> Callable[[Reader, *_Asked], _T]:
    """Keep what `read` gives for each of its arguments with the reader of the chart, so that it goes with it.

    Only `None` is not kept: what gives it must be cheap.
    """

    @wraps(read)
    def kept(reader: Reader, /, *asked: *_Asked) -> _T:
        at = (read, *asked) if asked else read
        found: _T | None = reader.kept.get(at)
        if found is None:
            found = reader.kept[at] = read(reader, *asked)
        return found

    return kept
