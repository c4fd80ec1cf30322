"""`crlm-cds try`: one request, answered by a running server or by this process, its cards shown in the terminal."""

from __future__ import annotations

import asyncio
import os
import sys
from datetime import UTC, datetime
from pathlib import Path  # noqa: TC003  typer reads the annotation
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    import httpx


def try_request(
    *,
    request: Annotated[
        Path | None,
        typer.Argument(
            metavar="[REQUEST.json]", help="A CDS Hooks request; `-` reads stdin. Without it: a sample patient."
        ),
    ] = None,
    url: Annotated[
        str | None, typer.Option(help="The base URL of a running server; without it this process answers.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the answer as JSON.")] = False,
) -> None:
    """Send one CDS Hooks request and show the cards."""
    from service.commands.card_view import show_answer

    body = _body(request)
    status, answer = asyncio.run(_send(body, url))
    if as_json:
        sys.stdout.write(answer.decode(errors="replace") + "\n")
    understood = as_json or show_answer(status, answer)
    if status != 200 or not understood:  # noqa: PLR2004  the one status of success
        raise typer.Exit(1)


def _body(request: Path | None) -> bytes:
    from service.samples.patient_view import sample_request

    if request is None:
        return sample_request(datetime.now(UTC).date())
    if str(request) == "-":
        return sys.stdin.buffer.read()
    try:
        return request.read_bytes()
    except OSError as fault:
        raise typer.BadParameter(f"{request}: {fault.strerror}") from None


async def _send(body: bytes, url: str | None) -> tuple[int, bytes]:
    """Post to the service of the hook that the request names; a request without a hook is one of patient-view."""
    import httpx
    import msgspec

    from fhir_mappings.loose_json import MISFITS

    class Hook(msgspec.Struct):
        hook: str = "patient-view"

    try:
        hook = msgspec.json.decode(body, type=Hook).hook
    except MISFITS:
        hook = Hook().hook
    transport = None if url else _in_process()
    base = url or "http://in-process.invalid"
    try:
        async with httpx.AsyncClient(transport=transport, base_url=base, timeout=30) as client:
            answer = await client.post(
                f"/cds-services/crlm-{hook}", content=body, headers={"content-type": "application/json"}
            )
    # The last one is of names that begin like one in Punycode and are none.
    except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as fault:
        typer.secho(f"No answer from {base}: {type(fault).__name__}", fg="red", err=True)
        raise typer.Exit(1) from None
    return answer.status_code, answer.content


_HONOURED = ("CRLM_POLICY", "CRLM_TERMINOLOGY", "CRLM_PUBLIC_BASE_URL")
"""What of a server's settings changes an answer."""


def _in_process() -> httpx.ASGITransport:
    """Put the service together in this process: without authentication, with a store that is gone afterwards."""
    import httpx

    from service.commands.faults import faults_end_the_command
    from service.logs import configure_logging
    from service.settings import load_settings
    from service.web.server import build_app

    configure_logging(level="error", style="auto")
    with faults_end_the_command():
        settings = load_settings(
            {
                "CRLM_AUTH": "off",
                "CRLM_DATABASE_URL": "sqlite://",
                **{name: os.environ.get(name, "") for name in _HONOURED},
            }
        )
        return httpx.ASGITransport(app=build_app(settings, own_process=False))
