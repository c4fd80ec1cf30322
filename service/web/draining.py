"""The end of a process under load: who was let in is answered, so that a restart loses no call."""

from __future__ import annotations

from service.web.connections import BoundedProtocol

_ARRIVING_S = 0.5
"""Seconds in which a request that is under way arrives."""


class PatientProtocol(BoundedProtocol):
    """Closes a connection on which nothing runs only when a request had time to arrive.

    When a process ends, uvicorn closes every such connection: those that were accepted a moment ago, whose first bytes
    are under way, and those that a client keeps for its next call. It would see a reset instead of an answer.
    """

    _is_ending = False

    def shutdown(self) -> None:
        """End the connection: with its answer where a request runs or comes."""
        if self.cycle is None or self.cycle.response_complete:
            self._is_ending = True
            self.loop.call_later(_ARRIVING_S, super().shutdown)
        else:
            super().shutdown()

    def on_headers_complete(self) -> None:
        """Begin the answer, the last one where the connection ends."""
        super().on_headers_complete()
        if self._is_ending:
            self.cycle.keep_alive = False
