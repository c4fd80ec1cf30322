"""JSON as it comes: values of any shape, and what is raised where a shape was asked for."""

from __future__ import annotations

from typing import Any

import msgspec

MISFITS = (msgspec.DecodeError, RecursionError, UnicodeDecodeError)
"""What the typed decoders raise for JSON of another shape."""


def objects(value: object) -> list[dict[str, Any]]:
    """Give the objects of a list, or of one member alone."""
    listed = value if isinstance(value, list) else [value]
    return [member for member in listed if isinstance(member, dict)]


def text_of(value: object) -> str | None:
    """Give a JSON value that is text."""
    return value if isinstance(value, str) else None
