"""The decision: every answer that some completion of the case reaches, and what would decide between them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias

Strength: TypeAlias = Literal["strong", "conditional"]
Label: TypeAlias = bool | int | float | str
"""A value as the cards print it: a JSON value, or `<= 3`, `> 30`, `segmental`."""


@dataclass(frozen=True, slots=True, order=True)
class Outcome:
    """A strategy with its next step; `next_step` is `None` only in alternatives."""

    strategy: str
    next_step: str | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What one value (or group of equivalent values) of a missing fact leaves open.

    `label` reads like `0-1`, `> 30`, `none or minor`; `outcomes` are those still reachable with it, sorted.
    """

    label: str
    outcomes: tuple[Outcome, ...]

    @property
    def strategies(self) -> tuple[str, ...]:
        """Give the strategies still reachable, sorted."""
        return tuple(sorted({outcome.strategy for outcome in self.outcomes}))


@dataclass(frozen=True, slots=True)
class MissingFact:
    """An unknown (or narrowed) fact that changes the outcome; it settles when each value leaves one strategy."""

    fact: str
    settles: bool
    answers: tuple[Answer, ...]


@dataclass(frozen=True, slots=True)
class Assumption:
    """An assumption that matters: dropping it alone changes the outcomes or an advisory.

    `decides` is true when dropping it changes the rows that can fire.
    """

    fact: str
    value: Label
    decides: bool


@dataclass(frozen=True, slots=True)
class Decision:
    """The exact answer for one case.

    `outcomes` are all reachable ones without "no card", sorted; `rows` the rows that fire in some completion, in the
    order of the pathway; `missing` ranked, most decisive first; `advisories` and `statements` in the order of the
    guideline; `read` the facts that the tests of the reachable rows and fired advisories look at.
    `strategy` and `next_step` are those of all outcomes, `None` where several are open. `no_card` is true when no
    completion reaches a strategy (row T0).
    """

    outcomes: tuple[Outcome, ...]
    rows: tuple[str, ...]
    missing: tuple[MissingFact, ...] = ()
    assumptions: tuple[Assumption, ...] = ()
    advisories: tuple[str, ...] = ()
    alternatives: tuple[Outcome, ...] = ()
    strength: Strength | None = None
    statements: tuple[str, ...] = ()
    citations: tuple[str, ...] = ()
    timing: Literal["synchronous", "metachronous"] | None = None
    read: tuple[str, ...] = ()
    strategy: str | None = field(init=False, repr=False, compare=False)
    next_step: str | None = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Find the strategy and the next step once: the sentences of a card ask for them again and again."""
        strategies = {outcome.strategy for outcome in self.outcomes}
        next_steps = {outcome.next_step for outcome in self.outcomes}
        strategy = strategies.pop() if len(strategies) == 1 else None
        object.__setattr__(self, "strategy", strategy)
        object.__setattr__(self, "next_step", next_steps.pop() if strategy and len(next_steps) == 1 else None)

    @property
    def no_card(self) -> bool:
        """Whether there is nothing to recommend."""
        return not self.outcomes

    @property
    def row_behind(self) -> str | None:
        """The first row that it rests on, `None` where no statement of the summary stands behind it."""
        return self.rows[0] if self.rows and self.statements else None

    def without_sources(self) -> Decision:
        """Give it as the basis of what no statement of the summary stands behind."""
        return replace(self, statements=(), citations=())
