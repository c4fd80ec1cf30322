"""How a command ends when it cannot do its work: every fault on a line of its own."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def faults_end_the_command() -> Iterator[None]:
    """Print the lines of faulty settings, knowledge or codes and exit with status 2: start-up is impossible."""
    from fhir_mappings.catalogue import CatalogueError
    from fhir_mappings.terminology import TerminologyError
    from service.errors import SettingsError
    from service.knowledge.policy import GuidelineError
    from service.tracing import TelemetryError

    try:
        yield
    except (SettingsError, CatalogueError, TerminologyError, GuidelineError, TelemetryError) as error:
        typer.secho("crlm-cds cannot start:", fg="red", bold=True, err=True)
        for line in str(error).splitlines():
            typer.echo(f"  - {line}", err=True)
        raise typer.Exit(2) from None


@contextmanager
def store_faults_end_the_command() -> Iterator[None]:
    """Say that the store is away and exit with status 1. The cause would name its URL, which may hold a password."""
    import sqlalchemy as sa

    try:
        yield
    except sa.exc.SQLAlchemyError as error:
        told = f"The store cannot be written ({type(error).__name__}): check CRLM_DATABASE_URL; "
        typer.echo(f"{told}`crlm-cds doctor` says more.", err=True)
        raise typer.Exit(1) from None
