from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from service.adapters.store.feedback import StoredFeedback
from service.adapters.store.issued_cards import IssuedCards
from service.adapters.store.report import ReasonCount, Report, Tally, read_report
from service.adapters.store.retention import Retention
from service.adapters.store.token_ids import StoredTokenIds
from service.commands.feedback import app
from tests.adapters.store.cards import ISSUER, MONDAY, card, entry

if TYPE_CHECKING:
    from pathlib import Path

    from service.adapters.store.database import Database

LATER = timedelta(hours=1)
REASONS = "urn:reasons"
EMPTY = Report(
    since=None, until=None, total=Tally("total"), by_strategy=(), by_row=(), by_advisory=(), by_knowledge=(),
    over_time=(), override_reasons=(), missing=(), silent=0, unmatched=0,
)  # fmt: skip


@pytest.fixture
async def used(database: Database) -> Database:
    """A store after some weeks."""
    queue = IssuedCards(database)
    queue.put([
        card(1),
        card(2, advisories=("no-biopsy", "nodules-over-3")),
        card(3, strategy="staged", rows=("A13", "B3"), issued_at=MONDAY + timedelta(days=16)),
        card(4, strategy="undetermined", rows=(), missing=("ecog", "asa"), issued_at=MONDAY + timedelta(days=16)),
        card(5, strategy=None, rows=(), advisories=("no-biopsy",), knowledge_version="1.1.0", policy="site"),
        card(6, silent=True, missing=("ecog",)),
        card(7),
    ])  # fmt: skip
    await queue.flush()
    kept = StoredFeedback(database, clock=lambda: MONDAY + timedelta(days=30))
    reason = {"reason_system": REASONS, "reason_code": "patient-refuses"}
    feedback = (
        entry(1),
        # Overridden, then accepted: the last counts.
        entry(2, "overridden", **reason),
        entry(2, at=MONDAY + LATER),
        entry(3, "overridden", at=MONDAY, comment="seen at the MDT", **reason),
        entry(5, "overridden"),
        entry(99),
    )
    await kept.keep(feedback, service="crlm-patient-view", issuer=ISSUER)
    # Another client's word on a card that it never got.
    await kept.keep((entry(7),), service="crlm-patient-view", issuer="https://other.example.org")
    return database


async def test_cards_count_by_what_they_said_and_by_their_last_feedback(used: Database) -> None:
    assert read_report(used) == Report(
        since=None,
        until=None,
        total=Tally("total", 6, 2, 2),
        by_strategy=(Tally("liver-first", 3, 2, 0), Tally("staged", 1, 0, 1), Tally("undetermined", 1, 0, 0)),
        by_row=(Tally("A12b", 3, 2, 0), Tally("A13", 1, 0, 1), Tally("B3", 1, 0, 1)),
        by_advisory=(Tally("no-biopsy", 2, 1, 1), Tally("nodules-over-3", 1, 1, 0)),
        by_knowledge=(
            Tally("crlm-summary-2025 1.0.0 (default)", 5, 2, 1),
            Tally("crlm-summary-2025 1.1.0 (site)", 1, 0, 1),
        ),
        over_time=(Tally("2026-11-02", 4, 2, 1), Tally("2026-11-09"), Tally("2026-11-16", 2, 0, 1)),
        override_reasons=(ReasonCount(REASONS, "patient-refuses", 1), ReasonCount(None, None, 1)),
        missing=(("ecog", 2), ("asa", 1)),
        silent=1,
        unmatched=2,
        answers=6,
        open_answers=1,
    )


async def test_a_report_covers_the_cards_issued_in_its_time(used: Database) -> None:
    since, until = MONDAY + timedelta(days=1), MONDAY + timedelta(days=16)
    bounds = [(since, None), (None, until), (since, until)]
    found = [read_report(used, since=first, until=last).total for first, last in bounds]
    assert found == [Tally("total", 2, 0, 1), Tally("total", 4, 2, 1), Tally("total")]


def test_an_empty_store_has_an_empty_report(database: Database) -> None:
    assert read_report(database) == EMPTY


def test_a_tally_tells_unanswered_cards_from_overridden_ones() -> None:
    tally = Tally("x", 10, 3, 1)
    assert [tally.unanswered, tally.acceptance, Tally("y", 5).acceptance] == [6, 0.75, None]


async def test_what_is_older_than_its_retention_goes(used: Database) -> None:
    await StoredTokenIds(used).remember("a", "old", expires_at=MONDAY.timestamp(), now=MONDAY.timestamp() - 10)
    now = MONDAY + timedelta(days=40)
    found = [
        await Retention(used, days=39, clock=lambda: now).purge_once(),
        await Retention(used, days=9, clock=lambda: now).purge_once(),
    ]
    assert found == [{"issued_cards": 5, "token_ids": 1}, {"issued_cards": 2, "feedback": 7}]


def run(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["report", *arguments], env={"COLUMNS": "120"})
    return result.exit_code, result.stdout, result.stderr


async def test_the_command_prints_json(used: Database, store_url: str) -> None:
    status, said, _ = run("--format", "json", "--database-url", store_url, "--since", "2026-11-18")
    assert [status, json.loads(said)] == [
        0,
        {
            "since": "2026-11-18T00:00:00Z",
            "total": {"key": "total", "issued": 2, "accepted": 0, "overridden": 1, "unanswered": 1, "acceptance": 0.0},
            "by_strategy": [
                {"key": "staged", "issued": 1, "accepted": 0, "overridden": 1, "unanswered": 0, "acceptance": 0.0},
                {"key": "undetermined", "issued": 1, "accepted": 0, "overridden": 0, "unanswered": 1},
            ],
            "by_row": [
                {"key": row, "issued": 1, "accepted": 0, "overridden": 1, "unanswered": 0, "acceptance": 0.0}
                for row in ("A13", "B3")
            ],
            "by_advisory": [],
            "by_knowledge": [
                {
                    "key": "crlm-summary-2025 1.0.0 (default)",
                    "issued": 2,
                    "accepted": 0,
                    "overridden": 1,
                    "unanswered": 1,
                    "acceptance": 0.0,
                }
            ],
            "over_time": [
                {"key": "2026-11-16", "issued": 2, "accepted": 0, "overridden": 1, "unanswered": 1, "acceptance": 0.0}
            ],
            "override_reasons": [{"system": REASONS, "code": "patient-refuses", "count": 1}],
            "missing": {"asa": 1, "ecog": 1},
            "answers": 2,
            "open_answers": 1,
            "silent": 0,
            "unmatched": 2,
        },
    ]


async def test_the_command_prints_csv_that_no_spreadsheet_runs(used: Database, store_url: str) -> None:
    hostile = entry(4, "overridden", reason_code="=HYPERLINK(1)", reason_system="@evil")
    await StoredFeedback(used, clock=lambda: datetime.now(UTC)).keep((hostile,), service="x", issuer=ISSUER)
    status, said, _ = run("--format", "csv", "--database-url", store_url)
    rows = list(csv.reader(io.StringIO(said)))
    assert status == 0
    assert rows[:3] == [
        ["group", "key", "issued", "accepted", "overridden", "unanswered", "acceptance"],
        ["total", "", "6", "2", "3", "1", "0.4000"],
        ["by_strategy", "liver-first", "3", "2", "0", "1", "1.0000"],
    ]
    assert ["override_reason", "'@evil|=HYPERLINK(1)", "", "", "1", "", ""] in rows
    assert rows[-2:] == [["silent", "", "1", "", "", "", ""], ["unmatched", "", "2", "", "", "", ""]]


async def test_the_command_prints_tables(used: Database, store_url: str) -> None:
    hostile = entry(4, "overridden", reason_code="[red]x[/red]", reason_system=REASONS)
    await StoredFeedback(used, clock=lambda: datetime.now(UTC)).keep((hostile,), service="x", issuer=ISSUER)
    status, said, _ = run("--database-url", store_url)
    wanted = [
        "By strategy", "By row of the pathway", "By advisory", "By week", "liver-first", "67%", "[red]x[/red]",
        "Facts that left answers open", "1 cards were computed silently", "2 feedback entries name no card",
    ]  # fmt: skip
    assert [status, [text for text in wanted if text not in said]] == [0, []]


def test_the_command_prints_an_empty_store(database: Database, store_url: str) -> None:
    status, said, _ = run("--database-url", store_url)
    assert [status, "All cards" in said, "By strategy" in said] == [0, True, False]


def test_the_command_says_that_a_store_cannot_be_read_and_keeps_its_password(tmp_path: Path) -> None:
    away = [f"sqlite:///{tmp_path}/none.sqlite3", "postgresql://crlm:pass-word@127.0.0.1:1/crlm"]
    for url, expected in [
        *((url, 1) for url in away),
        ("nonsense", 2),
        ("postgresql://crlm:pass-word@127.0.0.1:pass-word", 2),
    ]:
        status, said, complaint = run("--database-url", url)
        assert [status, said, "CRLM_DATABASE_URL" in complaint, "pass-word" in complaint] == [expected, "", True, False]


def test_the_command_makes_no_store_where_there_is_none(tmp_path: Path) -> None:
    away = tmp_path / "typo.sqlite3"
    complaint = "There is no store at that address yet: check CRLM_DATABASE_URL; `crlm-cds serve` makes one.\n"
    assert run("--database-url", f"sqlite:///{away}") == (1, "", complaint)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("until", ["2026-11-17", "2026-11-18"])
def test_a_time_that_ends_before_it_begins_is_refused(until: str) -> None:
    status, said, complaint = run("--since", "2026-11-18", "--until", until)
    assert (status, said, "must be a later day than --since" in complaint) == (2, "", True)


def test_the_command_reads_the_configured_store(
    database: Database, store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CRLM_DATABASE_URL", store_url)
    assert run("--format", "json")[0] == 0
