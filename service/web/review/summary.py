"""The MDT summary as plain text: what the printed page says, to paste into a record."""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.cds.markdown import few, shortened
from service.knowledge.explanation import Source

if TYPE_CHECKING:
    from service.knowledge.explanation import Line
    from service.web.review.page import ReviewPage

_ON_RECORD = {"known", "narrowed"}


def summary_text(page: ReviewPage) -> str:
    """Write the case, the recommendation, what remains open and the sources as plain lines."""
    who = [page.banner.name, page.banner.born and f"born {page.banner.born}", page.banner.identifier]
    lines = ["MDT summary: colorectal cancer with liver metastases", ", ".join(part for part in who if part)]
    decided = [page.on_record.summary] if page.on_record is not None else []
    lines += [f"As of {page.as_of}", "", *decided, page.explanation.summary]
    for section in page.explanation.sections:
        lines += ["", *([section.title] if section.title else [])]
        lines += [f"- {_said(line)}" for line in section.lines]
    lines += ["", "Facts"]
    for group in page.facts:
        lines += [_fact(row.title, row.value, row.dated, row.sources) for row in group.rows if row.state in _ON_RECORD]
    lines += ["", f"Knowledge: {page.knowledge}"]
    return "\n".join(lines) + "\n"


def _said(line: Line) -> str:
    return "".join(_named(part) if isinstance(part, Source) else part.text for part in line.parts)


def _named(source: Source) -> str:
    shown, more = few(source.references)
    words = (source.dated, *map(shortened, shown), f"{more} more" if more else None)
    named = ", ".join(word for word in words if word)
    return f" ({named})" if named else ""


def _fact(title: str, value: str, dated: str | None, sources: tuple[str, ...]) -> str:
    shown, more = few(sources)
    found = ", ".join(part for part in (dated, *shown, f"{more} more" if more else None) if part)
    return f"- {title}: {value}" + (f" ({found})" if found else "")
