"""How long the phases of the current request took: told to the caller in `Server-Timing`, and in traces."""

from __future__ import annotations

import time
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Literal, TypeAlias

from service.tracing import span

if TYPE_CHECKING:
    from collections.abc import Iterator

Phase: TypeAlias = Literal["auth", "prefetch", "fetch", "read", "decide", "cards"]

_phases: ContextVar[dict[str, float]] = ContextVar("phases")


def begin_phases() -> dict[str, float]:
    """Start the clock of one request; give the seconds by phase that `phase` adds to."""
    phases: dict[str, float] = {}
    _phases.set(phases)
    return phases


@contextmanager
def phase(name: Phase) -> Iterator[None]:
    """Count the time inside to a phase of the current request; outside a request nothing is counted."""
    start = time.perf_counter()
    try:
        with span(name):
            yield
    finally:
        phases = _phases.get(None)
        if phases is not None:
            phases[name] = phases.get(name, 0.0) + time.perf_counter() - start
