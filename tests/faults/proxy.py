"""A TCP proxy that fails in every way a network can, as told, and heals as told."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from contextlib import contextmanager
from enum import StrEnum
from typing import TYPE_CHECKING, Self

from tests.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator


class Fault(StrEnum):
    """What is wrong on the way to a server, for connections that stand already and for new ones."""

    REFUSE = "refuse"
    RESET = "reset"
    RESET_MID_BODY = "reset in mid-body"
    HALF_THEN_HANG = "half a body, then nothing"
    SLOW = "a byte now and then"
    BLACK_HOLE = "taken and never answered"
    WRONG_CONTENT = "a page of somebody else"
    TLS_FAILURE = "a fatal TLS alert"


_SLOWLY_S = 0.05
_CHUNK = 65_536
_PAGE = b"<html><body>Bad gateway</body></html>"
_FOREIGN = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: %d\r\n\r\n%b" % (len(_PAGE), _PAGE)
_ALERT = bytes.fromhex("15030300020228")
_RESETS = struct.pack("ii", 1, 0)
"""SO_LINGER that makes closing a reset."""


class _Link:
    """One connection of a client and, behind it, one to the server."""

    def __init__(self, client: socket.socket, server: socket.socket) -> None:
        self.client = client
        self.server = server
        self.passed = 0

    def end(self, *, reset: bool = False) -> None:
        for side in (self.client, self.server):
            with contextlib.suppress(OSError):
                # A thread that waits on the socket keeps it open, whoever closes it: it has to be woken.
                side.shutdown(socket.SHUT_RD if reset else socket.SHUT_RDWR)
                if reset:
                    side.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESETS)
            side.close()


class Proxy:
    """Relays to the loopback server at `upstream`; `half` bytes of an answer pass before it breaks off."""

    def __init__(self, upstream: int, *, half: int = 200) -> None:
        self._upstream = upstream
        self._half = half
        self._fault: Fault | None = None
        self._lock = threading.Lock()
        self._links: set[_Link] = set()
        self._ended = threading.Event()
        self.port = free_port()
        self._listener: socket.socket | None = self._listen(self.port)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self._start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._close_listener()
        self._end_links()

    @contextmanager
    def failing(self, fault: Fault) -> Iterator[None]:
        """Fail inside; new connections are served well afterwards, those that hang go on hanging."""
        self._fault = fault
        with self._lock:
            for link in self._links:
                link.passed = 0
        if fault is Fault.REFUSE:
            self._close_listener()
        if fault in (Fault.REFUSE, Fault.RESET):
            self._end_links(reset=True)
        try:
            yield
        finally:
            self._fault = None
            if fault is Fault.REFUSE:
                self._listener = self._listen(self.port)
                self._start()

    @staticmethod
    def _listen(port: int) -> socket.socket:
        return socket.create_server(("127.0.0.1", port))

    def _start(self) -> None:
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def _close_listener(self) -> None:
        if self._listener is not None:
            with contextlib.suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            self._listener = None

    def _end_links(self, *, reset: bool = False) -> None:
        with self._lock:
            links, self._links = self._links, set()
        for link in links:
            link.end(reset=reset)

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            if self._fault is Fault.RESET:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESETS)
                client.close()
                continue
            try:
                server = socket.create_connection(("127.0.0.1", self._upstream))
            except OSError:
                client.close()
                continue
            link = _Link(client, server)
            with self._lock:
                self._links.add(link)
            for work in (self._relay_questions, self._relay_answers):
                threading.Thread(target=work, args=(link,), daemon=True).start()

    def _relay_questions(self, link: _Link) -> None:
        with contextlib.suppress(OSError):
            while chunk := link.client.recv(_CHUNK):
                match self._fault:
                    case Fault.BLACK_HOLE:
                        continue
                    case Fault.WRONG_CONTENT:
                        link.client.sendall(_FOREIGN)
                        break
                    case Fault.TLS_FAILURE:
                        link.client.sendall(_ALERT)
                        break
                    case _:
                        link.server.sendall(chunk)
        link.end()

    def _relay_answers(self, link: _Link) -> None:
        with contextlib.suppress(OSError):
            while chunk := link.server.recv(_CHUNK):
                if not self._relay_answer(link, chunk):
                    return
        link.end()

    def _relay_answer(self, link: _Link, chunk: bytes) -> bool:
        """Pass one piece of an answer on as the fault lets it, and say whether more may follow."""
        match self._fault:
            case Fault.BLACK_HOLE:
                return True
            case Fault.SLOW:
                for byte in chunk:
                    link.client.sendall(bytes([byte]))
                    if self._ended.wait(_SLOWLY_S):
                        return False
            case Fault.RESET_MID_BODY | Fault.HALF_THEN_HANG as fault:
                link.client.sendall(chunk[: max(0, self._half - link.passed)])
                link.passed += len(chunk)
                if link.passed <= self._half:
                    return True
                if fault is Fault.RESET_MID_BODY:
                    link.end(reset=True)
                    return False
                # The rest is never sent; the client may go whenever it likes.
                return True
            case _:
                link.client.sendall(chunk)
        return True
