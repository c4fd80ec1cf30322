"""The server: its parts put together from the settings, and run by uvicorn in one process or several."""

from __future__ import annotations

import asyncio
import os
import secrets
import time
from contextlib import asynccontextmanager, closing, nullcontext
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import uvicorn

from fhir_mappings.resources import warm
from service.adapters.audit import AuditLog
from service.adapters.configured import load_configured
from service.adapters.fhir_client import FhirClient
from service.adapters.jwks import CachedKeySets
from service.adapters.jwt_auth import Authenticator
from service.adapters.metrics import Metrics
from service.adapters.outbound import Outbound
from service.adapters.pseudonyms import Pseudonyms
from service.adapters.rate_limit import ProcessLimiter, SharedLimiter
from service.adapters.store.database import Database
from service.adapters.store.feedback import StoredFeedback
from service.adapters.store.issued_cards import IssuedCards
from service.adapters.store.migrate import migrate
from service.adapters.store.rate_limits import StoredRateLimits
from service.adapters.store.readiness import StoreReadiness
from service.adapters.store.retention import Retention
from service.adapters.store.shown_answers import ShownAnswers
from service.adapters.store.token_ids import StoredTokenIds
from service.advise import Advisor
from service.cds.prefetch import advertised, observation_codes, prefetch_keys
from service.chart_source import ChartSource
from service.logs import configure_logging
from service.records import Records
from service.settings import load_settings
from service.tracing import NO_TRACING, tracing_for
from service.web.allocation import keep_freed_memory
from service.web.app import create_app
from service.web.draining import PatientProtocol
from service.web.feedback_page import feedback_page_routes
from service.web.handbook.routes import handbook_routes
from service.web.knowledge_page import knowledge_routes
from service.web.measuring import counting, metrics_routes
from service.web.smart.parts import app_pages, app_secrets, local_facts

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from fastapi import FastAPI

    from service.settings import Settings
    from service.tracing import Tracing

_GRACE_S = 10
"""Seconds that calls in progress have to end after a signal to stop."""
_STARTING_S = 30
"""Seconds that a worker may take to start, or to say that it is alive: a busy machine is no reason to end one."""


def _now() -> datetime:
    return datetime.now(UTC)


def build_app(
    settings: Settings,
    *,
    own_process: bool,
    clock: Callable[[], datetime] = _now,
    tracing: Tracing = NO_TRACING,
) -> FastAPI:
    """Put the application together; nothing is opened before it starts.

    `own_process` lets it tune the garbage collector; `clock` gives the time of day to all parts; `tracing` makes spans
    and is closed with the server. Raises `SettingsError` with every fault of the files that the settings name.
    """
    configured = load_configured(settings)
    catalogue, terminology = configured.catalogue, configured.terminology
    guideline, clients = configured.guideline, configured.clients
    keys = prefetch_keys(observation_codes(terminology, catalogue))
    database, outbound, metrics = Database(settings.database_url), Outbound(), Metrics()
    issued_cards, app_keys = IssuedCards(database), app_secrets(settings)
    limiter = SharedLimiter(
        ProcessLimiter(clients, clock=time.monotonic), StoredRateLimits(database), alone=metrics.limits_alone
    )
    templates = advertised(keys, mode=settings.prefetch)
    shown_answers = (
        ShownAnswers(database, index=app_keys.shown_answers.index, rest_s=settings.repeat_after_s)
        if settings.repeat_after_s
        else None
    )
    retention = Retention(database, days=settings.retention_days, clock=clock) if settings.retention_days else None
    charts = ChartSource(
        keys=keys,
        terminology=terminology,
        fhir=FhirClient(outbound, terminology=terminology),
        fetch_budget_s=settings.fetch_budget_s,
        open_destinations=clients.all_destinations if settings.auth == "off" else (),
    )
    advisor = Advisor(
        guideline=guideline,
        catalogue=catalogue,
        terminology=terminology,
        charts=charts,
        clients=clients,
        records=Records(
            issued_cards=issued_cards,
            guideline=guideline,
            pseudonyms=Pseudonyms(settings.pseudonym_key) if settings.pseudonym_key else None,
            audit=AuditLog(settings.audit_log) if settings.audit_log else None,
            audit_values=settings.audit_values,
        ),
        public_base_url=settings.public_base_url,
        clock=clock,
        app_context_key=app_keys.context_keys[0],
        own_facts=local_facts(database, app_keys),
        shown_answers=shown_answers,
        unchanged_mdt_decision=settings.mdt_line,
    )
    app = app_pages(
        settings,
        secrets_of_app=app_keys,
        clients=clients,
        database=database,
        outbound=outbound,
        assessor=advisor,
        charts=charts,
        clock=clock,
    )

    @asynccontextmanager
    async def running() -> AsyncIterator[None]:
        if own_process:
            keep_freed_memory()
            await asyncio.to_thread(warm)
        await asyncio.to_thread(migrate, database)
        try:
            async with issued_cards.writing(), retention.purging() if retention else nullcontext():
                yield
            if shown_answers is not None:
                await shown_answers.flush()
            await limiter.settled()
        finally:
            tracing.close()
            await outbound.aclose()
            await asyncio.to_thread(database.close)

    return create_app(
        settings,
        advisor=advisor,
        templates=templates,
        authenticator=Authenticator(
            mode=settings.auth,
            clients=clients,
            public_base_url=settings.public_base_url,
            keys=CachedKeySets(outbound, clock=time.monotonic),
            token_ids=StoredTokenIds(database),
            clock=clock,
        ),
        feedback=StoredFeedback(database, clock=clock),
        readiness=StoreReadiness(database),
        # Limits are those of clients; where nobody is asked who he is there are none.
        limiter=None if settings.auth == "off" else limiter,
        observe=counting(metrics),
        pages=[
            knowledge_routes(guideline, catalogue),
            handbook_routes(templates),
            metrics_routes(metrics, issued_cards),
            feedback_page_routes(
                database, guideline, catalogue, base_url=settings.public_base_url, key=settings.report_key
            ),
            *app,
        ],
        running=running,
        tracing=tracing,
        collects_between_requests=own_process,
    )


def app_of_worker() -> FastAPI:
    """Build the application of one worker process; the command has checked the same environment before."""
    settings = load_settings(os.environ)
    configure_logging(level=settings.log_level, style=settings.log_format)
    return build_app(settings, own_process=True, tracing=tracing_for(os.environ))


def run(settings: Settings, *, host: str, port: int, workers: int, serve: Callable[..., None] = uvicorn.run) -> None:
    """Serve until a signal to stop; calls in progress are answered first.

    The application is built here even where other processes will serve, and the store opened: their faults are told
    once and stop the start. A worker that cannot start would tell them in its own way, and the command end as if all
    were well.
    """
    # The thread that sends traces does not outlive a fork or a spawn: each worker makes its own.
    tracing = tracing_for(os.environ) if workers == 1 else NO_TRACING
    app = build_app(settings, own_process=True, tracing=tracing)
    with closing(Database(settings.database_url)) as database:
        migrate(database)
    options: dict[str, Any] = {
        "host": host,
        "port": port,
        "access_log": False,
        "log_config": None,
        "server_header": False,
        "ws": "none",
        "http": PatientProtocol,
        # uvloop takes one new connection for each turn of its loop: under load they would wait unseen, and probes with
        # them, where they are to be answered or refused at once.
        "loop": "asyncio",
        "lifespan": "on",
        "timeout_graceful_shutdown": _GRACE_S,
        "timeout_worker_healthcheck": _STARTING_S,
    }
    if workers == 1:
        serve(app, **options)
        return
    os.environ["CRLM_PUBLIC_BASE_URL"] = settings.public_base_url
    if settings.session_key is None:
        # A browser may meet another worker with each request.
        os.environ["CRLM_SESSION_KEY"] = secrets.token_urlsafe(48)
    serve("service.web.server:app_of_worker", factory=True, workers=workers, **options)
