"""The pathway as a drawing: rows passed by, the row taken or the open branches, rows not reached."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Literal, TypeAlias

from service.knowledge.phrases import sentence

if TYPE_CHECKING:
    from service.knowledge.decision import Decision
    from service.knowledge.model import Guideline, Row

State: TypeAlias = Literal["passed", "taken", "open", "beyond"]
_WORDS: dict[State, str] = {
    "passed": "ruled out",
    "taken": "taken",
    "open": "still open",
    "beyond": "not reached",
}


@dataclass(frozen=True, slots=True)
class Step:
    """One row of the pathway; `outcome` is its strategy and next step in words."""

    row: str
    sentence: str
    outcome: str


@dataclass(frozen=True, slots=True)
class Stretch:
    """Neighbouring rows in the same state; only taken and open rows are drawn one by one."""

    state: State
    word: str
    steps: tuple[Step, ...]

    @property
    def rows(self) -> str:
        """Name the first and the last row of the stretch, or the one row."""
        first, last = self.steps[0].row, self.steps[-1].row
        return first if first == last else f"{first}–{last}"  # noqa: RUF001 - an en dash between two names


def pathway(decision: Decision, guideline: Guideline) -> tuple[Stretch, ...]:
    """Draw the rows in the order of the guideline."""
    reached = set(decision.rows)
    last = max((index for index, row in enumerate(guideline.rows) if row.id in reached), default=-1)

    def state(position: int, row: Row) -> State:
        if row.id in reached:
            return "taken" if len(reached) == 1 else "open"
        return "passed" if position < last else "beyond"

    placed = [(state(position, row), row) for position, row in enumerate(guideline.rows)]
    return tuple(
        Stretch(found, _WORDS[found], tuple(_step(row, guideline) for _, row in rows))
        for found, rows in groupby(placed, key=lambda pair: pair[0])
    )


def _step(row: Row, guideline: Guideline) -> Step:
    if row.strategy is None:
        return Step(row.id, row.sentence, "No card")
    outcome = guideline.strategies.get(row.strategy, row.strategy)
    found = guideline.next_steps.get(row.next_step or "")
    return Step(row.id, row.sentence, f"{outcome}: {found.title}" if found else sentence(outcome))
