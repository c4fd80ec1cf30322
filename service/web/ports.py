"""What the web asks of the rest: one small protocol for each thing that it does not do itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from service.caller import Caller
    from service.cds.messages import HookRequest


class Advisor(Protocol):
    """The use case: a checked request in, the JSON of the answer out."""

    async def advise(self, service_id: str, request: HookRequest, caller: Caller) -> bytes:
        """Give the body of the 200; raises the errors of `service.errors`."""
        ...


class Authenticator(Protocol):
    """Who may call."""

    async def authenticate(self, authorization: str | None, *, path: str, service_id: str) -> Caller:
        """Check the Authorization header of a call to `path` (the end of the audience, beginning with a slash).

        `service_id` is the service asked for. Raises `Unauthenticated`, `ServiceNotAllowed` and `StoreUnavailable`.
        """
        ...


class FeedbackSink(Protocol):
    """What keeps feedback."""

    async def record(self, service_id: str, body: bytes, caller: Caller) -> None:
        """Keep it durably before returning; raises `MalformedRequest` and `StoreUnavailable`."""
        ...


class Readiness(Protocol):
    """Whether calls can be answered now."""

    async def faults(self) -> list[str]:
        """Name in our own words what is not ready; nothing where all is."""
        ...
