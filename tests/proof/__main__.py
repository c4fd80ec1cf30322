"""`python -m tests.proof`: proves the invariants and that the service evaluates the guideline as it is written."""

from __future__ import annotations

from collections import Counter
from itertools import chain
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import track
from rich.table import Table

from service.knowledge.guideline import shipped_texts
from tests.proof.prove import Proof, policies

_NAMES = {
    "invariants": "invariants of complete patients, every policy",
    "charts": "invariants of incomplete charts, every policy and chart",
    "evaluation": "policies under which the service evaluates what is written",
    "answers": "generated incomplete charts with exactly the answer that z3 gives",
}


def main(
    count: Annotated[int, typer.Option("--policies", help="How many random policies beside the corners.")] = 50,
    charts: Annotated[int, typer.Option(help="How many generated incomplete charts.")] = 500,
    seed: Annotated[int, typer.Option(help="What policies and charts are drawn from.")] = 20261123,
) -> None:
    """Prove every claim; each counterexample is printed as a patient, and the exit code is 1."""
    console = Console(highlight=False)
    proof = Proof(shipped_texts())
    drawn = policies(count, seed)
    results = chain(proof.invariants(), proof.charts(), proof.evaluation(drawn), proof.answers(charts, seed))
    held: Counter[str] = Counter()
    broken: Counter[str] = Counter()
    expected = proof.claims + len(drawn) + charts
    for result in track(results, "Proving", total=expected, console=console):
        (broken if result.against else held)[result.group] += 1
        if result.group == "invariants":
            console.print(f"{'broken' if result.against else 'proven':8}{result.number}: {result.claim}")
        if result.against:
            console.print(f"[red]{result.number}: {result.claim}[/red]: not so.")
            console.print("\n".join(f"    {line}" for line in result.against), markup=False)
    table = Table("what", "holds", "broken", title=f"Seed {seed}")
    for group, name in _NAMES.items():
        table.add_row(name, f"{held[group]}", f"{broken[group]}")
    console.print(table)
    raise typer.Exit(1 if broken else 0)


if __name__ == "__main__":
    typer.run(main)
