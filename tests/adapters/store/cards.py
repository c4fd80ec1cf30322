"""Issued cards and feedback for the tests of the store."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from service.adapters.store.issued_cards import IssuedCard
from service.cds.feedback import FeedbackEntry

ISSUER = "https://ehr.example.org"
MONDAY = datetime(2026, 11, 2, 9, tzinfo=UTC)


def uuid(number: int) -> str:
    return str(UUID(int=number))


def card(number: int, **changes: Any) -> IssuedCard:
    values: dict[str, Any] = {
        "card": uuid(number),
        "service": "crlm-patient-view",
        "issuer": ISSUER,
        "strategy": "liver-first",
        "next_step": "resect-now-no-more-chemotherapy",
        "rows": ("A12b",),
        "statements": ("S10", "S27"),
        "advisories": (),
        "missing": (),
        "knowledge_id": "crlm-summary-2025",
        "knowledge_version": "1.0.0",
        "policy": "default",
        "issued_at": MONDAY,
        **changes,
    }
    return IssuedCard(**values)


def entry(number: int, outcome: Any = "accepted", **changes: Any) -> FeedbackEntry:
    return FeedbackEntry(**{"card": uuid(number), "outcome": outcome, "at": MONDAY, **changes})
