"""`crlm-cds serve`: the server, one process or several."""

from __future__ import annotations

import os
from ipaddress import ip_address
from typing import Annotated

import typer

from service.adapters.origins import is_loopback
from service.settings import Settings, describe_settings, load_settings

SETTINGS_TABLE = "\n\n".join(
    [
        "**Settings** come from the environment:",
        *(
            f"`{line.variable}`{f' (default {line.default})' if line.default else ''}: {line.meaning}"
            for line in describe_settings()
        ),
    ]
)


def serve(
    *,
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="The port to listen on.")] = 8080,
    workers: Annotated[int, typer.Option(min=1, max=64, help="The number of processes.")] = 1,
) -> None:
    """Serve CDS Hooks, the knowledge page and the review app."""
    from service.commands.faults import faults_end_the_command, store_faults_end_the_command
    from service.logs import configure_logging
    from service.web.server import run

    own_url = local_url(host, port)
    with faults_end_the_command():
        settings = load_settings(os.environ, public_base_url=own_url)
        configure_logging(level=settings.log_level, style=settings.log_format)
        announce(settings, own_url)
        with store_faults_end_the_command():
            run(settings, host=host, port=port, workers=workers)


def local_url(host: str, port: int) -> str:
    """Give the URL under which a server on `host` is reached from this machine."""
    try:
        reachable = "127.0.0.1" if ip_address(host).is_unspecified else host
    except ValueError:
        reachable = host
    return f"http://[{reachable}]:{port}" if ":" in reachable else f"http://{reachable}:{port}"


def announce(settings: Settings, own_url: str) -> None:
    """Say on stderr where the server is, and loudly that nobody is asked for a token where that is so."""
    if settings.auth == "off":
        lines = ["AUTHENTICATION IS OFF (CRLM_AUTH=off): whoever reaches this server may call it."]
        if not is_loopback(own_url):
            lines.append("It listens beyond this machine: for trials with invented patients only.")
        width = max(len(line) for line in lines)
        for line in ("!" * (width + 4), *(f"! {line:<{width}} !" for line in lines), "!" * (width + 4)):
            typer.secho(line, fg="red", bold=True, err=True)
    typer.echo(f"crlm-cds: {own_url}/cds-services   knowledge: {own_url}/knowledge", err=True)
