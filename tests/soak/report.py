"""What a soak found: numbers, and for each claim whether it held."""

from __future__ import annotations

import statistics
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rich.console import Console

    from tests.soak.phases import Sample

LATEST_CALL_S = 0.05
MOST_GROWTH = 0.05
SLOWEST_REFUSAL_S = 1.0
LEAST_GOODPUT = 0.8
LEAST_EFFORT = 0.5
SLOWEST_RECOVERY_S = 5.0


@dataclass(frozen=True, slots=True)
class Claim:
    """One thing that must hold, what was found, and whether it held; `judged` ones decide the exit status."""

    name: str
    found: str
    held: bool
    judged: bool = True


@dataclass(slots=True)
class Soak:
    """Everything that was measured. `memory` holds (seconds, bytes of each worker) until the end of the steady phase.

    `capacities` are those of hooks and sessions together, measured through the steady phase; `capacity` is that of
    hooks alone, right before the double load and as long. The seconds of processor that the workers got in each of the
    two tell apart a service that collapses and a machine that was busy with other things.
    """

    minutes: float
    workers: int
    capacities: list[float]
    capacity: float
    steady: list[Sample]
    memory: list[tuple[float, list[int]]]
    double: list[Sample]
    double_seconds: float
    capacity_processor_s: float
    double_processor_s: float
    after: list[Sample]
    sessions: int
    session_seconds: list[float]
    session_faults: list[str]
    lost_feedback: int
    dropped_cards: int
    ready_after: bool
    noisy: bool = False
    claims: list[Claim] = field(default_factory=list)

    def judge(self) -> list[Claim]:
        """Hold what was measured against what must hold."""
        calm = not self.noisy
        everything = (*self.steady, *self.double, *self.after)
        faults = [sample for sample in everything if sample.is_fault]
        timeouts = sum(sample.is_timeout for sample in everything)
        late = _high(sample.late for sample in self.steady)
        refused = sum(sample.is_refused for sample in self.steady)
        growth = max(self._growth(), default=0.0)
        first, last = p99(_third(self.steady, 0)), p99(_third(self.steady, 2))
        goodput = sum(sample.is_answered for sample in self.double) / self.double_seconds
        # Refusing takes its part: at twice the capacity there is a refusal for each answer.
        effort = (goodput / self.double_processor_s) / (self.capacity / self.capacity_processor_s)
        slowest = p99([sample for sample in self.double if sample.is_refused])
        recovery = self.recovery_s()
        return [
            Claim("no call failed", _counted(f"{one.kind}: {one.status}" for one in faults), not faults),
            Claim("no call passed its deadline", f"{timeouts} of {len(everything)}", timeouts == 0, calm),
            Claim("the load was sent in time", f"p99 {_ms(late)} late", late <= LATEST_CALL_S, calm),
            Claim(
                "80 %: no call refused",
                f"{refused} of {len(self.steady)}; capacity {_range(self.capacities)} a second",
                refused == 0,
                calm,
            ),
            Claim(
                "80 %: sessions of the app", _sessions(self), self.sessions > 0 and not (calm and self.session_faults)
            ),
            Claim("80 %: memory is flat", f"{growth:+.1%} from the second third to the last", growth <= MOST_GROWTH),
            Claim("80 %: p99 is stable", f"{_ms(first)} first third, {_ms(last)} last", last <= 2 * first + 0.02, calm),
            Claim("200 %: refusals are quick", f"p99 {_ms(slowest)}", slowest <= SLOWEST_REFUSAL_S, calm),
            Claim(
                "200 %: no collapse",
                f"{goodput:.0f} answers a second, {goodput / self.capacity:.0%} of the capacity",
                goodput >= LEAST_GOODPUT * self.capacity,
                calm,
            ),
            Claim(
                "200 %: no work in vain",
                f"{effort:.0%} of the answers that a second of processor gives at capacity",
                effort >= LEAST_EFFORT,
            ),
            Claim(
                "recovery",
                "none" if recovery is None else f"{recovery} s",
                recovery is not None and recovery <= SLOWEST_RECOVERY_S and self.ready_after,
            ),
            Claim(
                "nothing acknowledged is lost",
                f"{self.lost_feedback} feedback, {self.dropped_cards} cards",
                self.lost_feedback == 0 and self.dropped_cards == 0,
            ),
        ]

    def recovery_s(self) -> int | None:
        """Give the seconds after the double load until a second without refusal or delay."""
        usual = max(2 * p99(self.steady), 0.1)
        for second in range(int(max((one.at for one in self.after), default=0.0)) + 1):
            inside = [one for one in self.after if second <= one.at < second + 1]
            if inside and all(one.is_answered for one in inside) and p99(inside) <= usual:
                return second
        return None

    def _growth(self) -> Iterable[float]:
        """Give for each worker how much the median of its memory grew from the second third to the last."""
        most = max((at for at, _ in self.memory), default=0.0)
        for worker in range(min((len(each) for _, each in self.memory), default=0)):
            thirds = [
                [each[worker] for at, each in self.memory if low * most <= at * 3 <= (low + 1) * most] for low in (1, 2)
            ]
            if all(thirds):
                before, after = (statistics.median(third) for third in thirds)
                yield after / before - 1

    def as_json(self) -> dict[str, Any]:
        return {
            "minutes": self.minutes,
            "workers": self.workers,
            "capacities_per_second": [round(one, 1) for one in self.capacities],
            "capacity_of_hooks_per_second": round(self.capacity, 1),
            "steady": by_kind(self.steady),
            "double": by_kind(self.double),
            "after": by_kind(self.after),
            "processor_s": {"capacity": self.capacity_processor_s, "double": self.double_processor_s},
            "recovery_s": self.recovery_s(),
            "memory_bytes": [[round(at, 1), *each] for at, each in self.memory],
            "sessions": {"done": self.sessions, "faults": self.session_faults, "p50_s": _median(self.session_seconds)},
            "lost": {"feedback": self.lost_feedback, "cards": self.dropped_cards},
            "claims": [
                {"claim": one.name, "found": one.found, "held": one.held, "judged": one.judged} for one in self.judge()
            ],
        }

    def show(self, console: Console) -> None:
        """Print the numbers, then the claims."""
        numbers = Table("phase", "call", "answered", "refused", "failed", "p50", "p99", "longest")
        for phase, samples in (("80 %", self.steady), ("200 %", self.double), ("after", self.after)):
            for kind, row in by_kind(samples).items():
                times = (_ms(row[name] / 1000) for name in ("p50_ms", "p99_ms", "longest_ms"))
                numbers.add_row(phase, kind, str(row["answered"]), str(row["refused"]), str(row["failed"]), *times)
        console.print(numbers)
        claims = Table("claim", "found", "")
        for one in self.judge():
            word = "held" if one.held else ("broken" if one.judged else "broken, not judged")
            claims.add_row(one.name, one.found, word)
        console.print(claims)


def by_kind(samples: Sequence[Sample]) -> dict[str, dict[str, Any]]:
    """Give numbers for each kind of call; times are those of answers."""
    rows = {}
    for kind in sorted({sample.kind for sample in samples}):
        mine = [sample for sample in samples if sample.kind == kind]
        times = sorted(sample.seconds * 1000 for sample in mine if sample.is_answered) or [0.0]
        rows[kind] = {
            "answered": sum(sample.is_answered for sample in mine),
            "refused": sum(sample.is_refused for sample in mine),
            "failed": sum(sample.is_fault or sample.is_timeout for sample in mine),
            "p50_ms": round(statistics.median(times), 2),
            "p99_ms": round(times[int(len(times) * 0.99)], 2),
            "longest_ms": round(times[-1], 2),
        }
    return rows


def p99(samples: Sequence[Sample]) -> float:
    """Give the 99th percentile of the seconds; 0 without samples."""
    return _high(sample.seconds for sample in samples)


def _high(values: Iterable[float]) -> float:
    ordered = sorted(values)
    return ordered[int(len(ordered) * 0.99)] if ordered else 0.0


def _third(samples: Sequence[Sample], number: int) -> list[Sample]:
    most = max((sample.at for sample in samples), default=0.0)
    return [sample for sample in samples if number * most <= sample.at * 3 <= (number + 1) * most]


def _counted(names: Iterable[str]) -> str:
    return ", ".join(f"{count} of {name}" for name, count in Counter(names).most_common(5)) or "none did"


def _sessions(soak: Soak) -> str:
    if soak.session_faults:
        return f"{soak.sessions} held; {_counted(soak.session_faults)}"
    return f"{soak.sessions} held, median {_median(soak.session_seconds)} s"


def _range(values: Sequence[float]) -> str:
    return f"{min(values):.0f}" if len(values) == 1 else f"{min(values):.0f} to {max(values):.0f}"


def _median(values: Sequence[float]) -> float:
    return round(statistics.median(values), 2) if values else 0.0


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms"
