"""The distinguishable values of a fact: choices that no condition tells apart, and numbers between two thresholds."""

from __future__ import annotations

import math
from bisect import bisect_left
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol, TypeAlias, assert_never, cast

from fhir_mappings.case import Interval

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fhir_mappings.case import Value
    from fhir_mappings.catalogue import FactDefinition

NumberOperator: TypeAlias = Literal["==", "!=", "<", "<=", ">", ">="]

_OPPOSITE: dict[NumberOperator, NumberOperator] = {
    "==": "!=",
    "!=": "==",
    "<": ">=",
    ">=": "<",
    ">": "<=",
    "<=": ">",
}


@dataclass(frozen=True, slots=True)
class ChoiceTest:
    """A choice or boolean fact is one of these values."""

    fact: str
    values: frozenset[str | bool]


@dataclass(frozen=True, slots=True)
class NumberTest:
    """A number compared with a constant."""

    fact: str
    operator: NumberOperator
    number: float

    def accepts(self, number: float) -> bool:
        """Whether `number` passes."""
        match self.operator:
            case "==":
                return number == self.number
            case "!=":
                return number != self.number
            case "<":
                return number < self.number
            case "<=":
                return number <= self.number
            case ">":
                return number > self.number
            case ">=":
                return number >= self.number
            case _:
                assert_never(self.operator)

    def opposite(self) -> NumberTest:
        """Give the test that passes where this one does not."""
        return NumberTest(self.fact, _OPPOSITE[self.operator], self.number)


FactTest: TypeAlias = ChoiceTest | NumberTest


@dataclass(frozen=True, slots=True)
class MonthsBetween:
    """A number that follows from two dates: complete calendar months, never below 0."""

    fact: str
    first: str
    last: str


class Domain(Protocol):
    """The cells of one fact; a set of cells is a bit mask, cell 0 the lowest bit."""

    size: int

    @property
    def full(self) -> int:
        """The mask of all cells."""
        return (1 << self.size) - 1

    def mask_of(self, test: FactTest) -> int:
        """Give the cells that pass `test`."""

    def mask_at(self, value: Value) -> int:
        """Give the cell that holds `value`; raise `ValueError` when it is no value of the fact."""

    def mask_within(self, values: frozenset[str | bool] | Interval) -> int:
        """Give the cells that a narrowed fact may lie in."""

    def label(self, mask: int) -> str:
        """Name a set of cells: `none or minor`, `0-1`, `> 30`."""


class Choices(Domain):
    """Values that no test tells apart share a cell; cells stand in the order of the catalogue."""

    def __init__(self, definition: FactDefinition, tests: Iterable[FactTest]) -> None:
        values: tuple[str | bool, ...] = (True, False) if definition.kind == "boolean" else definition.choices
        sets = list(dict.fromkeys(test.values for test in tests if isinstance(test, ChoiceTest)))
        cells: dict[tuple[bool, ...], list[str | bool]] = {}
        for value in values:
            cells.setdefault(tuple(value in accepted for accepted in sets), []).append(value)
        self.cells = tuple(tuple(cell) for cell in cells.values())
        self.size = len(self.cells)
        self._values = values
        self._cell = {value: 1 << index for index, cell in enumerate(self.cells) for value in cell}

    def mask_of(self, test: FactTest) -> int:
        """Give the cells that pass `test`."""
        return self.mask_within(cast("ChoiceTest", test).values)

    def mask_at(self, value: Value) -> int:
        """Give the cell that holds `value`; raise `ValueError` when it is no value of the fact."""
        try:
            return self._cell[cast("str | bool", value)]
        except KeyError:
            raise ValueError("not a value of the catalogue") from None

    def mask_within(self, values: frozenset[str | bool] | Interval) -> int:
        """Give the cells that a narrowed fact may lie in."""
        if isinstance(values, Interval):
            raise ValueError("an interval belongs to a number")  # noqa: TRY004 - the same error as any wrong value
        mask = 0
        for value in values:
            mask |= self.mask_at(value)
        return mask

    def label(self, mask: int) -> str:
        """Name a set of cells."""
        chosen = (value for value in self._values if self._cell[value] & mask)
        return " or ".join(str(value).lower() if isinstance(value, bool) else value for value in chosen)


class _Cut(NamedTuple):
    """A border between cells: just below `number` (side 0) or just above it (side 1)."""

    number: float
    side: float


class Numbers(Domain):
    """Numbers between two neighbouring thresholds share a cell; cells stand in rising order."""

    def __init__(self, definition: FactDefinition, tests: Iterable[FactTest]) -> None:
        self._whole = definition.kind == "integer"
        self._minimum = -math.inf if definition.minimum is None else definition.minimum
        self._maximum = math.inf if definition.maximum is None else definition.maximum
        cuts = {self._cut(cut) for test in tests if isinstance(test, NumberTest) for cut in _cuts(test)}
        self._cuts = sorted(cut for cut in cuts if _Cut(self._minimum, 0) < cut < _Cut(self._maximum, 1))
        self.size = len(self._cuts) + 1
        self._samples = [self._sample(index) for index in range(self.size)]

    def mask_of(self, test: FactTest) -> int:
        """Give the cells that pass `test`."""
        accepts = cast("NumberTest", test).accepts
        return sum(1 << index for index, sample in enumerate(self._samples) if accepts(sample))

    def mask_at(self, value: Value) -> int:
        """Give the cell that holds `value`; raise `ValueError` when it is no value of the fact."""
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise ValueError("not a number")
        return 1 << self._index(_Cut(value, 0.5))

    def mask_within(self, values: frozenset[str | bool] | Interval) -> int:
        """Give the cells that a narrowed fact may lie in."""
        if not isinstance(values, Interval):
            raise ValueError("a set of choices belongs to a choice")  # noqa: TRY004 - as in Choices
        low = _Cut(self._minimum, 0.5)
        high = _Cut(self._maximum, 0.5)
        if values.low is not None:
            bound = self._cut(_Cut(values.low, 0 if values.low_included else 1))
            low = max(low, _Cut(bound.number, bound.side + 0.5))
        if values.high is not None:
            bound = self._cut(_Cut(values.high, 1 if values.high_included else 0))
            high = min(high, _Cut(bound.number, bound.side - 0.5))
        if low > high:
            return 0
        return sum(1 << index for index in range(self._index(low), self._index(high) + 1))

    def label(self, mask: int) -> str:
        """Name a set of cells."""
        runs: list[list[int]] = []
        for index in range(self.size):
            if mask >> index & 1:
                if runs and runs[-1][1] == index - 1:
                    runs[-1][1] = index
                else:
                    runs.append([index, index])
        return " or ".join(self._run(first, last) for first, last in runs)

    def _index(self, place: _Cut) -> int:
        return bisect_left(self._cuts, place)

    def _cut(self, cut: _Cut) -> _Cut:
        """Whole numbers know one border between neighbours: just below the upper one."""
        if not self._whole:
            return cut
        return _Cut(math.floor(cut.number) + 1 if cut.side else math.ceil(cut.number), 0)

    def _sample(self, index: int) -> float:
        left = self._cuts[index - 1] if index else _Cut(self._minimum, 0)
        if left.side == 0 and math.isfinite(left.number):
            return left.number
        if index == len(self._cuts):
            return self._maximum
        return (left.number + self._cuts[index].number) / 2

    def _run(self, first: int, last: int) -> str:
        left = self._cuts[first - 1] if first else None
        right = self._cuts[last] if last < len(self._cuts) else None
        if self._whole:
            low = left.number if left else self._minimum
            high = right.number - 1 if right else self._maximum
            if math.isinf(high):
                return f"> {low - 1:g}" if left else "any"
            if math.isinf(low):
                return f"<= {high:g}"
            return f"{low:g}" if low == high else f"{low:g}-{high:g}"
        parts = []
        if left:
            parts.append(f"{'>' if left.side else '>='} {left.number:g}")
        if right:
            parts.append(f"{'<=' if right.side else '<'} {right.number:g}")
        if left and right and left.number == right.number:
            return f"{left.number:g}"
        return " and ".join(parts) or "any"


def _cuts(test: NumberTest) -> tuple[_Cut, ...]:
    below, above = _Cut(test.number, 0), _Cut(test.number, 1)
    if test.operator in {"==", "!="}:
        return below, above
    return (below,) if test.operator in {"<", ">="} else (above,)


def domain_of(definition: FactDefinition, tests: Iterable[FactTest]) -> Domain:
    """Cut the values of a fact into the cells that `tests` tell apart."""
    kind = Choices if definition.kind in {"boolean", "choice"} else Numbers
    return kind(definition, tests)
