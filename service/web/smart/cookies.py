"""The app's cookies: what they are called and who gets them back, on https, in an EHR's frame and on loopback."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response


@dataclass(frozen=True, slots=True)
class Cookies:
    """Sets and reads the cookies of an app at `base_url`.

    On https their names begin with `__Host-` (no other host or path can set them). In a frame they are
    SameSite=None and Partitioned; else Lax. Loopback http has neither Secure nor the prefix: browsers refuse both.
    """

    base_url: str

    @property
    def is_secure(self) -> bool:
        """Whether the app is reached by https."""
        return urlsplit(self.base_url).scheme == "https"

    @property
    def session_name(self) -> str:
        """Give the name of the session cookie."""
        return self._prefix + "crlm-session"

    def attempt_name(self, state: str) -> str:
        """Give the name of the cookie that binds one launch to the browser: several may run beside each other."""
        return f"{self._prefix}crlm-launch-{sha256(state.encode()).hexdigest()[:16]}"

    def write(self, response: Response, name: str, value: str, *, lifetime_s: int, framed: bool) -> None:
        """Add the cookie to `response`; `framed` where an EHR may show the app in a frame."""
        attributes = [f"{name}={value}", f"Max-Age={lifetime_s}", "Path=/", "HttpOnly"]
        if self.is_secure:
            attributes += ["Secure", "SameSite=None", "Partitioned"] if framed else ["Secure", "SameSite=Lax"]
        else:
            attributes.append("SameSite=Lax")
        response.headers.append("Set-Cookie", "; ".join(attributes))

    def clear(self, response: Response, name: str, *, framed: bool) -> None:
        """Make the browser forget the cookie; a partitioned cookie is only forgotten by a partitioned one."""
        self.write(response, name, "", lifetime_s=0, framed=framed)

    def read(self, request: Request, name: str) -> str | None:
        """Give the value that the browser sent back."""
        return request.cookies.get(name) or None

    @property
    def _prefix(self) -> str:
        return "__Host-" if self.is_secure else ""
