"""`crlm-cds migrate`: the store brought up to date before the servers of a new version start."""

from __future__ import annotations

import typer


def migrate() -> None:
    """Bring the store up to date; safe beside running servers and other starters. `serve` does the same."""
    from service.adapters.store.database import Database
    from service.adapters.store.migrate import migrate as bring_up_to_date
    from service.commands.faults import faults_end_the_command, store_faults_end_the_command
    from service.commands.store_url import configured_database_url

    with faults_end_the_command():
        url = configured_database_url()
    database = Database(url)
    try:
        with store_faults_end_the_command():
            before, after = bring_up_to_date(database)
    finally:
        database.close()
    if before == after:
        typer.echo(f"The store is up to date: version {after}.")
    else:
        typer.echo(f"The store went from {f'version {before}' if before else 'no tables'} to version {after}.")
