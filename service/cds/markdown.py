"""An explanation as GitHub-flavoured Markdown without HTML, readable unrendered; and what makes chart text harmless."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

from service.knowledge.explanation import ChartText, Source, Strong, Text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from service.knowledge.explanation import Explanation, Line, Part, Section, SectionCode

_HARMLESS = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"} | {mark: f"\\{mark}" for mark in "\\`*_[]{}|~#!$"})
_REFERENCE = re.compile(r"[A-Za-z]+/[A-Za-z0-9…-]+")
_WWW = re.compile(r"\b(www)\.", re.IGNORECASE)
_CHART_TEXT_LIMIT = 300
_REFERENCES = 4
"""Resources that one line names; a course of chemotherapy has a dozen, and the extension of the card holds all."""
_LONG_ID = 16
_DIGIT = re.compile(r"\d")
_ENDS = 6, 4
"""The characters of both ends by which a longer id is told from others; extension and app have it whole."""


def flat(text: str) -> str:
    """Give text on one line, without control, format (right-to-left, zero-width) and other unprintable characters."""
    if text.isprintable():
        return re.sub(r" +", " ", text).strip() if "  " in text else text.strip()
    kept = "".join(
        " " if unicodedata.category(letter) in {"Zl", "Zp"} or letter in "\t\n\v\f\r\x85" else letter
        for letter in text
        if letter in "\t\n\v\f\r\x85" or unicodedata.category(letter) not in {"Cc", "Cf", "Cs", "Co", "Cn"}
    )
    return re.sub(r"\s+", " ", kept).strip()


def escape(text: str) -> str:
    """Make text that came from a chart plain in Markdown: no markup, no HTML, no link that a renderer would find.

    Renderers turn addresses into links even where they are escaped, therefore these are broken with a space.
    """
    if _REFERENCE.fullmatch(text):
        return text
    text = flat(text).translate(_HARMLESS).replace("://", ": //").replace("@", " (at) ")
    return _WWW.sub(r"\1 .", text)


def clip(text: str, limit: int) -> str:
    """Shorten to `limit` characters at the end of a word, with an ellipsis; text that fits is left as it is."""
    if len(text) <= limit:
        return text
    kept = text[: limit - 1]
    if text[limit - 1] != " ":
        kept = kept.rsplit(" ", 1)[0] if " " in kept else kept
    return kept.rstrip(" ,;:.–-(") + "…"  # noqa: RUF001 - our sentences use the en dash


def few(references: Sequence[str]) -> tuple[Sequence[str], int]:
    """Give the resources that a line names, and how many more there are."""
    if len(references) <= _REFERENCES:
        return references, 0
    return references[: _REFERENCES - 1], len(references) - _REFERENCES + 1


def shortened(reference: str) -> str:
    """Shorten the id of a resource where nobody reads it, as a UUID; without a digit an id is made of words."""
    kind, _, ident = reference.partition("/")
    if len(ident) <= _LONG_ID or _DIGIT.search(ident) is None:
        return reference
    first, last = _ENDS
    return f"{kind}/{ident[:first]}…{ident[-last:]}"


def render(explanation: Explanation, limits: Mapping[SectionCode, int]) -> str:
    """Render the sections as paragraphs and lists.

    `limits` says how many lines a section may show (default: all); one that first states an advisory is always shown.
    Each resource is named where it comes first.
    """
    named: set[str] = set()
    return "\n\n".join([_section(section, limits.get(section.code), named) for section in explanation.sections])


def _section(section: Section, limit: int | None, named: set[str]) -> str:
    lines = [_line(line, named) for line in _shown(section.lines, limit)]
    if len(section.lines) > len(lines):
        lines.append(f"and {len(section.lines) - len(lines)} more in the app")
    if section.code in {"recommendation", "sources"}:
        return "  \n".join(lines)
    if section.code == "assumptions":
        return f"**{section.title}**: {'; '.join(lines)}"
    listed = "\n- ".join(lines)
    return f"**{section.title}**\n- {listed}"


def _shown(lines: tuple[Line, ...], limit: int | None) -> Sequence[Line]:
    if limit is None or len(lines) <= limit:
        return lines
    shown = list(lines[:limit])
    stated = {code for line in shown for code in line.codes}
    for line in lines[limit:]:
        if not stated.issuperset(line.codes):
            shown.append(line)
            stated.update(line.codes)
    # One line more takes no more room than to say that there is one.
    return lines if len(lines) == len(shown) + 1 else shown


def _line(line: Line, named: set[str]) -> str:
    return "".join([_part(part, named) for part in line.parts])


def _part(part: Part, named: set[str]) -> str:
    match part:
        case Text():
            return part.text
        case Strong():
            return f"**{part.text}**"
        case ChartText():
            return escape(clip(flat(part.text), _CHART_TEXT_LIMIT))
        case Source():
            return _source(part, named)


def _source(source: Source, named: set[str]) -> str:
    new = [reference for reference in source.references if reference not in named]
    if source.references and not new:
        return ""
    named.update(new)
    shown, more = few(new)
    words = [source.dated] if source.dated else []
    words += [escape(_short(reference, named)) for reference in shown]
    if more:
        words.append(f"{more} more in the app")
    return f" ({', '.join(words)})" if words else ""


def _short(reference: str, named: set[str]) -> str:
    """Shorten an id, unless another one of the card looks the same then."""
    short = shortened(reference)
    if short == reference or short in named:
        return reference
    named.add(short)
    return short
