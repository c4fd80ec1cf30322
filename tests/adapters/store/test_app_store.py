import asyncio
import json
import threading
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from service.adapters.sealing import Sealer
from service.adapters.smart_client import Attempt, Grant
from service.adapters.smart_configuration import SmartConfiguration
from service.adapters.store.app_schema import app_records, local_facts, mdt_decisions
from service.adapters.store.app_sessions import StoredRecords
from service.adapters.store.database import Database
from service.adapters.store.local_facts import LocalFacts
from service.adapters.store.mdt_decisions import MdtDecision, MdtReport, StoredMdtDecisions
from service.adapters.store.report import read_report
from service.adapters.store.retention import Retention
from service.commands.feedback import as_json, csv_rows
from service.errors import SettingsError, StoreUnavailable
from service.settings import load_settings
from service.web.smart.sessions import AppSession, PendingLaunch, Sessions
from tests.smart.ehr import NOW
from tests.smart.harness import SECRET

NOW_S = NOW.timestamp()
ISSUER = "https://ehr.example.org"


def _observation(fact: str, value: int) -> dict[str, Any]:
    return {"resourceType": "Observation", "identifier": [{"system": "s", "value": fact}], "valueInteger": value}


def test_the_migration_builds_what_the_code_uses(database: Database) -> None:
    for table in (app_records, local_facts, mdt_decisions):
        columns = {column["name"] for column in sa.inspect(database.engine).get_columns(table.name)}
        assert columns == set(table.columns.keys())


async def test_a_record_is_found_until_it_expires(database: Database) -> None:
    records = StoredRecords(database)
    await records.put("session", "k", b"1", expires_at_s=NOW_S + 10)
    await records.put("session", "k", b"2", expires_at_s=NOW_S + 10)
    assert await records.get("session", "k", now_s=NOW_S) == b"2"
    assert await records.get("attempt", "k", now_s=NOW_S) is None
    assert await records.get("session", "k", now_s=NOW_S + 10) is None


async def test_a_record_is_replaced_where_it_is_still_the_one_that_was_read(database: Database) -> None:
    records = StoredRecords(database)
    await records.put("session", "k", b"1", expires_at_s=NOW_S + 10)
    done = [await records.replace("session", "k", b"1", new, expires_at_s=NOW_S + 20) for new in (b"2", b"3")]
    assert (done, await records.get("session", "k", now_s=NOW_S + 15)) == ([True, False], b"2")
    await records.delete("session", "k")
    assert await records.replace("session", "k", b"2", b"4", expires_at_s=NOW_S + 20) is False
    assert await records.get("session", "k", now_s=NOW_S) is None


async def test_a_record_is_taken_once(database: Database) -> None:
    records = StoredRecords(database)
    await records.put("attempt", "k", b"1", expires_at_s=NOW_S + 10)
    assert [await records.take("attempt", "k", now_s=NOW_S) for _ in range(2)] == [b"1", None]


async def test_expired_records_are_purged_and_ended_ones_deleted(database: Database) -> None:
    records = StoredRecords(database)
    await records.put("session", "old", b"1", expires_at_s=NOW_S - 1)
    await records.put("session", "ended", b"1", expires_at_s=NOW_S + 9)
    await records.delete("session", "ended")
    assert await records.purge(NOW_S) == 1
    assert await records.purge(NOW_S + 99) == 0


async def test_local_facts_come_back_for_their_patient_alone(database: Database) -> None:
    facts = LocalFacts(database, Sealer([SECRET], "local facts"))
    await facts.put(ISSUER, "p1", [_observation("ecog", 1), _observation("asa", 2)], now=NOW)
    await facts.put(ISSUER, "p1", [_observation("ecog", 2)], now=NOW + timedelta(minutes=1))
    assert await facts.of(ISSUER, "p1") == [_observation("asa", 2), _observation("ecog", 2)]
    assert await facts.of(ISSUER, "p2") == []
    assert await facts.of("https://other.example", "p1") == []


async def test_a_store_that_keeps_silent_is_not_waited_for_by_a_call(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.adapters.store.local_facts._ANSWER_S", 0.05)
    facts, held = LocalFacts(database, Sealer([SECRET], "local facts")), threading.Event()
    blocked = asyncio.create_task(database.read(lambda _: held.wait(10)))
    await asyncio.sleep(0)
    try:
        with pytest.raises(StoreUnavailable):
            await facts.of(ISSUER, "p1")
    finally:
        held.set()
        await blocked


async def test_local_facts_and_ended_sessions_go_when_their_time_is_over(database: Database) -> None:
    facts, records = LocalFacts(database, Sealer([SECRET], "local facts")), StoredRecords(database)
    await facts.put(ISSUER, "p1", [_observation("ecog", 1)], now=NOW - timedelta(days=31))
    await facts.put(ISSUER, "p1", [_observation("asa", 2)], now=NOW - timedelta(days=29))
    await records.put("session", "ended", b"1", expires_at_s=NOW_S)
    await records.put("session", "open", b"1", expires_at_s=NOW_S + 1)
    gone = await Retention(database, days=30, clock=lambda: NOW).purge_once()
    assert gone == {"local_facts": 1, "app_records": 1}
    assert await facts.of(ISSUER, "p1") == [_observation("asa", 2)]
    assert await records.get("session", "open", now_s=NOW_S) == b"1"


async def test_sessions_of_the_app_are_shared_by_replicas(database: Database, store_url: str) -> None:
    other = Database(store_url)
    try:
        here, there = (
            Sessions(StoredRecords(found), Sealer([SECRET], "sessions"), lambda: NOW) for found in (database, other)
        )
        configuration = SmartConfiguration(f"{ISSUER}/authorize", f"{ISSUER}/token")
        attempt = Attempt(ISSUER, configuration, "https://cds.example.org/smart/callback", "state", "nonce", "verifier")
        binding = await here.begin(attempt)
        launches = await asyncio.gather(*(found.take_launch("state") for found in (here, there)))
        assert [launch for launch in launches if launch is not None] == [PendingLaunch(attempt, binding)]
        session = AppSession(ISSUER, Grant("token", NOW_S + 300, "p1", frozenset()), configuration, "csrf", NOW_S)
        cookie = await here.open(session)
        assert await there.find(cookie) == session
        await there.end(cookie)
        assert await here.find(cookie) is None
    finally:
        other.close()


async def test_the_database_shows_neither_patient_nor_value(database: Database) -> None:
    facts = LocalFacts(database, Sealer([SECRET], "local facts"))
    await facts.put(ISSUER, "secret-patient", [_observation("secret-fact", 1)], now=NOW)
    rows = database.read_now(lambda connection: connection.execute(sa.select(local_facts)).all())
    assert "secret" not in repr(rows)


async def test_facts_of_an_earlier_key_are_found_and_of_a_lost_key_left_out(database: Database) -> None:
    new = "another secret of the site, also long enough"
    await LocalFacts(database, Sealer([SECRET], "local facts")).put(ISSUER, "p1", [_observation("ecog", 1)], now=NOW)
    rotated = LocalFacts(database, Sealer([new, SECRET], "local facts"))
    assert await rotated.of(ISSUER, "p1") == [_observation("ecog", 1)]
    assert await LocalFacts(database, Sealer([new], "local facts")).of(ISSUER, "p1") == []


async def test_the_report_counts_agreement_deviation_and_reasons(database: Database) -> None:
    decision = MdtDecision(
        issuer=ISSUER,
        card=None,
        recommended="liver-first",
        decided="liver-first",
        agreed=True,
        reason=None,
        rows=("A12b",),
        knowledge_id="crlm-summary-2025",
        knowledge_version="1.0.0",
        policy="default",
        recorded_at=NOW,
    )
    stored = StoredMdtDecisions(database)
    await stored.record(decision)
    deviation = replace(decision, decided="staged", agreed=False, reason="emergency")
    await stored.record(deviation)
    await stored.record(replace(deviation, recorded_at=NOW - timedelta(days=400)))
    await stored.record(replace(decision, recommended=None, agreed=False))
    report = read_report(database, since=NOW - timedelta(days=30))
    assert report.mdt == MdtReport(1, 1, 1, (("liver-first", "staged", 1),), (("emergency", 1),))
    assert read_report(database).mdt.deviated == 2
    assert read_report(database, until=NOW).mdt.agreed == 0
    assert json.loads(as_json(report))["mdt"] == {
        "agreed": 1,
        "deviated": 1,
        "decidedOpen": 1,
        "deviations": [{"recommended": "liver-first", "decided": "staged", "count": 1}],
        "reasons": {"emergency": 1},
    }
    assert [row for row in csv_rows(report) if row[0].startswith("mdt")] == [
        ("mdt", "agreed", "1", "", "", "", ""),
        ("mdt", "decided otherwise", "1", "", "", "", ""),
        ("mdt", "decided where open", "1", "", "", "", ""),
        ("mdt", "liver-first recommended, staged decided", "1", "", "", "", ""),
        ("mdt_reason", "emergency", "1", "", "", "", ""),
    ]


@pytest.mark.parametrize("text", [" , ", "short", f"{'x' * 32},short"])
def test_a_weak_secret_stops_the_start(text: str) -> None:
    with pytest.raises(SettingsError) as raised:
        load_settings({"CRLM_AUTH": "off", "CRLM_SESSION_KEY": text})
    assert raised.value.faults == ("CRLM_SESSION_KEY: each key needs at least 32 characters",)


def test_several_secrets_are_split_in_order_and_never_shown() -> None:
    settings = load_settings({"CRLM_AUTH": "off", "CRLM_LOCAL_FACTS_KEY": f" {'x' * 32} , {'y' * 32}"})
    assert settings.local_facts_key == ("x" * 32, "y" * 32)
    assert "xxx" not in repr(settings)
