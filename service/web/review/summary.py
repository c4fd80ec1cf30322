"""The MDT summary as plain text: what the printed page says, to paste into a record."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from service.web.review.page import ReviewPage

_ON_RECORD = {"known", "narrowed"}


def summary_text(page: ReviewPage) -> str:
    """Write the case, the recommendation, what remains open and the sources as plain lines."""
    who = [page.banner.name, page.banner.born and f"born {page.banner.born}", page.banner.identifier]
    lines = ["MDT summary: colorectal cancer with liver metastases", ", ".join(part for part in who if part)]
    lines += [f"As of {page.as_of}", "", page.explanation.summary]
    if page.on_record is not None:
        lines += [page.on_record.summary]
    for section in page.explanation.sections:
        lines += ["", *([section.title] if section.title else [])]
        lines += [f"- {line.plain}" for line in section.lines]
    lines += ["", "Facts"]
    for group in page.facts:
        lines += [_fact(row.title, row.value, row.dated, row.sources) for row in group.rows if row.state in _ON_RECORD]
    lines += ["", f"Knowledge: {page.knowledge}"]
    return "\n".join(lines) + "\n"


def _fact(title: str, value: str, dated: str | None, sources: tuple[str, ...]) -> str:
    found = ", ".join(part for part in (dated, *sources) if part)
    return f"- {title}: {value}" + (f" ({found})" if found else "")
