"""Readings of a chart that a dozen facts ask for: each is made at its first use."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Concatenate, ParamSpec

    from fhir_mappings.read.reader import Reader

    _P = ParamSpec("_P")

_T = TypeVar("_T", bound="tuple[Any, ...] | frozenset[Any] | bool | None")


def once(read: Callable[Concatenate[Reader, _P], _T]) -> Callable[Concatenate[Reader, _P], _T]:
    """Keep what `read` gives for each of its arguments with the reader of the chart, so that it goes with it.

    Only `None` is not kept: what gives it must be cheap.
    """

    @wraps(read)
    def kept(reader: Reader, /, *asked: _P.args, **named: _P.kwargs) -> _T:
        at = (read, *asked, *named.items()) if asked or named else read
        found: _T | None = reader.kept.get(at)
        if found is None:
            found = reader.kept[at] = read(reader, *asked, **named)
        return found

    return kept
