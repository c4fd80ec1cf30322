"""What guards every page of the app: headers against framing and injection, and the proof that a post is ours."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING

from service.adapters.origins import is_same_origin
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


_LONGEST_FORM = 131_072


class ForgedPostError(Exception):
    """A post did not come from a page of this session; nothing of it is used."""


def guard(response: Response, *, frame_ancestors: Sequence[str] = ()) -> Response:
    """Add the headers of an app page; without `frame_ancestors` nobody may frame it."""
    response.headers.update(SAFE_HEADERS)
    ancestors = " ".join(frame_ancestors) or "'none'"
    response.headers["Content-Security-Policy"] = "; ".join((*_POLICY, f"frame-ancestors {ancestors}"))
    if not frame_ancestors:
        response.headers["X-Frame-Options"] = "DENY"
    return response


def is_too_long(request: Request) -> bool:
    """Whether a form is longer than any page of ours sends, or does not announce its length."""
    length = request.headers.get("content-length", "")
    return not (length.isascii() and length.isdigit() and int(length) <= _LONGEST_FORM)


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
