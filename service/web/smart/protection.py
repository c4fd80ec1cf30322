"""What guards every page of the app: headers against framing and injection, and the proof that a post is ours."""

from __future__ import annotations

import asyncio
import hmac
from http import HTTPStatus
from typing import TYPE_CHECKING

from starlette.requests import ClientDisconnect

from service.adapters.origins import is_same_origin
from service.web.bodies import announced_length
from service.web.conversation import SAFE_HEADERS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.requests import Request
    from starlette.responses import Response

_POLICY = (
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    "connect-src 'self'",
    "form-action 'self'",
    "base-uri 'none'",
)


FORM_S = 5.0
"""Seconds in which a form has to be there: it takes a place from others, before a session has to be shown."""
_LONGEST_FORM = 131_072
_FIELDS = 200


class ForgedPostError(Exception):
    """A post did not come from a page of this session; nothing of it is used."""


class UnreadFormError(Exception):
    """A form was not read; the message says why, for a page that is answered with `status`."""

    def __init__(self, message: str, status: HTTPStatus) -> None:
        super().__init__(message)
        self.status = status


def guard(response: Response, *, frame_ancestors: Sequence[str] = ()) -> Response:
    """Add the headers of an app page; without `frame_ancestors` nobody may frame it."""
    response.headers.update(SAFE_HEADERS)
    ancestors = " ".join(frame_ancestors) or "'none'"
    response.headers["Content-Security-Policy"] = "; ".join((*_POLICY, f"frame-ancestors {ancestors}"))
    if not frame_ancestors:
        response.headers["X-Frame-Options"] = "DENY"
    return response


async def read_form(request: Request) -> dict[str, str]:
    """Read the texts of a form.

    Raises `UnreadFormError` where it is longer than any page of ours sends, does not announce its length, or does not
    come whole in time.
    """
    length = announced_length(request.scope)
    if length is None or length > _LONGEST_FORM:
        raise UnreadFormError("The form is too long", HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    try:
        async with asyncio.timeout(FORM_S):
            form = await request.form(max_fields=_FIELDS, max_files=0)
    except (TimeoutError, ClientDisconnect):
        raise UnreadFormError("The form did not come whole", HTTPStatus.REQUEST_TIMEOUT) from None
    return {name: value for name, value in form.items() if isinstance(value, str)}


def check_post(request: Request, *, base_url: str, sent: str | None, expected: str) -> None:
    """Accept a post of our own pages alone: by the session's token and by where the browser says it comes from."""
    if sent is None or not hmac.compare_digest(sent.encode(), expected.encode()):
        raise ForgedPostError("the form belongs to another session")
    if not is_from_our_site(request, base_url=base_url):
        raise ForgedPostError("the form was sent from another site")


def is_from_our_site(request: Request, *, base_url: str) -> bool:
    """Whether the browser says that a form post comes from a page of ours.

    One under `Referrer-Policy: no-referrer` has the Origin `null`; the browser's Sec-Fetch-Site then decides.
    """
    origin = request.headers.get("origin", "null")
    if origin == "null":
        return request.headers.get("sec-fetch-site") == "same-origin"
    return is_same_origin(origin, base_url)
