"""The one way out: allowed origins only, checked addresses only, no redirects, no cookies, bounded bytes and time.

    OutboundError
    ├── Refused        our own rules forbid it; nothing was sent
    ├── Unreachable    no answer came, or half of one
    ├── TimedOut
    └── TooLarge       also after decompression

Messages are fixed phrases: neither URLs nor what the other side sent.
"""

from __future__ import annotations

import asyncio
import ssl
import zlib
from codecs import BOM_UTF8
from dataclasses import dataclass
from http.cookiejar import CookieJar, DefaultCookiePolicy
from ipaddress import ip_address
from socket import SOCK_STREAM, gaierror
from typing import TYPE_CHECKING, TypeAlias

import httpcore
import httpx

from service.adapters.origins import Origin, OriginError, is_public, may_reach, origin_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence

    from service.adapters.origins import Address

Resolver: TypeAlias = "Callable[[str, int], Awaitable[Sequence[Address]]]"

_CONNECTIONS_PER_ORIGIN = 32
_KEEP_ALIVE_S = 30.0
_LONGEST_S = 60.0
"""A backstop for one step of an exchange; the whole of it has the time that its caller gives."""


class OutboundError(Exception):
    """A request had no usable answer."""


class Refused(OutboundError):  # noqa: N818  reads as what happened, like its siblings
    """Our own rules forbid the request."""


class Unreachable(OutboundError):  # noqa: N818
    """No whole answer came."""


class TimedOut(OutboundError):  # noqa: N818
    """The answer was not whole in time."""


class TooLarge(OutboundError):  # noqa: N818
    """The answer has more bytes than were allowed."""


@dataclass(frozen=True, slots=True)
class Destinations:
    """Where one client's requests may go."""

    origins: frozenset[Origin]
    allow_private_addresses: bool = False

    def check(self, url: str) -> Origin:
        """Give the origin of `url`; raise `Refused` where it is not one of these."""
        try:
            origin = origin_of(url)
        except OriginError as fault:
            raise Refused(f"the URL {fault}") from None
        if origin not in self.origins:
            raise Refused("the origin is not allowed for this client")
        if origin.scheme == "http" and not (self.allow_private_addresses or origin.is_loopback):
            raise Refused("https is required")
        return origin


async def resolve(host: str, port: int) -> Sequence[Address]:
    """Ask the system's resolver for the addresses of `host`."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=SOCK_STREAM)
    return [ip_address(str(entry[4][0]).partition("%")[0]) for entry in found]


@dataclass(slots=True)
class Allowance:
    """Bytes that several answers may have together, counted as they arrive, after decompression."""

    left: int

    def take(self, count: int) -> None:
        """Use some of it; raise `TooLarge` where there is not so much left."""
        self.left -= count
        if self.left < 0:
            raise TooLarge("the answer is too large")


class _BeforeTls(httpcore.AsyncNetworkStream):
    """A connection whose handshake is to come: one that is given up is closed.

    httpcore closes it on errors alone. When the time of an exchange is over, the event loop would hold it, and its file
    descriptor, for as long as the other side keeps silent.
    """

    def __init__(self, stream: httpcore.AsyncNetworkStream) -> None:
        self._stream = stream

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109  the signature is httpcore's
    ) -> httpcore.AsyncNetworkStream:
        """Give the connection under TLS."""
        try:
            return await self._stream.start_tls(ssl_context, server_hostname, timeout)
        except asyncio.CancelledError:
            await self._stream.aclose()
            raise

    async def aclose(self) -> None:
        """Close the connection."""
        await self._stream.aclose()


class _PinnedBackend(httpcore.AsyncNetworkBackend):
    """Connects to an address that was checked; TLS and the Host header keep the name (they never see the address)."""

    def __init__(self, resolver: Resolver, *, private: bool, clear_text: bool) -> None:
        self._resolver = resolver
        self._private = private
        self._clear_text = clear_text
        self._sockets = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109  the signature is httpcore's
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Resolve once, drop what may not be reached, connect to the first address that answers."""
        try:
            addresses = await self._resolver(host, port)
        except (gaierror, UnicodeError):
            raise httpcore.ConnectError("the name does not resolve") from None
        allowed = [
            address
            for address in dict.fromkeys(addresses)
            if may_reach(address, private=self._private) and not (self._clear_text and is_public(address))
        ]
        if not allowed:
            raise Refused("the address is not allowed")
        for address in allowed[:-1]:
            try:
                stream = await self._sockets.connect_tcp(str(address), port, timeout, local_address, socket_options)
                break
            except httpcore.ConnectError:
                continue
        else:
            stream = await self._sockets.connect_tcp(str(allowed[-1]), port, timeout, local_address, socket_options)
        return stream if self._clear_text else _BeforeTls(stream)

    async def sleep(self, seconds: float) -> None:
        """Wait between attempts."""
        await self._sockets.sleep(seconds)


class _PinnedTransport(httpx.AsyncBaseTransport):
    """Lets httpx send through a pool of httpcore with our backend, which httpx's own transport cannot be given."""

    def __init__(self, pool: httpcore.AsyncConnectionPool) -> None:
        self._pool = pool

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request; the body of the answer streams."""
        url = request.url
        answer = await self._pool.handle_async_request(
            httpcore.Request(
                method=request.method,
                url=httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
                headers=request.headers.raw,
                content=request.stream,
                extensions=request.extensions,
            )
        )
        return httpx.Response(answer.status, headers=answer.headers, stream=_Body(answer), extensions=answer.extensions)

    async def aclose(self) -> None:
        """Close all connections."""
        await self._pool.aclose()


class _Body(httpx.AsyncByteStream):
    def __init__(self, answer: httpcore.Response) -> None:
        self._answer = answer

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._answer.aiter_stream():
            yield chunk

    async def aclose(self) -> None:
        await self._answer.aclose()


class Outbound:
    """All connections of one process. An origin has its own pools, so nothing of one reaches another."""

    def __init__(self, *, resolver: Resolver = resolve, trust: ssl.SSLContext | None = None) -> None:
        """Use `trust` for TLS; by default the certificates that the operating system trusts."""
        self._resolver = resolver
        self._trust = trust
        self._clients: dict[tuple[Origin, bool, bool], httpx.AsyncClient] = {}

    async def send(
        self, request: httpx.Request, *, to: Destinations, max_bytes: int | Allowance, timeout_s: float
    ) -> httpx.Response:
        """Send `request` and give the answer with its decoded body; redirects are answers like others.

        A byte order mark is left out: servers send it all the same, and readers of JSON may (RFC 8259, section 8.1).

        `max_bytes` is of this answer alone, or an allowance that it shares with others. Raises an `OutboundError`;
        cancelling is safe at any moment. What changes nothing is sent again where a kept connection ends unanswered.
        """
        allowance = max_bytes if isinstance(max_bytes, Allowance) else Allowance(max_bytes)
        origin = to.check(str(request.url))
        request.headers["Accept-Encoding"] = "gzip"
        try:
            async with asyncio.timeout(max(timeout_s, 0)):
                client = await self._client(
                    origin, private=to.allow_private_addresses, keeps_connections=_only_reads(request)
                )
                answer = await _begun(client, request)
                try:
                    body = await _read(answer, allowance)
                finally:
                    await answer.aclose()
        except (TimeoutError, httpcore.TimeoutException):
            raise TimedOut("no whole answer in time") from None
        except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.UnsupportedProtocol, OSError):
            raise Unreachable("no whole answer came") from None
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError):
            raise Unreachable("the request could not be sent") from None
        headers = [(name, value) for name, value in answer.headers.multi_items() if name not in _BODY_HEADERS]
        return httpx.Response(
            answer.status_code,
            headers=headers,
            content=body.removeprefix(BOM_UTF8),
            request=request,
            extensions={"http_version": answer.extensions["http_version"]},
        )

    async def aclose(self) -> None:
        """Close all connections."""
        clients, self._clients = self._clients, {}
        for client in clients.values():
            await client.aclose()

    async def _client(self, origin: Origin, *, private: bool, keeps_connections: bool) -> httpx.AsyncClient:
        if origin.scheme == "https" and self._trust is None:
            # Hundreds of certificates are read: too long for the loop.
            self._trust = await asyncio.to_thread(ssl.create_default_context)
        found = self._clients.get((origin, private, keeps_connections))
        if found is None:
            pool = self._pool(clear_text=origin.scheme == "http", private=private, keeps_connections=keeps_connections)
            found = self._clients[origin, private, keeps_connections] = httpx.AsyncClient(
                transport=_PinnedTransport(pool),
                trust_env=False,
                follow_redirects=False,
                timeout=_LONGEST_S,
                # A session cookie of one caller must not travel with the next one's token.
                cookies=CookieJar(policy=DefaultCookiePolicy(allowed_domains=[])),
            )
        return found

    def _pool(self, *, clear_text: bool, private: bool, keeps_connections: bool) -> httpcore.AsyncConnectionPool:
        return httpcore.AsyncConnectionPool(
            ssl_context=self._trust,
            max_connections=_CONNECTIONS_PER_ORIGIN,
            max_keepalive_connections=None if keeps_connections else 0,
            keepalive_expiry=_KEEP_ALIVE_S,
            http1=True,
            http2=not clear_text,
            network_backend=_PinnedBackend(self._resolver, private=private, clear_text=clear_text),
        )


def _only_reads(request: httpx.Request) -> bool:
    """Whether a request changes nothing, as a FHIR search by form does not either."""
    return request.method == "GET" or request.url.path.endswith("/_search")


async def _begun(client: httpx.AsyncClient, request: httpx.Request) -> httpx.Response:
    """Send a request and give its answer, whose body is to come.

    A server may end the connections that it kept at the moment when the next request is on its way (RFC 9112, section
    9.3.1). What only reads is then sent again, at last on a connection of its own, as what writes is from the first.
    """
    steps: set[str] = set()

    async def note(step: str, _: object) -> None:
        steps.add(step)

    request.extensions["trace"] = note
    while True:
        try:
            return await client.send(request, stream=True)
        except (httpcore.ReadError, httpcore.WriteError, httpcore.RemoteProtocolError):
            if "connection.connect_tcp.started" in steps or not _only_reads(request):
                raise


_STEP = 262_144
"""Bytes that are decompressed at once: a millisecond of work."""
_BODY_HEADERS = frozenset({"content-encoding", "content-length", "transfer-encoding"})


async def _read(answer: httpx.Response, allowance: Allowance) -> bytes:
    """Read the body; a few bytes of gzip never become more than the allowance in memory."""
    inflate = None
    match answer.headers.get("content-encoding", "identity").strip().lower():
        case "identity" | "":
            pass
        case "gzip" | "x-gzip":
            inflate = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
        case _:
            raise Unreachable("the answer is in an encoding that was not asked for")
    body = bytearray()
    async for chunk in answer.aiter_raw():
        for part in (chunk,) if inflate is None else _inflated(inflate, chunk):
            allowance.take(len(part))
            body += part
            # Lets the time of the exchange run out between the parts, and other calls go on.
            await asyncio.sleep(0)
    if inflate is not None and not inflate.eof:
        raise Unreachable("the answer ended early")
    return bytes(body)


def _inflated(inflate: zlib._Decompress, chunk: bytes) -> Iterator[bytes]:
    """Decompress what one chunk holds, step by step."""
    while True:
        try:
            part = inflate.decompress(chunk, _STEP)
        except zlib.error:
            raise Unreachable("the answer is not the gzip that it says") from None
        yield part
        chunk = inflate.unconsumed_tail
        if not chunk and len(part) < _STEP:
            return
