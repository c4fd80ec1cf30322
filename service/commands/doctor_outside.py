"""What an operator's examination finds outside: the keys and FHIR servers of the clients, and the right time."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

import httpx

from service.adapters.keys import MAX_KEY_SET_BYTES, KeySetError, parse_key_set
from service.adapters.origins import origin_of
from service.adapters.outbound import Destinations, OutboundError, Refused
from service.adapters.smart_configuration import WELL_KNOWN
from service.adapters.tokens import LEEWAY_S
from service.commands.findings import Finding, fail, ok, warn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from service.adapters.clients import Client, Clients
    from service.adapters.origins import Origin
    from service.adapters.outbound import Outbound

_TIMEOUT_S = 5.0
_LARGEST_ANSWER = 1_048_576
_SANE_YEARS = range(2025, 2100)
_NOTABLE_S = 5


@dataclass(frozen=True, slots=True)
class Seen:
    """What one request showed: findings, and how many seconds this machine is ahead of the one that answered."""

    findings: tuple[Finding, ...]
    ahead_s: float | None = None


async def examine_outside(clients: Clients, outbound: Outbound, clock: Callable[[], datetime]) -> list[Finding]:
    """Ask every key server, FHIR origin and SMART configuration of the clients once, all at the same time."""
    work = [
        *(_examine_keys(client, outbound, clock) for client in clients),
        *(_examine_origin(client, origin, outbound) for client in clients for origin in sorted(client.fhir_origins)),
        *(
            _examine_smart(client, iss, outbound)
            for client in clients
            for iss in (client.smart.iss if client.smart else ())
        ),
    ]
    seen = await asyncio.gather(*work)
    found = [finding for one in seen for finding in one.findings]
    return [*found, *examine_clock(clock(), [one.ahead_s for one in seen if one.ahead_s is not None])]


def examine_clock(now: datetime, ahead_s: Iterable[float]) -> list[Finding]:
    """Judge this machine's clock by its year and by the key servers, which do not all go wrong together."""
    remedy = "let NTP set the clock (timedatectl set-ntp true)"
    if now.year not in _SANE_YEARS:
        return [fail("clock", f"the year {now.year} cannot be right", remedy)]
    apart = sorted(ahead_s, key=abs)
    if not apart:
        return [ok("clock", f"{now:%Y-%m-%d %H:%M} UTC; no key server to compare it with")]
    # The nearest server counts: one whose own clock is wrong accuses nobody.
    off = apart[0]
    said = f"{abs(off):.0f} s {'ahead of' if off > 0 else 'behind'} the key servers"
    if abs(off) > LEEWAY_S:
        return [fail("clock", f"{said}: sound tokens are refused", remedy)]
    if abs(off) > _NOTABLE_S:
        return [warn("clock", said, remedy)]
    return [ok("clock", "agrees with the key servers")]


async def _examine_keys(client: Client, outbound: Outbound, clock: Callable[[], datetime]) -> Seen:
    check = f"keys of {client.issuer}"
    if client.jwks_file is not None or client.jwks_url is None:
        # The file was read with the list of clients.
        return Seen((ok(check, "read from the file"),))
    remedy = "check jwks_url, the firewall and the proxy: without its keys every call of this client is refused"
    destination = Destinations(frozenset({origin_of(client.jwks_url)}), client.allow_private_addresses)
    try:
        answer = await _get(client.jwks_url, outbound, destination, max_bytes=MAX_KEY_SET_BYTES)
        keys = parse_key_set(answer.content) if answer.status_code == httpx.codes.OK else None
    except (OutboundError, KeySetError) as fault:
        return Seen((fail(check, str(fault), remedy),))
    ahead_s = _ahead_s(answer, clock())
    if keys is None:
        return Seen((fail(check, f"was answered with status {answer.status_code}", remedy),), ahead_s)
    usable = [key for key in keys.values() if any(key.for_algorithm(name) for name in client.algorithms)]
    if not usable:
        names = " or ".join(client.algorithms)
        return Seen((fail(check, f"none of its keys is for {names}", "check jwks_url and algorithms"),), ahead_s)
    return Seen((ok(check, f"{len(usable)} usable"),), ahead_s)


async def _examine_origin(client: Client, origin: Origin, outbound: Outbound) -> Seen:
    """See whether anything answers; what it says without a token and a path does not matter."""
    check = f"FHIR origin {origin}"
    try:
        answer = await _get(f"{origin}/", outbound, client.fhir_destinations)
    except Refused as fault:
        return Seen((fail(check, str(fault), "correct fhir_origins, or allow_private_addresses for a trial"),))
    except OutboundError as fault:
        remedy = "check the address and the firewall: until then only what the client prefetches is known"
        return Seen((warn(check, str(fault), remedy),))
    return Seen((ok(check, f"it answers (status {answer.status_code})"),))


async def _examine_smart(client: Client, iss: str, outbound: Outbound) -> Seen:
    check = f"SMART configuration of {iss}"
    destination = Destinations(frozenset({origin_of(iss)}), client.allow_private_addresses)
    try:
        answer = await _get(iss.rstrip("/") + WELL_KNOWN, outbound, destination)
    except OutboundError as fault:
        return Seen((warn(check, str(fault), "check the address: until then the review app cannot be launched"),))
    if answer.status_code != httpx.codes.OK:
        remedy = "check iss in [client.smart]: it is the FHIR base URL as the EHR names it"
        return Seen((warn(check, f"was answered with status {answer.status_code}", remedy),))
    return Seen((ok(check, "it is published"),))


async def _get(url: str, outbound: Outbound, to: Destinations, *, max_bytes: int = _LARGEST_ANSWER) -> httpx.Response:
    request = httpx.Request("GET", url, headers={"Accept": "application/json"})
    return await outbound.send(request, to=to, max_bytes=max_bytes, timeout_s=_TIMEOUT_S)


def _ahead_s(answer: httpx.Response, now: datetime) -> float | None:
    """Compare with the Date header, which has whole seconds; `None` where there is none to read."""
    try:
        theirs = parsedate_to_datetime(answer.headers.get("date", ""))
    except ValueError:
        return None
    return (now - (theirs if theirs.tzinfo else theirs.replace(tzinfo=UTC))).total_seconds()
