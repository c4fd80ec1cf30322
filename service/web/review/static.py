"""The style, script and icon of the app: three files, served by us, named here so that no path is ever looked up."""

from __future__ import annotations

from hashlib import sha256
from importlib.resources import files

from fastapi import APIRouter
from fastapi.requests import Request  # noqa: TC002 - FastAPI reads the annotation
from starlette.exceptions import HTTPException
from starlette.responses import Response

_TYPES = {
    "review.css": "text/css; charset=utf-8",
    "review.js": "text/javascript; charset=utf-8",
    "review-icon.svg": "image/svg+xml",
}


def static_routes() -> APIRouter:
    """Give the route of the app's files; a browser asks again each time and mostly hears that nothing changed."""
    folder = files("service.web").joinpath("static")
    bodies = {name: folder.joinpath(name).read_bytes() for name in _TYPES}
    tags = {name: f'"{sha256(body).hexdigest()[:16]}"' for name, body in bodies.items()}
    router = APIRouter(prefix="/review/static", include_in_schema=False)

    @router.get("/{name}")
    async def static(name: str, request: Request) -> Response:
        if name not in bodies:
            raise HTTPException(404)
        headers = {"Cache-Control": "no-cache", "ETag": tags[name], "X-Content-Type-Options": "nosniff"}
        if request.headers.get("if-none-match") == tags[name]:
            return Response(status_code=304, headers=headers)
        return Response(bodies[name], media_type=_TYPES[name], headers=headers)

    return router
