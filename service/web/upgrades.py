"""Offers to go on in another protocol, which are declined: what was asked in HTTP/1.1 is answered in it."""

from __future__ import annotations

import re

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_OFFER = re.compile(rb"\r\nupgrade:", re.IGNORECASE)
_DECLINED = b"\r\nx-declined:"
_END_OF_HEAD = b"\r\n\r\n"


class PlainProtocol(HttpToolsProtocol):
    """Overlooks the header Upgrade (RFC 9110, section 7.8).

    The parser would stop behind the head of such a request and drop its body. Clients in Java offer HTTP/2 in this way
    with the first request on each connection without TLS: a valid call would be refused for its empty body.
    """

    _is_in_body = False

    def data_received(self, data: bytes) -> None:
        """Take what came, without an offer in the head that it begins with."""
        if not self._is_in_body:
            end = data.find(_END_OF_HEAD)
            length = len(data) if end < 0 else end
            if _OFFER.search(data, 0, length):
                data = _OFFER.sub(_DECLINED, data[:length]) + data[length:]
        super().data_received(data)

    def on_headers_complete(self) -> None:
        """Begin the body."""
        self._is_in_body = True
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """End the body."""
        self._is_in_body = False
        super().on_message_complete()
