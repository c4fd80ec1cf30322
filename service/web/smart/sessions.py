"""The app's sessions: opened by a launch, kept encrypted on the server, found by the hash of a random cookie."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING, Protocol, TypeVar

import msgspec

from service.adapters.sealing import UnsealError
from service.adapters.smart_client import Attempt, Grant  # noqa: TC001 - msgspec reads the annotations
from service.adapters.smart_configuration import SmartConfiguration  # noqa: TC001 - the same

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from service.adapters.sealing import Sealer
    from service.adapters.store.app_sessions import RecordKind

ATTEMPT_LIFETIME_S = 600
"""How long a person may take to log in to the EHR."""
IDLE_LIFETIME_S = 3600
ABSOLUTE_LIFETIME_S = 10 * 3600


class SealedRecords(Protocol):
    """Keeps sealed records by kind and hashed key until they expire; raises `StoreUnavailable` where it cannot."""

    async def put(self, kind: RecordKind, key: str, sealed: bytes, *, expires_at_s: float) -> None:
        """Keep a record, in place of an earlier one with this key."""
        ...

    async def replace(self, kind: RecordKind, key: str, old: bytes, new: bytes, *, expires_at_s: float) -> bool:
        """Put a record in place of `old`; say whether that was still there."""
        ...

    async def get(self, kind: RecordKind, key: str, *, now_s: float) -> bytes | None:
        """Give a record that has not expired."""
        ...

    async def take(self, kind: RecordKind, key: str, *, now_s: float) -> bytes | None:
        """Give and delete a record: of two that ask at the same time, one gets it."""
        ...

    async def delete(self, kind: RecordKind, key: str) -> None:
        """Delete a record where it exists."""
        ...


@dataclass(frozen=True, slots=True)
class PendingLaunch:
    """A launch that waits for the browser to come back from the EHR's login; `binding` is in that browser's cookie."""

    attempt: Attempt
    binding: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class AppSession:
    """One user looking at one patient of one EHR.

    `ask` is the fact that the card asked for; `card` the card that led here. To be shown once: `note`, a sentence of
    ours, and `saved`, the report of a save. Until `renewing_until_s` a worker may be renewing the access.
    """

    iss: str
    grant: Grant
    configuration: SmartConfiguration
    csrf: str = field(repr=False)
    opened_at_s: float
    ask: str | None = None
    card: str | None = None
    note: str | None = None
    saved: bytes | None = field(default=None, repr=False)
    renewing_until_s: float = 0.0


_Record = TypeVar("_Record", AppSession, PendingLaunch)


class Sessions:
    """Opens, finds and ends sessions; the store never sees a cookie, a token or a patient."""

    def __init__(self, records: SealedRecords, sealer: Sealer, clock: Callable[[], datetime]) -> None:
        self._records = records
        self._sealer = sealer
        self._clock = clock

    async def begin(self, attempt: Attempt) -> str:
        """Keep a launch on its way; give the secret that binds it to the browser."""
        binding = secrets.token_urlsafe(32)
        await self._put(
            "attempt", attempt.state, PendingLaunch(attempt, binding), expires_at_s=self._now_s + ATTEMPT_LIFETIME_S
        )
        return binding

    async def take_launch(self, state: str) -> PendingLaunch | None:
        """Give the launch with this state, once."""
        return self._read(await self._records.take("attempt", _hash(state), now_s=self._now_s), PendingLaunch)

    async def open(self, session: AppSession) -> str:
        """Keep a new session; give the value of its cookie."""
        cookie = secrets.token_urlsafe(32)
        await self._put("session", cookie, session, expires_at_s=self._end_of(session))
        return cookie

    async def find(self, cookie: str) -> AppSession | None:
        """Give the session of a cookie, where it has neither ended nor been idle for too long."""
        return self._read(await self._records.get("session", _hash(cookie), now_s=self._now_s), AppSession)

    async def change(self, cookie: str, change: Callable[[AppSession], AppSession]) -> AppSession | None:
        """Change a session as it is now and begin its idle time anew; give it, or `None` where it has ended.

        Of two tabs neither undoes what the other did, nor opens again what it ended.
        """
        key = _hash(cookie)
        while (sealed := await self._records.get("session", key, now_s=self._now_s)) is not None:
            session = self._read(sealed, AppSession)
            if session is None:
                return None
            changed = change(session)
            new, expires_at_s = self._sealed(changed), self._end_of(changed)
            if await self._records.replace("session", key, sealed, new, expires_at_s=expires_at_s):
                return changed
        return None

    async def end(self, cookie: str) -> None:
        """Forget a session."""
        await self._records.delete("session", _hash(cookie))

    @property
    def _now_s(self) -> float:
        return self._clock().timestamp()

    def _end_of(self, session: AppSession) -> float:
        return min(self._now_s + IDLE_LIFETIME_S, session.opened_at_s + ABSOLUTE_LIFETIME_S)

    def _sealed(self, record: AppSession | PendingLaunch) -> bytes:
        return self._sealer.seal(msgspec.json.encode(record))

    async def _put(
        self, kind: RecordKind, key: str, record: AppSession | PendingLaunch, *, expires_at_s: float
    ) -> None:
        await self._records.put(kind, _hash(key), self._sealed(record), expires_at_s=expires_at_s)

    def _read(self, sealed: bytes | None, kind: type[_Record]) -> _Record | None:
        if sealed is None:
            return None
        try:
            return msgspec.json.decode(self._sealer.open(sealed), type=kind)
        except (UnsealError, msgspec.MsgspecError):
            return None


def _hash(key: str) -> str:
    return sha256(key.encode()).hexdigest()


def new_csrf_token() -> str:
    """Give an unpredictable token for the forms of one session."""
    return secrets.token_urlsafe(32)
