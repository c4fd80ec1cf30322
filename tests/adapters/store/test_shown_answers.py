from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING

from service.adapters.sealing import Sealer
from service.adapters.store import shown_answers as module
from service.adapters.store.shown_answers import ShownAnswers

if TYPE_CHECKING:
    import pytest
    from sqlalchemy.engine import Connection

    from service.adapters.store.database import Database

NOW = 1_795_459_700.0
READER = ("https://ehr.example.org", "", "crlm-patient-view", "Practitioner/1", "p1")
NEW, OLD = "n" * 32, "o" * 32


def shown_answers(database: Database, *secrets: str, rest_s: float = 60) -> ShownAnswers:
    return ShownAnswers(database, index=Sealer(secrets or (NEW,), "shown answers").index, rest_s=rest_s)


async def test_an_answer_is_known_to_every_worker_until_its_time_is_over(database: Database) -> None:
    first, second = shown_answers(database), shown_answers(database)
    first.put("liver first", to=READER, now=NOW)
    await first.flush()
    found = [await second.was_shown("liver first", to=READER, now=NOW + later) for later in (0, 59, 60, 61)]
    assert found == [True, True, False, False]


async def test_only_the_last_answer_to_a_reader_rests(database: Database) -> None:
    shown = shown_answers(database)
    for answer in ("liver first", "simultaneous", "staged"):
        shown.put(answer, to=READER, now=NOW)
    found = [await shown.was_shown(answer, to=READER, now=NOW) for answer in ("liver first", "simultaneous", "staged")]
    assert found == [False, False, True]


async def test_another_reader_has_seen_nothing(database: Database) -> None:
    shown = shown_answers(database)
    shown.put("liver first", to=READER, now=NOW)
    others = [(*READER[:place], "other", *READER[place + 1 :]) for place in range(len(READER))]
    assert [await shown.was_shown("liver first", to=other, now=NOW) for other in others] == [False] * len(READER)


async def test_after_a_rotation_of_the_key_earlier_answers_are_still_known(database: Database) -> None:
    before = shown_answers(database, OLD)
    before.put("liver first", to=READER, now=NOW)
    await before.flush()
    assert await shown_answers(database, NEW, OLD).was_shown("liver first", to=READER, now=NOW)
    assert not await shown_answers(database, NEW).was_shown("liver first", to=READER, now=NOW)


async def test_a_store_that_does_not_answer_in_time_knows_of_nothing(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_ANSWER_S", 0.05)
    shown, started, held = shown_answers(database), threading.Event(), threading.Event()

    def hold(_: Connection) -> bool:
        started.set()
        return held.wait(10)

    shown.put("liver first", to=READER, now=NOW)
    await shown.flush()
    blocking = asyncio.create_task(database.read(hold))
    await asyncio.to_thread(started.wait, 10)
    try:
        assert not await shown.was_shown("liver first", to=READER, now=NOW)
    finally:
        held.set()
        await blocking
    monkeypatch.setattr(module, "_ANSWER_S", 10.0)
    assert await shown.was_shown("liver first", to=READER, now=NOW)


async def test_what_waits_to_be_written_is_bounded(database: Database) -> None:
    shown = shown_answers(database)
    for number in range(1_100):
        shown.put("liver first", to=(*READER[:4], str(number)), now=NOW)
    await shown.flush()
    found = [await shown.was_shown("liver first", to=(*READER[:4], str(number)), now=NOW) for number in (0, 999, 1_000)]
    assert found == [True, True, False]
