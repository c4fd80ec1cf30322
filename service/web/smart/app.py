"""The SMART app as its routes need it: the EHRs it may be launched from, its sessions, keys and clock."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import urlsplit
from weakref import WeakValueDictionary

from service.adapters.app_transport import TIMEOUT_S
from service.adapters.smart_client import Registration, TokenError, refresh
from service.adapters.smart_configuration import SmartConfiguration, discover
from service.cds.app_context import AppContext, AppContextError, read_app_context
from service.web.smart.cookies import Cookies
from service.web.smart.limits import AppLimits

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from starlette.requests import Request

    from service.adapters.app_keys import AppKey
    from service.adapters.app_transport import AppTransport
    from service.web.smart.sessions import AppSession, Sessions

DISCOVERY_LIFETIME_S = 300
_RENEW_BEFORE_S = 30
_RENEWING_S = TIMEOUT_S + 5
"""After that a worker that has begun to renew an access has died."""
_LOOK_AGAIN_S = 0.1
_ENDED = "the session was ended in another tab"

TransportFor: TypeAlias = "Callable[[AppClient, Sequence[str]], AppTransport]"
"""Gives the transport of an EHR that reaches the origins of the URLs given, and no others."""


@dataclass(frozen=True, slots=True)
class AppClient:
    """One EHR that may launch the app: its name in CRLM_CLIENTS, its registration of us, and who may frame us."""

    issuer: str
    registration: Registration
    frame_ancestors: tuple[str, ...] = ()
    allow_private_addresses: bool = False


@dataclass(slots=True)
class SmartApp:
    """What the routes of launch and review share. `clients` is by FHIR endpoint (`iss`), exactly as configured."""

    base_url: str
    clients: Mapping[str, AppClient]
    transport_for: TransportFor
    sessions: Sessions
    context_keys: Sequence[bytes]
    clock: Callable[[], datetime]
    keys: Sequence[AppKey] = ()
    limits: AppLimits = field(default_factory=AppLimits)
    _discovered: dict[str, tuple[float, SmartConfiguration]] = field(default_factory=dict)
    _renewing: WeakValueDictionary[str, asyncio.Lock] = field(default_factory=WeakValueDictionary)

    @property
    def cookies(self) -> Cookies:
        """Give the cookies of this address."""
        return Cookies(self.base_url)

    @property
    def base_path(self) -> str:
        """Give the path in front of every address of the app, empty or like `/crlm`."""
        return urlsplit(self.base_url).path.rstrip("/")

    @property
    def redirect_uri(self) -> str:
        """Give the one address that EHRs send the browser back to."""
        return f"{self.base_url}/smart/callback"

    @property
    def frame_ancestors(self) -> tuple[str, ...]:
        """Give the sites of every EHR that may show the app in a frame."""
        return tuple(dict.fromkeys(site for client in self.clients.values() for site in client.frame_ancestors))

    async def configuration(self, iss: str) -> SmartConfiguration:
        """Give the SMART configuration of an allow-listed EHR, fetched at most every five minutes."""
        now_s = self.clock().timestamp()
        known = self._discovered.get(iss)
        if known is None or known[0] + DISCOVERY_LIFETIME_S <= now_s:
            known = now_s, await discover(iss, self.transport_for(self.clients[iss], [iss]))
            self._discovered[iss] = known
        return known[1]

    def transport(self, iss: str, configuration: SmartConfiguration) -> AppTransport:
        """Give the transport to an EHR and its authorization server."""
        endpoints = [iss, configuration.token_endpoint, configuration.revocation_endpoint, configuration.jwks_uri]
        return self.transport_for(self.clients[iss], [url for url in endpoints if url is not None])

    def app_context(self, text: str | None, client: AppClient) -> tuple[AppContext | None, str | None]:
        """Read the reference of a card that `client` was shown; give it, or a note why it was ignored."""
        if text is None:
            return None, None
        try:
            context = read_app_context(text, keys=self.context_keys, now_s=int(self.clock().timestamp()))
        except AppContextError as fault:
            return None, f"Opened without the question of the card: {fault}."
        if context.issuer != client.issuer:
            return None, "Opened without the question of the card: it was shown in another EHR."
        return context, None

    async def session(self, request: Request) -> tuple[str, AppSession] | None:
        """Give the cookie and the session of a request; an EHR that is no longer configured has none."""
        cookie = self.cookies.read(request, self.cookies.session_name)
        found = await self.sessions.find(cookie) if cookie else None
        if cookie is None or found is None or found.iss not in self.clients:
            return None
        return cookie, found

    async def renewed(self, cookie: str, session: AppSession) -> AppSession:
        """Give the session with an access token that still lives; raise `TokenError` where none can be had."""
        if self._is_alive(session):
            return session
        async with self._renewing.setdefault(cookie, asyncio.Lock()):
            # A refresh token may be good for one use: of all workers one renews, the others take what came.
            while (found := await self.sessions.find(cookie)) is not None:
                if self._is_alive(found):
                    return found
                if not self._is_renewed_now(found) and await self._is_mine_to_renew(cookie):
                    return await self._renew(cookie, found)
                await asyncio.sleep(_LOOK_AGAIN_S)
        raise TokenError(_ENDED)

    async def _is_mine_to_renew(self, cookie: str) -> bool:
        """Claim the renewal of a session, where no other worker has."""
        is_mine, until_s = False, self.clock().timestamp() + _RENEWING_S

        def claimed(session: AppSession) -> AppSession:
            nonlocal is_mine
            is_mine = not (self._is_alive(session) or self._is_renewed_now(session))
            return replace(session, renewing_until_s=until_s) if is_mine else session

        return await self.sessions.change(cookie, claimed) is not None and is_mine

    async def _renew(self, cookie: str, session: AppSession) -> AppSession:
        grant = None
        try:
            grant = await refresh(
                session.grant,
                configuration=session.configuration,
                registration=self.clients[session.iss].registration,
                transport=self.transport(session.iss, session.configuration),
                now=self.clock(),
            )
        finally:
            renewed = await self.sessions.change(
                cookie, lambda latest: replace(latest, grant=grant or latest.grant, renewing_until_s=0.0)
            )
        if renewed is None:
            raise TokenError(_ENDED)
        return renewed

    def _is_renewed_now(self, session: AppSession) -> bool:
        return self.clock().timestamp() < session.renewing_until_s

    def _is_alive(self, session: AppSession) -> bool:
        margin_s = _RENEW_BEFORE_S if session.grant.refresh_token else 0
        return self.clock().timestamp() + margin_s < session.grant.expires_at_s
