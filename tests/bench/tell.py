"""How the measuring commands tell what they found: a table for people, JSON for programs."""

from __future__ import annotations

import json
import statistics
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Sequence

console = Console(width=120)


def options_of(parser: argparse.ArgumentParser) -> argparse.Namespace:
    """Add what all commands have, and read the command line."""
    parser.add_argument("--out", type=Path, default=Path("build/bench"), help="folder for the JSON")
    found = parser.parse_args()
    found.out.mkdir(parents=True, exist_ok=True)
    return found


def sizes(text: str) -> list[int]:
    """Read numbers of resources, separated by commas."""
    return [int(part) for part in text.split(",")]


def tell(name: str, rows: Sequence[dict[str, Any]], out: Path) -> None:
    """Print rows of one shape as a table and write them to `out`."""
    table = Table(*rows[0], title=name)
    for row in rows:
        table.add_row(*(f"{value:.2f}" if isinstance(value, float) else str(value) for value in row.values()))
    console.print(table)
    (out / f"{name}.json").write_text(json.dumps(list(rows), indent=1), encoding="utf-8")


def percentile(values: Iterable[float], percent: float) -> float:
    """Give the value that so many percent of all do not pass."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]


def summary(times_ms: Sequence[float]) -> dict[str, float | int]:
    """Describe milliseconds."""
    return {
        "calls": len(times_ms),
        "p50 ms": statistics.median(times_ms),
        "p95 ms": percentile(times_ms, 95),
        "p99 ms": percentile(times_ms, 99),
        "longest ms": max(times_ms),
    }
