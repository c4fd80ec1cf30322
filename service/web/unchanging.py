"""What stays the same until the next start: kept by those who asked, and cheap to ask for again."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

from starlette.responses import Response

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request


PAGE_POLICY = {
    "content-security-policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    )
}
"""The header of a page that has a style sheet of ours, and neither scripts nor forms."""


class Unchanging:
    """One body under its entity tag; `headers` go with it, and with the word that nothing has changed."""

    def __init__(
        self,
        body: bytes,
        *,
        media_type: str,
        headers: Mapping[str, str] | None = None,
        cache_control: str = "public, max-age=300",
    ) -> None:
        self._body = body
        self._media_type = media_type
        self._etag = f'"{sha256(body).hexdigest()[:32]}"'
        self._headers = {"cache-control": cache_control, "etag": self._etag, **(headers or {})}

    def answer(self, request: Request) -> Response:
        """Give the body, or 304 to those who have it (RFC 9110, section 13.1.2)."""
        if self._etag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=self._headers)
        return Response(self._body, media_type=self._media_type, headers=self._headers)
