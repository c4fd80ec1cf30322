"""`crlm-cds demo` as a newcomer runs it, with the real service."""

from __future__ import annotations

import re
import signal
import socket
from typing import TYPE_CHECKING

import httpx
import jwt
import psutil  # type: ignore[import-untyped]  # ships no types
import pytest
from playwright.sync_api import expect

from service.demo.run import ended_by
from service.demo.smart.keys import SigningKey
from tests.demo.axe_core import violations
from tests.demo.browsing import Watched, watched
from tests.demo.running_demo import RunningDemo, running_demo, start_demo
from tests.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDemo]:
    with running_demo(folder=tmp_path_factory.mktemp("demo")) as found:
        yield found


@pytest.fixture
def seen(browser: Browser, demo: RunningDemo) -> Iterator[Watched]:
    with watched(browser, demo.url) as found:
        yield found


def service_of(demo: RunningDemo) -> str:
    address, _, port = demo.url.rpartition(":")
    return f"{address}:{int(port) + 1}"


def advice(demo: RunningDemo, patient: str, mode: str = "full") -> list[str]:
    answer = httpx.post(f"{demo.url}/patients/{patient}/patient-view", data={"mode": mode}, timeout=20)
    return re.findall(r"<h3[^>]*>([^<]+)</h3>", answer.text)


def test_one_url_is_printed(demo: RunningDemo) -> None:
    assert re.findall(r"http\S+", demo.said) == [demo.url]
    assert "41 synthetic patients" in demo.said


def test_everything_listens_on_loopback_only(demo: RunningDemo) -> None:
    processes = [psutil.Process(demo.process.pid), *psutil.Process(demo.process.pid).children(recursive=True)]
    listening = {
        connection.laddr.ip
        for process in processes
        for connection in process.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    }
    assert (len(processes), listening) == (2, {"127.0.0.1"})


def test_the_service_asks_for_tokens_and_takes_only_those_of_this_demo(demo: RunningDemo) -> None:
    url = f"{service_of(demo)}/cds-services/crlm-patient-view"
    jwks = httpx.get(f"{demo.url}/.well-known/jwks.json").json()
    forged = SigningKey.generate(jwks["keys"][0]["kid"]).sign(
        {"iss": f"{demo.url}/demo-ehr", "aud": url, "exp": 4_000_000_000, "iat": 1, "jti": "x"}
    )
    unsigned = jwt.encode({"iss": f"{demo.url}/demo-ehr", "aud": url}, "", algorithm="none")
    for headers in ({}, {"Authorization": f"Bearer {forged}"}, {"Authorization": f"Bearer {unsigned}"}):
        assert httpx.post(url, json={}, headers=headers).status_code == 401


def test_prefetch_and_fetch_give_the_same_advice(demo: RunningDemo) -> None:
    for patient in ("demo-heron", "demo-sparrow", "demo-coot"):
        told = advice(demo, patient)
        assert len(told) == 1
        assert [advice(demo, patient, way) for way in ("none", "paged")] == [told, told]


def test_charts_outside_the_scope_or_decided_by_the_mdt_are_left_in_peace(demo: RunningDemo) -> None:
    assert [advice(demo, f"demo-{name}") for name in ("lapwing", "martin", "grebe", "bittern")] == [[], [], [], []]


def test_no_access_is_a_refusal_not_silence(demo: RunningDemo) -> None:
    assert advice(demo, "demo-heron", "closed") == ["No advice: the service answered 412"]


def test_a_visitor_opens_an_open_case_accepts_and_overrides(seen: Watched, demo: RunningDemo) -> None:
    page = seen.page
    page.goto("/")
    page.get_by_role("link", name=re.compile("Demo-Sparrow")).click()
    card = page.locator("#advice article.card")
    expect(card.locator("h3")).to_contain_text("ECOG decides")
    assert violations(page) == []
    card.locator(".decide button").first.click()
    expect(card.locator(".outcome")).to_contain_text("Feedback stored by the service")
    page.get_by_role("link", name="Demo EHR").click()
    page.get_by_role("link", name=re.compile("Demo-Heron")).click()
    card = page.locator("#advice article.card")
    card.get_by_text("Override this advice").click()
    card.get_by_label("Reason").select_option(index=1)
    card.get_by_label("Comment").fill("Simulated comment")
    card.get_by_role("button", name="Override").click()
    expect(card.locator(".outcome")).to_contain_text("Feedback stored by the service")
    page.goto("/exchanges")
    expect(page.get_by_role("link", name="feedback")).to_have_count(2)
    assert violations(page) == []


def test_a_biopsy_of_the_liver_is_questioned(seen: Watched) -> None:
    page = seen.page
    page.goto("/patients/demo-heron")
    page.get_by_label("Order", exact=True).select_option("liver-biopsy")
    page.get_by_role("button", name="Add draft").click()
    expect(page.locator("#orders article.card h3")).to_contain_text("no biopsy")
    assert violations(page) == []


def test_discovery_shows_what_the_service_offers(seen: Watched) -> None:
    seen.page.goto("/discovery")
    expect(seen.page.get_by_role("heading", level=2)).to_have_count(3)
    assert violations(seen.page) == []


ENDINGS = [
    pytest.param(signal.SIGINT, id="Ctrl-C"),
    pytest.param(signal.SIGTERM, id="kill"),
    pytest.param(signal.SIGHUP, id="a closed terminal"),
]


@pytest.mark.parametrize("ending", ENDINGS)
def test_whatever_ends_it_leaves_nothing(ending: signal.Signals, tmp_path: Path) -> None:
    with running_demo(folder=tmp_path) as demo:
        children = psutil.Process(demo.process.pid).children()
        assert list(tmp_path.iterdir())
        assert demo.stop(ending) == 0
    assert list(tmp_path.iterdir()) == []
    assert not any(child.is_running() for child in children)


@pytest.mark.parametrize("ending", ENDINGS)
def test_whatever_ends_its_start_leaves_nothing(ending: signal.Signals, tmp_path: Path) -> None:
    with start_demo("--port", str(free_port(2)), folder=tmp_path) as process:
        assert process.stderr
        assert process.stderr.readline() == "Starting the service and the demo EHR…\n"
        assert list(tmp_path.iterdir())
        process.send_signal(ending)
        said, complained = process.communicate(timeout=30)
    assert (process.returncode, said) == (130, "")
    assert "Traceback" not in complained
    assert list(tmp_path.iterdir()) == []


def test_nohup_keeps_it_from_ending_with_its_terminal() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        assert ended_by() == [signal.SIGINT, signal.SIGTERM]
    finally:
        signal.signal(signal.SIGHUP, before)


def test_kept_records_are_there_again_and_keys_are_new(tmp_path: Path) -> None:
    keys = []
    for _ in range(2):
        with running_demo("--keep", str(tmp_path / "kept"), folder=tmp_path) as demo:
            drafts = {"do": "draft", "order": "cea", "on": "2026-12-01"}
            httpx.post(f"{demo.url}/patients/demo-martin/orders", data=drafts, timeout=20)
            httpx.post(f"{demo.url}/patients/demo-martin/orders", data={"do": "sign"}, timeout=20)
            keys.append(httpx.get(f"{demo.url}/.well-known/jwks.json").json()["keys"][0]["x"])
            chart = httpx.get(f"{demo.url}/patients/demo-martin").text
            assert demo.stop() == 0
    assert (chart.count(">CEA</a>"), len(set(keys))) == (2, 2)


def test_a_port_in_use_is_told_plainly(tmp_path: Path) -> None:
    port = free_port(2)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", port + 1))
        taken.listen()
        process = start_demo("--port", str(port), folder=tmp_path)
        said, complained = process.communicate(timeout=30)
    assert (process.returncode, said) == (1, "")
    assert f"Port {port + 1} is in use. Choose another" in complained
    assert "Traceback" not in complained
