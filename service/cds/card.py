"""The card of CDS Hooks as it goes over the wire; what has no value is left out (CDS Hooks 3.0, "CDS Card")."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

import msgspec

Indicator: TypeAlias = Literal["info", "warning", "critical"]
JsonValue: TypeAlias = bool | int | float | str

EXTENSION = "example.crlm-cds.advice"


class Wire(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """Base of all wire objects: camelCase names, elements without value absent."""


class Coding(Wire, frozen=True, kw_only=True):
    """A code with its system; override reasons need the display too."""

    code: str
    system: str
    display: str | None = None


class Source(Wire, frozen=True, kw_only=True):
    """Who speaks: the label a clinician sees, the page behind it, and the topic."""

    label: str
    topic: Coding
    url: str | None = None


class Link(Wire, frozen=True, kw_only=True):
    """A link of the card; only smart ones may carry `app_context`."""

    label: str
    url: str
    type: Literal["absolute", "smart"]
    app_context: str | None = None


class Action(Wire, frozen=True, kw_only=True):
    """One change that a suggestion proposes: `resource` to create or update, `resource_id` (`Type/id`) to delete."""

    type: Literal["create", "update", "delete"]
    description: str
    resource: dict[str, Any] | None = None
    resource_id: str | None = None


class Suggestion(Wire, frozen=True, kw_only=True):
    """A set of actions that are taken together."""

    label: str
    uuid: str
    is_recommended: bool = False
    actions: tuple[Action, ...] = ()


class Candidate(Wire, frozen=True, kw_only=True):
    """A strategy with its next step."""

    strategy: str
    next_step: str | None = None


class Missing(Wire, frozen=True, kw_only=True):
    """A missing fact, and whether each of its values would leave one strategy."""

    fact: str
    settles: bool


class AssumedFact(Wire, frozen=True, kw_only=True):
    """An assumption to confirm."""

    fact: str
    value: JsonValue


class FactRead(Wire, frozen=True, kw_only=True):
    """A fact of the case as it was read. `narrowed` lists what is left of a narrowed one."""

    fact: str
    value: JsonValue | None = None
    narrowed: tuple[JsonValue, ...] = ()
    unit: str | None = None
    how: str | None = None
    evidence: tuple[str, ...] = ()
    dated: str | None = None


class GapRead(Wire, frozen=True, kw_only=True):
    """A fact without usable value, why, and the resources behind that."""

    fact: str
    gap: str
    evidence: tuple[str, ...] = ()


class Knowledge(Wire, frozen=True, kw_only=True):
    """The knowledge that gave the answer."""

    id: str
    version: str
    policy: str


class Advice(Wire, frozen=True, kw_only=True):
    """The machine-readable answer of a card: extension `example.crlm-cds.advice`."""

    determined: bool
    knowledge: Knowledge
    strategy: str | None = None
    next_step: str | None = None
    strength: str | None = None
    rows: tuple[str, ...] = ()
    candidates: tuple[Candidate, ...] = ()
    alternatives: tuple[Candidate, ...] = ()
    timing: str | None = None
    missing: tuple[Missing, ...] = ()
    assumptions: tuple[AssumedFact, ...] = ()
    advisories: tuple[str, ...] = ()
    statements: tuple[str, ...] = ()
    facts: tuple[FactRead, ...] = ()
    gaps: tuple[GapRead, ...] = ()


class CardExtension(msgspec.Struct, frozen=True):
    """The extension object of a card with its one member."""

    advice: Advice = msgspec.field(name=EXTENSION)


class Card(Wire, frozen=True, kw_only=True):
    """A card; `summary` has at most 139 characters, `detail` is GitHub-flavoured Markdown without HTML."""

    uuid: str
    summary: str
    indicator: Indicator
    source: Source
    detail: str | None = None
    suggestions: tuple[Suggestion, ...] = ()
    selection_behavior: Literal["at-most-one", "any"] | None = None
    override_reasons: tuple[Coding, ...] = ()
    links: tuple[Link, ...] = ()
    extension: CardExtension
