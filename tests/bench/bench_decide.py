"""Medians of the decision core alone: `python -m tests.bench.bench_decide`.

The duty: under 0.3 ms for a complete case, under 3 ms with everything unknown.
"""

from __future__ import annotations

from statistics import median, quantiles
from time import perf_counter
from typing import TYPE_CHECKING

from rich.console import Console

from fhir_mappings.catalogue import load_catalogue
from service.knowledge.decide import decide
from service.knowledge.guideline import build_guideline, load_guideline, shipped_texts
from service.knowledge.model import Policy
from tests.cases import case_of, example

if TYPE_CHECKING:
    from fhir_mappings.case import Case
    from service.knowledge.model import Guideline

CALLS = 1000


def milliseconds(case: Case, guideline: Guideline) -> list[float]:
    """Time one decision again and again."""
    found = []
    for _ in range(CALLS):
        start = perf_counter()
        decide(case, guideline)
        found.append((perf_counter() - start) * 1000)
    return found


def main() -> None:
    """Print the median and the 99th percentile of each case, and how long loading takes."""
    console = Console()
    start = perf_counter()
    build_guideline(shipped_texts(), load_catalogue())
    console.print(f"load and compile    {(perf_counter() - start) * 1000:8.2f} ms")
    default = load_guideline()
    nothing_assumed = load_guideline(Policy("ask", {}, frozenset(rule.fact for rule in default.assumptions)))
    cases = {
        "complete (V01)": (case_of(example("V01").facts), default),
        "ECOG unknown (V19)": (case_of(example("V19").facts), default),
        "symptoms unknown (V36)": (case_of(example("V36").facts), default),
        "primary resected": (case_of({"primary-in-situ": False}), default),
        "everything unknown": (case_of(), default),
        "nothing assumed": (case_of(), nothing_assumed),
    }
    for name, (case, guideline) in cases.items():
        times = milliseconds(case, guideline)
        console.print(f"{name:24}{median(times):8.3f} ms   p99 {quantiles(times, n=100)[98]:8.3f} ms")


if __name__ == "__main__":
    main()
