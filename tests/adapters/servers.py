"""Servers on the loopback that misbehave as told: each connection is handled by one function on raw sockets."""

from __future__ import annotations

import gzip
import json
import socket
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import parse_qs, urlsplit

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Mapping


@dataclass(frozen=True)
class Asked:
    """One request as it arrived."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: str

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def parameters(self) -> dict[str, list[str]]:
        return parse_qs(urlsplit(self.target).query or self.body)


@dataclass(frozen=True)
class Answer:
    """What to send back; `body` goes out as it is. `hold` waits for the server's end, `cut` closes in mid-body."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    hold: bool = False
    cut: bool = False


def as_json(value: object, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
    return Answer(status, json.dumps(value).encode(), {"Content-Type": "application/fhir+json", **(headers or {})})


def as_gzip(body: bytes) -> Answer:
    return Answer(200, gzip.compress(body), {"Content-Type": "application/fhir+json", "Content-Encoding": "gzip"})


def searchset(*resources: dict[str, Any], next_url: str | None = None, total: int | None = None) -> dict[str, Any]:
    bundle: dict[str, Any] = {
        "resourceType": "Bundle",
        "type": "searchset",
        "entry": [{"resource": resource} for resource in resources],
    }
    if next_url is not None:
        bundle["link"] = [{"relation": "self", "url": "x"}, {"relation": "next", "url": next_url}]
    if total is not None:
        bundle["total"] = total
    return bundle


class Server:
    """An HTTP/1.1 server that answers by `handler`, one connection a request, and keeps what it was asked."""

    def __init__(self, handler: Callable[[Asked], Answer], *, tls: ssl.SSLContext | None = None) -> None:
        self._handler = handler
        self._tls = tls
        self._end = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._threads: list[threading.Thread] = []
        self.asked: list[Asked] = []

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        # A listener that another thread waits on is woken by shutting it down, not by closing it.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(timeout=5)

    def _start(self, work: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self._end.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._start(self._serve, connection)

    def _serve(self, connection: socket.socket) -> None:
        try:
            with self._tls.wrap_socket(connection, server_side=True) if self._tls else connection as stream:
                self._exchange(stream)
        except OSError:
            return

    def _exchange(self, stream: socket.socket) -> None:
        with stream.makefile("rb") as incoming:
            first = incoming.readline().decode()
            if not first:
                return
            method, target, _ = first.split(" ", 2)
            headers = {}
            while line := incoming.readline().strip().decode():
                name, _, value = line.partition(":")
                headers[name.lower()] = value.strip()
            body = incoming.read(int(headers.get("content-length", 0))).decode()
        asked = Asked(method, target, headers, body)
        self.asked.append(asked)
        answer = self._handler(asked)
        head = {"Content-Length": str(len(answer.body)), "Connection": "close", **answer.headers}
        lines = "".join(f"{name}: {value}\r\n" for name, value in head.items())
        stream.sendall(f"HTTP/1.1 {answer.status} Told\r\n{lines}\r\n".encode())
        if answer.hold:
            stream.sendall(answer.body[:10])
            self._end.wait(30)
            return
        stream.sendall(answer.body[: len(answer.body) // 2] if answer.cut else answer.body)
