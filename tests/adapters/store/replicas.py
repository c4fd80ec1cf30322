"""`crlm-cds serve` as processes, and threads that call them without a pause."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import psutil  # type: ignore[import-untyped]  # ships no types
import sqlalchemy as sa

from service.adapters.store.database import Database
from service.adapters.store.schema import issued_cards
from service.samples.patient_view import sample_request

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

ROOT = Path(__file__).parents[3]
PATH = "/cds-services/crlm-patient-view"
JSON = {"content-type": "application/json"}
THREADS = 4
CALLS_BETWEEN = 40


class Replica:
    """`crlm-cds serve` on a port, with what it logs."""

    def __init__(
        self, store_url: str, port: int, *, workers: int = 1, settings: Mapping[str, str] | None = None
    ) -> None:
        command = [sys.executable, "-c", "from service.cli import main; main()", "serve", "--port", str(port)]
        environment = {
            **os.environ,
            "CRLM_AUTH": "off",
            "CRLM_DATABASE_URL": store_url,
            "CRLM_LOG_FORMAT": "json",
            **(settings or {}),
        }
        self.process = subprocess.Popen(
            [*command, "--workers", str(workers)], env=environment, cwd=ROOT, stderr=subprocess.PIPE, text=True
        )
        self._line = threading.Condition()
        self._started = self._ended = 0
        self._said: list[str] = []
        self._is_over = False
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            with self._line:
                self._said.append(line)
                self._started += "Application startup complete" in line
                self._ended += "Finished server process" in line
                self._line.notify_all()
        with self._line:
            self._is_over = True
            self._line.notify_all()

    def wait(self, *, started: int, ended: int = 0) -> None:
        """Wait until so many workers have started and ended."""
        with self._line:
            assert self._line.wait_for(
                lambda: self._is_over or (self._started >= started and self._ended >= ended), 120
            )
            assert not self._is_over, "".join(self._said)

    def stop(self) -> None:
        """End it as an orchestrator does; once is enough."""
        if self.process.returncode is not None:
            return
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(30)
        self._close()
        assert status in {0, -signal.SIGTERM}, "".join(self._said)

    def kill(self) -> None:
        """End all its processes at once, the first one first: it would start the others again."""
        first = psutil.Process(self.process.pid)
        for process in [first, *first.children(recursive=True)]:
            process.kill()
        self.process.wait(30)
        self._close()

    def _close(self) -> None:
        self._reader.join()
        assert self.process.stderr is not None
        self.process.stderr.close()


@contextmanager
def replica(
    store_url: str, port: int, *, workers: int = 1, settings: Mapping[str, str] | None = None
) -> Iterator[Replica]:
    found = Replica(store_url, port, workers=workers, settings=settings)
    try:
        found.wait(started=workers)
        yield found
    finally:
        found.stop()


class Load:
    """Threads that call without a pause, each call on a connection of its own."""

    def __init__(
        self, ports: list[int], *, headers: Callable[[], Mapping[str, str]] = dict, threads: int = THREADS
    ) -> None:
        """`headers` gives those of one call, besides that of its media type."""
        self._ports = ports
        self._headers = headers
        self._threads = threads
        self._body = sample_request(datetime.now(UTC).date())
        self._end = threading.Event()
        self._answered = threading.Condition()
        self.cards: list[str] = []
        self.failures: list[str] = []

    @contextmanager
    def running(self) -> Iterator[None]:
        threads = [threading.Thread(target=self._call_on, args=(number,)) for number in range(self._threads)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._end.set()
            for thread in threads:
                thread.join()

    def wait(self, more: int = CALLS_BETWEEN) -> None:
        """Wait for so many answers more."""
        with self._answered:
            wanted = len(self.cards) + more
            assert self._answered.wait_for(lambda: len(self.cards) >= wanted or self.failures, 60)

    def _call_on(self, number: int) -> None:
        for turn in count(number):
            if self._end.is_set():
                return
            try:
                card = self._call(turn)
            except (OSError, http.client.HTTPException, AssertionError) as fault:
                card, failure = None, repr(fault)
            with self._answered:
                if card is None:
                    self.failures.append(failure)
                else:
                    self.cards.append(card)
                self._answered.notify_all()

    def _call(self, turn: int) -> str:
        """Call the replicas in turn and, where one gives no answer at all, the next: as the proxy does."""
        ports = self._ports[turn % len(self._ports) :] + self._ports[: turn % len(self._ports)]
        for port in ports[:-1]:
            try:
                return self._call_at(port)
            except (OSError, http.client.HTTPException):
                continue
        return self._call_at(ports[-1])

    def _call_at(self, port: int) -> str:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        try:
            connection.request("POST", PATH, self._body, {**JSON, **self._headers()})
            answer = connection.getresponse()
            body = answer.read()
        finally:
            connection.close()
        assert answer.status == 200, answer.status
        [card] = json.loads(body)["cards"]
        return str(card["uuid"])


def kept(store_url: str) -> set[str]:
    database = Database(store_url)
    try:
        return set(database.read_now(lambda connection: connection.execute(sa.select(issued_cards.c.card)).scalars()))
    finally:
        database.close()


def check(load: Load, store_url: str) -> None:
    assert load.failures == []
    assert len(load.cards) == len(set(load.cards))
    assert set(load.cards) <= kept(store_url)
