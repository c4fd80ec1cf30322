from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import structlog

from service.errors import SettingsError
from service.samples.patient_view import sample_request
from service.settings import Settings, load_settings
from service.web.server import app_of_worker, build_app, run
from tests.checked_client import PATIENT_VIEW, CheckedClient, FakeAdvisor, answer_faults, patient_view
from tests.loopback import running, serving
from tests.ports import free_port
from tests.security.routes import routes_of

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


@pytest.fixture
def whole(tmp_path: Path) -> Settings:
    return Settings(auth="off", database_url=f"sqlite:///{tmp_path / 'store.sqlite3'}", prefetch="gate")


async def test_the_whole_service_answers_keeps_feedback_and_shows_its_knowledge(whole: Settings) -> None:
    app = build_app(whole, own_process=False)
    async with app.router.lifespan_context(app), CheckedClient(app) as client:
        [card] = (await client.call(sample_request(datetime.now(UTC).date()))).json()["cards"]
        assert card["source"]["topic"]["code"] == "liver-first"
        assert (await client.call(patient_view())).status_code == 412
        services = (await client.get("/cds-services")).json()["services"]
        assert list(services[0]["prefetch"]) == ["patient", "conditions"]
        assert (await client.get("/knowledge")).status_code == 200
        assert (await client.get("/health/ready")).json() == {"status": "ready"}
        assert 'crlm_calls_total{service="crlm-patient-view",status="200"} 1.0' in (await client.get("/metrics")).text
        feedback = {
            "feedback": [
                {
                    "card": card["uuid"],
                    "outcome": "overridden",
                    "outcomeTimestamp": "2026-11-23T18:49:38.380Z",
                }
            ]
        }
        assert (await client.call(feedback, path=f"{PATIENT_VIEW}/feedback")).status_code == 200


async def test_before_the_store_has_its_tables_the_server_is_not_ready(whole: Settings) -> None:
    async with CheckedClient(build_app(whole, own_process=False)) as client:
        assert (await client.get("/health/ready")).status_code == 503


@pytest.mark.parametrize(("base", "refused"), [("https://cds.example.org", True), ("http://127.0.0.1:8080", False)])
def test_the_demo_ehr_is_trusted_on_loopback_alone(tmp_path: Path, base: str, refused: bool) -> None:  # noqa: FBT001
    clients = tmp_path / "clients.toml"
    clients.write_text(
        '[[client]]\nissuer = "http://127.0.0.1:8000/demo-ehr"\njwks_url = "http://127.0.0.1:8000/jwks"\n'
        "allow_private_addresses = true\n"
    )
    settings = Settings(clients=clients, public_base_url=base, database_url=f"sqlite:///{tmp_path / 'store.sqlite3'}")
    with pytest.raises(SettingsError, match="the demo EHR") if refused else nullcontext():
        build_app(settings, own_process=False)


SHAPES: list[Any] = [
    None, True, 7, 1.5, "text", [], {}, [None], [[]], {"resourceType": None}, {"resourceType": 7}, {"resourceType": ""},
    {"resourceType": "Unknown"}, {"resourceType": "Patient", "id": "other"}, {"resourceType": "Bundle", "entry": {}},
    {"resourceType": "Bundle", "entry": "x"}, {"resourceType": "Bundle", "entry": [None, 7, "x", [], {}]},
    {"resourceType": "Bundle", "entry": [{"resource": None}, {"resource": []}, {"resource": "x"}]},
    {"resourceType": "Bundle", "total": "many"}, {"resourceType": "Bundle", "link": [{"relation": "next", "url": 7}]},
    {"resourceType": "Bundle", "link": [{"relation": "next", "url": "https://elsewhere.example/x"}]},
    {"resourceType": "Condition"}, {"resourceType": "Condition", "code": 7, "subject": []},
    {"resourceType": "Condition", "code": {"coding": [{"code": 787, "system": 1}]}, "subject": {"reference": 1}},
    {"resourceType": "Condition", "code": {"text": "liver metastases"}, "subject": {"reference": "Patient/p1"}},
    {"resourceType": "OperationOutcome"}, {"resourceType": "OperationOutcome", "issue": "x"},
]  # fmt: skip


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: json.dumps(shape)[:60])
@pytest.mark.parametrize("key", ["conditions", "observations", "procedures", "patient", "stranger"])
async def test_prefetch_of_any_shape_is_answered_or_refused_and_never_a_bug(
    whole_client: CheckedClient, key: str, shape: Any
) -> None:
    answer = await whole_client.call(patient_view(prefetch={"conditions": None, key: shape}))
    assert answer.status_code in {200, 412}


@pytest.fixture(scope="module")
def whole_client() -> CheckedClient:
    return CheckedClient(build_app(Settings(auth="off", database_url="sqlite://"), own_process=False))


def test_a_faulty_policy_stops_the_start(tmp_path: Path) -> None:
    policy = tmp_path / "policy.toml"
    policy.write_text("[parameters]\nnone = 1\n")
    settings = load_settings({"CRLM_AUTH": "off", "CRLM_POLICY": str(policy)})
    with pytest.raises(SettingsError, match="none"):
        build_app(settings, own_process=False)


def test_the_whole_service_runs_on_a_real_server(whole: Settings) -> None:
    with running(build_app(whole, own_process=False)) as url:
        assert httpx.get(f"{url}/health/ready", trust_env=False).status_code == 200
        answer = post(url, sample_request(datetime.now(UTC).date()))
        assert len(answer.json()["cards"]) == 1


ITS_OWN = frozenset({"date", "x-request-id", "server-timing", "set-cookie"})
"""Headers that differ from one answer to the next."""


def test_a_probe_by_head_learns_of_every_page_what_a_get_would_tell_it(whole: Settings) -> None:
    app = build_app(replace(whole, report_key=None), own_process=False)
    asked = sorted({one.url("start") for one in routes_of(app.routes)} | {"/nowhere", "/smart/launch?iss=x&launch=y"})
    # What counts the calls would count its own; to begin or end a launch, and to read a note, is more than to look.
    effects = [path for path in asked if path.partition("?")[0] in ("/smart/launch", "/smart/callback", "/review")]
    asked = [path for path in asked if path != "/metrics" and path not in effects]

    def told(method: str, accepted: str) -> dict[str, Any]:
        answers = {path: client.request(method, path, headers={"accept": accepted}) for path in asked}
        return {
            path: (answer.status_code, {name: value for name, value in answer.headers.items() if name not in ITS_OWN})
            for path, answer in answers.items()
        }

    with running(app) as url, httpx.Client(base_url=url, trust_env=False) as client:
        for accepted in ("*/*", "text/html"):
            assert told("HEAD", accepted) == told("GET", accepted)
        assert {path for path, (status, _) in told("HEAD", "*/*").items() if status == 200} > {"/docs", "/health/ready"}
        assert {client.head(path).status_code for path in effects} == {405}
        assert client.head("/metrics").status_code == 200
        assert client.head("/docs").content == b""


def test_who_asks_by_a_wrong_method_is_told_each_that_the_path_answers(whole: Settings) -> None:
    app = build_app(whole, own_process=False)
    asked = sorted({one.url("start") for one in routes_of(app.routes)})
    with running(app) as url, httpx.Client(base_url=url, trust_env=False) as client:
        refusals = {path: client.delete(path) for path in asked}
        answered = {
            path: {
                method for method in ("GET", "HEAD", "POST", "PUT") if client.request(method, path).status_code != 405
            }
            for path in asked
        }
    assert {answer.status_code for answer in refusals.values()} == {405}
    assert {path: set(answer.headers["allow"].split(", ")) for path, answer in refusals.items()} == answered
    assert answered["/review/save"] == {"GET", "HEAD", "POST"}


def test_head_is_answered_without_a_body_and_logged_as_what_it_was(whole: Settings) -> None:
    with structlog.testing.capture_logs() as logged, running(build_app(whole, own_process=False)) as url:
        host, _, port = url.removeprefix("http://").partition(":")
        with socket.create_connection((host, int(port)), timeout=10) as connection:
            for path, more in (("/health/live", ""), ("/nowhere", ""), ("/health/live", "Connection: close\r\n")):
                connection.sendall(f"HEAD {path} HTTP/1.1\r\nHost: {host}\r\n{more}\r\n".encode())
            heads = connection.makefile("rb").read().split(b"\r\n\r\n")
    assert [head[:12] for head in heads] == [b"HTTP/1.1 200", b"HTTP/1.1 404", b"HTTP/1.1 200", b""]
    lines = [(line["method"], line["route"], line["status"]) for line in logged if line["event"] == "request"]
    assert lines == [("HEAD", "/health/live", 200), ("HEAD", "none", 404), ("HEAD", "/health/live", 200)]


@pytest.mark.parametrize("workers", ["1", "2"])
def test_the_command_serves_until_it_is_told_to_stop(tmp_path: Path, workers: str) -> None:
    port = free_port()
    environment = {**os.environ, "CRLM_AUTH": "off", "CRLM_DATABASE_URL": f"sqlite:///{tmp_path / 'store.sqlite3'}"}
    command = [sys.executable, "-c", "from service.cli import main; main()", "serve", "--port", str(port)]
    with subprocess.Popen(
        [*command, "--workers", workers], env=environment, stderr=subprocess.PIPE, text=True
    ) as server:
        try:
            # Connecting is tried again after 0, 0.5, 1, 2, 4 s and so on: a busy machine may need a minute to start it.
            with httpx.Client(transport=httpx.HTTPTransport(retries=8), timeout=30) as client:
                url = f"http://127.0.0.1:{port}"
                assert client.get(f"{url}/health/ready").status_code == 200
                body = sample_request(datetime.now(UTC).date())
                answer = client.post(url + PATIENT_VIEW, content=body, headers=JSON)
                assert answer_faults("POST", PATIENT_VIEW, answer) == []
                [card] = answer.json()["cards"]
                assert card["source"]["url"] == f"{url}/knowledge#A12c"
        finally:
            server.send_signal(signal.SIGTERM)
            _, printed = server.communicate(timeout=30)
    assert "AUTHENTICATION IS OFF" in printed
    lines = [json.loads(line) for line in printed.splitlines() if line.startswith("{")]
    [call] = [line for line in lines if line["event"] == "request" and line["method"] == "POST"]
    assert (call["service"], call["status"], call["cards"], call["rows"]) == ("crlm-patient-view", 200, 1, ["A12c"])


def test_a_worker_builds_the_application_from_its_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CRLM_AUTH", "off")
    monkeypatch.setenv("CRLM_DATABASE_URL", "sqlite://")
    assert app_of_worker().title == "crlm-cds"


@pytest.mark.parametrize("workers", [1, 2])
def test_one_process_is_given_the_application_and_several_build_their_own(
    monkeypatch: pytest.MonkeyPatch, workers: int
) -> None:
    monkeypatch.setenv("CRLM_PUBLIC_BASE_URL", "")
    monkeypatch.setenv("CRLM_SESSION_KEY", "")
    started: list[tuple[Any, dict[str, Any]]] = []

    def serve(app: Any, **options: Any) -> None:
        started.append((app, options))

    settings = Settings(auth="off", database_url="sqlite://", public_base_url="https://cds.example.org")
    run(settings, host="127.0.0.1", port=8080, workers=workers, serve=serve)
    [(app, options)] = started
    assert options["loop"] == "asyncio", "uvloop takes one connection a turn: under load they wait unseen"
    assert (options["host"], options["port"], options["access_log"], options["server_header"]) == (
        "127.0.0.1",
        8080,
        False,
        False,
    )
    if workers == 1:
        assert app.title == "crlm-cds"
        assert "workers" not in options
    else:
        assert (app, options["workers"]) == ("service.web.server:app_of_worker", 2)
        assert os.environ["CRLM_PUBLIC_BASE_URL"] == "https://cds.example.org"
        assert len(os.environ["CRLM_SESSION_KEY"]) >= 32
