"""How a command ends when start-up is impossible: every fault on a line of its own, and exit status 2."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def faults_end_the_command(*kinds: type[Exception]) -> Iterator[None]:
    """Print the lines of an error of one of `kinds` and exit."""
    try:
        yield
    except kinds as error:
        typer.secho("crlm-cds cannot start:", fg="red", bold=True, err=True)
        for line in str(error).splitlines():
            typer.echo(f"  - {line}", err=True)
        raise typer.Exit(2) from None
