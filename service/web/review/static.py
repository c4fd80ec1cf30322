"""The style, script and icon of the app: three files, served by us, named here so that no path is ever looked up."""

from __future__ import annotations

from importlib.resources import files

from fastapi import APIRouter
from fastapi.requests import Request  # noqa: TC002 - FastAPI reads the annotation
from starlette.exceptions import HTTPException
from starlette.responses import Response  # noqa: TC002  FastAPI reads the annotation

from service.web.methods import READ
from service.web.unchanging import Unchanging

_TYPES = {
    "review.css": "text/css; charset=utf-8",
    "review.js": "text/javascript; charset=utf-8",
    "review-icon.svg": "image/svg+xml",
}


def static_routes() -> APIRouter:
    """Give the route of the app's files; a browser asks again each time and mostly hears that nothing changed."""
    folder = files("service.web").joinpath("static")
    kept = {
        name: Unchanging(
            folder.joinpath(name).read_bytes(),
            media_type=media_type,
            cache_control="no-cache",
        )
        for name, media_type in _TYPES.items()
    }
    router = APIRouter(prefix="/review/static", include_in_schema=False)

    @router.api_route("/{name}", methods=READ)
    async def static(name: str, request: Request) -> Response:
        if name not in kept:
            raise HTTPException(404)
        return kept[name].answer(request)

    return router
