from __future__ import annotations

import http.client
import json
import os
import queue
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

import pytest
import sqlalchemy as sa

from service.adapters.store.database import Database
from service.adapters.store.schema import feedback
from tests.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[3]
SERVER = Path(__file__).with_name("feedback_server.py")
POSTS, THREADS, KILL_AFTER = 1000, 16, 300
HEADERS = {"Content-Type": "application/json"}


@contextmanager
def running(store_url: str, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """Start the server and wait until it is ready; what is left of it is ended."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(
        [sys.executable, str(SERVER), store_url, str(port)], env=environment, stderr=subprocess.DEVNULL
    )
    try:
        give_up = time.monotonic() + 30
        while not is_ready(port):
            assert process.poll() is None
            assert time.monotonic() < give_up
        yield process
    finally:
        process.kill()
        process.wait()


def is_ready(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/health/ready")
        return connection.getresponse().status == 200
    except OSError:
        time.sleep(0.05)  # a start that is polled, not a time that is tested
        return False
    finally:
        connection.close()


def body(number: int) -> bytes:
    entry = {"card": str(UUID(int=number)), "outcome": "overridden", "outcomeTimestamp": "2026-11-23T18:49:38Z"}
    return json.dumps({"feedback": [entry]}).encode()


class Posters:
    """Threads that post what waits and note what was acknowledged; what was not waits again."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.waiting: queue.SimpleQueue[int] = queue.SimpleQueue()
        self.acknowledged: set[int] = set()
        self.lock = threading.Lock()
        for number in range(POSTS):
            self.waiting.put(number)

    def run(self, *, until_dead: subprocess.Popen[bytes] | None = None) -> None:
        threads = [threading.Thread(target=self._post, args=(until_dead,)) for _ in range(THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _post(self, process: subprocess.Popen[bytes] | None) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            while True:
                try:
                    number = self.waiting.get_nowait()
                except queue.Empty:
                    return
                try:
                    connection.request("POST", "/cds-services/crlm-patient-view/feedback", body(number), HEADERS)
                    answer = connection.getresponse()
                    answer.read()
                    assert answer.status == 200
                except (OSError, http.client.HTTPException):
                    self.waiting.put(number)
                    return
                with self.lock:
                    self.acknowledged.add(number)
                    if process is not None and len(self.acknowledged) == KILL_AFTER:
                        process.kill()
        finally:
            connection.close()


def kept(store_url: str) -> Counter[int]:
    database = Database(store_url)
    try:
        query = sa.select(feedback.c.card)
        rows = database.read_now(lambda connection: connection.execute(query).scalars().all())
    finally:
        database.close()
    return Counter(UUID(card).int for card in rows)


@pytest.mark.duty(67, 69)
def test_what_was_acknowledged_survives_a_kill_and_nothing_is_kept_twice(store_url: str) -> None:
    port = free_port()
    posters = Posters(port)
    with running(store_url, port) as process:
        posters.run(until_dead=process)
    acknowledged, found = set(posters.acknowledged), kept(store_url)
    assert KILL_AFTER <= len(acknowledged) < POSTS
    assert acknowledged <= found.keys()
    with running(store_url, port):
        posters.run()
    assert len(posters.acknowledged) == POSTS
    assert kept(store_url) == Counter(dict.fromkeys(range(POSTS), 1))


def test_two_processes_share_replay_protection(store_url: str, database: Database) -> None:
    program = (
        "import asyncio, sys\n"
        "from service.adapters.store.database import Database\n"
        "from service.adapters.store.token_ids import StoredTokenIds\n"
        "seen = StoredTokenIds(Database(sys.argv[1]))\n"
        "async def main():\n"
        "    return [await seen.remember('issuer', str(n), expires_at=2e9, now=1.9e9) for n in range(100)]\n"
        "print(sum(asyncio.run(main())))\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    processes = [
        subprocess.Popen([sys.executable, "-c", program, store_url], stdout=subprocess.PIPE, env=environment)
        for _ in range(2)
    ]
    said = [int(process.communicate(timeout=60)[0]) for process in processes]
    assert sum(said) == 100
