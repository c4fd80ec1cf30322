from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from service.adapters.store.database import Database
from service.adapters.store.feedback import StoredFeedback
from service.adapters.store.schema import feedback
from service.caller import Caller
from service.errors import MalformedRequest, StoreUnavailable

if TYPE_CHECKING:
    from pathlib import Path

CARD = "5f6c9d3e-0000-4000-8000-000000000001"
SUGGESTION = "5f6c9d3e-0000-4000-8000-00000000000a"
RECEIVED = datetime(2026, 11, 23, 19, tzinfo=UTC)
EHR = Caller(issuer="https://ehr.example.org")
ACCEPTED = {
    "card": CARD,
    "outcome": "accepted",
    "acceptedSuggestions": [{"id": SUGGESTION}],
    "outcomeTimestamp": "2026-11-23T18:49:36.989Z",
}
OVERRIDDEN = {
    "card": CARD,
    "outcome": "overridden",
    "overrideReason": {"reason": {"code": "patient-refuses", "system": "urn:reasons"}, "userComment": "later"},
    "outcomeTimestamp": "2026-11-23T18:49:38Z",
}


def body(*entries: dict[str, Any]) -> bytes:
    return json.dumps({"feedback": entries}).encode()


def rows(database: Database) -> list[dict[str, Any]]:
    query = sa.select(feedback).order_by(feedback.c.id)
    return [
        {key: value for key, value in row._asdict().items() if key not in {"id", "entry_key"}}
        for row in database.read_now(lambda connection: connection.execute(query).all())
    ]


@pytest.fixture
def log(database: Database) -> StoredFeedback:
    return StoredFeedback(database, clock=lambda: RECEIVED)


async def test_what_was_recorded_is_there_as_it_was_sent(database: Database, log: StoredFeedback) -> None:
    await log.record("crlm-patient-view", body(ACCEPTED, OVERRIDDEN), EHR)
    common = {"card": CARD, "service": "crlm-patient-view", "issuer": EHR.issuer, "received_at": RECEIVED}
    kept = sorted(rows(database), key=lambda row: str(row["outcome"]))
    assert kept == [
        {
            **common,
            "outcome": "accepted",
            "outcome_at": datetime(2026, 11, 23, 18, 49, 36, 989_000, tzinfo=UTC),
            "suggestions": [SUGGESTION],
            "reason_system": None,
            "reason_code": None,
            "comment": None,
        },
        {
            **common,
            "outcome": "overridden",
            "outcome_at": datetime(2026, 11, 23, 18, 49, 38, tzinfo=UTC),
            "suggestions": [],
            "reason_system": "urn:reasons",
            "reason_code": "patient-refuses",
            "comment": "later",
        },
    ]


async def test_an_entry_that_comes_again_is_kept_once(database: Database, log: StoredFeedback) -> None:
    for sent in (body(ACCEPTED), body(ACCEPTED, ACCEPTED), body(OVERRIDDEN, ACCEPTED)):
        await log.record("crlm-patient-view", sent, EHR)
    assert len(rows(database)) == 2


async def test_the_same_entry_spelled_otherwise_is_the_same(database: Database, log: StoredFeedback) -> None:
    otherwise = {**ACCEPTED, "card": CARD.upper(), "outcomeTimestamp": "2026-11-23T19:49:36.98900+01:00"}
    await log.record("crlm-patient-view", body(ACCEPTED), EHR)
    await log.record("crlm-patient-view", body(otherwise), EHR)
    assert len(rows(database)) == 1


@pytest.mark.parametrize(
    "other",
    [
        {**ACCEPTED, "outcomeTimestamp": "2026-11-23T18:49:36.990Z"},
        {**ACCEPTED, "card": SUGGESTION},
        {**ACCEPTED, "acceptedSuggestions": [{"id": SUGGESTION}, {"id": CARD}]},
        OVERRIDDEN,
    ],
)
async def test_what_differs_in_time_card_suggestions_or_outcome_is_another_entry(
    database: Database, log: StoredFeedback, other: dict[str, Any]
) -> None:
    await log.record("crlm-patient-view", body(ACCEPTED), EHR)
    await log.record("crlm-patient-view", body(other), EHR)
    assert len(rows(database)) == 2


@pytest.mark.parametrize(
    "reason", [{"reason": {"code": "other", "system": "urn:reasons"}, "userComment": "later"}, {"userComment": "never"}]
)
async def test_a_reason_that_comes_later_is_kept_too_and_a_repeated_one_once(
    database: Database, log: StoredFeedback, reason: dict[str, Any]
) -> None:
    without = {name: value for name, value in OVERRIDDEN.items() if name != "overrideReason"}
    for sent in (without, OVERRIDDEN, OVERRIDDEN, {**OVERRIDDEN, "overrideReason": reason}):
        await log.record("crlm-patient-view", body(sent), EHR)
    told = reason.get("reason", {}).get("code")
    kept = [(row["reason_code"], row["comment"]) for row in rows(database)]
    assert kept == [(None, None), ("patient-refuses", "later"), (told, reason["userComment"])]


async def test_two_clients_do_not_share_entries(database: Database, log: StoredFeedback) -> None:
    for caller in (EHR, Caller(issuer="https://other.example.org"), Caller()):
        await log.record("crlm-patient-view", body(ACCEPTED), caller)
    assert [row["issuer"] for row in rows(database)] == [EHR.issuer, "https://other.example.org", ""]


async def test_the_same_entry_from_many_at_once_is_kept_once(database: Database, log: StoredFeedback) -> None:
    other = StoredFeedback(database, clock=lambda: RECEIVED)
    await asyncio.gather(
        *(desk.record("crlm-patient-view", body(ACCEPTED, OVERRIDDEN), EHR) for desk in (log, other) for _ in range(50))
    )
    assert len(rows(database)) == 2


async def test_one_faulty_entry_keeps_the_whole_call_out(database: Database, log: StoredFeedback) -> None:
    with pytest.raises(MalformedRequest):
        await log.record("crlm-patient-view", body(ACCEPTED, {**OVERRIDDEN, "card": "../etc"}), EHR)
    assert rows(database) == []


async def test_hostile_text_is_kept_as_text(database: Database, log: StoredFeedback) -> None:
    hostile = {"userComment": "'); DROP TABLE feedback; --\u0000\u202e\ud83d\ude00", "reason": {"code": "x\u0000y"}}
    await log.record("crlm-patient-view", body({**OVERRIDDEN, "overrideReason": hostile}), EHR)
    assert [(row["comment"], row["reason_code"]) for row in rows(database)] == [
        ("'); DROP TABLE feedback; --\U0001f600", "xy")
    ]


async def test_a_store_that_is_down_acknowledges_nothing_and_names_no_comment(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/without-tables.sqlite3")
    try:
        with pytest.raises(StoreUnavailable) as raised:
            await StoredFeedback(database, clock=lambda: RECEIVED).record("crlm-patient-view", body(OVERRIDDEN), EHR)
    finally:
        database.close()
    assert "later" not in str(raised.value.__cause__)
