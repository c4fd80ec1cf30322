"""kill -9 at moments that nobody chose, with many writers: what was acknowledged is there, once."""

from __future__ import annotations

import http.client
import json
import os
import random
import threading
from collections import Counter
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

import psutil  # type: ignore[import-untyped]  # ships no types
import sqlalchemy as sa

from service.adapters.store.database import Database
from service.adapters.store.schema import feedback
from service.samples.patient_view import sample_request
from tests.adapters.store.replicas import replica
from tests.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

HOOK = "/cds-services/crlm-patient-view"
JSON = {"content-type": "application/json"}
WRITERS = 6
SEED = int(os.environ.get("TEST_SEED", "6"))


class Writers:
    """Threads that give feedback, every entry until it is acknowledged, and ask for advice in between."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._end = threading.Event()
        self._changed = threading.Condition()
        self.acknowledged: set[str] = set()
        self.faults: list[str] = []
        self._hook = sample_request(datetime.now(UTC).date())

    @contextmanager
    def running(self) -> Iterator[None]:
        threads = [threading.Thread(target=self._write_on) for _ in range(WRITERS)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._end.set()
            for thread in threads:
                thread.join()

    def wait(self, more: int) -> None:
        """Wait for so many acknowledgements more."""
        with self._changed:
            wanted = len(self.acknowledged) + more
            assert self._changed.wait_for(lambda: len(self.acknowledged) >= wanted or self.faults, 60)
            assert self.faults == []

    def _write_on(self) -> None:
        card = str(uuid4())
        while not self._end.is_set():
            entry = {"card": card, "outcome": "overridden", "outcomeTimestamp": "2026-11-23T18:49:38Z"}
            kept = self._post(f"{HOOK}/feedback", json.dumps({"feedback": [entry]}).encode())
            if kept:
                with self._changed:
                    self.acknowledged.add(card)
                    self._changed.notify_all()
                card = str(uuid4())
                self._post(HOOK, self._hook)
            else:
                self._end.wait(0.02)

    def _post(self, path: str, body: bytes) -> bool:
        """Whether it was answered 200; no answer at all is what a kill looks like, anything else is a fault."""
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
        try:
            connection.request("POST", path, body, JSON)
            answer = connection.getresponse()
            answer.read()
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()
        if answer.status not in {200, 503}:
            with self._changed:
                self.faults.append(f"{path}: {answer.status}")
                self._changed.notify_all()
        return answer.status == 200


def kept(store_url: str) -> Counter[str]:
    database = Database(store_url)
    try:
        query = sa.select(feedback.c.card)
        return Counter(database.read_now(lambda connection: connection.execute(query).scalars().all()))
    finally:
        database.close()


def test_what_was_acknowledged_is_there_once_after_kills_at_any_moment(store_url: str) -> None:
    rng, port = random.Random(SEED), free_port()
    writers = Writers(port)
    with writers.running():
        with replica(store_url, port, workers=2) as server:
            writers.wait(rng.randrange(20, 60))
            workers = psutil.Process(server.process.pid).children()
            rng.choice([one for one in workers if "spawn_main" in " ".join(one.cmdline())]).kill()
            writers.wait(rng.randrange(20, 60))
            server.kill()
            before = set(writers.acknowledged)
            assert before <= kept(store_url).keys()
        with replica(store_url, port):
            writers.wait(rng.randrange(20, 60))
    found = kept(store_url)
    assert {str(UUID(card)) for card in writers.acknowledged} <= found.keys()
    assert set(found.values()) == {1}
