"""The server: its parts put together from the settings, and run by uvicorn in one process or several."""

from __future__ import annotations

import asyncio
import os
import secrets
import time
from contextlib import asynccontextmanager, closing, nullcontext
from dataclasses import dataclass
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
    from collections.abc import AsyncIterator, Callable, Mapping

    from fastapi import APIRouter, FastAPI

    from service.adapters.configured import Configured
    from service.settings import Settings
    from service.tracing import Tracing
    from service.web.smart.parts import AppSecrets

_GRACE_S = 10
"""Seconds that calls in progress have to end after a signal to stop."""
_STARTING_S = 30
"""Seconds that a worker may take to start, or to say that it is alive: a busy machine is no reason to end one."""


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class _Parts:
    """What several parts of one server share; `clock` gives the time of day to all of them."""

    settings: Settings
    configured: Configured
    clock: Callable[[], datetime]
    database: Database
    outbound: Outbound
    metrics: Metrics
    issued_cards: IssuedCards
    secrets: AppSecrets
    limiter: SharedLimiter
    shown_answers: ShownAnswers | None


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
    parts = _parts(settings, clock)
    charts = _charts(parts)
    advisor = _advisor(parts, charts)
    templates = advertised(charts.keys, mode=settings.prefetch)
    return create_app(
        settings,
        advisor=advisor,
        templates=templates,
        authenticator=_authenticator(parts),
        feedback=StoredFeedback(parts.database, clock=clock),
        readiness=StoreReadiness(parts.database),
        # Limits are those of clients; where nobody is asked who he is there are none.
        limiter=None if settings.auth == "off" else parts.limiter,
        observe=counting(parts.metrics),
        pages=_pages(parts, advisor, charts, templates),
        running=lambda: _running(parts, own_process=own_process, tracing=tracing),
        tracing=tracing,
        collects_between_requests=own_process,
    )


def _parts(settings: Settings, clock: Callable[[], datetime]) -> _Parts:
    configured, secrets_of_app = load_configured(settings), app_secrets(settings)
    database, metrics = Database(settings.database_url), Metrics()
    own_limits = ProcessLimiter(configured.clients, clock=time.monotonic)
    return _Parts(
        settings,
        configured,
        clock,
        database,
        Outbound(),
        metrics,
        IssuedCards(database),
        secrets_of_app,
        SharedLimiter(own_limits, StoredRateLimits(database), alone=metrics.limits_alone),
        ShownAnswers(database, index=secrets_of_app.shown_answers.index, rest_s=settings.repeat_after_s)
        if settings.repeat_after_s
        else None,
    )


def _charts(parts: _Parts) -> ChartSource:
    settings, configured = parts.settings, parts.configured
    return ChartSource(
        keys=prefetch_keys(observation_codes(configured.terminology, configured.catalogue)),
        terminology=configured.terminology,
        fhir=FhirClient(parts.outbound, terminology=configured.terminology),
        fetch_budget_s=settings.fetch_budget_s,
        open_destinations=configured.clients.all_destinations if settings.auth == "off" else (),
    )


def _advisor(parts: _Parts, charts: ChartSource) -> Advisor:
    settings, configured = parts.settings, parts.configured
    return Advisor(
        guideline=configured.guideline,
        catalogue=configured.catalogue,
        terminology=configured.terminology,
        charts=charts,
        clients=configured.clients,
        records=Records(
            issued_cards=parts.issued_cards,
            guideline=configured.guideline,
            pseudonyms=Pseudonyms(settings.pseudonym_key) if settings.pseudonym_key else None,
            audit=AuditLog(settings.audit_log) if settings.audit_log else None,
            audit_values=settings.audit_values,
        ),
        public_base_url=settings.public_base_url,
        clock=parts.clock,
        app_context_key=parts.secrets.context_keys[0],
        own_facts=local_facts(parts.database, parts.secrets),
        shown_answers=parts.shown_answers,
        unchanged_mdt_decision=settings.mdt_line,
    )


def _authenticator(parts: _Parts) -> Authenticator:
    return Authenticator(
        mode=parts.settings.auth,
        clients=parts.configured.clients,
        public_base_url=parts.settings.public_base_url,
        keys=CachedKeySets(parts.outbound, clock=time.monotonic),
        token_ids=StoredTokenIds(parts.database),
        clock=parts.clock,
    )


def _pages(parts: _Parts, advisor: Advisor, charts: ChartSource, templates: Mapping[str, str]) -> tuple[APIRouter, ...]:
    settings, configured = parts.settings, parts.configured
    guideline, catalogue = configured.guideline, configured.catalogue
    return (
        knowledge_routes(guideline, catalogue),
        handbook_routes(templates),
        metrics_routes(parts.metrics, parts.issued_cards),
        feedback_page_routes(
            parts.database, guideline, catalogue, base_url=settings.public_base_url, key=settings.report_key
        ),
        *app_pages(
            settings,
            secrets_of_app=parts.secrets,
            clients=configured.clients,
            database=parts.database,
            outbound=parts.outbound,
            assessor=advisor,
            charts=charts,
            clock=parts.clock,
        ),
    )


@asynccontextmanager
async def _running(parts: _Parts, *, own_process: bool, tracing: Tracing) -> AsyncIterator[None]:
    """Bring the store up to date and write beside the answers; at the end write what waits, then close everything."""
    days = parts.settings.retention_days
    retention = Retention(parts.database, days=days, clock=parts.clock) if days else None
    if own_process:
        keep_freed_memory()
        await asyncio.to_thread(warm)
    await asyncio.to_thread(migrate, parts.database)
    try:
        async with parts.issued_cards.writing(), retention.purging() if retention else nullcontext():
            yield
        if parts.shown_answers is not None:
            await parts.shown_answers.flush()
        await parts.limiter.settled()
    finally:
        tracing.close()
        await parts.outbound.aclose()
        await asyncio.to_thread(parts.database.close)
        parts.metrics.close()


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
