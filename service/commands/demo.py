"""`crlm-cds demo`: the service and a demo EHR in a browser, with synthetic patients, on this machine only."""

from __future__ import annotations

import signal
import webbrowser
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Iterator

_REMEDY = "in the repository, pip install '.[demo]'"


def demo(
    *,
    port: Annotated[
        int, typer.Option(min=1, max=65534, help="The port of the demo EHR; the service takes the next.")
    ] = 8000,
    keep: Annotated[
        Path | None, typer.Option(file_okay=False, help="A folder for the records; without it they end with the demo.")
    ] = None,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Do not open a browser.")] = False,
    export: Annotated[
        Path | None,
        typer.Option(file_okay=False, help="Only write the patients into a folder, as Bundles for any FHIR R4 server."),
    ] = None,
) -> None:
    """Start the service and a demo EHR with synthetic patients; open the one URL that is printed."""
    if find_spec("service.demo") is None:
        typer.secho(f"The demo is not part of this installation: {_REMEDY}", fg="red", err=True)
        raise typer.Exit(1)
    from service.commands.folders import check_folder

    if export is not None:
        check_folder(export, option="--export")
        _export(export)
        return
    if keep is not None:
        check_folder(keep, option="--keep")
    if find_spec("nh3") is None:
        typer.secho(f"The demo needs nh3: {_REMEDY}", fg="red", err=True)
        raise typer.Exit(1)

    from service.commands.faults import faults_end_the_command
    from service.demo.folder import DemoFolder
    from service.demo.run import Demo, DemoError, ended_by

    def ready(url: str, patients: int) -> None:
        typer.echo(f"Demo EHR with {patients} synthetic patients: {url}")
        typer.echo(f"Records are kept in {keep}." if keep else "Nothing is kept. Ctrl-C ends it.", err=True)
        if not no_browser:
            webbrowser.open(url)

    for number in ended_by():
        signal.signal(number, signal.default_int_handler)
    with _folder(keep) as path:
        typer.echo("Starting the service and the demo EHR…", err=True)
        try:
            with faults_end_the_command():
                Demo(port, DemoFolder(path), ready).run()
        except DemoError as fault:
            typer.secho(str(fault), fg="red", err=True)
            raise typer.Exit(1) from fault
    typer.echo("The demo has ended.", err=True)


def _export(folder: Path) -> None:
    from datetime import UTC, datetime

    from service.demo.patients.bundles import export

    folder.mkdir(parents=True, exist_ok=True)
    patients = export(folder, datetime.now(UTC).date())
    typer.echo(f"{patients} synthetic patients are in {folder}.")


@contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
        yield keep.resolve()
        return
    with TemporaryDirectory(prefix="crlm-cds-demo-") as path:
        yield Path(path)
