"""What has been seen of the mark where it must not be, and how much was looked at."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass, field

from tests.canary.mark import needles

_NEEDLES = needles()
_RAW_NEEDLES = tuple(needle.encode() for needle in _NEEDLES)


def carries(text: str | bytes) -> bool:
    """Whether the mark is in there, plain or inside base64."""
    if isinstance(text, str):
        return any(needle in text for needle in _NEEDLES)
    return any(needle in text for needle in _RAW_NEEDLES)


@dataclass
class Watch:
    """One process's watch. `where` is the test that runs; servers' threads and processes report here too."""

    where: str = "before the first test"
    looked: Counter[str] = field(default_factory=Counter)
    _seen: dict[str, None] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def look(self, place: str, text: str | bytes) -> None:
        """Look at what went to `place`; empty text counts as nothing."""
        if not text:
            return
        found = carries(text)
        with self._lock:
            self.looked[place] += 1
            if found:
                self._seen[f"{place}, {self.where}"] = None

    def count(self, what: str) -> None:
        """Count something that is worth telling at the end."""
        with self._lock:
            self.looked[what] += 1

    def take(self) -> list[str]:
        """Give where the mark was seen since the last time: place and test."""
        with self._lock:
            seen = list(self._seen)
            self._seen.clear()
        return seen


WATCH = Watch()
