"""The service as it is served, in process, with the case and decision of each answer kept for the tests."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, time
from typing import TYPE_CHECKING, Any, cast

from msgspec.structs import replace

from fhir_mappings.case import Known, Narrowed, Unknown
from fhir_mappings.catalogue import load_catalogue
from fhir_mappings.terminology import load_terminology
from service.adapters.clients import Clients
from service.adapters.fhir_client import FhirClient
from service.adapters.outbound import Outbound
from service.advise import Advisor
from service.cds.prefetch import advertised, observation_codes, prefetch_keys
from service.chart_source import ChartSource
from service.knowledge.guideline import load_guideline
from service.settings import Settings
from tests.checked_client import CheckedClient, patient_view, small_app

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from datetime import date

    from fhir_mappings.case import Case, Fact
    from service.knowledge.decision import Decision
    from service.records import Answered, Records

Json = dict[str, Any]

ADVICE = "example.crlm-cds.advice"


@dataclass
class Kept:
    """The records of the service: every answer, for whoever asks."""

    answers: list[Answered] = field(default_factory=list)

    def keep(self, answered: Answered) -> None:
        self.answers.append(answered)


@dataclass
class Reading:
    """A client of the service that sees what was read."""

    client: CheckedClient
    templates: dict[str, str]
    _kept: Kept
    _now: list[datetime]

    async def ask(self, prefetch: Json, *, today: date, patient_id: str) -> tuple[Case, Decision, Json | None]:
        """Post patient-view on a day; give the case and decision behind the answer, and its advice."""
        self._now[:] = [datetime.combine(today, time(23, 30), tzinfo=UTC)]
        self._kept.answers.clear()
        context = {"patientId": patient_id, "userId": "Practitioner/dr1"}
        answer = await self.client.call(patient_view(prefetch=prefetch, context=context))
        assert answer.status_code == 200, answer.text
        (answered,) = self._kept.answers
        assert answered.case is not None, "the chart was taken to be out of scope"
        assert answered.decision is not None
        cards = answer.json()["cards"]
        return answered.case, answered.decision, cards[0]["extension"][ADVICE] if cards else None


@asynccontextmanager
async def reading() -> AsyncIterator[Reading]:
    """Serve without authentication and without a store."""
    catalogue, terminology = load_catalogue(), load_terminology()
    keys = prefetch_keys(observation_codes(terminology, catalogue))
    kept, now = Kept(), [datetime(2026, 11, 23, tzinfo=UTC)]
    outbound = Outbound()
    advisor = Advisor(
        guideline=load_guideline(),
        catalogue=catalogue,
        terminology=terminology,
        charts=ChartSource(
            keys=keys,
            terminology=terminology,
            fhir=FhirClient(outbound, terminology=terminology),
            fetch_budget_s=1,
        ),
        clients=Clients(),
        records=cast("Records", kept),
        public_base_url="https://cds.example.org",
        clock=lambda: now[0],
    )
    templates = advertised(keys, mode="full")
    app = small_app(Settings(auth="off"), advisor=advisor, templates=templates)
    async with CheckedClient(app) as client:
        yield Reading(client, templates, kept, now)
    await outbound.aclose()


def plain(fact: Fact) -> Fact:
    """Give a fact without its evidence."""
    match fact:
        case Known(value):
            return Known(value)
        case Narrowed(values):
            return Narrowed(values)
        case Unknown():
            return replace(fact, evidence=())
