"""What the prefetch lacks, fetched from the FHIR server of the client: in parallel, in one budget, one origin alone.

Each key ends as complete, partial or not retrieved; nothing that a server does raises. A search is a POST of a form;
a base that refuses that is asked again by GET, and by GET alone from then on.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

from service.adapters.fhir_pages import (
    Fetched,
    FhirAccess,
    Limits,
    Link,
    Lost,
    PageFetcher,
    Reason,
    not_retrieved,
)
from service.adapters.origins import OriginError, origin_of
from service.adapters.outbound import Destinations
from service.tracing import span

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable, Mapping

    from fhir_mappings.terminology import Terminology
    from service.adapters.clients import Client
    from service.adapters.origins import Origin
    from service.adapters.outbound import Outbound
    from service.cds.messages import FhirAuthorization
    from service.cds.prefetch import Query

_Found = TypeVar("_Found")


def destinations_of(client: Client | None, fhir_server: str, *, anyone: tuple[Destinations, ...] = ()) -> Destinations:
    """Say where the token of a call may go: to its client's origins, or nowhere.

    `anyone` are the destinations open to a call without a client (`Clients.all_destinations` where authentication is
    off, nothing elsewhere); of them the one that holds the origin of `fhir_server` counts.
    """
    if client is not None:
        return client.fhir_destinations
    origin = _origin(fhir_server)
    return next((found for found in anyone if origin in found.origins), Destinations(frozenset()))


class FhirClient:
    """All fetching of one process."""

    def __init__(self, outbound: Outbound, *, terminology: Terminology, limits: Limits | None = None) -> None:
        self._outbound = outbound
        self._terminology = terminology
        self._limits = limits or Limits()
        self._get_only: set[tuple[str, str]] = set()

    def begin(
        self,
        fhir_server: str,
        *,
        patient_id: str,
        destinations: Destinations,
        authorization: FhirAuthorization | None,
        budget_s: float,
    ) -> FhirCall:
        """Start the clock of one call's fetching: the budget, and the life of the token it came with."""
        now = asyncio.get_running_loop().time()
        access = FhirAccess(
            base=fhir_server.rstrip("/"),
            patient_id=patient_id,
            destinations=destinations,
            deadline=now + budget_s,
            token=authorization.token if authorization else None,
            token_expires=now + authorization.expires_in_s if authorization else None,
            token_patient_id=authorization.patient_id if authorization else None,
        )
        fetcher = PageFetcher(self._outbound, access, self._limits, self._terminology)
        return FhirCall(fetcher, get_only=self._get_only)


class FhirCall:
    """The fetching of one call: at most two round trips one after the other, paging apart."""

    def __init__(self, fetcher: PageFetcher, *, get_only: set[tuple[str, str]]) -> None:
        """Fetch with `fetcher`; `get_only` holds the types that a base searches by GET alone, and learns more."""
        self._fetcher = fetcher
        self._get_only = get_only
        self._base = fetcher.access.base

    async def fetch(
        self, queries: Mapping[str, Query], *, links: Mapping[str, Link] | None = None
    ) -> dict[str, Fetched]:
        """Fetch all `queries` at once; `links` are the next links of bundles that the client sent, by key."""
        answered, refused = await self._ask(queries, links or {})
        return {**answered, **await self._ask_by_get({key: queries[key] for key in refused}, answered=answered)}

    async def fetch_gated(
        self,
        first: Mapping[str, Query],
        rest: Mapping[str, Query],
        *,
        wanted: Callable[[Mapping[str, Fetched]], bool],
        links: Mapping[str, Link] | None = None,
    ) -> dict[str, Fetched]:
        """Fetch `first`, and `rest` only where `wanted` says so after seeing it.

        Where `first` must be asked again by GET, `rest` goes with it unasked: that costs bytes once for each server,
        a third round trip would cost the answer.
        """
        answered, refused = await self._ask(first, links or {})
        if refused:
            again = {key: first[key] for key in refused}
            return {**answered, **await self._ask_by_get(again, answered=answered, along=rest)}
        if not wanted(answered):
            return answered
        more, refused = await self._ask(rest, {})
        self._learn(rest[key].resource_type for key, lost in refused.items() if lost.reason is not Reason.REFUSED)
        return {**answered, **more, **{key: not_retrieved(lost.reason, lost.status) for key, lost in refused.items()}}

    async def _ask(
        self, queries: Mapping[str, Query], links: Mapping[str, Link]
    ) -> tuple[dict[str, Fetched], dict[str, Lost]]:
        """Send everything at once; give what was answered, and the keys whose POST was refused."""
        found = await _gather(
            {
                **{key: self._fetch(query) for key, query in queries.items()},
                **{key: self._fetcher.pages_after(link) for key, link in links.items()},
            }
        )
        return (
            {key: value for key, value in found.items() if isinstance(value, Fetched)},
            {key: value for key, value in found.items() if isinstance(value, Lost)},
        )

    async def _ask_by_get(
        self, refused: Mapping[str, Query], *, answered: Mapping[str, Fetched], along: Mapping[str, Query] | None = None
    ) -> dict[str, Fetched]:
        """Ask by GET for what was `refused`, with what goes `along` unasked; learn how the base is searched.

        A base that has answered nothing may be a wrong path, and access that is refused both ways says nothing.
        """
        asked = {**refused, **(along or {})}
        found = await _gather({key: self._fetch_by_get(query) for key, query in asked.items()})
        searched = [key for key, one in found.items() if one.reason is not Reason.REFUSED]
        if any(one.pages for one in (*answered.values(), *found.values())) and not refused.keys().isdisjoint(searched):
            self._learn(asked[key].resource_type for key in searched)
        return found

    def _learn(self, types: Iterable[str]) -> None:
        """Note that these types are searched by GET here from now on."""
        self._get_only.update((self._base, resource_type) for resource_type in types)

    async def _fetch(self, query: Query) -> Fetched | Lost:
        """Fetch one key; `Lost` where its POST was refused."""
        asked = query.resource_type
        if (self._base, asked) in self._get_only:
            return await self._fetch_by_get(query)
        search = f"{self._base}/{asked}/_search"
        try:
            return await self._fetcher.pages_from(self._fetcher.post(search, query.form, asked), search, asked)
        except Lost as lost:
            return lost if lost.is_refused_post else not_retrieved(lost.reason, lost.status)

    async def _fetch_by_get(self, query: Query) -> Fetched:
        url, asked = f"{self._base}/{query.url}", query.resource_type
        try:
            return await self._fetcher.pages_from(self._fetcher.get(url, asked), url, asked)
        except Lost as lost:
            return not_retrieved(lost.reason, lost.status)


async def _gather(work: Mapping[str, Coroutine[None, None, _Found]]) -> dict[str, _Found]:
    async def one(key: str, coroutine: Coroutine[None, None, _Found]) -> _Found:
        with span("fetch key", key=key):
            return await coroutine

    async with asyncio.TaskGroup() as group:
        tasks = {key: group.create_task(one(key, coroutine)) for key, coroutine in work.items()}
    return {key: task.result() for key, task in tasks.items()}


def _origin(url: str) -> Origin | None:
    try:
        return origin_of(url)
    except OriginError:
        return None
