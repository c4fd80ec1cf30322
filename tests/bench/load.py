"""A load generator of one process: keep-alive HTTP/1.1 over raw sockets, so that it costs little itself."""

from __future__ import annotations

import selectors
import socket
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class BadAnswerError(Exception):
    """The server answered something else than 200 with cards."""


@dataclass(frozen=True, slots=True)
class Load:
    """What one round measured: milliseconds of each call, and calls a second over the whole round."""

    times_ms: Sequence[float]
    per_second: float


def request_bytes(path: str, body: bytes, headers: Sequence[str] = ()) -> bytes:
    """Build the bytes of one POST."""
    lines = [
        f"POST {path} HTTP/1.1",
        "Host: 127.0.0.1",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        *headers,
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


class Caller:
    """One keep-alive connection."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def call(self, request: bytes) -> bytes:
        """Send one request and read its whole answer; raise `BadAnswerError` unless it is 200 with cards."""
        self.socket.sendall(request)
        return self.read()

    def read(self) -> bytes:
        """Read one answer."""
        received = b""
        while (end := received.find(b"\r\n\r\n")) < 0:
            received += self._more()
        head, answer = received[:end], received[end + 4 :]
        if not head.startswith(b"HTTP/1.1 200"):
            raise BadAnswerError(head.split(b"\r\n")[0].decode())
        length = next(int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:"))
        while len(answer) < length:
            answer += self._more()
        if b'"cards"' not in answer:
            raise BadAnswerError("no cards")
        return answer

    def _more(self) -> bytes:
        chunk = self.socket.recv(1 << 18)
        if not chunk:
            raise BadAnswerError("connection closed")
        return chunk

    def close(self) -> None:
        """Close the connection."""
        self.socket.close()


def one_caller(port: int, make: Callable[[], bytes], calls: int) -> Load:
    """Call one after the other."""
    caller = Caller(port)
    times = []
    begin = time.perf_counter()
    for _ in range(calls):
        request = make()
        start = time.perf_counter()
        caller.call(request)
        times.append((time.perf_counter() - start) * 1000)
    spent = time.perf_counter() - begin
    caller.close()
    return Load(times, calls / spent)


def many_callers(port: int, make: Callable[[], bytes], calls: int, callers: int = 8) -> Load:
    """Keep `callers` connections busy from one thread until `calls` answers have come."""
    selector = selectors.DefaultSelector()
    times: list[float] = []
    started: dict[Caller, float] = {}
    sent = 0
    begin = time.perf_counter()
    for _ in range(callers):
        caller = Caller(port)
        selector.register(caller.socket, selectors.EVENT_READ, caller)
        started[caller] = time.perf_counter()
        caller.socket.sendall(make())
        sent += 1
    while len(times) < calls:
        for key, _ in selector.select(timeout=30):
            caller = key.data
            caller.read()
            times.append((time.perf_counter() - started[caller]) * 1000)
            if sent < calls:
                started[caller] = time.perf_counter()
                caller.socket.sendall(make())
                sent += 1
    spent = time.perf_counter() - begin
    for caller in started:
        caller.close()
    return Load(times, calls / spent)
