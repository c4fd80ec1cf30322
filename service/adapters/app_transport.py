"""The seam through which the SMART app speaks HTTP: one request, one whole answer, to one EHR's origins alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from service.adapters.origins import OriginError, origin_of
from service.adapters.outbound import Destinations

if TYPE_CHECKING:
    from collections.abc import Iterable

    import httpx

    from service.adapters.outbound import Outbound

MAXIMUM_BYTES = 8 * 1024 * 1024
TIMEOUT_S = 10.0


class AppTransport(Protocol):
    """Sends requests of the app. Redirects are answers, bodies are read and capped, what writes is sent once."""

    async def send(self, request: httpx.Request) -> httpx.Response:
        """Send `request` and give the answer with its body read; raise an `OutboundError` where none came."""
        ...


@dataclass(frozen=True, slots=True)
class GuardedTransport:
    """Sends through the guard to the origins of one EHR: its FHIR endpoint and what its discovery names."""

    outbound: Outbound
    destinations: Destinations
    timeout_s: float = TIMEOUT_S

    async def send(self, request: httpx.Request) -> httpx.Response:
        """Send `request` within the time and size that a person waits for."""
        return await self.outbound.send(
            request, to=self.destinations, max_bytes=MAXIMUM_BYTES, timeout_s=self.timeout_s
        )


def destinations_for_app(urls: Iterable[str], *, allow_private_addresses: bool) -> Destinations:
    """Allow the origins of `urls`; one without an origin allows nothing."""
    origins = set()
    for url in urls:
        try:
            origins.add(origin_of(url))
        except OriginError:
            continue
    return Destinations(frozenset(origins), allow_private_addresses)
