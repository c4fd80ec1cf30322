from __future__ import annotations

import json
from typing import TYPE_CHECKING

import httpx
import pytest

from service.knowledge.guideline import GuidelineError
from service.settings import Settings, load_settings
from service.web.server import Ingredients, build_app
from tests.checked_client import PATIENT_VIEW, CheckedClient, FakeAdvisor, answer_faults, patient_view
from tests.loopback import running, serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

JSON = {"content-type": "application/json"}


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with serving(FakeAdvisor()) as found:
        yield found


def post(url: str, body: bytes) -> httpx.Response:
    answer = httpx.post(url + PATIENT_VIEW, content=body, headers=JSON, timeout=30, trust_env=False)
    assert answer_faults("POST", PATIENT_VIEW, answer) == []
    return answer


def test_over_a_socket_a_request_is_answered(url: str) -> None:
    assert post(url, json.dumps(patient_view()).encode()).json() == {"cards": []}


def test_over_a_socket_thirty_megabytes_are_read(url: str) -> None:
    entry = {"resource": {"resourceType": "Observation", "id": "o", "note": [{"text": "n" * 2_000}]}}
    bundle = {"resourceType": "Bundle", "type": "searchset", "entry": [entry] * 14_000}
    body = json.dumps(patient_view(prefetch={"observations": bundle})).encode()
    assert len(body) > 29_000_000
    assert post(url, body).status_code == 200


def test_over_a_socket_a_body_over_the_limit_is_refused(url: str) -> None:
    answer = post(url, b" " * 40_000_001)
    assert (answer.status_code, answer.json()["issue"][0]["code"]) == (413, "too-long")


@pytest.mark.parametrize("body", [b"", b"{", b'{"prefetch":{"k":' + b"[" * 10_000 + b"]" * 10_000 + b"}}"])
def test_over_a_socket_bad_input_is_refused(url: str, body: bytes) -> None:
    assert post(url, body).status_code == 400


async def test_the_parts_come_together_from_the_settings(tmp_path: Path) -> None:
    found: list[Ingredients] = []

    def make_advisor(ingredients: Ingredients) -> FakeAdvisor:
        found.append(ingredients)
        return FakeAdvisor()

    settings = Settings(auth="off", database_url=f"sqlite:///{tmp_path / 'store.sqlite3'}", prefetch="gate")
    app = build_app(settings, make_advisor=make_advisor, own_process=False)
    async with app.router.lifespan_context(app), CheckedClient(app) as client:
        assert (await client.call(patient_view())).status_code == 200
        services = (await client.get("/cds-services")).json()["services"]
        assert list(services[0]["prefetch"]) == ["patient", "conditions"]
        assert (await client.get("/knowledge")).status_code == 200
        assert (await client.get("/health/ready")).json() == {"status": "ready"}
        feedback = {
            "feedback": [
                {
                    "card": "5f6c9d3e-0000-4000-8000-000000000001",
                    "outcome": "overridden",
                    "outcomeTimestamp": "2026-11-23T18:49:38.380Z",
                }
            ]
        }
        assert (await client.call(feedback, path=f"{PATIENT_VIEW}/feedback")).status_code == 200
    [ingredients] = found
    assert (ingredients.settings, len(ingredients.keys), len(ingredients.clients.by_issuer)) == (settings, 9, 0)
    assert ingredients.clock().tzinfo is not None


async def test_before_the_store_has_its_tables_the_server_is_not_ready(tmp_path: Path) -> None:
    settings = Settings(auth="off", database_url=f"sqlite:///{tmp_path / 'store.sqlite3'}")
    app = build_app(settings, make_advisor=lambda _: FakeAdvisor(), own_process=False)
    async with CheckedClient(app) as client:
        assert (await client.get("/health/ready")).status_code == 503


def test_a_faulty_policy_stops_the_start(tmp_path: Path) -> None:
    policy = tmp_path / "policy.toml"
    policy.write_text("[parameters]\nnone = 1\n")
    settings = load_settings({"CRLM_AUTH": "off", "CRLM_POLICY": str(policy)})
    with pytest.raises(GuidelineError, match="none"):
        build_app(settings, make_advisor=lambda _: FakeAdvisor(), own_process=False)


def test_the_app_runs_on_a_real_server(tmp_path: Path) -> None:
    settings = Settings(auth="off", database_url=f"sqlite:///{tmp_path / 'store.sqlite3'}")
    with running(build_app(settings, make_advisor=lambda _: FakeAdvisor(), own_process=False)) as url:
        assert httpx.get(f"{url}/health/ready", trust_env=False).status_code == 200
