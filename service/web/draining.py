"""The end of a process under load: who was let in is answered, so that a restart loses no call."""

from __future__ import annotations

from service.web.connections import BoundedProtocol

_ARRIVING_S = 0.5
"""Seconds in which the request of a connection that was just accepted arrives."""


class PatientProtocol(BoundedProtocol):
    """Closes a new connection only when its request had time to arrive.

    When a process ends, uvicorn closes every connection on which no request has begun: also those that were accepted a
    moment ago, whose first bytes are under way. Their clients would see a reset instead of an answer.
    """

    def shutdown(self) -> None:
        """End the connection: with its answer where a request runs or comes."""
        if self.cycle is None:
            self.loop.call_later(_ARRIVING_S, super().shutdown)
        else:
            super().shutdown()
