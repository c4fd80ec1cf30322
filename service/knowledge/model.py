"""The guideline as values: rows, advisories, assumptions, parameters and the evidence behind them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

    from service.knowledge.compiled import Compiled
    from service.knowledge.decision import Label, Outcome, Strength

ParameterValue: TypeAlias = bool | int | float
Room: TypeAlias = Literal["now", "after-primary", "after-liver", "after-chemotherapy", "not-now"]
"""When an operation has its place."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """A number or switch of the local policy.

    `use` says where it is read: in conditions, by the mapper, or only in printed texts. `months_in` names a parameter
    in days that this one follows: the complete calendar months that fit into it, and `more_days`, at most; `not_above`
    one that this one is at most.
    """

    name: str
    value: ParameterValue
    reason: str
    kind: Literal["boolean", "integer", "number"]
    unit: str | None = None
    minimum: float | None = None
    maximum: float | None = None
    use: Literal["condition", "mapper", "text"] = "condition"
    months_in: str | None = None
    more_days: int = 0
    not_above: str | None = None


@dataclass(frozen=True, slots=True)
class Policy:
    """What a site changes: parameters, and assumptions that it wants asked instead."""

    name: str = "default"
    parameters: Mapping[str, ParameterValue] = field(default_factory=dict)
    assumptions_off: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Alternative:
    """Another acceptable answer beside that of a row, `when` its condition holds (`None`: always)."""

    outcome: Outcome
    when: str | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the pathway; without `strategy` it gives no card.

    `strength` holds as it stands, or where `strong_when` holds it is strong. `statements` are ids of statements and
    resolutions, `citations` ids of the evidence register.
    """

    id: str
    when: str
    sentence: str
    strategy: str | None = None
    next_step: str | None = None
    strength: Strength = "conditional"
    strong_when: str | None = None
    statements: tuple[str, ...] = ()
    citations: tuple[str, ...] = ()
    alternatives: tuple[Alternative, ...] = ()


@dataclass(frozen=True, slots=True)
class Advisory:
    """A warning that holds beside the strategy.

    `facts` are those whose values stand behind it. `sentence_if_assumed` replaces the sentence when the fact `assumed`
    is printed as an assumption.
    """

    code: str
    when: str
    sentence: str
    statements: tuple[str, ...] = ()
    citations: tuple[str, ...] = ()
    assumed: str | None = None
    sentence_if_assumed: str | None = None
    facts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AssumptionRule:
    """What is assumed when a fact is absent; `when` is `None` where it always is.

    `enabled` is false where the site's policy asks for the fact instead; `printed` is false for those that no card
    names.
    """

    fact: str
    when: str | None
    assume: str
    label: Label
    sentence: str
    printed: bool = True
    enabled: bool = True


@dataclass(frozen=True, slots=True)
class Tie:
    """Facts that come from one another: wherever `when` holds, `then` must hold."""

    when: str
    then: str
    reason: str


@dataclass(frozen=True, slots=True)
class NextStep:
    """What to do next, in words; `interval` is its text, `None` where time plays no part.

    `liver` and `primary` say when each may be resected, `chemotherapy_months` names the parameter of what comes before.
    """

    code: str
    title: str
    sentence: str
    liver: Room
    primary: Room
    interval: str | None = None
    chemotherapy_months: str | None = None


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement of the summary; `src` are the numbers of the summary's own sources."""

    id: str
    text: str
    src: tuple[str, ...]
    decides: bool = True


@dataclass(frozen=True, slots=True)
class Citation:
    """A paper of the evidence register, and how far the entry was checked."""

    id: str
    text: str
    check: Literal["verified", "general"]


@dataclass(frozen=True, slots=True)
class Guideline:
    """One guideline under one policy, checked and compiled."""

    id: str
    version: str
    title: str
    status: str
    policy: Policy
    """The one in force, named `default` where the site has none."""
    definitions: Mapping[str, str]
    rows: tuple[Row, ...]
    advisories: tuple[Advisory, ...]
    assumptions: tuple[AssumptionRule, ...]
    parameters: Mapping[str, Parameter]
    strategies: Mapping[str, str]
    next_steps: Mapping[str, NextStep]
    statements: Mapping[str, Statement]
    resolutions: Mapping[str, str]
    citations: Mapping[str, Citation]
    compiled: Compiled = field(repr=False, compare=False)
    _rows: Mapping[str, Row] = field(init=False, repr=False, compare=False)
    _advisories: Mapping[str, Advisory] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Lay out rows and advisories to be found by their names."""
        object.__setattr__(self, "_rows", {row.id: row for row in self.rows})
        object.__setattr__(self, "_advisories", {advisory.code: advisory for advisory in self.advisories})

    def row(self, row_id: str) -> Row:
        """Give the row with this id; raise `KeyError` when there is none."""
        return self._rows[row_id]

    def advisory(self, code: str) -> Advisory:
        """Give the advisory with this code; raise `KeyError` when there is none."""
        return self._advisories[code]
