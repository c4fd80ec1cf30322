"""The body of a request: its media type is checked before it is read, its length while it is read."""

from __future__ import annotations

from email.message import Message
from typing import TYPE_CHECKING

from starlette.requests import ClientDisconnect

from service.errors import BodyTooLarge, MalformedRequest, UnsupportedMedia

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.types import Scope

_DIGITS = 19
"""Of a length beyond all that is held; Python reads no number of thousands."""
_JSON = frozenset({"application/json", "application/fhir+json", "application/json+fhir"})


def check_media(request: Request) -> None:
    """Refuse a body that is not plain JSON in UTF-8; raises `UnsupportedMedia`."""
    sent = request.headers.get("content-type", "")
    if sent != "application/json":
        _check_type(sent)
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise UnsupportedMedia("Content-Encoding is not supported: send the body as it is")


def _check_type(sent: str) -> None:
    media = Message()
    media["content-type"] = sent
    # `Message` falls back to text/plain where the header is missing or makes no sense.
    if media.get_content_type() not in _JSON:
        raise UnsupportedMedia("Content-Type must be application/json")
    charset = media.get_param("charset", "utf-8")
    if not isinstance(charset, str) or charset.lower() not in {"utf-8", "utf8", "us-ascii"}:
        raise UnsupportedMedia("the charset must be utf-8")


async def read_body(request: Request, *, limit: int) -> bytes:
    """Read at most `limit` bytes; raises `BodyTooLarge` on the announced length already, else while reading."""
    announced = announced_length(request.scope)
    if announced is not None and announced > limit:
        raise BodyTooLarge(limit)
    chunks: list[bytes] = []
    length = 0
    try:
        async for chunk in request.stream():
            length += len(chunk)
            if length > limit:
                raise BodyTooLarge(limit)
            chunks.append(chunk)
    except ClientDisconnect:
        raise MalformedRequest("the body ended early") from None
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def announced_length(scope: Scope) -> int | None:
    """Give the length that a request announces for its body; `None` where it does not."""
    for name, value in scope["headers"]:
        if name == b"content-length":
            return int(value[:_DIGITS]) if value.isdigit() else None
    return None
