"""`crlm-cds doctor`: everything that a server needs, looked at once, with a remedy for what is amiss."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from service.commands.findings import Finding

_COLOURS = {"ok": "green", "warn": "yellow", "fail": "red"}


def doctor(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
) -> None:
    """Check settings, keys, FHIR servers, store, clock, knowledge and value sets.

    Nothing is changed. Exit status 1 where something fails; warnings leave it 0.
    """
    from service.commands.faults import faults_end_the_command
    from service.commands.findings import worst

    with faults_end_the_command():
        found = _examine()
    if as_json:
        import orjson

        content = {"status": worst(found), "checks": [finding.members() for finding in found]}
        typer.echo(orjson.dumps(content, option=orjson.OPT_INDENT_2))
    else:
        _print(found)
    if worst(found) == "fail":
        raise typer.Exit(1)


def _examine() -> list[Finding]:
    import asyncio
    from datetime import UTC, datetime

    from service.adapters.outbound import Outbound
    from service.commands import doctor_inside as inside
    from service.commands.doctor_outside import examine_outside

    settings, found = inside.examine_settings(os.environ)
    clients, of_clients = inside.examine_clients(settings)
    found += [*of_clients, *inside.examine_knowledge(settings), *inside.examine_store(settings)]
    found += inside.examine_telemetry(os.environ)

    async def look_around() -> list[Finding]:
        outbound = Outbound()
        try:
            return await examine_outside(clients, outbound, lambda: datetime.now(UTC))
        finally:
            await outbound.aclose()

    return [*found, *asyncio.run(look_around())]


def _print(found: Sequence[Finding]) -> None:
    for finding in found:
        mark = typer.style(f"{finding.status:4}", fg=_COLOURS[finding.status], bold=True)
        typer.echo(f"{mark}  {finding.check}: {finding.message}")
        if finding.remedy is not None:
            typer.echo(f"      → {finding.remedy}")
    counts = {status: sum(finding.status == status for finding in found) for status in _COLOURS}
    typer.echo(", ".join(f"{count} {status}" for status, count in counts.items()))
