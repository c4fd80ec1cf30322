"""Feedback through the whole service: what is taken, what is refused, and what is kept of it."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from tests.hooks.serving import chart, message, prefetch_of, served

if TYPE_CHECKING:
    from pathlib import Path

    import httpx

    from tests.checked_client import CheckedClient

PATH = "/cds-services/crlm-patient-view/feedback"
CARD = "5f6c9d3e-0000-4000-8000-000000000001"
SUGGESTION = "5f6c9d3e-0000-4000-8000-00000000000a"
AT = "2026-11-23T18:49:38.380Z"
ACCEPTED = {"card": CARD, "outcome": "accepted", "acceptedSuggestions": [{"id": SUGGESTION}], "outcomeTimestamp": AT}
OVERRIDDEN = {"card": CARD, "outcome": "overridden", "outcomeTimestamp": AT}


async def send(client: CheckedClient, *entries: Any) -> httpx.Response:
    return await client.call({"feedback": list(entries)}, PATH)


def kept(folder: Path, columns: str = "card, outcome") -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(folder / "store.sqlite3")) as store:
        return store.execute(f"SELECT {columns} FROM feedback ORDER BY id").fetchall()  # noqa: S608  our own columns


@pytest.mark.duty(67, 68, 71)
@pytest.mark.parametrize(
    "entry",
    [
        ACCEPTED,
        OVERRIDDEN,
        {**OVERRIDDEN, "overrideReason": {"reason": {"code": "patient-refuses"}}},
        {**OVERRIDDEN, "overrideReason": {"userComment": "seen"}},
        {**OVERRIDDEN, "outcomeTimestamp": "2026-11-23T19:49:38+01:00"},
        {**OVERRIDDEN, "extension": {"org.example": {}}, "unknown": None},
        {**ACCEPTED, "card": CARD.upper()},
    ],
    ids=range(7),
)
async def test_feedback_is_kept_before_it_is_acknowledged(tmp_path: Path, entry: Any) -> None:
    async with served(tmp_path) as client:
        answer = await send(client, entry)
        found = kept(tmp_path)
    assert (answer.status_code, answer.content, found) == (200, b"", [(CARD, entry["outcome"])])


@pytest.mark.duty(68)
@pytest.mark.parametrize(
    ("body", "element"),
    [
        ({}, "feedback"),
        ({"feedback": []}, "feedback"),
        (OVERRIDDEN, "feedback"),
        ({"feedback": [{**OVERRIDDEN, "card": "1"}]}, "feedback[0].card"),
        ({"feedback": [ACCEPTED, {**OVERRIDDEN, "outcome": "ignored"}]}, "feedback[1].outcome"),
        ({"feedback": [{**OVERRIDDEN, "outcomeTimestamp": "yesterday"}]}, "feedback[0].outcomeTimestamp"),
        ({"feedback": [{**ACCEPTED, "acceptedSuggestions": []}]}, "feedback[0].acceptedSuggestions"),
        ({"feedback": [{**OVERRIDDEN, "overrideReason": {}}]}, "feedback[0].overrideReason"),
    ],
    ids=range(8),
)
async def test_what_is_no_feedback_is_refused_whole_and_nothing_of_it_kept(
    tmp_path: Path, body: Any, element: str
) -> None:
    async with served(tmp_path) as client:
        answer = await client.call(body, PATH)
        found = kept(tmp_path)
    assert (answer.status_code, answer.json()["issue"][0]["code"], found) == (400, "invalid", [])
    assert element.rstrip("]") in json.dumps(answer.json()).replace("[...]", "[1]")


@pytest.mark.duty(69)
async def test_several_entries_come_at_once_and_a_repeated_one_is_kept_once(tmp_path: Path) -> None:
    later = {**OVERRIDDEN, "outcomeTimestamp": "2026-11-23T18:55:00Z"}
    other = {**OVERRIDDEN, "card": "5f6c9d3e-0000-4000-8000-000000000002"}
    async with served(tmp_path) as client:
        statuses = [
            (await send(client, *entries)).status_code for entries in ((ACCEPTED, other), (ACCEPTED,), (later,))
        ]
    assert statuses == [200] * 3
    assert kept(tmp_path) == [(CARD, "accepted"), (other["card"], "overridden"), (CARD, "overridden")]


@pytest.mark.duty(50, 67)
async def test_the_ids_of_a_card_lead_back_to_what_it_said(tmp_path: Path) -> None:
    async with served(tmp_path) as client:
        [card] = (await client.call(message(prefetch=prefetch_of(chart("V01"))))).json()["cards"]
        taken = [{"id": card["suggestions"][0]["uuid"]}]
        await send(client, {**ACCEPTED, "card": card["uuid"], "acceptedSuggestions": taken})
    with closing(sqlite3.connect(tmp_path / "store.sqlite3")) as store:
        found = store.execute(
            "SELECT outcome, strategy, suggestions FROM feedback JOIN issued_cards USING (card)"
        ).fetchall()
    assert found == [("accepted", "liver-first", json.dumps([taken[0]["id"]]))]


@pytest.mark.duty(73)
async def test_a_comment_is_kept_and_never_logged(
    tmp_path: Path, log_lines: list[Any], capfd: pytest.CaptureFixture[str]
) -> None:
    comment = "CANARY\u202e-comment \x07of Anna"
    async with served(tmp_path) as client:
        await send(client, {**OVERRIDDEN, "overrideReason": {"userComment": comment}})
        await send(client, {**OVERRIDDEN, "overrideReason": {"userComment": 7, "reason": comment}})
    printed = capfd.readouterr()
    assert kept(tmp_path, "comment") == [("CANARY-comment of Anna",)]
    assert "CANARY" not in json.dumps(log_lines, default=str) + printed.out + printed.err
