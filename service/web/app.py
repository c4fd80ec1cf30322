"""The web application: routes, the middleware around them, and what starts and stops with them."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from typing import TYPE_CHECKING

import orjson
from fastapi import APIRouter, FastAPI
from starlette.exceptions import HTTPException
from starlette.responses import Response

from service.errors import ServiceError, Unavailable
from service.tracing import NO_TRACING
from service.web.cds_routes import discovery_routes, feedback_routes, service_routes
from service.web.collection import CollectAfterAnswer, collect_between_requests
from service.web.conversation import Conversation
from service.web.cors import CrossOrigin
from service.web.last_resort import LastResort
from service.web.methods import READ
from service.web.openapi import describe
from service.web.problems import answer_http_error, answer_service_error
from service.web.shedding import Shedding
from service.web.turns import Turns

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Mapping

    from service.adapters.rate_limit import Limiter
    from service.settings import Settings
    from service.tracing import Tracing
    from service.web.conversation import Observer
    from service.web.ports import Advisor, Authenticator, FeedbackSink, Readiness

_WAITING = 1 / 3
"""The part of its deadline that a call may wait for its turn: what follows has time enough then."""


def create_app(  # noqa: PLR0913  the one place where all parts meet, each by its name
    settings: Settings,
    *,
    advisor: Advisor,
    templates: Mapping[str, str],
    authenticator: Authenticator,
    feedback: FeedbackSink,
    readiness: Readiness,
    limiter: Limiter | None = None,
    observe: Observer | None = None,
    pages: Iterable[APIRouter] = (),
    running: Callable[[], AbstractAsyncContextManager[None]] | None = None,
    tracing: Tracing = NO_TRACING,
    collects_between_requests: bool = False,
) -> FastAPI:
    """Build the application from its parts.

    `templates` are the prefetch templates that discovery shows; `pages` are further routes (knowledge, review).
    `limiter` says how much a client may ask, `observe` is told of each exchange, `tracing` makes spans. `running` is
    entered at start-up and left at shutdown. `collects_between_requests` changes the garbage collector of the whole
    process: for a server of its own.
    """

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with running() if running else nullcontext():
            with collect_between_requests() if collects_between_requests else nullcontext():
                yield

    app = FastAPI(title="crlm-cds", lifespan=lifespan, redirect_slashes=False, openapi_url=None)
    app.include_router(discovery_routes(templates))
    turns = Turns()
    app.include_router(
        service_routes(settings, advisor=advisor, authenticator=authenticator, limiter=limiter, turns=turns)
    )
    app.include_router(feedback_routes(settings, feedback=feedback, authenticator=authenticator, limiter=limiter))
    app.include_router(_health_routes(readiness))
    app.include_router(_description_routes())
    for page in pages:
        app.include_router(page)
    app.add_exception_handler(ServiceError, answer_service_error)
    app.add_exception_handler(HTTPException, answer_http_error)
    # The last one added is the outermost.
    app.add_middleware(LastResort)
    app.add_middleware(
        Shedding,
        most=settings.calls_at_once,
        most_bytes=settings.body_bytes_at_once,
        waited_s=turns.longest_wait_s,
        longest_s=settings.deadline_s * _WAITING,
    )
    app.add_middleware(CrossOrigin)
    app.add_middleware(
        Conversation,
        strict_transport=settings.public_base_url.startswith("https:"),
        observe=observe,
        tracing=tracing,
    )
    app.add_middleware(CollectAfterAnswer)
    return app


def _health_routes(readiness: Readiness) -> APIRouter:
    router = APIRouter()

    @router.api_route("/health/live", methods=READ)
    async def live() -> Response:
        return Response(b'{"status":"live"}', media_type="application/json")

    @router.api_route("/health/ready", methods=READ)
    async def ready() -> Response:
        faults = await readiness.faults()
        if faults:
            raise Unavailable("; ".join(faults))
        return Response(b'{"status":"ready"}', media_type="application/json")

    return router


def _description_routes() -> APIRouter:
    router = APIRouter()
    body = orjson.dumps(describe())

    @router.api_route("/openapi.json", methods=READ)
    async def description() -> Response:
        return Response(body, media_type="application/json", headers={"cache-control": "public, max-age=300"})

    return router
