"""When the store is tidied beside other work: now and then, by whoever comes next."""

from __future__ import annotations


class Rounds:
    """Rounds that are due at first, then every so many seconds, and where a clock was set back."""

    def __init__(self, every_s: float) -> None:
        self._every_s = every_s
        self._last: float | None = None

    def are_due(self, now: float) -> bool:
        """Whether it is time for a round, which then counts as made."""
        if self._last is not None and 0 <= now - self._last < self._every_s:
            return False
        self._last = now
        return True
