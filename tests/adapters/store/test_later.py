from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from typing import TYPE_CHECKING

import sqlalchemy as sa
from typer.testing import CliRunner

from service.adapters.store import rounds
from service.adapters.store.database import Database
from service.adapters.store.issued_cards import IssuedCards, SeenTreatment
from service.adapters.store.later import Later, LaterOfStrategy
from service.adapters.store.mdt_decisions import MdtDecision, StoredMdtDecisions
from service.adapters.store.report import read_report
from service.adapters.store.retention import Retention
from service.adapters.store.schema import issued_cards, later_treatments
from service.adapters.store.token_ids import StoredTokenIds
from service.commands.feedback import app
from tests.adapters.store.cards import ISSUER, MONDAY, card, uuid

if TYPE_CHECKING:
    from datetime import datetime

    import pytest

    from service.adapters.store.issued_cards import IssuedCard

ANNA, BERTA, CARLA = "a" * 64, "b" * 64, "c" * 64


def day(number: int) -> timedelta:
    return timedelta(days=number)


async def keep(database: Database, *items: IssuedCard | SeenTreatment) -> None:
    queue = IssuedCards(database)
    queue.put(items)
    await queue.flush()


def seen(subject: str, treatment: str, on: int) -> SeenTreatment:
    return SeenTreatment(subject, treatment, MONDAY + day(on))


async def decide(database: Database, card: str, decided: str, on: int) -> None:
    await StoredMdtDecisions(database).record(
        MdtDecision(
            issuer=ISSUER, card=card, recommended="liver-first", decided=decided, agreed=decided == "liver-first",
            reason=None, rows=("A12b",), knowledge_id="k", knowledge_version="1", policy="default",
            recorded_at=MONDAY + day(on),
        )
    )  # fmt: skip


async def test_a_patient_counts_by_the_answer_before_the_first_new_treatment(database: Database) -> None:
    await keep(
        database,
        card(1, subject=ANNA, strategy="undetermined"),
        card(2, subject=ANNA, issued_at=MONDAY + day(3), silent=True),
        seen(ANNA, "systemic-therapy", 0),
        seen(ANNA, "liver-operation", 30),
        card(3, subject=ANNA, strategy="staged", issued_at=MONDAY + day(30)),
        seen(ANNA, "primary-resection", 90),
        card(4, subject=BERTA, strategy="staged"),
        card(5, subject=CARLA, strategy="staged"),
        seen(CARLA, "primary-resection", 20),
        seen(CARLA, "systemic-therapy", 20),
        card(6, strategy="staged"),
    )
    await decide(database, uuid(2), "liver-first", 10)
    await decide(database, uuid(2), "staged", 40)
    assert read_report(database).later == (
        Later("liver-first", "liver-first", "liver-operation", 1),
        Later("staged", "not recorded", "nothing yet", 1),
        Later("staged", "not recorded", "primary-resection + systemic-therapy", 1),
    )


async def test_each_recommendation_is_counted_with_what_was_decided_and_done(database: Database) -> None:
    await keep(
        database,
        *(card(number, subject=name) for number, name in ((1, ANNA), (2, BERTA), (3, CARLA))),
        card(4, subject="dora", strategy="undetermined", silent=True, missing=("ecog", "asa")),
        seen(ANNA, "liver-operation", 30),
        seen(BERTA, "primary-resection", 30),
    )
    await decide(database, uuid(1), "liver-first", 10)
    await decide(database, uuid(2), "staged", 10)
    report = read_report(database)
    assert report.later_by_strategy == (
        LaterOfStrategy("liver-first", 3, 1, 1, (("liver-operation", 1), ("nothing yet", 1), ("primary-resection", 1))),
        LaterOfStrategy("undetermined", 1, 0, 0, (("nothing yet", 1),)),
    )
    assert report.missing_shares == (("asa", 1, 1.0), ("ecog", 1, 1.0))


async def test_the_moment_at_which_a_treatment_was_first_seen_stays(database: Database) -> None:
    await keep(database, seen(ANNA, "liver-operation", 1))
    await keep(database, seen(ANNA, "liver-operation", 9))
    rows = database.read_now(lambda connection: connection.execute(sa.select(later_treatments)).all())
    assert [tuple(row) for row in rows] == [(ANNA, "liver-operation", MONDAY + day(1))]


async def test_a_report_of_a_time_asks_for_its_answers_alone(database: Database) -> None:
    await keep(database, card(1, subject=ANNA), seen(ANNA, "liver-operation", 30))
    found = [read_report(database, since=MONDAY + day(since)).later for since in (0, 1)]
    assert found == [(Later("liver-first", "not recorded", "liver-operation", 1),), ()]


async def test_the_command_prints_what_was_done(database: Database, store_url: str) -> None:
    await keep(database, card(1, subject=ANNA), seen(ANNA, "liver-operation", 30))
    said = {
        name: CliRunner().invoke(app, ["report", "--format", name, "--database-url", store_url]).stdout
        for name in ("json", "csv", "table")
    }
    content = json.loads(said["json"])
    assert content["later"] == [
        {"recommended": "liver-first", "decided": "not recorded", "done": "liver-operation", "patients": 1}
    ]
    assert content["later_by_strategy"] == [
        {
            "recommended": "liver-first",
            "patients": 1,
            "decidedSo": 0,
            "decidedOtherwise": 0,
            "done": {"liver-operation": 1},
        }
    ]
    assert "later_by_strategy,liver-first: liver-operation,1,,,," in said["csv"].splitlines()
    assert "liver-operation 1" in said["table"]
    assert (content["answers"], content["open_answers"]) == (1, 0)
    assert 'later,"recommended liver-first, MDT not recorded: liver-operation",1,,,,' in said["csv"].splitlines()
    assert "0 of 1 answers on opened charts were left open." in said["table"]


async def test_treatments_stay_as_long_as_their_patient_has_a_card(database: Database) -> None:
    await keep(
        database,
        card(1, subject=ANNA),
        seen(ANNA, "liver-operation", 1),
        card(2, subject=BERTA, issued_at=MONDAY + day(50)),
        seen(BERTA, "liver-operation", 1),
        seen(CARLA, "liver-operation", 49),
    )
    await decide(database, uuid(1), "staged", 2)
    gone = await Retention(database, days=20, clock=lambda: MONDAY + day(60)).purge_once()
    assert gone == {"issued_cards": 1, "mdt_decisions": 1, "later_treatments": 1}


async def test_retention_deletes_what_is_older_than_its_days(database: Database) -> None:
    await keep(database, card(1), card(2, issued_at=MONDAY + day(31)))
    retention = Retention(database, days=30, clock=lambda: MONDAY + day(40))
    assert await retention.purge_once() == {"issued_cards": 1}


async def test_who_waits_to_write_gets_a_turn_while_much_is_deleted(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rounds, "PORTION", 1)
    await keep(database, *(card(number) for number in range(1, 10)))
    ended: list[str] = []

    async def purge() -> None:
        await Retention(database, days=30, clock=lambda: MONDAY + day(40)).purge_once()
        ended.append("purge")

    async def call() -> None:
        await StoredTokenIds(database).remember("a", "1", expires_at=2e9, now=1e9)
        ended.append("call")

    await asyncio.gather(purge(), call())
    assert ended == ["call", "purge"]


class Rounds:
    """A clock that tells when it is asked a second time: then the first round is over."""

    def __init__(self) -> None:
        self.asked = 0
        self.second = asyncio.Event()

    def __call__(self) -> datetime:
        self.asked += 1
        if self.asked > 1:
            self.second.set()
        return MONDAY + day(40)


async def test_the_server_purges_at_its_start_and_ends_with_it(database: Database) -> None:
    await keep(database, card(1))
    rounds = Rounds()
    async with Retention(database, days=30, clock=rounds).purging(every_s=0.001):
        await asyncio.wait_for(rounds.second.wait(), 10)
    left = sa.select(sa.func.count()).select_from(issued_cards)
    assert await database.read(lambda connection: connection.execute(left).scalar_one()) == 0
    assert len(asyncio.all_tasks()) == 1


async def test_one_worker_purges_at_a_time(database: Database, store_url: str) -> None:
    if database.is_sqlite:
        return  # It has one writer: the second would wait and find nothing.
    other = Database(store_url)
    retention = Retention(other, days=30, clock=lambda: MONDAY)
    try:
        with database.engine.begin() as connection:
            connection.execute(sa.text("SELECT pg_advisory_xact_lock(:key)"), {"key": 0x70757267})
            assert await retention.purge_once() is None
        assert await retention.purge_once() == {}
    finally:
        other.close()


async def test_a_store_that_is_away_does_not_end_the_purging() -> None:
    away, rounds = Database("postgresql://crlm@127.0.0.1:1/x"), Rounds()
    async with Retention(away, days=30, clock=rounds).purging(every_s=0.001):
        await asyncio.wait_for(rounds.second.wait(), 10)
    away.close()
