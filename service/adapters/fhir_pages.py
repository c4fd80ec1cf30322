"""One exchange with a FHIR server, and the pages that follow it; whatever goes wrong is one of our own reasons."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, assert_never
from urllib.parse import urljoin

import httpx

from fhir_mappings.asked import Stray, stray
from fhir_mappings.bundle import Scan, SourceState, are_partial, opened, read_source
from fhir_mappings.chart import Completeness
from service.adapters.origins import is_same_origin
from service.adapters.outbound import Allowance, OutboundError, Refused, TimedOut, TooLarge

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from fhir_mappings.bundle import SourceRead
    from fhir_mappings.terminology import Terminology
    from service.adapters.outbound import Destinations, Outbound
    from service.cds.messages import AccessToken

# What servers without POST `_search` answer to it; 404 and 400 come from those that read `_search` as an id, 403 and
# 422 from those that take it for a write. 403 may mean no access at all: the answer to GET tells.
_POST_REFUSED = frozenset({400, 403, 404, 405, 406, 415, 422, 501})
# The parameter by which an answer names its version (FHIR R4, section 3.1.0.1.6).
_BEFORE_R4 = re.compile(r""";\s*fhirVersion\s*=\s*"?[0-3]\.""", re.IGNORECASE)


class Reason(StrEnum):
    """Why a key is partial or not retrieved: fixed phrases that may stand on a card."""

    NOT_ALLOWED = "the FHIR server may not be asked: fhir_origins of this client do not allow it"
    OTHER_GRANT = "the access token is for another patient than context.patientId"
    UNREACHABLE = "no whole answer of the FHIR server came"
    TIME = "the time for fetching was spent"
    EXPIRED = "the access token had expired"
    REFUSED = "the FHIR server refused access"
    FAILED = "the FHIR server answered with an error"
    REDIRECTED = "the FHIR server redirected the request"
    OTHER_VERSION = "the FHIR server speaks a version of FHIR before R4"
    UNREADABLE = "the FHIR server's answer was not readable"
    OTHER_TYPES = "the FHIR server answered with resources of other types"
    OTHER_PATIENT = "the FHIR server answered with resources of another patient"
    TOO_LARGE = "the FHIR server's answer was too large"
    TOO_MANY_PAGES = "the FHIR server's answer had too many pages"
    FOREIGN_PAGE = "the next page was on another server"
    INCOMPLETE = "the FHIR server gave only a part"


_STRAY = {Stray.OTHER_TYPES: Reason.OTHER_TYPES, Stray.OTHER_PATIENT: Reason.OTHER_PATIENT}


@dataclass(frozen=True, slots=True)
class Limits:
    """What one call may cost over all its keys; `pages` is for each key."""

    pages: int = 20
    entries: int = 20_000
    bytes: int = 33_554_432


@dataclass(frozen=True, slots=True)
class Fetched:
    """What came for one key, page by page, and how much of it that is; `reason` is set unless it is complete.

    `status` is the one of HTTP that an error came with.
    """

    pages: tuple[SourceRead, ...]
    completeness: Completeness
    reason: Reason | None = None
    status: int | None = None

    @property
    def why(self) -> str | None:
        """Say for people why the key is not complete; `None` where it is."""
        return f"{self.reason} ({self.status})" if self.reason and self.status else self.reason


@dataclass(frozen=True, slots=True)
class Link:
    """Where a Bundle that the client sent goes on, and the type of resource that it was asked for."""

    url: str
    resource_type: str


def not_retrieved(reason: Reason, status: int | None = None) -> Fetched:
    """Give the key of which nothing came."""
    return Fetched((), Completeness.NOT_RETRIEVED, reason, status)


@dataclass(frozen=True, slots=True)
class FhirAccess:
    """One call's way to its FHIR server; `deadline` and `token_expires` are times of the event loop's clock."""

    base: str
    patient_id: str
    destinations: Destinations
    deadline: float
    token: AccessToken | None = None
    token_expires: float | None = None
    token_patient_id: str | None = None


class Lost(Exception):  # noqa: N818  caught where it becomes a value
    """An exchange had no usable page."""

    def __init__(self, reason: Reason, *, status: int | None = None, is_refused_post: bool = False) -> None:
        super().__init__(reason.value)
        self.reason = reason
        self.status = status
        self.is_refused_post = is_refused_post


@dataclass(slots=True)
class PageFetcher:
    """All exchanges of one call, with what they have cost so far."""

    outbound: Outbound
    access: FhirAccess
    limits: Limits
    terminology: Terminology
    _allowance: Allowance = field(init=False)
    _entries: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        """Begin with the whole allowance, which all exchanges share."""
        self._allowance = Allowance(self.limits.bytes)

    async def pages_from(self, first: Awaitable[SourceRead], url: str, asked: str) -> Fetched:
        """Take the page that `first` gives for `url` and all that follow it; raise `Lost` where there is no first."""
        found = await self._followed([await first], url, asked)
        if found.completeness is Completeness.COMPLETE and are_partial(found.pages):
            return Fetched(found.pages, Completeness.PARTIAL, Reason.INCOMPLETE)
        return found

    async def pages_after(self, link: Link) -> Fetched:
        """Follow the next link of a bundle that the client itself sent.

        What it sent stays, so nothing is lost; whether all pages together reach the total is for who holds the first.
        """
        return await self._followed([], self.access.base + "/", link.resource_type, link.url)

    async def get(self, url: str, asked: str) -> SourceRead:
        """Read the page at `url` of a search for resources of type `asked`."""
        return self._page((await self._sent(self._request(url))).content, asked)

    async def post(self, url: str, form: str, asked: str) -> SourceRead:
        """Search for resources of type `asked` by a form, which keeps the patient's id out of the access log."""
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        return self._page((await self._sent(self._request(url, "POST", content=form, headers=headers))).content, asked)

    @staticmethod
    def _request(
        url: str, method: str = "GET", *, content: str | None = None, headers: dict[str, str] | None = None
    ) -> httpx.Request:
        try:
            return httpx.Request(method, url, content=content, headers=headers)
        # The second is of hosts that begin like a name in Punycode and are none.
        except (httpx.InvalidURL, UnicodeError):
            raise Lost(Reason.NOT_ALLOWED) from None

    async def _followed(self, pages: list[SourceRead], url: str, asked: str, link: str | None = None) -> Fetched:
        seen = {url}
        link = pages[-1].next_url if pages else link
        while link is not None:
            try:
                url = self._next_page(url, link, seen, len(pages))
                seen.add(url)
                page = await self.get(url, asked)
            except Lost as lost:
                return Fetched(tuple(pages), Completeness.PARTIAL, lost.reason, lost.status)
            pages.append(page)
            link = page.next_url
        if any(page.failed for page in pages):
            return Fetched(tuple(pages), Completeness.PARTIAL, Reason.INCOMPLETE)
        return Fetched(tuple(pages), Completeness.COMPLETE)

    def _next_page(self, url: str, link: str, seen: set[str], pages: int) -> str:
        """Give the URL that `link` on the page at `url` leads to; raise `Lost` where it is not to be asked for."""
        try:
            following = urljoin(url, link)
        except ValueError:
            raise Lost(Reason.FOREIGN_PAGE) from None
        if not is_same_origin(following, self.access.base):
            raise Lost(Reason.FOREIGN_PAGE)
        if following in seen or pages >= self.limits.pages or self._entries >= self.limits.entries:
            raise Lost(Reason.TOO_MANY_PAGES)
        return following

    async def _sent(self, request: httpx.Request) -> httpx.Response:
        """Send a request and give the answer where it is a good one."""
        answer = await self._answer(request)
        match answer.status_code:
            case 200 if _BEFORE_R4.search(answer.headers.get("Content-Type", "")):
                raise Lost(Reason.OTHER_VERSION)
            case 200:
                return answer
            case status if 300 <= status < 400:  # noqa: PLR2004  RFC 9110, section 15.4
                raise Lost(Reason.REDIRECTED, status=status)
            case status:
                reason = Reason.REFUSED if status in {401, 403} else Reason.FAILED
                is_refused_post = request.method == "POST" and status in _POST_REFUSED
                raise Lost(reason, status=status, is_refused_post=is_refused_post)

    async def _answer(self, request: httpx.Request) -> httpx.Response:
        now = asyncio.get_running_loop().time()
        if now >= self.access.deadline:
            raise Lost(Reason.TIME)
        if self.access.token is not None:
            if self.access.token_expires is not None and now >= self.access.token_expires:
                raise Lost(Reason.EXPIRED)
            if self.access.token_patient_id not in (None, self.access.patient_id):
                # Servers that hold a token to its patient answer a search for another one with nothing.
                raise Lost(Reason.OTHER_GRANT)
            request.headers["Authorization"] = f"Bearer {self.access.token.reveal()}"
        request.headers["Accept"] = "application/fhir+json, application/json"
        if self._allowance.left <= 0:
            raise Lost(Reason.TOO_LARGE)
        try:
            return await self.outbound.send(
                request, to=self.access.destinations, max_bytes=self._allowance, timeout_s=self.access.deadline - now
            )
        except OutboundError as fault:
            raise Lost(_reason_of(fault)) from None

    def _page(self, body: bytes, asked: str) -> SourceRead:
        """Read a page of a search.

        `null` or a bare resource, fine in a prefetch, would look like nothing there, and so would what nobody asked.
        """
        whole = opened(body)
        page = read_source(whole, self.terminology)
        self._entries += page.entries
        match page.state:
            case SourceState.OUTCOME:
                raise Lost(Reason.FAILED)
            case SourceState.JUNK:
                raise Lost(Reason.UNREADABLE)
            case SourceState.DATA | SourceState.EMPTY:
                pass
            case _:
                assert_never(page.state)
        if not isinstance(whole, Scan):
            raise Lost(Reason.UNREADABLE)
        if page.entries and (found := stray(whole, page, resource_type=asked, patient_id=self.access.patient_id)):
            raise Lost(_STRAY[found])
        return page


def _reason_of(fault: OutboundError) -> Reason:
    match fault:
        case Refused():
            return Reason.NOT_ALLOWED
        case TimedOut():
            return Reason.TIME
        case TooLarge():
            return Reason.TOO_LARGE
        case _:
            return Reason.UNREACHABLE
