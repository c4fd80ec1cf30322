"""A line of an explanation as one string."""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.knowledge.explanation import Source

if TYPE_CHECKING:
    from service.knowledge.explanation import Line


def plain(line: Line) -> str:
    return "".join(_named(part) if isinstance(part, Source) else part.text for part in line.parts)


def _named(source: Source) -> str:
    named = ", ".join((*((source.dated,) if source.dated else ()), *source.references))
    return f" ({named})" if named else ""
