"""The CDS Hooks paths: discovery, the services and their feedback."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, nullcontext
from typing import TYPE_CHECKING

import orjson
from fastapi import APIRouter, Request
from starlette.responses import Response
from starlette.routing import Route

from service.cds.messages import parse_request
from service.cds.services import SERVICES, discovery
from service.errors import DeadlinePassed, UnknownService
from service.logs import note
from service.timing import phase
from service.web.bodies import check_media, read_body
from service.web.methods import READ
from service.web.unchanging import Unchanging

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from service.adapters.rate_limit import Limiter
    from service.settings import Settings
    from service.web.ports import Advisor, Authenticator, FeedbackSink
    from service.web.turns import Turns

_FEEDBACK_LIMIT = 1_048_576


def discovery_routes(templates: Mapping[str, str]) -> APIRouter:
    """Serve discovery: the same bytes until the next start, open to everybody, cheap to ask for again."""
    router = APIRouter()
    services = Unchanging(orjson.dumps(discovery(templates)), media_type="application/json")

    @router.api_route("/cds-services", methods=READ)
    async def discover(request: Request) -> Response:
        return services.answer(request)

    return router


def service_routes(
    settings: Settings, *, advisor: Advisor, authenticator: Authenticator, limiter: Limiter | None, turns: Turns
) -> APIRouter:
    """Serve the calls of the hooks.

    What can be told from the headers is told first: an unknown service, a wrong media type, a missing token and an
    announced length cost no reading of the body. One deadline holds for all that follows. `limiter` says how much one
    client may ask; without it any number of calls is let in. `turns` puts what is ready to compute in line.
    """
    router = APIRouter()

    async def call(request: Request) -> Response:
        request.scope["route"] = route
        service_id = request.path_params["service_id"]
        _check_known(service_id)
        async with _deadline(settings.deadline_s):
            check_media(request)
            with phase("auth"):
                caller = await authenticator.authenticate(
                    request.headers.get("authorization"), path=f"/cds-services/{service_id}", service_id=service_id
                )
            with limiter.admit(caller.issuer) if limiter else nullcontext():
                body = await read_body(request, limit=settings.max_body_bytes)
                await turns.take()
                message = parse_request(body, hook=SERVICES[service_id].hook)
                note(hook_instance=message.hook_instance, body_bytes=len(body), prefetch_keys=len(message.prefetch))
                answer = await advisor.advise(service_id, message, caller)
        return Response(answer, media_type="application/json")

    # A plain route: the body is read and checked above, FastAPI's handling of parameters would find nothing to do.
    route = Route("/cds-services/{service_id}", call, methods=["POST"])
    router.routes.append(route)
    return router


def feedback_routes(
    settings: Settings, *, feedback: FeedbackSink, authenticator: Authenticator, limiter: Limiter | None
) -> APIRouter:
    """Serve feedback; a 200 is the acknowledgement that it is kept. `limiter` counts it like other calls."""
    router = APIRouter()

    @router.post("/cds-services/{service_id}/feedback")
    async def keep(service_id: str, request: Request) -> Response:
        _check_known(service_id)
        async with _deadline(settings.deadline_s):
            check_media(request)
            path = f"/cds-services/{service_id}/feedback"
            with phase("auth"):
                caller = await authenticator.authenticate(
                    request.headers.get("authorization"), path=path, service_id=service_id
                )
            with limiter.admit(caller.issuer) if limiter else nullcontext():
                body = await read_body(request, limit=min(_FEEDBACK_LIMIT, settings.max_body_bytes))
                await feedback.record(service_id, body, caller)
                note(feedback_kept=True)
        return Response(status_code=200)

    return router


def _check_known(service_id: str) -> None:
    if service_id not in SERVICES:
        raise UnknownService
    note(service=service_id)


@asynccontextmanager
async def _deadline(limit_s: float) -> AsyncIterator[None]:
    """End what runs inside after `limit_s`; a timeout of something inside stays what it is."""
    timer = asyncio.timeout(limit_s)
    try:
        async with timer:
            yield
    except TimeoutError:
        if timer.expired():
            raise DeadlinePassed(limit_s) from None
        raise
