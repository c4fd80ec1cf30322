"""The templates of the app: one environment that escapes everything, and the plain notice page."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from starlette.responses import HTMLResponse, RedirectResponse, Response

from service.cds.markdown import few, shortened
from service.knowledge.explanation import ChartText, Source, Strong
from service.knowledge.phrases import sentence
from service.web.page_templates import page_templates
from service.web.smart.protection import guard

if TYPE_CHECKING:
    from jinja2 import Environment

    from service.errors import TooManyRequests
    from service.web.smart.app import AppClient, SmartApp


AGAIN = "Open the app again from the patient's chart."
"""The advice of most notices."""


@cache
def environment() -> Environment:
    """Give the template environment: escapes all values, and an undefined name is an error."""
    found = page_templates("templates/review")
    found.tests["set_off"] = lambda part: isinstance(part, Strong)
    found.tests["from_chart"] = lambda part: isinstance(part, ChartText)
    found.tests["source"] = lambda part: isinstance(part, Source)
    found.filters |= {"few": few, "sentence": sentence, "shortened": shortened}
    return found


def render(app: SmartApp, template: str, **values: object) -> str:
    """Render a template of the app as text."""
    return environment().get_template(template).render(base=app.base_path, **values)


def page(app: SmartApp, template: str, *, client: AppClient | None, status: int = 200, **values: object) -> Response:
    """Render a guarded page; `client` is the EHR whose sites may frame it.

    Without one every EHR of the app may: a browser shows nothing where the page may not be framed.
    """
    ancestors = app.frame_ancestors if client is None else client.frame_ancestors
    return guard(HTMLResponse(render(app, template, **values), status_code=status), frame_ancestors=ancestors)


def notice(app: SmartApp, title: str, text: str, *, status: int, client: AppClient | None = None) -> Response:
    """Give a page that says one thing and what to do about it; it holds nothing of anybody."""
    return page(app, "notice.html", client=client, status=status, title=title, text=text)


def review_again(app: SmartApp) -> Response:
    """Lead to the review: a browser that opens its tabs again asks the address of an answered form for a page."""
    return guard(RedirectResponse(f"{app.base_path}/review", status_code=303))


def too_many(app: SmartApp, refusal: TooManyRequests, client: AppClient | None = None) -> Response:
    """Give the page for those who ask too often."""
    text = "The app was asked too often in a short time. Nothing was saved."
    answer = notice(app, "Try again in a moment", text, status=429, client=client)
    answer.headers["retry-after"] = str(refusal.retry_after_s)
    return answer
