"""What the accessibility checker sees is what a reader sees."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from tests.demo.axe_core import violations
from tests.loopback import running

if TYPE_CHECKING:
    from playwright.sync_api import Browser
    from starlette.requests import Request

_PAGE = (
    '<!doctype html><html lang="en"><meta name="viewport" content="width=device-width, initial-scale=1">'
    '<title>A page</title><link rel="stylesheet" href="/late.css">'
    '<main><h1>A page</h1><nav aria-label="places"><a href="#a" id="a">One</a><br><a href="#b" id="b">Two</a></nav>'
)


async def _page(_: Request) -> Response:
    return HTMLResponse(_PAGE)


async def _late(_: Request) -> Response:
    await asyncio.sleep(0.5)
    return Response("a { display: inline-block; min-height: 24px }", media_type="text/css")


def test_a_page_is_checked_with_its_style_sheet_however_late_that_comes(browser: Browser) -> None:
    app = Starlette(routes=[Route("/page", _page), Route("/late.css", _late)])
    with running(app) as url, browser.new_context() as context:
        page = context.new_page()
        page.goto(f"{url}/page", wait_until="commit")
        assert violations(page) == []
