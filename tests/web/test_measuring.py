from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from service.adapters.clients import Clients
from service.adapters.metrics import Metrics
from service.adapters.rate_limit import Allowance, ProcessLimiter
from service.adapters.store.database import Database
from service.adapters.store.issued_cards import IssuedCards
from service.errors import Unauthenticated
from service.web.measuring import counting, metrics_routes
from tests.canary.mark import MARK
from tests.checked_client import CheckedClient, FakeAdvisor, patient_view, small_app

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from service.settings import Settings

CANARY = f"{MARK}-1"


@pytest.fixture
async def measured(settings: Settings, advisor: FakeAdvisor) -> AsyncIterator[CheckedClient]:
    """A service that counts, and lets three calls in at a moment that never passes."""
    metrics = Metrics()
    app = small_app(
        settings,
        advisor=advisor,
        limiter=ProcessLimiter(Clients(), clock=lambda: 0.0, nobody=Allowance(per_minute=18)),
        observe=counting(metrics),
        pages=[metrics_routes(metrics, IssuedCards(Database("sqlite://")))],
    )
    async with CheckedClient(app) as client:
        yield client


async def test_calls_are_counted_by_service_and_status_and_nothing_else_is(
    measured: CheckedClient, advisor: FakeAdvisor
) -> None:
    await measured.call(patient_view(context={"patientId": CANARY, "userId": "Practitioner/1"}))
    await measured.call({})
    advisor.answer = Unauthenticated("unknown issuer")
    await measured.call(patient_view())
    await measured.call(patient_view(), path=f"/cds-services/{CANARY}")
    answer = await measured.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    for line in (
        'crlm_calls_total{service="crlm-patient-view",status="200"} 1.0',
        'crlm_calls_total{service="crlm-patient-view",status="400"} 1.0',
        'crlm_calls_total{service="crlm-patient-view",status="401"} 1.0',
        'crlm_tokens_refused_total{reason="unknown issuer"} 1.0',
        "crlm_issued_cards_waiting 0.0",
    ):
        assert line in answer.text.splitlines()
    assert CANARY not in answer.text


async def test_a_client_that_asks_too_much_is_told_when_to_come_back(measured: CheckedClient) -> None:
    statuses = [(await measured.call(patient_view())).status_code for _ in range(3)]
    refused = await measured.call(patient_view())
    assert (statuses, refused.status_code, refused.headers["retry-after"]) == ([200, 200, 200], 429, "4")
