"""The threads that use PostgreSQL in a running service: how many, and how long they wait for an answer.

Commands use the store in their own thread and wait as long as it takes.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

WRITERS = 4
LIMIT_S = 4.0
"""Below the usual deadline of a call, which then says that the store is not there instead of nothing."""

_of_thread = threading.local()


def be_impatient() -> None:
    """Bound all waiting of this thread from now on."""
    _of_thread.limit_s = LIMIT_S


@contextmanager
def waiting_up_to(limit_s: float) -> Iterator[None]:
    """Wait so many seconds for each answer inside; who waits for ever keeps the process from ending."""
    before = patience_s()
    _of_thread.limit_s = limit_s
    try:
        yield
    finally:
        _of_thread.limit_s = before


def patience_s() -> float | None:
    """Give the seconds that this thread waits for one answer; `None` for ever."""
    limit_s: float | None = getattr(_of_thread, "limit_s", None)
    return limit_s
