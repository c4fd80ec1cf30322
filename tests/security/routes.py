"""The routes of an application as its routers hold them, and what the headers of an answer must say."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from starlette.routing import Mount, Route

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import httpx

_REQUIRED = frozenset({"default-src", "base-uri", "form-action", "frame-ancestors"})
_POLICIES = _REQUIRED | {"script-src", "style-src", "img-src", "connect-src", "frame-src"}
_NONE_OR_SELF = frozenset({"'none'", "'self'"})
_YEAR_S = 31_536_000


@dataclass(frozen=True, order=True)
class Known:
    """One method of one route, by its template."""

    method: str
    path: str

    def url(self, fill: str) -> str:
        """Give its path with every parameter filled."""
        return re.sub(r"\{[^}]+\}", fill, self.path)


def routes_of(routes: Iterable[Any], prefix: str = "") -> Iterator[Known]:
    """Go through all routes, those of included and mounted routers too; fail on a kind that is not known."""
    for route in routes:
        if isinstance(route, Mount):
            yield from (
                routes_of(route.routes, prefix + route.path)
                if route.routes
                else [Known("GET", f"{prefix}{route.path}/{{file}}")]
            )
        elif isinstance(route, Route):
            for method in sorted((route.methods or {"GET"}) - {"HEAD"}):
                yield Known(method, prefix + route.path)
        else:
            # FastAPI keeps an included router as it is.
            yield from routes_of(route.original_router.routes, prefix + route.include_context.prefix)


def header_faults(answer: httpx.Response, *, is_public: bool, strict_transport: bool) -> list[str]:
    """List what is missing or loose; `is_public` allows caches to keep the answer."""
    expected = {
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
        "cross-origin-opener-policy": "same-origin",
        "permissions-policy": "camera=(), geolocation=(), microphone=()",
        "strict-transport-security": f"max-age={_YEAR_S}" if strict_transport else None,
    }
    faults = [
        f"{name}: {answer.headers.get(name)}" for name, value in expected.items() if answer.headers.get(name) != value
    ]
    caching = answer.headers.get("cache-control")
    if caching != "no-store" and not is_public:
        faults.append(f"cache-control: {caching}")
    return faults + policy_faults(answer.headers.get("content-security-policy", ""))


def policy_faults(policy: str, *, trusted: frozenset[str] = frozenset()) -> list[str]:
    """List what a content security policy allows that it should not; `trusted` are origins that it may name."""
    told = [part.split() for part in policy.split(";") if part.strip()]
    parts = {name: frozenset(sources) for name, *sources in told}
    faults = [f"content-security-policy: {name} is missing" for name in _REQUIRED - parts.keys()]
    faults += [f"content-security-policy: {name} is new here" for name in parts.keys() - _POLICIES]
    if {parts.get("default-src"), parts.get("base-uri")} != {frozenset({"'none'"})}:
        faults.append("content-security-policy: default-src and base-uri must be 'none'")
    loose = {source for sources in parts.values() for source in sources} - _NONE_OR_SELF - trusted
    return faults + [f"content-security-policy: {source} is too much" for source in sorted(loose)]
