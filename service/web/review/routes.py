"""The routes of the review page: look, try out, save, record the MDT's decision, print."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, TypeAlias

import msgspec
import structlog
from fastapi import APIRouter
from fastapi.requests import Request  # noqa: TC002 - FastAPI reads the annotation
from starlette.responses import Response

from fhir_mappings.case import Scope
from service.adapters.fhir_write import AccessEndedError
from service.adapters.smart_client import TokenError
from service.errors import StoreUnavailable, TooManyRequests
from service.logs import note
from service.web.methods import READ
from service.web.review.desk import Visit
from service.web.review.kept import typed_text
from service.web.review.mdt_form import FACT, decision_entered, read_mdt, report_line
from service.web.review.page import review_page
from service.web.review.ports import ChartUnavailableError
from service.web.review.questions import read_entries
from service.web.review.saving import SaveReport, as_text, facts_entered, save
from service.web.review.static import static_routes
from service.web.review.summary import summary_text
from service.web.review.templates import AGAIN, notice, page, review_again, too_many
from service.web.smart.protection import ForgedPostError, UnreadFormError, check_post, is_from_our_site, read_form

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from fhir_mappings.chart import Chart
    from service.web.review.desk import ReviewDesk
    from service.web.review.ports import Assessment
    from service.web.review.questions import Entries
    from service.web.review.saving import Entered
    from service.web.smart.app import AppClient, SmartApp

_LOG = structlog.get_logger()
_ENDED = "The EHR has ended the access"
Fields: TypeAlias = dict[str, str]


def review_routes(desk: ReviewDesk) -> APIRouter:
    """Give the routes under `/review`."""
    router = APIRouter(include_in_schema=False)
    router.include_router(static_routes())

    def shown(act: Callable[[ReviewDesk, Visit], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
        async def route(request: Request) -> Response:
            return await _visited(desk, request, lambda visit: act(desk, visit))

        return route

    def posted(
        act: Callable[[ReviewDesk, Visit, Fields], Awaitable[Response]],
    ) -> Callable[[Request], Awaitable[Response]]:
        async def route(request: Request) -> Response:
            if request.method in READ:
                return review_again(desk.app)
            return await _visited(desk, request, lambda visit: _checked(desk, request, visit, act))

        return route

    router.add_api_route("/review", shown(_review), methods=["GET"])
    router.add_api_route("/review/summary", shown(_summary), methods=READ)
    for path, act in {"/review/what-if": _what_if, "/review/save": _save, "/review/mdt": _mdt}.items():
        router.add_api_route(path, posted(act), methods=[*READ, "POST"])
    return router


async def _visited(desk: ReviewDesk, request: Request, act: Callable[[Visit], Awaitable[Response]]) -> Response:
    note(page=request.scope["route"].path)
    try:
        return await _with_session(desk, request, act)
    except StoreUnavailable:
        text = "The sessions of this app cannot be read just now. Go back to keep what you typed, and try again."
        return notice(desk.app, "Try again in a moment", text, status=503)


async def _with_session(desk: ReviewDesk, request: Request, act: Callable[[Visit], Awaitable[Response]]) -> Response:
    """Let a request with a session pass; every other way ends in a page that says what to do."""
    app = desk.app
    unsaved = "" if request.method in READ else "Nothing was saved. "
    found = await app.session(request)
    if found is None:
        return await _ended(desk, request, "No patient is open here")
    cookie, session = found
    client = app.clients[session.iss]
    try:
        with app.limits.session(cookie):
            session = await app.renewed(cookie, session)
            return await act(Visit(cookie, session, app.clock()))
    except TooManyRequests as refusal:
        return too_many(app, refusal, client)
    except (TokenError, AccessEndedError):
        return await _ended(desk, request, _ENDED, client)
    except ChartUnavailableError as fault:
        if fault.access_ended:
            return await _ended(desk, request, _ENDED, client)
        return _without_chart(app, fault, client, unsaved)


async def _ended(desk: ReviewDesk, request: Request, title: str, client: AppClient | None = None) -> Response:
    """Say that the app is to be opened again; what was typed into a form of ours is given back."""
    if request.method in READ:
        return notice(desk.app, title, AGAIN, status=401, client=client)
    text = await _typed(desk, request)
    return _given_back(desk, title, f"Nothing was saved. {AGAIN}", text, status=401, client=client)


async def _typed(desk: ReviewDesk, request: Request) -> str:
    """Give what was typed into a form of ours that is no longer shown, as text; empty for any other form."""
    if not is_from_our_site(request, base_url=desk.app.base_url):
        return ""
    try:
        fields = await read_form(request)
    except UnreadFormError:
        return ""
    if fields.get("part") == "fragment":
        return ""
    return typed_text(fields, desk.path.catalogue, today=desk.app.clock().date())


def _given_back(  # noqa: PLR0913 - what happened, what to do, and what was typed
    desk: ReviewDesk, title: str, advice: str, text: str, *, status: int, client: AppClient | None
) -> Response:
    if not text:
        return notice(desk.app, title, advice, status=status, client=client)
    return page(desk.app, "kept.html", status=status, client=client, title=title, text=text, advice=advice)


def _without_chart(app: SmartApp, fault: ChartUnavailableError, client: AppClient, unsaved: str) -> Response:
    _LOG.warning("review_chart_unavailable", client=client.issuer, other_version=fault.other_version)
    if fault.other_version:
        title, advice = "The chart is in another version of FHIR", "This app reads FHIR R4: tell whoever runs it."
        return notice(app, title, unsaved + advice, status=502, client=client)
    return notice(app, "The chart could not be read", f"{unsaved}Try again in a moment.", status=502, client=client)


async def _checked(
    desk: ReviewDesk,
    request: Request,
    visit: Visit,
    act: Callable[[ReviewDesk, Visit, Fields], Awaitable[Response]],
) -> Response:
    client = desk.app.clients[visit.session.iss]
    try:
        fields = await read_form(request)
    except UnreadFormError as fault:
        advice = "Nothing was saved. Go back, shorten what you typed, and try again."
        return notice(desk.app, str(fault), advice, status=fault.status, client=client)
    try:
        check_post(request, base_url=desk.app.base_url, sent=fields.get("csrf"), expected=visit.session.csrf)
    except ForgedPostError:
        advice = f"It was opened again in this browser since, perhaps for another patient. Nothing was saved. {AGAIN}"
        text = await _typed(desk, request)
        return _given_back(desk, "This page of the app is no longer in use", advice, text, status=403, client=client)
    return await act(desk, visit, fields)


async def _review(desk: ReviewDesk, visit: Visit) -> Response:
    told = visit.session.saved
    # A save has just opened the chart anew.
    chart = await (desk.open_chart(visit) if told is None else desk.chart(visit))
    if await desk.app.sessions.change(visit.cookie, lambda session: replace(session, note=None, saved=None)) is None:
        return notice(desk.app, "No patient is open here", AGAIN, status=401)
    saved = None if told is None else msgspec.json.decode(told, type=SaveReport)
    return _page(desk, visit, chart, desk.assess(chart, visit), saved=saved)


async def _summary(desk: ReviewDesk, visit: Visit) -> Response:
    chart = await desk.chart(visit)
    assessment = desk.assess(chart, visit)
    found = review_page(visit, chart, assessment)
    text = summary_text(found)
    client = desk.app.clients[visit.session.iss]
    return page(desk.app, "summary.html", client=client, page=found, text=text, title="MDT summary")


async def _what_if(desk: ReviewDesk, visit: Visit, fields: Fields) -> Response:
    """Answer with the fragment that the page puts beside the form; as a page of its own without script."""
    chart = await desk.chart(visit)
    now = desk.assess(chart, visit)
    entries = _entries(desk, visit, fields)
    entered = _entered(desk, visit, chart, entries, fields)
    then = desk.assess_with(chart, visit, tuple(_as_saved(entered)))
    client = desk.app.clients[visit.session.iss]
    template = "what_if.html" if fields.get("part") == "fragment" else "what_if_page.html"
    return page(
        desk.app,
        template,
        client=client,
        title="What if",
        now=now,
        then=then,
        entries=entries,
        words=list(entered.words.values()),
        page=review_page(visit, chart, then, entries=entries),
    )


async def _save(desk: ReviewDesk, visit: Visit, fields: Fields) -> Response:
    chart = await desk.chart(visit)
    entries = _entries(desk, visit, fields)
    if entries.faults or not entries.values:
        alert = "Correct the marked fields: nothing was saved." if entries.faults else "Nothing was entered."
        return _page(desk, visit, chart, desk.assess(chart, visit), status=422, entries=entries, alert=alert)
    entered = _entered(desk, visit, chart, entries, fields)
    saved = await _saved(desk, visit, entered)
    if isinstance(saved, Response):
        return saved
    return await _after(desk, visit, chart, saved, entries=_left(entries, saved, entered))


async def _mdt(desk: ReviewDesk, visit: Visit, fields: Fields) -> Response:
    chart = await desk.chart(visit)
    assessment = desk.assess(chart, visit)
    path, today = desk.path, visit.now.date()
    entry = read_mdt(fields, recommended=assessment.recommended, catalogue=path.catalogue, today=today)
    if entry.faults:
        alert = "Correct the marked fields of the MDT's decision: nothing was saved."
        return _page(desk, visit, chart, assessment, status=422, mdt=entry, alert=alert)
    author = desk.author(visit)
    entered = decision_entered(
        entry,
        author=author,
        chart=chart,
        catalogue=path.catalogue,
        guideline=path.guideline,
        seen=_seen(fields).get(f"{FACT}/{entry.typed_on}"),
    )
    saved = await _saved(desk, visit, entered)
    if isinstance(saved, Response):
        return saved
    if saved.is_complete and desk.mdt_log is not None:
        line = report_line(
            entry, assessment=assessment, guideline=path.guideline, author=author, card=visit.session.card
        )
        try:
            await desk.mdt_log.record(line)
        except StoreUnavailable:
            _LOG.warning("mdt_decision_not_counted")
    return await _after(desk, visit, chart, saved, mdt=None if saved.is_complete else entry)


async def _saved(desk: ReviewDesk, visit: Visit, entered: Entered) -> SaveReport | Response:
    """Save; where the EHR ended the access meanwhile, give a page that keeps what was typed."""
    try:
        saved = await save(entered, writer=desk.writer(visit), author=desk.author(visit), own_store=desk.own_store)
    except AccessEndedError:
        client = desk.app.clients[visit.session.iss]
        return page(
            desk.app,
            "kept.html",
            status=401,
            client=client,
            title=_ENDED,
            text=as_text(entered),
            advice=f"Nothing was saved. {AGAIN}",
        )
    _LOG.info(
        "review_saved",
        rung=saved.rung,
        saved=len(saved.saved),
        conflicts=len(saved.conflicts),
        failed=len(saved.failed),
        refused=len(saved.refused),
    )
    return saved


async def _after(desk: ReviewDesk, visit: Visit, before: Chart, saved: SaveReport, **left: object) -> Response:
    """Lead to the chart with what was just saved, so that a reload sends nothing; show here what is `left` to enter."""
    try:
        chart = await desk.open_chart(visit)
    except ChartUnavailableError:
        # It must not hide what became of the save.
        chart = before
    else:
        if saved.is_complete and await _is_kept_to_show(desk, visit, saved):
            return review_again(desk.app)
    status = 200 if saved.is_complete else 409 if saved.conflicts else 502
    return _page(desk, visit, chart, desk.assess(chart, visit), status=status, saved=saved, **left)


async def _is_kept_to_show(desk: ReviewDesk, visit: Visit, saved: SaveReport) -> bool:
    report = msgspec.json.encode(saved)
    try:
        kept = await desk.app.sessions.change(visit.cookie, lambda session: replace(session, saved=report))
    except StoreUnavailable:
        return False
    return kept is not None


def _entries(desk: ReviewDesk, visit: Visit, fields: Fields) -> Entries:
    return read_entries(fields.items(), desk.path.catalogue, today=visit.now.date())


def _entered(desk: ReviewDesk, visit: Visit, chart: Chart, entries: Entries, fields: Fields) -> Entered:
    effective = entries.entered_on or visit.now.date()
    seen = {
        key.removesuffix(f"/{effective.isoformat()}"): version
        for key, version in _seen(fields).items()
        if key.endswith(f"/{effective.isoformat()}")
    }
    return facts_entered(
        entries.values,
        effective=effective,
        author=desk.author(visit),
        chart=chart,
        catalogue=desk.path.catalogue,
        seen=seen,
    )


def _as_saved(entered: Entered) -> list[dict[str, object]]:
    """Give the resources as the chart will have them."""
    return [
        {**write.resource, "id": write.replaces[0]} if write.replaces else write.resource for write in entered.writes
    ]


def _seen(fields: Fields) -> dict[str, str]:
    """Give the versions that the page showed, as far as they look like versions."""
    return {
        name.removeprefix("seen:"): value
        for name, value in fields.items()
        if name.startswith("seen:") and value.isascii() and value.replace("-", "").replace(".", "").isalnum()
    }


def _left(entries: Entries, saved: SaveReport, entered: Entered) -> Entries:
    """Keep in the form what was not saved."""
    open_items = {*saved.conflicts, *saved.failed, *saved.refused}
    left = {code for code, item in entered.words.items() if item in open_items}
    return replace(entries, typed={code: text for code, text in entries.typed.items() if code in left})


def _page(
    desk: ReviewDesk,
    visit: Visit,
    chart: Chart,
    assessment: Assessment,
    *,
    status: int = 200,
    **shown: object,
) -> Response:
    client = desk.app.clients[visit.session.iss]
    if assessment.reading.case.scope is Scope.OUT:
        text = "The chart holds no colorectal cancer with liver metastases."
        return notice(desk.app, "Nothing to review", text, status=200, client=client)
    found = review_page(visit, chart, assessment, **shown)  # type: ignore[arg-type]  # passed on as given
    return page(desk.app, "review.html", status=status, client=client, title=found.title, page=found)
