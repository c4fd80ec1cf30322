from __future__ import annotations

import asyncio
import ssl
import threading
from contextlib import asynccontextmanager
from ipaddress import ip_address
from socket import gaierror
from typing import TYPE_CHECKING, Any

import h2.config
import h2.connection
import h2.events
import httpx
import pytest

from service.adapters.origins import origin_of
from service.adapters.outbound import (
    Allowance,
    Destinations,
    Outbound,
    OutboundError,
    Refused,
    TimedOut,
    TooLarge,
    Unreachable,
)
from tests.adapters.certificates import contexts
from tests.adapters.servers import Answer, Asked, Server, as_gzip

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence
    from pathlib import Path

    from service.adapters.origins import Address

NAME = "fhir.example.org"


class Names:
    """A resolver that gives the next of its answers each time it is asked, and then its last for ever."""

    def __init__(self, *answers: str | Exception) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    async def __call__(self, host: str, _: int) -> Sequence[Address]:
        self.asked.append(host)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return [ip_address(text) for text in answer.split()]


def hello(_: Asked) -> Answer:
    return Answer(200, b"hello")


@asynccontextmanager
async def opened(names: Names, *, trust: ssl.SSLContext | None = None) -> AsyncIterator[Outbound]:
    outbound = Outbound(resolver=names, trust=trust)
    try:
        yield outbound
    finally:
        await outbound.aclose()


async def ask(
    outbound: Outbound, url: str, *, private: bool = True, max_bytes: int = 1000, **more: Any
) -> httpx.Response:
    to = Destinations(frozenset({origin_of(url)}), allow_private_addresses=private)
    return await outbound.send(httpx.Request("GET", url, **more), to=to, max_bytes=max_bytes, timeout_s=20)


async def test_the_name_stays_in_the_host_header_and_the_address_is_the_checked_one() -> None:
    names = Names("127.0.0.1")
    with Server(hello) as server:
        async with opened(names) as outbound:
            answer = await ask(outbound, f"http://localhost:{server.port}/x")
        asked = server.asked
    assert [answer.content, names.asked, asked[0].headers["host"]] == [
        b"hello",
        ["localhost"],
        f"localhost:{server.port}",
    ]


async def test_tls_is_checked_for_the_name_though_an_address_is_connected(tmp_path: Path) -> None:
    tls, trust = contexts(NAME, tmp_path)
    with Server(hello, tls=tls) as server:
        async with opened(Names("127.0.0.1"), trust=trust) as outbound:
            answer = await ask(outbound, f"https://{NAME}:{server.port}/")
            with pytest.raises(Unreachable):
                await ask(outbound, f"https://other.example.org:{server.port}/")
    assert answer.content == b"hello"


async def test_a_certificate_that_nobody_trusts_is_refused(tmp_path: Path) -> None:
    tls, _ = contexts(NAME, tmp_path)
    with Server(hello, tls=tls) as server:
        async with opened(Names("127.0.0.1")) as outbound:
            with pytest.raises(Unreachable):
                await ask(outbound, f"https://{NAME}:{server.port}/")
        assert server.asked == []


@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.1", "169.254.169.254", "::1", "::ffff:127.0.0.1", "::"])
async def test_a_name_that_leads_inside_is_refused(address: str) -> None:
    with Server(hello) as server:
        async with opened(Names(address)) as outbound:
            with pytest.raises(Refused, match=r"^the address is not allowed$"):
                await ask(outbound, f"https://{NAME}:{server.port}/", private=False)
        assert server.asked == []


async def test_a_name_that_changes_its_mind_is_looked_up_once_for_each_connection() -> None:
    names = Names("127.0.0.1", "169.254.169.254")
    with Server(hello) as server:
        async with opened(names) as outbound:
            first = await ask(outbound, f"http://localhost:{server.port}/")
            looked_up = len(names.asked)
            with pytest.raises(Refused):
                await ask(outbound, f"http://localhost:{server.port}/")
    assert [first.content, looked_up, len(names.asked)] == [b"hello", 1, 2]


async def test_of_several_addresses_the_allowed_ones_are_tried() -> None:
    with Server(hello) as server:
        async with opened(Names("169.254.169.254 127.0.0.2 127.0.0.1")) as outbound:
            answer = await ask(outbound, f"http://localhost:{server.port}/")
    assert answer.content == b"hello"


async def test_clear_text_goes_to_private_addresses_alone() -> None:
    async with opened(Names("93.184.215.14")) as outbound:
        with pytest.raises(Refused, match=r"^the address is not allowed$"):
            await ask(outbound, "http://fhir.hospital.example/")


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("https://evil.example/", "the origin is not allowed for this client"),
        (f"https://{NAME}:444/", "the origin is not allowed for this client"),
        (f"https://{NAME}.evil.example/", "the origin is not allowed for this client"),
        (f"https://{NAME}@evil.example/", "the URL must not name a user"),
        (f"ftp://{NAME}/", "the URL must be an https URL"),
        ("http://clear.example/", "https is required"),
    ],
)
async def test_what_is_not_allowed_is_refused_before_a_name_is_looked_up(url: str, message: str) -> None:
    names = Names("127.0.0.1")
    to = Destinations(frozenset({origin_of(f"https://{NAME}"), origin_of("http://clear.example")}))
    async with opened(names) as outbound:
        with pytest.raises(Refused, match=f"^{message}$"):
            await outbound.send(httpx.Request("GET", url), to=to, max_bytes=10, timeout_s=1)
    assert names.asked == []


@pytest.mark.parametrize("fault", [gaierror(-2, "no such name"), UnicodeError()])
async def test_a_name_that_does_not_resolve_is_unreachable(fault: Exception) -> None:
    async with opened(Names(fault)) as outbound:
        with pytest.raises(Unreachable):
            await ask(outbound, f"https://{NAME}/")


async def test_a_proxy_of_the_environment_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    with Server(hello) as proxy, Server(hello) as server:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        async with opened(Names("127.0.0.1")) as outbound:
            await ask(outbound, f"http://localhost:{server.port}/")
        assert [len(proxy.asked), len(server.asked)] == [0, 1]


async def test_a_redirect_is_an_answer() -> None:
    with Server(hello) as second, Server(lambda _: Answer(302, headers={"Location": second.url})) as first:
        async with opened(Names("127.0.0.1")) as outbound:
            answer = await ask(outbound, first.url)
        assert [answer.status_code, second.asked] == [302, []]


@pytest.mark.parametrize(
    ("answer", "fault"),
    [
        (Answer(200, b"x" * 1001), TooLarge),
        (Answer(200, b"x" * 1001, {"Transfer-Encoding": "identity"}), Unreachable),
        (as_gzip(b"x" * 1001), TooLarge),
        (as_gzip(b"x" * 20_000_000), TooLarge),
        (Answer(200, as_gzip(b"x" * 900).body[:-9], {"Content-Encoding": "gzip"}), Unreachable),
        (Answer(200, b"no gzip", {"Content-Encoding": "gzip"}), Unreachable),
        (Answer(200, b"x", {"Content-Encoding": "zstd"}), Unreachable),
        (Answer(200, b"x" * 100, cut=True), Unreachable),
        (Answer(200, b"x" * 100, {"Content-Length": "many"}), Unreachable),
        (Answer(200, b"x" * 100, {"X-Long": "y" * 200_000}), Unreachable),
    ],
)
async def test_an_answer_that_is_too_much_or_too_little_is_a_fault(answer: Answer, fault: type[OutboundError]) -> None:
    with Server(lambda _: answer) as server:
        async with opened(Names("127.0.0.1")) as outbound:
            with pytest.raises(fault):
                await ask(outbound, f"{server.url}/")


@pytest.mark.parametrize("answer", [Answer(200, b"x" * 1000), as_gzip(b"x" * 1000)])
async def test_an_answer_of_just_the_allowed_size_is_whole(answer: Answer) -> None:
    with Server(lambda _: answer) as server:
        async with opened(Names("127.0.0.1")) as outbound:
            assert (await ask(outbound, f"{server.url}/")).content == b"x" * 1000


async def test_an_answer_that_does_not_end_is_ended() -> None:
    with Server(lambda _: Answer(200, b"x" * 1000, hold=True)) as server:
        async with opened(Names("127.0.0.1")) as outbound:
            to = Destinations(frozenset({origin_of(server.url)}), allow_private_addresses=True)
            with pytest.raises(TimedOut):
                await outbound.send(httpx.Request("GET", server.url), to=to, max_bytes=10_000, timeout_s=0.1)


async def test_http_2_is_spoken_where_it_is_offered(tmp_path: Path) -> None:
    tls, trust = contexts(NAME, tmp_path, protocols=("h2", "http/1.1"))

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
        connection.initiate_connection()
        writer.write(connection.data_to_send())
        while chunk := await reader.read(65_536):
            for event in connection.receive_data(chunk):
                if isinstance(event, h2.events.RequestReceived):
                    connection.send_headers(event.stream_id, [(":status", "200")])
                    connection.send_data(event.stream_id, b"hello", end_stream=True)
            writer.write(connection.data_to_send())
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", ssl=tls) as server:
        port = server.sockets[0].getsockname()[1]
        async with opened(Names("127.0.0.1"), trust=trust) as outbound:
            answer = await ask(outbound, f"https://{NAME}:{port}/")
    assert [answer.http_version, answer.content] == ["HTTP/2", b"hello"]


@asynccontextmanager
async def once_each() -> AsyncIterator[tuple[str, list[bytes]]]:
    """Serve one request of a connection, keep the connection, and end it at the next; give the URL and what came."""
    came: list[bytes] = []
    ended: list[asyncio.Event] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ended.append(is_over := asyncio.Event())
        for answer in (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", b""):
            if request := await reader.read(10_000):
                came.append(request.split(b" HTTP")[0])
            writer.write(answer)
        writer.close()
        is_over.set()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", came
        for connection in ended:
            await connection.wait()


@pytest.mark.parametrize(("method", "path"), [("GET", "/Patient/1"), ("POST", "/Observation/_search")])
async def test_a_kept_connection_that_ends_at_the_next_request_costs_no_answer(method: str, path: str) -> None:
    async with once_each() as (url, came), opened(Names("127.0.0.1")) as outbound:
        to = Destinations(frozenset({origin_of(url)}), allow_private_addresses=True)
        answers = [
            await outbound.send(httpx.Request(method, url + path), to=to, max_bytes=10, timeout_s=20) for _ in range(2)
        ]
    assert ([answer.content for answer in answers], came) == ([b"hello"] * 2, [f"{method} {path}".encode()] * 3)


async def test_several_kept_connections_that_end_at_the_next_request_cost_no_answer() -> None:
    async with once_each() as (url, came), opened(Names("127.0.0.1")) as outbound:
        to = Destinations(frozenset({origin_of(url)}), allow_private_addresses=True)

        async def asked() -> bytes:
            answer = await outbound.send(httpx.Request("GET", url), to=to, max_bytes=10, timeout_s=20)
            return answer.content

        answers = [*await asyncio.gather(*(asked() for _ in range(3))), await asked()]
    assert (answers, came) == ([b"hello"] * 4, [b"GET /"] * 7)


@pytest.mark.parametrize("method", ["GET", "POST", "PUT"])
async def test_a_connection_made_for_a_request_that_ends_unanswered_is_not_made_again(method: str) -> None:
    came: list[str] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        came.append((await reader.readline()).partition(b" ")[0].decode())
        writer.transport.abort()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server, opened(Names("127.0.0.1")) as outbound:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        to = Destinations(frozenset({origin_of(url)}), allow_private_addresses=True)
        with pytest.raises(Unreachable):
            await outbound.send(httpx.Request(method, url), to=to, max_bytes=10, timeout_s=20)
    assert came == [method]


@pytest.mark.parametrize(("method", "path"), [("POST", "/Observation"), ("PUT", "/Observation/_search/1")])
async def test_what_may_change_something_is_never_sent_where_a_kept_connection_may_end(method: str, path: str) -> None:
    async with once_each() as (url, came), opened(Names("127.0.0.1")) as outbound:
        to = Destinations(frozenset({origin_of(url)}), allow_private_addresses=True)
        answers = [
            await outbound.send(httpx.Request(asked, url + path), to=to, max_bytes=10, timeout_s=20)
            for asked in ("GET", method, method)
        ]
    asked = [f"{one} {path}".encode() for one in ("GET", method, method)]
    assert ([answer.content for answer in answers], came) == ([b"hello"] * 3, asked)


async def test_answers_that_share_an_allowance_have_together_no_more_than_it() -> None:
    allowance = Allowance(1_500)
    bodies = iter([as_gzip(b"a" * 1_000), as_gzip(b"b" * 1_000), as_gzip(b"c")])
    with Server(lambda _: next(bodies)) as server:
        to = Destinations(frozenset({origin_of(server.url)}), allow_private_addresses=True)
        outbound = Outbound()
        first = await outbound.send(httpx.Request("GET", server.url), to=to, max_bytes=allowance, timeout_s=20)
        for _ in range(2):
            with pytest.raises(TooLarge):
                await outbound.send(httpx.Request("GET", server.url), to=to, max_bytes=allowance, timeout_s=20)
        await outbound.aclose()
    assert (first.content, allowance.left) == (b"a" * 1_000, -501)


@pytest.mark.parametrize("size", [0, 1, 262_143, 262_144, 262_145, 524_288, 5_000_000])
async def test_what_was_compressed_arrives_as_it_was_whatever_its_size(size: int) -> None:
    body = (b"0123456789" * (size // 10 + 1))[:size]
    with Server(lambda _: as_gzip(body)) as server:
        to = Destinations(frozenset({origin_of(server.url)}), allow_private_addresses=True)
        outbound = Outbound()
        found = await outbound.send(httpx.Request("GET", server.url), to=to, max_bytes=size, timeout_s=20)
        await outbound.aclose()
    assert found.content == body


@pytest.mark.parametrize("encode", [as_gzip, lambda body: Answer(200, body)], ids=["gzip", "plain"])
async def test_a_byte_order_mark_is_left_out_of_the_start_alone(encode: Callable[[bytes], Answer]) -> None:
    sent = b"\xef\xbb\xbf\xef\xbb\xbf{\xef\xbb\xbf}"
    with Server(lambda _: encode(sent)) as server:
        async with opened(Names("127.0.0.1")) as outbound:
            assert (await ask(outbound, f"{server.url}/")).content == sent[3:]


async def test_a_handshake_that_is_given_up_leaves_no_connection_open() -> None:
    ended = asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        ended.set()
        writer.close()

    listener = await asyncio.start_server(silent, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    url = f"https://{NAME}:{port}/"
    async with listener, opened(Names("127.0.0.1")) as outbound:
        with pytest.raises(TimedOut):
            await outbound.send(
                httpx.Request("GET", url),
                to=Destinations(frozenset({origin_of(url)}), allow_private_addresses=True),
                max_bytes=100,
                timeout_s=0.2,
            )
        async with asyncio.timeout(5):
            await ended.wait()


async def test_reading_what_is_trusted_counts_in_the_time_of_an_exchange(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tls, trust = contexts(NAME, tmp_path)
    was_read = threading.Event()

    def read_slowly() -> ssl.SSLContext:
        assert was_read.wait(10)
        return trust

    monkeypatch.setattr(ssl, "create_default_context", read_slowly)
    with Server(lambda _: Answer(200, b"hello"), tls=tls) as server:
        async with opened(Names("127.0.0.1")) as outbound:
            url = f"https://{NAME}:{server.port}/"
            to = Destinations(frozenset({origin_of(url)}), allow_private_addresses=True)
            asyncio.get_running_loop().call_later(5, was_read.set)
            with pytest.raises(TimedOut):
                await outbound.send(httpx.Request("GET", url), to=to, max_bytes=10, timeout_s=0.1)
            assert (was_read.is_set(), server.asked) == (False, [])
            was_read.set()
            assert (await ask(outbound, url)).content == b"hello"
