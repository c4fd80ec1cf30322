"""How long the phases of the current request took: told to the caller in `Server-Timing`, and in traces."""

from __future__ import annotations

import time
from contextvars import ContextVar
from typing import TYPE_CHECKING, Literal, TypeAlias

from service.tracing import span

if TYPE_CHECKING:
    from types import TracebackType

Phase: TypeAlias = Literal["auth", "prefetch", "fetch", "read", "decide", "cards"]

_phases: ContextVar[dict[str, float]] = ContextVar("phases")


def begin_phases() -> dict[str, float]:
    """Start the clock of one request; give the seconds by phase that `phase` adds to."""
    phases: dict[str, float] = {}
    _phases.set(phases)
    return phases


class phase:  # noqa: N801  a context manager, read as one: `with phase("read")`
    """Count the time inside to a phase of the current request; outside a request nothing is counted."""

    __slots__ = ("_name", "_span", "_start")

    def __init__(self, name: Phase) -> None:
        self._name = name

    def __enter__(self) -> None:
        """Start the clock and the span."""
        self._start = time.perf_counter()
        self._span = span(self._name)
        self._span.__enter__()

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Count, whether the step failed or not."""
        self._span.__exit__(kind, fault, trace)
        phases = _phases.get(None)
        if phases is not None:
            phases[self._name] = phases.get(self._name, 0.0) + time.perf_counter() - self._start
