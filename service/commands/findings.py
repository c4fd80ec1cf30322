"""What an examination finds: one line each, with its remedy where something is to be done."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable

Status: TypeAlias = Literal["ok", "warn", "fail"]

_ORDER: tuple[Status, ...] = ("ok", "warn", "fail")


@dataclass(frozen=True, slots=True)
class Finding:
    """One line: what was looked at, how it is, and what to do about it. Neither secrets nor answers of others."""

    check: str
    status: Status
    message: str
    remedy: str | None = None

    def members(self) -> dict[str, str]:
        """Give the finding as JSON members; a remedy that is not needed is absent."""
        found = {"check": self.check, "status": self.status, "message": self.message}
        return found if self.remedy is None else {**found, "remedy": self.remedy}


def ok(check: str, message: str) -> Finding:
    """Say that something is as it should be."""
    return Finding(check, "ok", message)


def warn(check: str, message: str, remedy: str) -> Finding:
    """Say that something works but should be known."""
    return Finding(check, "warn", message, remedy)


def fail(check: str, message: str, remedy: str) -> Finding:
    """Say that something does not work."""
    return Finding(check, "fail", message, remedy)


def worst(findings: Iterable[Finding]) -> Status:
    """Give the gravest status; ok where there is none."""
    return max((found.status for found in findings), key=_ORDER.index, default="ok")
