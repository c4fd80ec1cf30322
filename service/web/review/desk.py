"""What the review routes stand on: the app, the way to a decision, and the charts that are open right now."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import TYPE_CHECKING

from service.adapters.fhir_write import FhirWriter
from service.web.review.ports import ChartAccess
from service.web.review.saving import Author

if TYPE_CHECKING:
    from datetime import datetime

    from fhir_mappings.chart import Chart
    from service.web.review.ports import Assessment, MdtLog, OwnStore, ReviewPath
    from service.web.smart.app import SmartApp
    from service.web.smart.sessions import AppSession

CHART_LIFETIME_S = 120
_CHARTS_OPEN = 64


@dataclass(frozen=True, slots=True)
class Visit:
    """One request of a user with a session: the cookie, the session with a living token, and the moment."""

    cookie: str
    session: AppSession
    now: datetime


@dataclass(slots=True)
class ReviewDesk:
    """Opens charts and assesses them. An open chart is looked at again for two minutes, so that what-if is instant."""

    app: SmartApp
    path: ReviewPath
    own_store: OwnStore | None = None
    mdt_log: MdtLog | None = None
    _open: OrderedDict[str, tuple[float, Chart]] = field(default_factory=OrderedDict)

    async def open_chart(self, visit: Visit) -> Chart:
        """Fetch the chart anew; raises `ChartUnavailableError`."""
        session = visit.session
        chart = await self.path.open_chart(
            ChartAccess(
                issuer=self.app.clients[session.iss].issuer,
                fhir_base=session.iss,
                patient=session.grant.patient,
                token=session.grant.access_token,
            )
        )
        self._keep(_key(visit), chart, now_s=visit.now.timestamp())
        return chart

    def _keep(self, key: str, chart: Chart, *, now_s: float) -> None:
        """Keep an open chart, and close those that were open for too long or too many."""
        for old in [found for found, (opened_s, _) in self._open.items() if now_s - opened_s >= CHART_LIFETIME_S]:
            del self._open[old]
        self._open[key] = now_s, chart
        self._open.move_to_end(key)
        while len(self._open) > _CHARTS_OPEN:
            self._open.popitem(last=False)

    async def chart(self, visit: Visit) -> Chart:
        """Give the chart as the user last saw it, fetched anew where that is too long ago."""
        found = self._open.get(_key(visit))
        if found is not None and visit.now.timestamp() - found[0] < CHART_LIFETIME_S:
            return found[1]
        return await self.open_chart(visit)

    def assess(self, chart: Chart, visit: Visit) -> Assessment:
        """Say what the chart says now."""
        return self.path.assess(chart, as_of=visit.now)

    def assess_with(self, chart: Chart, visit: Visit, resources: tuple[dict[str, object], ...]) -> Assessment:
        """Say what the chart would say with `resources` in it, in place of those of the same name; writes nothing."""
        named = {(found.get("resourceType"), found.get("id")) for found in resources}
        others = (old for old in chart.resources if (old.get("resourceType"), old.get("id")) not in named)
        return self.path.assess(replace(chart, resources=(*others, *resources)), as_of=visit.now)

    def author(self, visit: Visit) -> Author:
        """Give who writes."""
        session = visit.session
        return Author(self.app.clients[session.iss].issuer, session.grant.patient, session.grant.user, visit.now)

    def writer(self, visit: Visit) -> FhirWriter:
        """Give the way to write into the chart."""
        session = visit.session
        transport = self.app.transport(session.iss, session.configuration)
        return FhirWriter(session.iss, session.grant.access_token, session.grant.scopes, transport)


def _key(visit: Visit) -> str:
    return sha256(visit.cookie.encode()).hexdigest()
