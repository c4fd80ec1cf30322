"""What one connection may cost: bytes and seconds until a request is there, seconds in which nobody reads an answer.

All of it comes before a token can be looked at, and uvicorn bounds none of it: headers without end would fill the
memory, and some hundred connections on which nothing comes, or nothing is read, would take all places.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, ClassVar

from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from service.web.conversation import SAFE_HEADERS
from service.web.problems import Problem, outcome_response
from service.web.upgrades import PlainProtocol

if TYPE_CHECKING:
    import asyncio

MAX_HEAD_BYTES = 65_536
"""Bytes that may come without a head being complete by them, or a part of a body: eight times the longest token."""
GATHERED_BYTES = 1_048_576
"""Bytes of a body that are handed on together: uvicorn wakes the reader, and stops the socket, for each part."""


class BoundedProtocol(PlainProtocol):
    """Ends a connection on which no request comes, or whose answers are not read."""

    head_s: ClassVar[float] = 10.0
    """Seconds in which the head of a request has to be there, from the start or the last answer on."""
    unread_s: ClassVar[float] = 30.0
    """Seconds in which what was answered has to be read, but for what the network holds."""

    _pending_bytes = 0
    _is_in_head = False
    _until_head: asyncio.TimerHandle | None = None
    _until_read: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as its base has it
        """Wait for the first request."""
        super().connection_made(transport)
        self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing more."""
        self._stop_expecting()
        self._stop_watching()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take what came; refuse headers, or trailers, that are too large."""
        self._pending_bytes += len(data)
        super().data_received(data)
        if self._pending_bytes > MAX_HEAD_BYTES and not self.transport.is_closing():
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "too-long", "The headers are too large")

    def on_message_begin(self) -> None:
        """Begin the head."""
        self._is_in_head = True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Begin the answer."""
        self._pending_bytes, self._is_in_head = 0, False
        self._stop_expecting()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Take a part of the body, whose length is limited where it is read: that of nearly all requests at once."""
        self._pending_bytes = 0
        if self.cycle.response_complete:
            return
        self.cycle.body += body
        if len(self.cycle.body) > GATHERED_BYTES:
            self.flow.pause_reading()
            self.cycle.message_event.set()

    def on_response_complete(self) -> None:
        """Wait for the next request, unless it is there already."""
        super().on_response_complete()
        if self.cycle.response_complete:
            self._expect_head()

    def pause_writing(self) -> None:
        """Give the client time to read what waits for it."""
        super().pause_writing()
        self._stop_watching()
        self._until_read = self.loop.call_later(self.unread_s, self.transport.abort)

    def resume_writing(self) -> None:
        """Go on: it has read."""
        super().resume_writing()
        self._stop_watching()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002  the words are ours
        """Refuse what is no HTTP."""
        self._refuse(HTTPStatus.BAD_REQUEST, "structure", "The request is not valid HTTP")

    def _expect_head(self) -> None:
        self._stop_expecting()
        if self.transport.is_closing():
            self._until_head = self.loop.call_later(self.unread_s, self.transport.abort)
        else:
            self._until_head = self.loop.call_later(self.head_s, self._miss_head)

    def _miss_head(self) -> None:
        if self._is_in_head and not self.transport.is_closing():
            self._refuse(HTTPStatus.REQUEST_TIMEOUT, "timeout", "The request did not come in time")
            return
        self.transport.close()
        self._expect_head()

    def _refuse(self, status: HTTPStatus, code: str, text: str) -> None:
        """Answer and end the connection, with a request before it that is not answered yet."""
        answer = outcome_response(Problem(status, code, text, headers=SAFE_HEADERS))
        head = [STATUS_LINE[status], *(b"%b: %b\r\n" % header for header in answer.raw_headers)]
        self.transport.write(b"".join([*head, b"connection: close\r\n\r\n", bytes(answer.body)]))
        self.transport.close()
        self._expect_head()

    def _stop_expecting(self) -> None:
        if self._until_head is not None:
            self._until_head.cancel()
            self._until_head = None

    def _stop_watching(self) -> None:
        if self._until_read is not None:
            self._until_read.cancel()
            self._until_read = None
