"""Calls as the public CDS Hooks Sandbox was recorded sending them, with its issuer trusted for the test alone."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.adapters.tokens import EC_KEY, NOW_S, jwk, key_set, token
from tests.adapters.tokens import NOW as SIGNED_AT
from tests.charts import CPT, concept
from tests.hooks.serving import ADVICE, chart, clients_file, prefetch_of, served

if TYPE_CHECKING:
    import httpx

    from tests.checked_client import CheckedClient

RECORDED = Path(__file__).parent / "sandbox"
ISSUER = "https://sandbox.cds-hooks.org"
KEY_SET_URL = f"{ISSUER}/.well-known/jwks.json"
BASE = "http://127.0.0.1:8082"
KEY_ID = "44823f3d-0b01-4a6c-a80e-b9d3e8a7226f"
CALLS = {
    "patient-view": "crlm-patient-view",
    "smart-launched": "crlm-patient-view",
    "order-select": "crlm-order-select",
    "order-sign": "crlm-order-sign",
}


def recorded(name: str) -> dict[str, Any]:
    body: dict[str, Any] = json.loads((RECORDED / f"{name}.json").read_text(encoding="utf-8"))
    return body


def settings(folder: Path) -> dict[str, Any]:
    (folder / "keys.json").write_bytes(key_set(jwk(EC_KEY, KEY_ID, use="sig", alg="ES384")))
    clients = clients_file(folder, {"issuer": ISSUER, "jwks_url": KEY_SET_URL, "jwks_file": "keys.json"})
    return {"auth": "required", "public_base_url": BASE, "clients": clients, "clock": lambda: SIGNED_AT}


async def call(client: CheckedClient, path: str, body: Any, *, number: int = 1) -> httpx.Response:
    """Call as the sandbox does from its page: its headers, its token."""
    claims = {"iss": ISSUER, "aud": BASE + path, "iat": NOW_S, "exp": NOW_S + 300, "jti": f"sandbox {number}"}
    text = token(header={"kid": KEY_ID, "jku": KEY_SET_URL}, claims=claims)
    headers = {
        "accept": "application/json",
        "content-type": "application/json",
        "authorization": f"Bearer {text}",
        "origin": "http://127.0.0.1:8080",
        "referer": "http://127.0.0.1:8080/",
    }
    return await client.request("POST", path, content=json.dumps(body), headers=headers)


@pytest.mark.duty(45, 83)
@pytest.mark.parametrize(("name", "service"), CALLS.items())
async def test_a_hypertension_chart_gets_no_card(tmp_path: Path, name: str, service: str) -> None:
    async with served(tmp_path, **settings(tmp_path)) as client:
        answer = await call(client, f"/cds-services/{service}", recorded(name))
    assert (answer.status_code, answer.json()) == (200, {"cards": []})
    assert answer.headers["access-control-allow-origin"] == "*"


@pytest.mark.parametrize("name", ["patient-view", "smart-launched"])
async def test_with_a_chart_of_ours_inside_an_opened_chart_gets_the_card(tmp_path: Path, name: str) -> None:
    body = recorded(name)
    body["prefetch"] |= prefetch_of(chart("V01"))
    async with served(tmp_path, **settings(tmp_path)) as client:
        [card] = (await call(client, "/cds-services/crlm-patient-view", body)).json()["cards"]
    assert card["extension"][ADVICE]["strategy"] == "liver-first"
    [app, *_] = [link for link in card["links"] if link["type"] == "smart"]
    assert (app["url"], "iss=" in app["url"]) == (f"{BASE}/smart/launch", False)


@pytest.mark.parametrize("name", ["order-select", "order-sign"])
async def test_with_a_chart_of_ours_inside_an_order_gets_its_card(tmp_path: Path, name: str) -> None:
    body = recorded(name)
    [entry] = body["context"]["draftOrders"]["entry"]
    entry["resource"]["medicationCodeableConcept"] = concept("http://www.nlm.nih.gov/research/umls/rxnorm", "32592")
    responded = chart("V01", chemotherapy_cycles=4, chemotherapy_response="partial-response")
    body["prefetch"] |= prefetch_of(responded)
    async with served(tmp_path, **settings(tmp_path)) as client:
        [card] = (await call(client, f"/cds-services/crlm-{name}", body)).json()["cards"]
    assert card["source"]["topic"]["code"] == "stop-chemotherapy-resect-now"
    assert card["suggestions"][0]["actions"][0]["resourceId"] == "MedicationRequest/request-123"


async def test_what_the_sandbox_prefetches_beside_the_keys_decides_nothing(tmp_path: Path) -> None:
    body = recorded("patient-view")
    body["prefetch"]["dup"] = prefetch_of(chart("V01"))["conditions"]
    async with served(tmp_path, **settings(tmp_path)) as client:
        answer = await call(client, "/cds-services/crlm-patient-view", body)
    assert answer.json() == {"cards": []}


@pytest.mark.duty(67, 69, 71)
async def test_feedback_is_kept_accepted_and_then_overridden(tmp_path: Path) -> None:
    path = "/cds-services/crlm-order-sign/feedback"
    async with served(tmp_path, **settings(tmp_path)) as client:
        answers = [
            await call(client, path, recorded(f"feedback-{outcome}"), number=number)
            for number, outcome in enumerate(("accepted", "overridden", "overridden"))
        ]
    assert [(answer.status_code, answer.content) for answer in answers] == [(200, b"")] * 3
    with closing(sqlite3.connect(tmp_path / "store.sqlite3")) as store:
        kept = store.execute("SELECT card, outcome, issuer, service FROM feedback ORDER BY id").fetchall()
    card = "5f6c9d3e-0000-4000-8000-000000000001"
    assert kept == [
        (card, "accepted", ISSUER, "crlm-order-sign"),
        (card, "overridden", ISSUER, "crlm-order-sign"),
    ]


async def test_an_order_without_a_code_is_no_order_of_ours(tmp_path: Path) -> None:
    body = recorded("order-sign")
    body["prefetch"] |= prefetch_of(chart("V01"))
    drafts = body["context"]["draftOrders"]["entry"]
    drafts.append({"resource": {"resourceType": "ServiceRequest", "id": "b", "code": concept(CPT, "47000")}})
    async with served(tmp_path, **settings(tmp_path)) as client:
        cards = (await call(client, "/cds-services/crlm-order-sign", body)).json()["cards"]
    assert [card["source"]["topic"]["code"] for card in cards] == ["no-biopsy"]
    assert "(ServiceRequest/b)" in cards[0]["detail"]
