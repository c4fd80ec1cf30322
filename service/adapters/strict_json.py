"""JSON as signed things must be read: no duplicate member, no NaN, no deep nesting, one object."""

from __future__ import annotations

import json
from typing import Any


class StrictJsonError(ValueError):
    """The bytes are no JSON object that has one meaning only."""


def parse_object(raw: bytes) -> dict[str, Any]:
    """Read one JSON object in UTF-8.

    Two parsers that disagree on a duplicate member (RFC 8259, section 4) would check one thing and use another.
    """
    try:
        value = json.loads(raw.decode(), object_pairs_hook=_unique, parse_constant=_refuse)
    except StrictJsonError:
        raise
    except (ValueError, RecursionError):
        raise StrictJsonError("no JSON") from None
    if not isinstance(value, dict):
        raise StrictJsonError("no JSON object")
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise StrictJsonError("a duplicate member")
    return members


def _refuse(_: str) -> float:
    raise StrictJsonError("a number that JSON does not have")
