"""What a connection may cost before its request is there, and after its answer was written."""

from __future__ import annotations

import json
import socket
import time
from typing import TYPE_CHECKING

import httpx
import pytest
from starlette.responses import JSONResponse, PlainTextResponse

from service.settings import Settings
from service.web.connections import GATHERED_BYTES, MAX_HEAD_BYTES, BoundedProtocol
from tests.checked_client import small_app
from tests.loopback import running_at

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fastapi import FastAPI
    from starlette.requests import Request
    from starlette.responses import Response

LARGE_PAGE = "x" * 1_000_000
PART = b"GET /health/live HTTP/1.1\r\nHost: x\r\n"
WHOLE = PART + b"\r\n"
LIVE = b'{"status":"live"}'
PLACES = 4


class Hasty(BoundedProtocol):
    head_s = 1.0
    unread_s = 1.0


def app_with_a_large_page(_: str) -> FastAPI:
    app = small_app(Settings(auth="off", calls_at_once=PLACES))
    app.add_api_route("/large", lambda: PlainTextResponse(LARGE_PAGE))
    app.add_route("/parts", parts_of_body, methods=["POST"])
    return app


async def parts_of_body(request: Request) -> Response:
    """Answer with the lengths of the parts in which the body was handed on."""
    return JSONResponse([len(part) async for part in request.stream() if part])


@pytest.fixture(scope="module")
def hasty_url() -> Iterator[str]:
    with running_at(app_with_a_large_page, protocol=Hasty) as found:
        yield found


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with running_at(app_with_a_large_page) as found:
        yield found


def connection(url: str) -> socket.socket:
    host, _, port = url.removeprefix("http://").partition(":")
    made = socket.socket()
    # Set before connecting, or the kernel takes megabytes for a client that does not read.
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    made.settimeout(20)
    made.connect((host, int(port)))
    return made


def all_of(made: socket.socket) -> bytes:
    """Read until the server ends the connection; a reset ends it too."""
    found = b""
    try:
        while part := made.recv(65_536):
            found += part
    except ConnectionResetError:
        pass
    return found


def refusal(answer: bytes) -> tuple[int, str, str]:
    """Give the status, the code and the text of a refusal that is an outcome and has safe headers."""
    head, _, body = answer.rpartition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines[1:])
    assert (headers["content-type"], headers["x-content-type-options"]) == ("application/json", "nosniff")
    assert (headers["connection"], int(headers["content-length"])) == ("close", len(body))
    [issue] = json.loads(body)["issue"]
    return int(lines[0].split()[1]), issue["code"], issue["details"]["text"]


@pytest.mark.parametrize(
    "without_end",
    [
        b"GET /" + b"a" * 1000,
        PART + b"X: " + b"a" * 1000,
        PART + b"a: b\r\n" * 1000,
        b"\r\n" * 1000,
        b"POST /health/live HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n" + b"a: b\r\n" * 1000,
    ],
    ids=["an address", "a header", "headers", "empty lines", "trailers"],
)
def test_what_comes_without_end_is_refused_before_it_fills_the_memory(url: str, without_end: bytes) -> None:
    last = without_end[-6:]
    with connection(url) as made:
        sent = made.send(without_end)
        try:
            while sent < 100 * MAX_HEAD_BYTES:
                sent += made.send(last * 1000)
        except (ConnectionResetError, BrokenPipeError):
            pass
    assert sent < 100 * MAX_HEAD_BYTES


def test_headers_that_are_too_large_are_refused_with_an_outcome(url: str) -> None:
    with connection(url) as made:
        made.sendall(PART + b"X: " + b"a" * MAX_HEAD_BYTES)
        assert refusal(all_of(made)) == (431, "too-long", "The headers are too large")


def test_a_token_of_the_longest_kind_is_no_large_header(url: str) -> None:
    answer = httpx.get(f"{url}/health/live", headers={"authorization": "Bearer " + "a" * 16_384}, trust_env=False)
    assert answer.status_code == 200


def test_what_is_no_http_is_refused_with_an_outcome(url: str) -> None:
    with connection(url) as made:
        made.sendall(b"canary? what\r\n\r\n")
        assert refusal(all_of(made)) == (400, "structure", "The request is not valid HTTP")


@pytest.mark.parametrize("before", [b"", WHOLE], ids=["at first", "after an answer"])
def test_a_head_that_does_not_come_whole_is_not_waited_for(hasty_url: str, before: bytes) -> None:
    with connection(hasty_url) as made:
        made.sendall(before + PART)
        answers = all_of(made)
    late = answers.partition(LIVE)[2] if before else answers
    assert refusal(late) == (408, "timeout", "The request did not come in time")


@pytest.mark.parametrize("before", [b"", WHOLE], ids=["at first", "after an answer"])
def test_a_connection_on_which_nothing_comes_is_ended(hasty_url: str, before: bytes) -> None:
    with connection(hasty_url) as made:
        made.sendall(before)
        assert all_of(made).count(LIVE) == (1 if before else 0)


def test_who_does_not_read_takes_no_place_from_others_for_long(hasty_url: str) -> None:
    unread = [connection(hasty_url) for _ in range(PLACES)]
    for made in unread:
        made.sendall(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n" * 20)
    statuses = (httpx.get(f"{hasty_url}/openapi.json", trust_env=False).status_code for _ in range(5_000))
    assert 503 in statuses, "they take all places"
    assert 200 in statuses, "and lose them"
    for made in unread:
        made.close()


def parts_received(url: str, body: bytes) -> list[int]:
    """Send a body slowly enough for the server to take it in parts; give those in which it was handed on."""
    with connection(url) as made:
        made.sendall(b"POST /parts HTTP/1.1\r\nHost: x\r\nConnection: close\r\n")
        made.sendall(b"Content-Length: %d\r\n\r\n" % len(body))
        for start in range(0, len(body), 100_000):
            made.sendall(body[start : start + 100_000])
            time.sleep(0.01)
        parts: list[int] = json.loads(all_of(made).rpartition(b"\r\n\r\n")[2])
    return parts


def test_the_body_of_a_common_request_is_handed_on_at_once(url: str) -> None:
    assert parts_received(url, b" " * 900_000) == [900_000]


def test_a_larger_body_is_handed_on_in_parts_of_a_bounded_length(url: str) -> None:
    parts = parts_received(url, b" " * 3_000_000)
    assert (sum(parts), len(parts) > 1, max(parts) < 2 * GATHERED_BYTES) == (3_000_000, True, True)
