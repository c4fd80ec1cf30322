"""Keep-alive HTTP/1.1 for many calls at once from one event loop, cheap enough to drive a service to its limits."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

_TIMEOUT_S = 30.0


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer; status 0 stands for none at all."""

    status: int
    retry_after: bool = False
    body: bytes = b""


_NONE = Answer(0)


class _Line(asyncio.Protocol):
    """One connection with at most one call on it."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self.is_used = False
        self._received = bytearray()
        self._waiting: asyncio.Future[Answer | None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self.transport = None
        if self._waiting is not None and not self._waiting.done():
            # Closed before a byte of the answer on a line that was idle: the call never arrived.
            self._waiting.set_result(None if self.is_used and not self._received else _NONE)

    def data_received(self, data: bytes) -> None:
        self._received += data
        end = self._received.find(b"\r\n\r\n")
        if end < 0 or self._waiting is None:
            return
        head = bytes(self._received[:end]).lower()
        length = next((int(line[15:]) for line in head.split(b"\r\n") if line.startswith(b"content-length:")), 0)
        if len(self._received) < end + 4 + length:
            return
        found = Answer(int(head[9:12]), b"\r\nretry-after:" in head, bytes(self._received[end + 4 :]))
        if not self._waiting.done():
            self._waiting.set_result(found)

    async def ask(self, request: bytes) -> Answer | None:
        """Give the answer; `None` where the other side had closed the idle line."""
        assert self.transport is not None
        self._received.clear()
        self._waiting = asyncio.get_running_loop().create_future()
        self.transport.write(request)
        try:
            async with asyncio.timeout(_TIMEOUT_S):
                found = await self._waiting
        except TimeoutError:
            self.transport.abort()
            return _NONE
        self.is_used = True
        return found


class Lines:
    """All connections to one port."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._idle: list[_Line] = []

    async def ask(self, request: bytes) -> Answer:
        """Send one request on an idle line, or on a new one."""
        while self._idle:
            line = self._idle.pop()
            if line.transport is None or line.transport.is_closing():
                continue
            found = await line.ask(request)
            if found is not None:
                return self._kept(line, found)
        try:
            _, line = await asyncio.get_running_loop().create_connection(_Line, "127.0.0.1", self._port)
        except OSError:
            return _NONE
        return self._kept(line, await line.ask(request) or _NONE)

    def _kept(self, line: _Line, found: Answer) -> Answer:
        if found.status:
            self._idle.append(line)
        return found

    def close(self) -> None:
        for line in self._idle:
            if line.transport is not None:
                line.transport.abort()
