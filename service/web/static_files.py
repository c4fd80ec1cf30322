"""Style sheets of our own pages, served from the package."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING

from starlette.responses import Response

from service.web.methods import READ

if TYPE_CHECKING:
    from fastapi import APIRouter


def style_routes(router: APIRouter, *names: str) -> None:
    """Serve style sheets at `/static/{name}`; every page names those that it links, `page.css` is for all."""
    for name in names:
        _style_route(router, name)


def _style_route(router: APIRouter, name: str) -> None:
    style = files("service.web").joinpath("static", name).read_bytes()

    @router.api_route(f"/static/{name}", methods=READ)
    async def serve_style() -> Response:
        return Response(style, media_type="text/css", headers={"cache-control": "public, max-age=300"})
