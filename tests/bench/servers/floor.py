"""The floor: bare ASGI that parses the body with orjson and answers a constant card."""

from __future__ import annotations

from typing import Any

import orjson

CARD = orjson.dumps(
    {"cards": [{"summary": "constant", "indicator": "info", "source": {"label": "floor"}}]},
)
HEADERS = [(b"content-type", b"application/json"), (b"content-length", str(len(CARD)).encode())]


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Answer each request with the constant card."""
    if scope["type"] != "http":
        return
    body = bytearray()
    more = True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    if body:
        orjson.loads(body)
    await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
    await send({"type": "http.response.body", "body": CARD})
