"""What is said about a decision, as a tree without any markup: cards and pages render it and escape it."""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec


class Text(msgspec.Struct, frozen=True, gc=False):
    """Words of ours."""

    text: str


class Strong(msgspec.Struct, frozen=True, gc=False):
    """Words of ours that a renderer sets off."""

    text: str


class ChartText(msgspec.Struct, frozen=True, gc=False):
    """Free text from the chart: never trusted, escaped by every renderer."""

    text: str


class Source(msgspec.Struct, frozen=True, gc=False):
    """Where a value comes from: the day (already worded) and the resources as `Type/id`, which are chart data."""

    references: tuple[str, ...]
    dated: str | None = None


Part: TypeAlias = Text | Strong | ChartText | Source
Kind: TypeAlias = Literal[
    "recommendation",
    "alternative",
    "next-step",
    "excluded",
    "reason",
    "against",
    "assumption",
    "missing",
    "known",
    "advisory",
    "gap",
    "issue",
    "note",
    "change",
    "statement",
    "citation",
    "policy",
    "notice",
]
Tone: TypeAlias = Literal["info", "warning", "critical"]
SectionCode: TypeAlias = Literal[
    "recommendation", "excluded", "missing", "why", "against", "assumptions", "advisories", "gaps", "mdt", "sources"
]


class Line(msgspec.Struct, frozen=True, gc=False):
    """One short sentence. `fact` names the fact that it is about, `codes` the advisories that it states."""

    kind: Kind
    parts: tuple[Part, ...]
    fact: str | None = None
    codes: tuple[str, ...] = ()


class Section(msgspec.Struct, frozen=True, gc=False):
    """Lines under one title; the first section of a card has none."""

    code: SectionCode
    title: str
    lines: tuple[Line, ...]


class Explanation(msgspec.Struct, frozen=True, gc=False):
    """All that is said about one decision: one sentence, how urgent it is, and the sections in reading order."""

    summary: str
    tone: Tone
    sections: tuple[Section, ...]


def say(kind: Kind, *parts: Part | str, fact: str | None = None, codes: tuple[str, ...] = ()) -> Line:
    """Make a line; bare strings are words of ours."""
    return Line(kind, tuple([Text(part) if isinstance(part, str) else part for part in parts]), fact=fact, codes=codes)
