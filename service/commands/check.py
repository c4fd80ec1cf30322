"""`crlm-cds check`: knowledge, catalogue and value sets held against each other, and the pathway to read."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from rich.table import Table

    from fhir_mappings.catalogue import Catalogue
    from fhir_mappings.terminology import Terminology
    from service.knowledge.check import Report
    from service.knowledge.model import Guideline


def check() -> None:
    """Verify the guideline, the catalogue of facts and the value sets, under the site's policy where one is set."""
    from rich.console import Console

    from service.adapters.configured import load_configured
    from service.commands.faults import faults_end_the_command
    from service.settings import load_settings

    with faults_end_the_command():
        own = {name: os.environ.get(name, "") for name in ("CRLM_POLICY", "CRLM_TERMINOLOGY")}
        settings = load_settings({"CRLM_AUTH": "off", **own})
        configured = load_configured(settings)
    guideline, catalogue, terminology = configured.guideline, configured.catalogue, configured.terminology
    console = Console()
    console.print(pathway_table(guideline))
    console.print(
        f"{guideline.id} {guideline.version}, policy {guideline.policy.name}: {len(guideline.rows)} rows,"
        f" {len(guideline.advisories)} advisories, {len(guideline.assumptions)} assumptions,"
        f" {len(guideline.parameters)} parameters; {len(catalogue.facts)} facts; {len(terminology.set_ids)} value sets"
    )
    odd, chosen = oddities(guideline)
    for choice in chosen:
        console.print(f"  - under this policy {choice}", style="yellow")
    faults = [*odd, *disagreements(guideline, catalogue, terminology)]
    for fault in faults:
        typer.secho(f"  - {fault}", fg="red", err=True)
    if faults:
        raise typer.Exit(1)
    console.print("No faults.")


def oddities(guideline: Guideline) -> tuple[list[str], list[str]]:
    """Give what is odd about the guideline that ships, and what a site's policy adds to that: the site's own choice."""
    from service.knowledge.check import check as look_through
    from service.knowledge.guideline import load_guideline

    odd = list(findings(look_through(load_guideline())))
    return odd, [choice for choice in findings(look_through(guideline)) if choice not in odd]


def findings(report: Report) -> Iterator[str]:
    """Say what is odd about the guideline itself."""
    yield from (f"row {row} can never apply" for row in report.idle_rows)
    yield from (f"advisory {code} can never hold" for code in report.idle_advisories)
    yield from (f"parameter {name} is not used" for name in report.unused_parameters)
    yield from (f"definition {name} is not used" for name in report.unused_definitions)


def pathway_table(guideline: Guideline) -> Table:
    """Lay the pathway out as a table: the first row that applies gives the answer."""
    from rich.table import Table

    table = Table(title=f"{guideline.title} (the first row that applies)", show_lines=True)
    for heading in ("Row", "When", "Then", "Next", "Strength", "From"):
        table.add_column(heading, overflow="fold")
    for row in guideline.rows:
        step = guideline.next_steps[row.next_step] if row.next_step else None
        table.add_row(
            row.id,
            row.sentence,
            guideline.strategies[row.strategy] if row.strategy else "no card",
            "" if step is None else "; ".join(filter(None, (step.title, step.interval))),
            row.strength if row.strategy else "",
            " ".join(row.statements),
        )
    return table


def disagreements(guideline: Guideline, catalogue: Catalogue, terminology: Terminology) -> Iterator[str]:
    """Name what knowledge or catalogue use and is not there: codes of our systems, readers, value sets."""
    from fhir_mappings.outbound import UNDETERMINED
    from fhir_mappings.wiring import loose_ends

    choices = {choice for fact in catalogue.facts.values() for choice in fact.choices}
    wanted: dict[str, Iterable[str]] = {
        "case-facts": [*catalogue.facts, *sorted(choices)],
        "strategy": [*guideline.strategies, UNDETERMINED],
        "advisory": [advisory.code for advisory in guideline.advisories],
        "next-step": guideline.next_steps,
    }
    for name, codes in wanted.items():
        system = terminology.code_systems.get(name)
        if system is None:
            yield f"the code system {name} is missing"
            continue
        yield from (f"the code system {name} has no {code}" for code in codes if code not in system.codes)
    yield from loose_ends(catalogue, terminology)
