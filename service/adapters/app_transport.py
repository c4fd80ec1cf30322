"""The seam through which the SMART app speaks HTTP: one request, one whole answer, never a redirect."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import httpx


class UnreachableError(Exception):
    """The other side could not be reached, was refused by the guard or answered too much; the message is ours."""


class AppTransport(Protocol):
    """Sends requests of the app. Redirects are answers, bodies are read and capped, nothing is retried."""

    async def send(self, request: httpx.Request) -> httpx.Response:
        """Send `request` and give the answer with its body read; raise `UnreachableError` where none came."""
        ...
