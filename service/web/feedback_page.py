"""The feedback page: what became of the advice, for those who hold the report key, and for trials on this machine.

With a key (`CRLM_REPORT_KEY`) the browser asks for it as a password, from anywhere. Without one the page exists only
where the service is public to nobody: its own address, the connection and the name that was asked for are loopback.
The connection alone would not do, since a proxy on the same machine makes everybody's calls look like that.
"""

from __future__ import annotations

import base64
import hmac
from dataclasses import dataclass
from datetime import UTC, date, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING

from fastapi import APIRouter, Request
from starlette.responses import Response

from fhir_mappings.outbound import UNDETERMINED
from service.adapters.origins import is_loopback, is_this_machine
from service.adapters.store.report import TITLES, read_report_beside
from service.cds.overrides import OWN_REASONS, REASON_NAMES
from service.knowledge.phrases import sentence
from service.logs import note
from service.web.methods import READ
from service.web.page_templates import page_templates
from service.web.problems import Problem, response_to
from service.web.static_files import style_routes
from service.web.weekly_plot import WEEKS_SHOWN, weekly_plot

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fhir_mappings.catalogue import Catalogue
    from service.adapters.store.database import Database
    from service.adapters.store.report import Report, Tally
    from service.knowledge.model import Guideline

_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
_FORWARDED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via")


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a table: its tally, what a reader calls it, and where the knowledge page tells of it."""

    tally: Tally
    name: str
    link: str | None = None


class _NoDayError(ValueError):
    """A parameter that should be a day is none."""

    def __init__(self, name: str) -> None:
        text, wanted = "The report cannot be made for this time", f"{name} must be a day like 2026-11-23"
        super().__init__(wanted)
        self.problem = Problem(HTTPStatus.BAD_REQUEST, "invalid", text, diagnostics=wanted, expression=name)


def feedback_page_routes(
    database: Database, guideline: Guideline, catalogue: Catalogue, *, base_url: str, key: str | None
) -> APIRouter:
    """Serve `/feedback?since=2026-01-01&until=2026-07-01`, both days optional; `base_url` is the public address."""
    router = APIRouter()
    template = page_templates().get_template("feedback.html")
    strategies = {**guideline.strategies, UNDETERMINED: sentence(UNDETERMINED)}
    facts = {code: sentence(definition.title) for code, definition in catalogue.facts.items()}

    @router.api_route("/feedback", methods=READ)
    async def show(request: Request) -> Response:
        note(page="/feedback")
        refused = _refusal(request, key, is_trial=is_loopback(base_url))
        if refused is not None:
            return refused
        try:
            since, until = _day(request, "since"), _day(request, "until")
        except _NoDayError as fault:
            return response_to(request, fault.problem)
        report = await read_report_beside(database, since=_midnight(since), until=_midnight(until))
        html = template.render(
            report=report,
            since=since,
            until=until,
            tables=_tables(report, strategies),
            strategies=strategies,
            facts=facts,
            reasons=REASON_NAMES,
            mdt_reasons=dict(OWN_REASONS),
            plot=weekly_plot(report.over_time),
            weeks_shown=WEEKS_SHOWN,
        )
        return Response(html, media_type="text/html", headers={"content-security-policy": _POLICY})

    style_routes(router, "page.css", "knowledge.css", "feedback.css")
    return router


def _refusal(request: Request, key: str | None, *, is_trial: bool) -> Response | None:
    """Give the answer to those who may not see the page."""
    if key is None:
        if is_trial and _is_this_machine(request):
            return None
        text = "The page needs CRLM_REPORT_KEY; on the machine of the service, crlm-cds feedback report says the same"
        return response_to(request, Problem(HTTPStatus.FORBIDDEN, "forbidden", text))
    if hmac.compare_digest(_password(request).encode(), key.encode()):
        return None
    headers = {"www-authenticate": 'Basic realm="feedback report", charset="UTF-8"'}
    return response_to(
        request, Problem(HTTPStatus.UNAUTHORIZED, "login", "The report key is required", headers=headers)
    )


def _is_this_machine(request: Request) -> bool:
    """Whether nobody else can be asking: a name that is not loopback may be a web page's trick (DNS rebinding)."""
    if request.client is None or any(name in request.headers for name in _FORWARDED):
        return False
    return is_this_machine(request.client.host) and is_loopback(f"http://{request.headers.get('host', '')}")


def _password(request: Request) -> str:
    scheme, _, text = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return ""
    try:
        return base64.b64decode(text, validate=True).decode().partition(":")[2]
    except ValueError:
        return ""


def _day(request: Request, name: str) -> date | None:
    text = request.query_params.get(name, "")
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise _NoDayError(name) from None


def _midnight(day: date | None) -> datetime | None:
    return None if day is None else datetime(day.year, day.month, day.day, tzinfo=UTC)


def _tables(report: Report, strategies: Mapping[str, str]) -> list[tuple[str, str, list[Entry]]]:
    """Give id, title and lines of each table that has any."""
    found = [
        (name, title, [_entry(name, tally, strategies) for tally in getattr(report, name)])
        for name, title in TITLES.items()
    ]
    return [table for table in found if table[2]]


def _entry(table: str, tally: Tally, strategies: Mapping[str, str]) -> Entry:
    match table:
        case "by_strategy":
            return Entry(tally, strategies.get(tally.key, tally.key))
        case "by_row" | "by_advisory":
            return Entry(tally, tally.key, f"knowledge#{tally.key}")
        case _:
            return Entry(tally, tally.key)
