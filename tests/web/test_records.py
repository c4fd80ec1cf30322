from __future__ import annotations

import json
import os
import stat
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from fhir_mappings.case import Case, Evidence, Gap, Interval, Known, Narrowed, PartialDate, Sign, Unknown
from service.adapters.audit import AuditLog
from service.adapters.pseudonyms import Pseudonyms
from service.adapters.store.database import Database
from service.adapters.store.report import read_report
from service.adapters.store.schema import issued_cards, later_treatments
from service.errors import SettingsError
from service.knowledge.done import treatments_done
from service.knowledge.guideline import load_guideline
from service.records import _value
from tests.adapters.tokens import EC_KEY, ISSUER, jwk, key_set, token
from tests.canary.mark import MARK
from tests.checked_client import HOOK_INSTANCE, PATIENT_VIEW
from tests.hooks.serving import BASE, NOW, chart, clients_file, message, prefetch_of, served

if TYPE_CHECKING:
    from pathlib import Path

    from fhir_mappings.case import Fact

KEY = "a pseudonym key for tests, no other use"
CANARY = f"{MARK}-1"
TODAY = NOW.date()


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def request(example: str = "V01", **more: Any) -> dict[str, Any]:
    context = {"patientId": CANARY, "userId": f"Practitioner/{CANARY}"}
    return message(prefetch=prefetch_of(chart(example, patient_id=CANARY)), context=context, **more)


async def test_each_answered_hook_is_one_line_without_patient_or_clinical_value(tmp_path: Path) -> None:
    log = tmp_path / "audit.jsonl"
    async with served(tmp_path, audit_log=str(log), pseudonym_key=KEY) as client:
        [card] = (await client.call(request())).json()["cards"]
        refused = await client.call(b"{")
    guideline, names = load_guideline(), Pseudonyms(KEY)
    assert refused.status_code == 400
    assert lines(log) == [
        {
            "event": "hook-answered",
            "at": "2026-11-23T19:00:00Z",
            "service": "crlm-patient-view",
            "hookInstance": HOOK_INSTANCE,
            "user": names.of("user", "", "", f"Practitioner/{CANARY}"),
            "patient": names.of("patient", "", "", CANARY),
            "result": "shown",
            "cards": [card["uuid"]],
            "rows": card["extension"]["example.crlm-cds.advice"]["rows"],
            "knowledge": {"id": guideline.id, "version": guideline.version, "policy": "default"},
        }
    ]
    assert CANARY not in log.read_text()
    assert stat.S_IMODE(log.stat().st_mode) == 0o600


async def test_without_a_key_nobody_is_told_from_another(tmp_path: Path) -> None:
    log = tmp_path / "audit.jsonl"
    async with served(tmp_path, audit_log=str(log)) as client:
        await client.call(request())
    [line] = lines(log)
    assert not {"user", "patient", "issuer", "tenant"} & line.keys()
    database = Database(f"sqlite:///{tmp_path / 'store.sqlite3'}")
    kept = database.read_now(lambda connection: connection.execute(sa.select(issued_cards.c.subject)).scalars().all())
    database.close()
    assert kept == [None]


async def test_a_site_may_turn_clinical_values_on(tmp_path: Path) -> None:
    log = tmp_path / "audit.jsonl"
    async with served(tmp_path, audit_log=str(log), audit_values=True) as client:
        [card] = (await client.call(request())).json()["cards"]
    [line] = lines(log)
    advice = card["extension"]["example.crlm-cds.advice"]
    assert (line["strategies"], line["nextSteps"]) == ([advice["strategy"]], [advice["nextStep"]])
    assert (line["facts"]["ecog"], line["facts"]["primary-in-situ"]) == (0, True)


async def test_a_chart_out_of_scope_is_an_answered_hook_too(tmp_path: Path) -> None:
    log = tmp_path / "audit.jsonl"
    async with served(tmp_path, audit_log=str(log), audit_values=True) as client:
        answer = await client.call(message(prefetch=prefetch_of([])))
    [line] = lines(log)
    assert (answer.json(), line["result"], line["cards"], line["rows"]) == ({"cards": []}, "out-of-scope", [], [])
    assert "facts" not in line


async def test_an_answer_that_rests_is_a_line_without_cards(tmp_path: Path) -> None:
    log = tmp_path / "audit.jsonl"
    async with served(tmp_path, audit_log=str(log), repeat_after_s=600) as client:
        for _ in range(2):
            await client.call(request())
    assert [(line["result"], len(line["cards"])) for line in lines(log)] == [("shown", 1), ("repeated", 0)]


async def test_a_silent_answer_is_kept_audited_and_followed_and_not_shown(tmp_path: Path) -> None:
    (tmp_path / "keys.json").write_bytes(key_set(jwk(EC_KEY, "ec")))
    clients = clients_file(tmp_path, {"issuer": ISSUER, "jwks_file": "keys.json", "silent": True})
    claims = {"aud": f"{BASE}{PATIENT_VIEW}", "jti": "one"}
    headers = {"authorization": f"Bearer {token(claims=claims)}", "content-type": "application/json"}
    settings = {"auth": "required", "clients": clients, "audit_log": str(tmp_path / "audit"), "pseudonym_key": KEY}
    async with served(tmp_path, **settings) as client:
        answer = await client.request("POST", PATIENT_VIEW, json=request(), headers=headers)
    [line] = lines(tmp_path / "audit")
    database = Database(f"sqlite:///{tmp_path / 'store.sqlite3'}")
    report = read_report(database)
    database.close()
    assert answer.json() == {"cards": []}
    assert (line["issuer"], line["result"], len(line["cards"])) == (ISSUER, "silent", 1)
    assert (report.silent, report.total.issued, report.answers) == (1, 0, 1)
    assert [(later.recommended, later.done) for later in report.later] == [("liver-first", "nothing yet")]


async def test_what_was_done_later_is_counted_for_the_patient_of_an_earlier_answer(tmp_path: Path) -> None:
    moments = iter([NOW, NOW, NOW + timedelta(days=60), NOW + timedelta(days=60)])
    last = [NOW]

    def clock() -> Any:
        last[0] = next(moments, last[0])
        return last[0]

    async with served(tmp_path, pseudonym_key=KEY, clock=clock) as client:
        await client.call(request())
        await client.call(request(), PATIENT_VIEW)
        operated = chart("V01", patient_id=CANARY, liver_state="treated")
        context = {"patientId": CANARY, "userId": "Practitioner/1"}
        await client.call(message(prefetch=prefetch_of(operated), context=context))
    database = Database(f"sqlite:///{tmp_path / 'store.sqlite3'}")
    found = read_report(database).later
    rows = database.read_now(lambda connection: connection.execute(sa.select(later_treatments)).all())
    database.close()
    assert [(later.recommended, later.done, later.patients) for later in found] == [
        ("liver-first", "liver-operation", 1)
    ]
    assert CANARY not in str(rows)


def test_a_file_that_cannot_be_written_stops_the_start() -> None:
    with pytest.raises(SettingsError, match="CRLM_AUDIT_LOG: the file cannot be written"):
        AuditLog("/nowhere/at/all/audit.jsonl")


def test_lines_are_added_and_a_file_that_was_moved_away_is_begun_again(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    path.write_text('{"event":"kept"}\n')
    log = AuditLog(str(path))
    log.write({"event": "one", "absent": None})
    path.rename(tmp_path / "audit.1")
    log.write({"event": "two"})
    assert [line["event"] for line in lines(tmp_path / "audit.1")] == ["kept", "one"]
    assert lines(path) == [{"event": "two"}]


def test_a_disk_that_is_full_costs_a_line_and_says_so(log_lines: list[dict[str, Any]]) -> None:
    AuditLog("/dev/full").write({"event": "one"})
    assert log_lines == [{"event": "audit_line_lost", "fault": "OSError", "log_level": "error"}]


def test_stdout_may_take_the_lines(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    with os.fdopen(os.dup(1), "w") as stdout:
        monkeypatch.setattr("sys.stdout", stdout)
        AuditLog("-").write({"event": "one"})
    assert capfd.readouterr().out == '{"event":"one"}\n'


def test_pseudonyms_differ_by_kind_issuer_and_key_and_show_none_of_them() -> None:
    names = Pseudonyms(KEY)
    parts = [("patient", "a", "1"), ("user", "a", "1"), ("patient", "b", "1"), ("patient", "a1", "")]
    assert len({names.of(*part) for part in parts} | {Pseudonyms(KEY[::-1]).of(*parts[0])}) == 5
    assert names.of(*parts[0]) == Pseudonyms(KEY).of(*parts[0])
    assert repr(names) == "Pseudonyms(…)"


@pytest.mark.parametrize(
    ("fact", "value"),
    [
        (Known(value=TODAY), "2026-11-23"),
        (Known(value=True), True),
        (Unknown(Gap.OUTDATED), {"unknown": "outdated"}),
        (Narrowed(frozenset({"b", "a"})), {"oneOf": ["a", "b"]}),
        (Narrowed(Interval(1, None)), {"from": 1, "to": None}),
    ],
)
def test_values_in_audit_lines_are_plain_json(fact: Fact, value: object) -> None:
    assert _value(fact) == value


def evidence(day: int) -> tuple[Evidence, ...]:
    on = TODAY - timedelta(days=day)
    return (Evidence("Procedure/p", dated=PartialDate(on, on)),)


@pytest.mark.parametrize(
    ("signs", "facts", "done"),
    [
        (set(), {}, set()),
        ({Sign.SYSTEMIC_THERAPY_SINCE_METASTASIS}, {}, {"systemic-therapy"}),
        ({Sign.LIVER_TREATED}, {}, {"liver-operation"}),
        (set(), {"primary-in-situ": Known(value=False)}, {"primary-resection"}),
        ({Sign.LIVER_TREATED, Sign.PRIMARY_RESECTED}, {}, {"liver-operation", "primary-resection"}),
        (
            {Sign.LIVER_TREATED, Sign.PRIMARY_RESECTED},
            {"liver-state": Known("treated", evidence(9)), "primary-in-situ": Known(value=False, evidence=evidence(9))},
            {"liver-and-primary-on-one-day"},
        ),
        (
            {Sign.LIVER_TREATED, Sign.PRIMARY_RESECTED},
            {"liver-state": Known("treated", evidence(9)), "primary-in-situ": Known(value=False, evidence=evidence(8))},
            {"liver-operation", "primary-resection"},
        ),
    ],
)
def test_what_was_done_is_read_from_the_case(signs: set[Sign], facts: dict[str, Fact], done: set[str]) -> None:
    assert treatments_done(Case(facts, TODAY, signs=frozenset(signs))) == done
