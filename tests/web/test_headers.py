from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING
from uuid import UUID

import pytest

from tests.checked_client import PATIENT_VIEW, CheckedClient, patient_view, small_app

if TYPE_CHECKING:
    from service.settings import Settings

SANDBOX_PREFLIGHT = {
    "origin": "http://sandbox.cds-hooks.org",
    "access-control-request-method": "POST",
    "access-control-request-headers": "authorization,content-type",
}


@pytest.mark.duty(80)
@pytest.mark.parametrize("path", ["/cds-services", PATIENT_VIEW, f"{PATIENT_VIEW}/feedback", "/cds-services/unknown"])
async def test_a_preflight_needs_no_token_and_allows_what_browser_clients_send(
    client: CheckedClient, path: str
) -> None:
    answer = await client.request("OPTIONS", path, headers=SANDBOX_PREFLIGHT)
    assert answer.status_code == 204
    assert answer.headers["access-control-allow-origin"] == "*"
    allowed = {name.strip().lower() for name in answer.headers["access-control-allow-headers"].split(",")}
    assert {"authorization", "content-type"} <= allowed
    assert "POST" in answer.headers["access-control-allow-methods"]
    assert "access-control-allow-private-network" not in answer.headers


async def test_a_public_page_may_reach_a_service_on_this_machine_when_it_asks(client: CheckedClient) -> None:
    headers = {**SANDBOX_PREFLIGHT, "access-control-request-private-network": "true"}
    answer = await client.request("OPTIONS", PATIENT_VIEW, headers=headers)
    assert answer.headers["access-control-allow-private-network"] == "true"


@pytest.mark.duty(80)
@pytest.mark.parametrize("body", [patient_view(), {}])
async def test_answers_and_refusals_may_be_read_by_every_origin(client: CheckedClient, body: dict[str, object]) -> None:
    answer = await client.call(body)
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "X-Request-Id" in answer.headers["access-control-expose-headers"]


async def test_nothing_but_the_cds_hooks_paths_is_open_to_other_origins(client: CheckedClient) -> None:
    for path in ("/health/live", "/openapi.json", "/cds-servicesx"):
        assert "access-control-allow-origin" not in (await client.get(path)).headers
    assert (await client.request("OPTIONS", "/health/live")).status_code == 405


async def test_every_answer_has_the_headers_of_a_careful_server(client: CheckedClient) -> None:
    headers = (await client.get("/health/live")).headers
    assert {name: headers[name] for name in ("referrer-policy", "cache-control", "x-content-type-options")} == {
        "referrer-policy": "no-referrer",
        "cache-control": "no-store",
        "x-content-type-options": "nosniff",
    }
    assert headers["content-security-policy"].startswith("default-src 'none'; frame-ancestors 'none'")
    assert headers["server-timing"].startswith("total;dur=")
    assert headers["strict-transport-security"] == "max-age=31536000"


@pytest.mark.duty(1)
async def test_plain_http_is_not_told_to_be_https(settings: Settings) -> None:
    app = small_app(replace(settings, public_base_url="http://127.0.0.1:1"))
    async with CheckedClient(app) as client:
        assert "strict-transport-security" not in (await client.get("/health/live")).headers


async def test_a_request_id_that_is_a_uuid_is_kept_and_any_other_replaced(client: CheckedClient) -> None:
    sent = "5d1f2a0e-6f0b-4f6e-9c57-2f4c3a2e7b10"
    kept = await client.get("/health/live", headers={"x-request-id": sent.upper()})
    assert kept.headers["x-request-id"] == sent
    for other in ("CANARY", "", f"{sent} {sent}"):
        made = (await client.get("/health/live", headers={"x-request-id": other})).headers["x-request-id"]
        assert str(UUID(made)) == made != sent
