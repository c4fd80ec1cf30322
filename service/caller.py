"""Who is calling: the client that a token proved, or nobody."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Caller:
    """The proven issuer and tenant of a call; both are absent where no token was checked."""

    issuer: str | None = None
    tenant: str | None = None
