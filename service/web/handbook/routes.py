"""`/docs` and `/docs/{page}`, rendered once, when first asked for, from files of the package and from the code."""

from __future__ import annotations

import asyncio
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from fastapi import APIRouter, Request
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from service import __version__
from service.cds.services import SERVICES
from service.settings import describe_settings
from service.web.methods import READ
from service.web.page_templates import page_templates
from service.web.static_files import style_routes
from service.web.unchanging import PAGE_POLICY, Unchanging

if TYPE_CHECKING:
    from collections.abc import Mapping

PAGES = (
    "start", "connect", "settings", "contract", "capabilities", "change", "silent", "operating", "safety", "security",
    "threats",
)  # fmt: skip
"""The pages in the order of the navigation; the first is also `/docs`."""


def handbook_routes(templates: Mapping[str, str]) -> APIRouter:
    """Serve the handbook, to which `/` leads; `templates` are the prefetch templates that discovery shows."""
    router = APIRouter()

    @cache
    def rendered(root: str) -> dict[str, Unchanging]:
        return {
            name: Unchanging(html.encode(), media_type="text/html", headers=PAGE_POLICY)
            for name, html in render_handbook(templates, root=root).items()
        }

    async def answer(page: str, request: Request, *, root: str) -> Response:
        return (await asyncio.to_thread(rendered, root))[page].answer(request)

    @router.api_route("/", methods=READ)
    async def front() -> Response:
        return RedirectResponse("docs")

    @router.api_route("/docs", methods=READ)
    async def first(request: Request) -> Response:
        return await answer(PAGES[0], request, root="")

    @router.api_route("/docs/{page}", methods=READ)
    async def show(page: str, request: Request) -> Response:
        if page not in PAGES:
            raise HTTPException(404)
        return await answer(page, request, root="../")

    style_routes(router, "page.css", "handbook.css")
    return router


def render_handbook(templates: Mapping[str, str], *, root: str) -> dict[str, str]:
    """Give the HTML of every page; raises `HandbookError` where one leads nowhere."""
    from service.web.handbook.render import render  # noqa: PLC0415  its library is no part of a server's start

    parts = generated_parts(templates)
    pages = {name: render(page_text(name), pages=frozenset(PAGES), parts=parts, root=root) for name in PAGES}
    template = page_templates().get_template("handbook.html")
    return {
        name: template.render(page=page, name=name, pages=pages, root=root, version=__version__)
        for name, page in pages.items()
    }


def page_text(name: str) -> str:
    """Give the Markdown of a page."""
    return files("service.web.handbook").joinpath("pages", f"{name}.md").read_text(encoding="utf-8")


def generated_parts(templates: Mapping[str, str]) -> dict[str, str]:
    """Give the parts that the code knows best, in Markdown."""
    settings = [
        f"| `{one.variable}` | {f'`{one.default}`' if one.default else ''} | {one.meaning} |"
        for one in describe_settings()
    ]
    services = [f"| `{one.id}` | `{one.hook}` | {one.description} |" for one in SERVICES.values()]
    prefetch = [f"| `{name}` | `{_short(template)}` |" for name, template in templates.items()]
    return {
        "settings": "\n".join(["| variable | default | meaning |", "|---|---|---|", *settings]),
        "services": "\n".join(["| service | hook | what it does |", "|---|---|---|", *services]),
        "prefetch": "\n".join(["| key | template |", "|---|---|", *prefetch]),
    }


def _short(template: str) -> str:
    """Leave out all but the first of many codes: discovery has them all."""
    head, comma, rest = template.partition(",")
    return template if not comma else f"{head},…{rest[rest.index('&') :] if '&' in rest else ''}"
