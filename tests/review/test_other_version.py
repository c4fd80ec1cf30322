"""The app on an EHR whose FHIR cannot be read, and with a site that holds grants of the hooks against its own id."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from service.adapters.clients import Client, Clients
from service.errors import OtherFhirVersion
from service.web.review.hook_path import HookPath
from service.web.review.ports import ChartAccess
from tests.review.harness import Assessor, WholeCharts
from tests.review.visits import charted
from tests.smart.ehr import ISS
from tests.smart.harness import launch

if TYPE_CHECKING:
    import pytest

    from service.cds.messages import HookRequest


async def test_a_chart_in_an_older_version_is_told_plainly(monkeypatch: pytest.MonkeyPatch) -> None:
    async def older(*_: Any) -> None:
        raise OtherFhirVersion("conditions")

    monkeypatch.setattr(WholeCharts, "chart", older)
    harness = charted()
    async with harness.browser() as browser:
        await launch(browser, harness.ehr)
        answer = await browser.get("/review")
    assert answer.status_code == 502
    assert "The chart is in another version of FHIR" in answer.text


async def test_the_token_of_the_app_is_not_held_against_the_id_of_the_hooks() -> None:
    asked: list[Client | None] = []

    class Charts:
        async def chart(self, request: HookRequest, client: Client | None) -> None:
            assert request.fhir_authorization is not None
            asked.append(client)

    harness = charted()
    registered = Client(issuer="https://ehr.example.org", fhir_client_id="hooks")
    path = HookPath(Assessor(), Charts(), Clients({registered.issuer: registered}), lambda _: harness.ehr)
    await path.open_chart(ChartAccess(registered.issuer, ISS, "p1", "t"))
    [client] = asked
    assert client is not None
    assert client == replace(registered, fhir_client_id=None, fhir_origins=client.fhir_origins)
