"""The key sets of the clients, cached: rotation is followed at once, an attacker's key ids cost nothing."""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from contextvars import Context
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import httpx

from service.adapters.keys import MAX_KEY_SET_BYTES, KeySetError, PublicKey, parse_key_set
from service.adapters.origins import origin_of
from service.adapters.outbound import Destinations, OutboundError
from service.logs import note

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from service.adapters.clients import Client
    from service.adapters.outbound import Outbound

FRESH_S = 600.0
"""A key set is read again after this time."""
RETRY_S = 5.0
"""After a failed reading."""
STALE_S = 86_400.0
"""A key set that cannot be read again is used for this long, then no more."""
UNKNOWN_S = 60.0
"""A key id that was not in a set read for it is not looked for again within this time."""
REREADS, REREAD_WINDOW_S = 3, 60.0
"""So many readings for unknown key ids are made in this time, whoever sends them."""
_UNKNOWN_KEPT = 256
_TIMEOUT_S = 2.0


class KeySource(Protocol):
    """Where public keys come from."""

    async def find(self, client: Client, key_id: str) -> PublicKey | None:
        """Give the client's key with this id, or `None` where it has none or its set cannot be had."""
        ...


@dataclass(slots=True)
class _Cached:
    keys: Mapping[str, PublicKey] = field(default_factory=dict)
    read_at: float | None = None
    failed_at: float | None = None
    fault: str | None = None
    rereads: deque[float] = field(default_factory=lambda: deque(maxlen=REREADS))
    unknown: OrderedDict[str, float] = field(default_factory=OrderedDict)
    reading: asyncio.Task[None] | None = None


class CachedKeySets:
    """Key sets by URL or by file; one reading at a time for each client."""

    def __init__(self, outbound: Outbound, *, clock: Callable[[], float]) -> None:
        """Read through `outbound`; `clock` counts seconds and never goes back."""
        self._outbound = outbound
        self._clock = clock
        self._cached: dict[str, _Cached] = {}

    async def find(self, client: Client, key_id: str) -> PublicKey | None:
        """Give the client's key; read the set again where it is old, or where a new key id may mean rotation."""
        cached = self._cached.setdefault(client.issuer, _Cached())
        if self._should_read(cached, key_id):
            if cached.reading is None or cached.reading.done():
                # It works for all calls, and is no part of the one that came first.
                cached.reading = asyncio.create_task(self._read(client, cached, key_id), context=Context())
            # Who has a key does not wait for a server that failed the last time.
            if cached.fault is None or self._key(cached, key_id) is None:
                await asyncio.shield(cached.reading)
        if cached.fault is not None:
            # Else a key server that is down would look like a client with a wrong key, or like nothing while keys last.
            note(key_set=cached.fault)
        return self._key(cached, key_id)

    def _key(self, cached: _Cached, key_id: str) -> PublicKey | None:
        if cached.read_at is None or self._clock() - cached.read_at > STALE_S:
            return None
        return cached.keys.get(key_id)

    def _should_read(self, cached: _Cached, key_id: str) -> bool:
        now = self._clock()
        if cached.failed_at is not None and now - cached.failed_at < RETRY_S:
            return False
        if cached.read_at is None or now - cached.read_at > FRESH_S:
            return True
        noted = cached.unknown.get(key_id)
        if key_id in cached.keys or (noted is not None and now - noted < UNKNOWN_S):
            return False
        return len(cached.rereads) < REREADS or now - cached.rereads[0] > REREAD_WINDOW_S

    async def _read(self, client: Client, cached: _Cached, key_id: str) -> None:
        if cached.read_at is not None:
            cached.rereads.append(self._clock())
        try:
            keys = parse_key_set(await self._bytes(client))
        except (KeySetError, OutboundError, OSError) as fault:
            cached.failed_at = self._clock()
            cached.fault = "the file cannot be read" if isinstance(fault, OSError) else str(fault)
            return
        cached.keys = keys
        cached.read_at = self._clock()
        cached.failed_at = cached.fault = None
        if key_id not in keys:
            cached.unknown[key_id] = self._clock()
            while len(cached.unknown) > _UNKNOWN_KEPT:
                cached.unknown.popitem(last=False)

    async def _bytes(self, client: Client) -> bytes:
        if client.jwks_file is not None:
            return await asyncio.to_thread(client.jwks_file.read_bytes)
        if client.jwks_url is None:
            raise KeySetError("is not configured")
        answer = await self._outbound.send(
            httpx.Request("GET", client.jwks_url, headers={"Accept": "application/json"}),
            to=Destinations(frozenset({origin_of(client.jwks_url)}), client.allow_private_addresses),
            max_bytes=MAX_KEY_SET_BYTES,
            timeout_s=_TIMEOUT_S,
        )
        if answer.status_code != httpx.codes.OK:
            raise KeySetError("was answered with another status than 200")
        return answer.content
