"""How much one session of the app may ask, and how many launches one EHR may begin; each process counts for itself."""

from __future__ import annotations

import time
from hashlib import sha256
from typing import TYPE_CHECKING

from service.adapters.rate_limit import Allowance, Buckets

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

OF_SESSION = Allowance(per_minute=240, at_once=8)
"""Four looks a second, and a burst of forty: no person gets there, a script that runs away does."""
OF_LAUNCHES = Allowance(per_minute=600, at_once=64)
"""Each launch keeps a record for ten minutes before anybody has logged in."""


class AppLimits:
    """Lets requests to the app in, or raises `TooManyRequests`."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` counts seconds and never goes back."""
        self._buckets = Buckets(clock)

    def session(self, cookie: str) -> AbstractContextManager[None]:
        """Count a request of the session with this cookie while it is inside."""
        return self._buckets.admit(("session", sha256(cookie.encode()).digest()), OF_SESSION)

    def launch(self, issuer: str) -> AbstractContextManager[None]:
        """Count the beginning of a launch by this EHR while it is inside."""
        return self._buckets.admit(("launch", issuer), OF_LAUNCHES)
