"""Numbers for Prometheus: how many, how long, what failed; labels are names of our own, never a patient's or a URL.

With several workers each counts for itself. Where `PROMETHEUS_MULTIPROC_DIR` names an empty folder before the first
import of this module, the workers share their numbers through it, and any of them answers for all.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

from service.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterable

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4

_SHARED = "PROMETHEUS_MULTIPROC_DIR"
_SECONDS = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


class Metrics:
    """All numbers of one process."""

    def __init__(self) -> None:
        """Begin at 0; raises `SettingsError` where the folder of `PROMETHEUS_MULTIPROC_DIR` cannot be used."""
        folder = os.environ.get(_SHARED)
        if folder is not None and not (os.access(folder, os.W_OK | os.X_OK) and Path(folder).is_dir()):
            raise SettingsError([f"{_SHARED}: must be the path of a folder that can be written"])
        self.registry = CollectorRegistry()
        self._calls = Counter(
            "crlm_calls", "Calls by service and HTTP status.", ["service", "status"], registry=self.registry
        )
        self._seconds = Histogram(
            "crlm_call_seconds", "Duration of calls.", ["service"], buckets=_SECONDS, registry=self.registry
        )
        self._pages = Histogram(
            "crlm_page_seconds",
            "Duration of requests to the app and the report, by route and HTTP status.",
            ["page", "status"],
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._cards = Counter("crlm_cards", "Cards by service and topic.", ["service", "topic"], registry=self.registry)
        self._refused = Counter(
            "crlm_tokens_refused", "Tokens that were refused, by reason.", ["reason"], registry=self.registry
        )
        self._fetches = Counter(
            "crlm_fetches",
            "Prefetch keys that were fetched, by completeness.",
            ["completeness"],
            registry=self.registry,
        )
        self._feedback = Counter("crlm_feedback_calls", "Feedback calls that were kept.", registry=self.registry)
        self._waiting = Gauge(
            "crlm_issued_cards_waiting",
            "Issued cards not yet written to the store.",
            registry=self.registry,
            multiprocess_mode="livesum",
        )
        self._dropped = Gauge(
            "crlm_issued_cards_dropped",
            "Issued cards that were never written since the start.",
            registry=self.registry,
            multiprocess_mode="sum",
        )

        self._limits_alone = Gauge(
            "crlm_rate_limits_alone",
            "Processes that limit by their own counts, since the store fails.",
            registry=self.registry,
            multiprocess_mode="livesum",
        )

    def call(self, service: str, *, status: int, seconds: float) -> None:
        """Count a call; `service` is one of ours (callers may ask for any name) or `other`."""
        self._calls.labels(service, str(status)).inc()
        self._seconds.labels(service).observe(seconds)

    def page(self, page: str, *, status: int, seconds: float) -> None:
        """Count a request to a page; `page` is the path of one of our routes."""
        self._pages.labels(page, str(status)).observe(seconds)

    def cards(self, service: str, topics: Iterable[str]) -> None:
        """Count the cards of an answer by the code of their topic."""
        for topic in topics:
            self._cards.labels(service, topic).inc()

    def token_refused(self, reason: str) -> None:
        """Count a refused token by the reason of `Unauthenticated`, which is a fixed phrase."""
        self._refused.labels(reason).inc()

    def fetched(self, keys: Iterable[str]) -> None:
        """Count fetched keys by how complete each came: a value of `Completeness`."""
        for completeness in keys:
            self._fetches.labels(completeness).inc()

    def feedback_kept(self) -> None:
        """Count a feedback call."""
        self._feedback.inc()

    def queue(self, *, waiting: int, dropped: int) -> None:
        """Show the state of the queue of issued cards."""
        self._waiting.set(waiting)
        self._dropped.set(dropped)

    def limits_alone(self, is_alone: bool) -> None:  # noqa: FBT001  the one thing that it is told
        """Show whether this process limits by its own counts."""
        self._limits_alone.set(int(is_alone))

    def render(self) -> bytes:
        """Give the numbers in Prometheus' text format: of all workers where they share a folder."""
        if _SHARED not in os.environ:
            return generate_latest(self.registry)
        shared = CollectorRegistry()
        MultiProcessCollector(shared)  # type: ignore[no-untyped-call]  # ships without this annotation
        return generate_latest(shared)

    def close(self) -> None:
        """Take out of the shared folder what holds of a living process alone."""
        if _SHARED in os.environ:
            mark_process_dead(os.getpid())  # type: ignore[no-untyped-call]  # ships without this annotation
