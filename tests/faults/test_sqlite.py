"""A disk that takes nothing more, a file that is locked or may only be read: no card is lost, readiness is true."""

from __future__ import annotations

import http.client
import json
import resource
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from service.adapters.store.schema import feedback, issued_cards
from service.samples.patient_view import sample_request
from tests.adapters.store.replicas import Replica, replica
from tests.faults.test_database import column, live_through, site, stay_closed_through
from tests.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

HOOK = "/cds-services/crlm-patient-view"
JSON = {"content-type": "application/json"}
RECOVERY_S = 10.0


def asked(port: int, method: str, path: str, body: bytes = b"") -> tuple[int, http.client.HTTPMessage, Any]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request(method, path, body, JSON)
        answer = connection.getresponse()
        text = answer.read()
    finally:
        connection.close()
    return answer.status, answer.headers, json.loads(text) if text else None


def card_shown(port: int) -> str:
    status, _, body = asked(port, "POST", HOOK, sample_request(datetime.now(UTC).date()))
    assert status == 200
    [card] = body["cards"]
    return str(card["uuid"])


def feedback_given(port: int) -> tuple[str, int, str | None]:
    card = str(uuid4())
    entry = {"card": card, "outcome": "overridden", "outcomeTimestamp": "2026-11-23T18:49:38Z"}
    status, headers, _ = asked(port, "POST", f"{HOOK}/feedback", json.dumps({"feedback": [entry]}).encode())
    return card, status, headers["retry-after"]


def readiness(port: int) -> tuple[int, str]:
    status, _, body = asked(port, "GET", "/health/ready")
    return status, body["issue"][0]["diagnostics"] if "issue" in body else body["status"]


def wait_until_ready(port: int) -> None:
    give_up = time.monotonic() + RECOVERY_S
    while not is_ready(port):
        assert time.monotonic() < give_up
        time.sleep(0.05)


def is_ready(port: int) -> bool:
    try:
        return readiness(port) == (200, "ready")
    except ConnectionRefusedError:
        return False


@contextmanager
def full_disk(server: Replica, at: int) -> Iterator[None]:
    """Let no file of the server grow beyond `at` bytes, as a full disk would: from outside, while it runs."""
    pid = server.process.pid
    _, most = before = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (at, most))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("left", [None, 2_000], ids=["nothing more", "half of a write"])
def test_a_full_disk_costs_no_card_and_nothing_acknowledged(tmp_path: Path, left: int | None) -> None:
    store_url, port, audit = f"sqlite:///{tmp_path / 'store.sqlite3'}", free_port(), tmp_path / "audit.log"
    with replica(store_url, port, settings={"CRLM_AUDIT_LOG": str(audit)}) as server:
        wait_until_ready(port)
        shown = [card_shown(port)]
        first, status, _ = feedback_given(port)
        assert (status, readiness(port)) == (200, (200, "ready"))
        at = 0 if left is None else Path(f"{tmp_path / 'store.sqlite3'}-wal").stat().st_size + left
        with full_disk(server, at):
            refused = [feedback_given(port)[1:] for _ in range(2)]
            shown += [card_shown(port) for _ in range(3)]
            assert refused[-1] == (503, "1")
            assert readiness(port) == (503, "the store takes no writes")
        wait_until_ready(port)
        shown.append(card_shown(port))
        second, status, _ = feedback_given(port)
        assert status == 200
    assert {first, second} <= column(store_url, feedback.c.card)
    assert set(shown) == column(store_url, issued_cards.c.card)
    lines = [json.loads(line) for line in audit.read_text().splitlines()]
    assert {card for line in lines for card in line["cards"]} >= {shown[0], shown[-1]}


def test_a_store_that_another_program_keeps_locked_takes_feedback_when_it_is_free_again(tmp_path: Path) -> None:
    file, port = tmp_path / "store.sqlite3", free_port()
    with replica(f"sqlite:///{file}", port), closing(sqlite3.connect(file, isolation_level=None)) as other:
        wait_until_ready(port)
        other.execute("BEGIN IMMEDIATE")
        with ThreadPoolExecutor() as clients:
            refused = [given[1:] for given in clients.map(lambda _: feedback_given(port), range(3))]
        assert refused == [(503, "1")] * 3
        assert card_shown(port)
        other.execute("ROLLBACK")
        wait_until_ready(port)
        assert feedback_given(port)[1:] == (200, None)


async def test_a_store_that_may_only_be_read_costs_no_card_and_is_not_ready(tmp_path: Path) -> None:
    mode = {"only": "OFF"}

    def set_mode(connection: Connection) -> None:
        connection.exec_driver_sql(f"PRAGMA query_only={mode['only']}")

    @contextmanager
    def read_only() -> Iterator[None]:
        mode["only"] = "ON"
        try:
            yield
        finally:
            mode["only"] = "OFF"

    url = f"sqlite:///{tmp_path / 'store.sqlite3'}"
    sa.event.listen(Engine, "begin", set_mode)
    try:
        async with site(tmp_path, url) as found:
            await live_through(found, read_only, unready="the store takes no writes")
        async with site(tmp_path, url, auth="required") as closed:
            await stay_closed_through(closed, read_only)
    finally:
        sa.event.remove(Engine, "begin", set_mode)
    assert found.acknowledged <= column(url, feedback.c.card)
    assert found.shown | closed.shown == column(url, issued_cards.c.card)
