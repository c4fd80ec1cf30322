"""The command line: `crlm-cds` and its commands."""

from __future__ import annotations

from typing import Annotated

import typer

from service import __version__
from service.commands import check, demo, doctor, feedback, migrate, serve, terminology, try_request

app = typer.Typer(
    name="crlm-cds",
    help="Order of treatment in colorectal cancer with liver metastases, as CDS Hooks.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,  # locals hold charts
    rich_markup_mode="markdown",
)
app.command("serve", epilog=serve.SETTINGS_TABLE)(serve.serve)
app.command("try")(try_request.try_request)
app.command("check")(check.check)
app.command("demo")(demo.demo)
app.command("doctor")(doctor.doctor)
app.command("migrate")(migrate.migrate)
app.add_typer(feedback.app)
app.add_typer(terminology.app)


def _show_version(wanted: bool) -> None:  # noqa: FBT001  called by typer
    if wanted:
        typer.echo(f"crlm-cds {__version__}")
        raise typer.Exit


@app.callback()
def options(
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Take the options that stand before a command."""


def main() -> None:
    """Run the command line."""
    app()
