"""`python -m tests.proof.changes`: what small changes of the knowledge do, each with a patient, a proof or refused."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict
from pathlib import Path  # noqa: TC003 - typer reads the annotation
from random import Random
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import track
from rich.table import Table

from service.knowledge.guideline import shipped_texts
from tests.proof.changes.edits import drawn_changes
from tests.proof.changes.judge import Judge

_NAMES = {
    "changed": "a patient's answer changes",
    "same": "proven: no answer changes",
    "refused": "refused when loaded",
    "open": "neither",
}


def main(
    count: Annotated[int, typer.Option(help="How many changes.")] = 200,
    seed: Annotated[int, typer.Option(help="What the changes are drawn from.")] = 20261123,
    to: Annotated[Path | None, typer.Option("--json", help="Write every change with its patient to this file.")] = None,
) -> None:
    """Try small changes of the guideline; the exit code is 1 where one has neither patient nor proof."""
    console = Console(highlight=False)
    judge, texts = Judge(shipped_texts()), shipped_texts()
    found: list[dict[str, Any]] = []
    counted: Counter[tuple[str, str]] = Counter()
    for change in track(drawn_changes(Random(seed), count, texts), "Changing", total=count, console=console):
        verdict = judge.verdict(change)
        counted[change.kind, verdict.kind] += 1
        told = {key: value for key, value in asdict(change).items() if key != "texts"}
        found.append({**told, "verdict": verdict.kind, **{k: v for k, v in asdict(verdict).items() if k != "kind"}})
        if verdict.kind in {"same", "open"}:
            console.print(f"{_NAMES[verdict.kind]}: {change.kind}, {change.where}: {change.before} → {change.after}")
    if to is not None:
        to.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    table = Table("kind of change", *_NAMES.values(), title=f"{count} changes, seed {seed}")
    for kind in sorted({kind for kind, _ in counted}):
        table.add_row(kind, *(str(counted[kind, name] or "") for name in _NAMES))
    table.add_section()
    totals = [sum(number for (_, name), number in counted.items() if name == wanted) for wanted in _NAMES]
    table.add_row("all", *map(str, totals))
    console.print(table)
    raise typer.Exit(1 if totals[-1] else 0)


if __name__ == "__main__":
    typer.run(main)
