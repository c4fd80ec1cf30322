"""The routes of a SMART launch: from the EHR, to its login, back with a code, and out again."""

from __future__ import annotations

import hmac
from dataclasses import replace
from typing import TYPE_CHECKING

import structlog
from fastapi import APIRouter
from fastapi.requests import Request  # noqa: TC002 - FastAPI reads the annotation
from starlette.responses import JSONResponse, RedirectResponse, Response

from service.adapters.app_keys import jwks
from service.adapters.smart_client import TokenError, begin, redeem, revoke
from service.adapters.smart_configuration import DiscoveryError
from service.errors import StoreUnavailable, TooManyRequests
from service.logs import note
from service.web.methods import READ
from service.web.review.templates import AGAIN, notice, review_again, too_many
from service.web.smart.protection import ForgedPostError, UnreadFormError, check_post, guard, read_form
from service.web.smart.sessions import (
    ABSOLUTE_LIFETIME_S,
    ATTEMPT_LIFETIME_S,
    AppSession,
    PendingLaunch,
    new_csrf_token,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from service.web.smart.app import SmartApp

_LOG = structlog.get_logger()
_LONGEST_PARAMETER = 4096
_NOT_SET_UP = "Tell whoever runs it: no client of this service names the FHIR server of this EHR."


class _Refused(Exception):  # noqa: N818 - reads as what happened
    """A launch ends here; the title is `str()`, the advice stands below it."""

    def __init__(self, title: str, advice: str = AGAIN, *, status: int = 400) -> None:
        super().__init__(title)
        self.advice = advice
        self.status = status


def smart_routes(app: SmartApp) -> APIRouter:
    """Give the routes under `/smart`."""
    router = APIRouter(prefix="/smart", include_in_schema=False)

    @router.get("/launch")
    async def launch(request: Request) -> Response:
        return await _answered(app, request, _launch(app, request))

    @router.get("/callback")
    async def callback(request: Request) -> Response:
        return await _answered(app, request, _callback(app, request))

    @router.api_route("/jwks", methods=READ)
    async def keys() -> Response:
        return JSONResponse(jwks(app.keys), headers={"Cache-Control": "public, max-age=3600"})

    @router.api_route("/logout", methods=[*READ, "POST"])
    async def logout(request: Request) -> Response:
        return review_again(app) if request.method in READ else await _answered(app, request, _logout(app, request))

    return router


async def _answered(app: SmartApp, request: Request, answer: Awaitable[Response]) -> Response:
    """Give the answer, or a page that says why there is none just now."""
    note(page=request.scope["route"].path)
    try:
        return await answer
    except TooManyRequests as refusal:
        return too_many(app, refusal)
    except StoreUnavailable:
        return notice(app, "Try again in a moment", f"The app cannot keep sessions just now. {AGAIN}", status=503)


async def _launch(app: SmartApp, request: Request) -> Response:
    iss, launch_id = _parameter(request, "iss"), _parameter(request, "launch")
    if iss is None or iss not in app.clients:
        _LOG.info("smart_launch_refused", reason="unknown issuer")
        return notice(app, "This app is not set up for this EHR", _NOT_SET_UP, status=403)
    with app.limits.launch(app.clients[iss].issuer):
        return await _begun(app, iss, launch_id)


async def _begun(app: SmartApp, iss: str, launch_id: str | None) -> Response:
    client = app.clients[iss]
    try:
        configuration = await app.configuration(iss)
    except DiscoveryError as fault:
        _LOG.warning("smart_launch_failed", client=client.issuer, reason=str(fault))
        return notice(app, "The EHR cannot be reached", f"{_sentence(fault)} {AGAIN}", status=502, client=client)
    url, attempt = begin(
        iss,
        launch=launch_id,
        registration=client.registration,
        configuration=configuration,
        redirect_uri=app.redirect_uri,
    )
    binding = await app.sessions.begin(attempt)
    response = RedirectResponse(url, status_code=302)
    app.cookies.write(
        response,
        app.cookies.attempt_name(attempt.state),
        binding,
        lifetime_s=ATTEMPT_LIFETIME_S,
        framed=bool(client.frame_ancestors),
    )
    _LOG.info("smart_launch", client=client.issuer, from_ehr=launch_id is not None)
    return guard(response, frame_ancestors=client.frame_ancestors)


async def _callback(app: SmartApp, request: Request) -> Response:
    state = _parameter(request, "state")
    client = None
    try:
        pending = await _awaited(app, request, state)
        client = app.clients[pending.attempt.iss]
        session = await _granted(app, request, pending)
    except _Refused as refusal:
        _LOG.info("smart_callback_refused", client=client.issuer if client else None, reason=str(refusal))
        return notice(app, str(refusal), refusal.advice, status=refusal.status, client=client)
    return await _opened(app, request, session, state=pending.attempt.state)


async def _awaited(app: SmartApp, request: Request, state: str | None) -> PendingLaunch:
    """Give the launch that this browser began with this state; each state is good for one try."""
    pending = await app.sessions.take_launch(state) if state else None
    if state is None or pending is None or pending.attempt.iss not in app.clients:
        raise _Refused("This launch has expired or was used already")
    binding = app.cookies.read(request, app.cookies.attempt_name(state))
    if binding is None:
        advice = f"Allow cookies for this app, or open it in a window of its own. {AGAIN}"
        raise _Refused("This launch was begun in another browser, or this one keeps no cookies", advice)
    if not hmac.compare_digest(binding.encode(), pending.binding.encode()):
        raise _Refused("This launch was begun in another browser")
    return pending


async def _granted(app: SmartApp, request: Request, pending: PendingLaunch) -> AppSession:
    attempt, client, code = pending.attempt, app.clients[pending.attempt.iss], _parameter(request, "code")
    if not _is_from_its_issuer(pending, _parameter(request, "iss")):
        raise _Refused("The answer came from another EHR")
    if code is None:
        raise _Refused("The EHR did not grant access", status=403)
    transport = app.transport(attempt.iss, attempt.configuration)
    try:
        grant = await redeem(attempt, code, registration=client.registration, transport=transport, now=app.clock())
    except TokenError as fault:
        raise _Refused("The EHR did not grant access", f"{_sentence(fault)} {AGAIN}", status=502) from fault
    if (grant.user or "").startswith(("Patient/", "RelatedPerson/")):
        raise _Refused("This app advises clinicians", "Please speak with the treating team.", status=403)
    context, ignored = app.app_context(grant.app_context, client)
    return AppSession(
        iss=attempt.iss,
        grant=replace(grant, app_context=None),
        configuration=attempt.configuration,
        csrf=new_csrf_token(),
        opened_at_s=app.clock().timestamp(),
        ask=context.ask if context else None,
        card=context.card if context else None,
        note=ignored,
    )


async def _opened(app: SmartApp, request: Request, session: AppSession, *, state: str) -> Response:
    """Give the session a fresh cookie, whatever the browser had before, and leave the code's address behind.

    The page opens at the question of the card.
    """
    client = app.clients[session.iss]
    framed = bool(client.frame_ancestors)
    earlier = app.cookies.read(request, app.cookies.session_name)
    if earlier is not None:
        await app.sessions.end(earlier)
    cookie = await app.sessions.open(session)
    place = f"#ask-{session.ask}" if session.ask else ""
    response = RedirectResponse(f"{app.base_path}/review{place}", status_code=303)
    app.cookies.write(response, app.cookies.session_name, cookie, lifetime_s=ABSOLUTE_LIFETIME_S, framed=framed)
    app.cookies.clear(response, app.cookies.attempt_name(state), framed=framed)
    _LOG.info("smart_session_opened", client=client.issuer)
    return guard(response, frame_ancestors=client.frame_ancestors)


async def _logout(app: SmartApp, request: Request) -> Response:
    found = await app.session(request)
    if found is None:
        return notice(app, "You are logged out", AGAIN, status=200)
    cookie, session = found
    client = app.clients[session.iss]
    try:
        sent = (await read_form(request)).get("csrf")
        check_post(request, base_url=app.base_url, sent=sent, expected=session.csrf)
    except UnreadFormError as fault:
        return notice(app, str(fault), AGAIN, status=fault.status, client=client)
    except ForgedPostError:
        return notice(app, "This form is not from your session", AGAIN, status=403, client=client)
    await app.sessions.end(cookie)
    revoked = await revoke(
        session.grant,
        configuration=session.configuration,
        registration=client.registration,
        transport=app.transport(session.iss, session.configuration),
        now=app.clock(),
    )
    _LOG.info("smart_session_ended", client=client.issuer, revoked=revoked)
    response = notice(app, "You are logged out", AGAIN, status=200, client=client)
    app.cookies.clear(response, app.cookies.session_name, framed=bool(client.frame_ancestors))
    return response


def _is_from_its_issuer(pending: PendingLaunch, named: str | None) -> bool:
    """Check the issuer that the answer names (RFC 9207): a mix-up of two EHRs ends here."""
    configuration = pending.attempt.configuration
    if named is None:
        return not configuration.names_issuer_in_answer
    return named == configuration.issuer


def _parameter(request: Request, name: str) -> str | None:
    """Give a query parameter that stands there once and is not overlong."""
    values = request.query_params.getlist(name)
    return values[0] if len(values) == 1 and 0 < len(values[0]) <= _LONGEST_PARAMETER else None


def _sentence(fault: Exception) -> str:
    text = str(fault)
    return f"{text[0].upper()}{text[1:]}."
