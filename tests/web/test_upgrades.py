"""Clients that offer another protocol with their call are answered as others are."""

from __future__ import annotations

import json
import socket
from typing import TYPE_CHECKING

import pytest
from fastapi import FastAPI
from starlette.responses import Response
from starlette.routing import Route

from tests.checked_client import PATIENT_VIEW, FakeAdvisor, patient_view
from tests.loopback import running, serving

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.requests import Request

# As the HTTP client of Java sends it.
OFFER = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABk\r\n"
CALL = b"POST %b HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n" % PATIENT_VIEW.encode()
BODY = json.dumps(patient_view()).encode()
OF_KNOWN_LENGTH = b"Content-Length: %d\r\n\r\n%b" % (len(BODY), BODY)
IN_CHUNKS = b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(BODY), BODY)
LAST = CALL + b"Connection: close\r\n" + OF_KNOWN_LENGTH


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with serving(FakeAdvisor()) as found:
        yield found


def said(url: str, *parts: bytes) -> bytes:
    """Send parts one after the other and read until the server ends the connection."""
    host, _, port = url.removeprefix("http://").partition(":")
    found = b""
    with socket.create_connection((host, int(port)), timeout=20) as made:
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for part in parts:
            made.sendall(part)
        while read := made.recv(65_536):
            found += read
    return found


@pytest.mark.parametrize("rest", [OF_KNOWN_LENGTH, IN_CHUNKS], ids=["of known length", "in chunks"])
def test_a_call_that_offers_http_2_is_answered_with_the_next_on_its_connection(url: str, rest: bytes) -> None:
    answers = said(url, CALL + OFFER + rest, LAST)
    assert (answers.count(b"HTTP/1.1 200 OK"), answers.count(b'{"cards":[]}')) == (2, 2)


@pytest.mark.parametrize("name", [b"upgrade: h2c", b"UPGRADE: websocket"])
def test_an_offer_in_any_spelling_is_overlooked(url: str, name: bytes) -> None:
    answers = said(url, CALL + b"Connection: close, Upgrade\r\n" + name + b"\r\n" + OF_KNOWN_LENGTH)
    assert answers.endswith(b'{"cards":[]}')


def test_a_body_is_left_as_it_is() -> None:
    async def echo(request: Request) -> Response:
        return Response(await request.body())

    app = FastAPI()
    app.router.routes.append(Route("/echo", echo, methods=["POST"]))
    body = b"one\r\nUpgrade: no header\r\n\r\n"
    head = b"POST /echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % (2 * len(body))
    with running(app) as url:
        assert said(url, head + body, body).endswith(2 * body)
