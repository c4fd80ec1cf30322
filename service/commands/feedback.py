"""`crlm-cds feedback`: what became of the advice, as a table, CSV or JSON."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, assert_never

import typer

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from rich.table import Table

    from service.adapters.store.later import Later, LaterOfStrategy
    from service.adapters.store.mdt_decisions import MdtReport
    from service.adapters.store.report import Report, Tally

app = typer.Typer(name="feedback", help="What became of the advice.", no_args_is_help=True)


class Format(StrEnum):
    """How a report is printed."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"


_COLUMNS = ("issued", "accepted", "overridden", "unanswered", "acceptance")
_DAY = typer.Option(formats=["%Y-%m-%d"], help="A day in UTC.")


@app.callback()
def feedback() -> None:
    """Show what became of the advice."""


@app.command()
def report(
    *,
    output: Annotated[Format, typer.Option("--format", help="How to print it.")] = Format.TABLE,
    since: Annotated[datetime | None, _DAY] = None,
    until: Annotated[datetime | None, _DAY] = None,
    database_url: Annotated[
        str | None, typer.Option(help="The store; by default the one of CRLM_DATABASE_URL.", show_default=False)
    ] = None,
) -> None:
    """Count issued cards and their feedback by strategy, row, advisory, knowledge version, reason and week.

    Cards count by the day of their issue, from --since to before --until; each by its last feedback.
    """
    import sqlalchemy as sa

    from service.adapters.store.database import Database
    from service.adapters.store.report import read_report
    from service.commands.faults import faults_end_the_command
    from service.commands.store_url import configured_database_url, is_there, sqlite_file

    if since is not None and until is not None and until <= since:
        raise typer.BadParameter("must be a later day than --since", param_hint="--until")
    with faults_end_the_command():
        url = configured_database_url(database_url)
    file = sqlite_file(url)
    if file is not None and not is_there(file):
        told = "There is no store at that address yet: check CRLM_DATABASE_URL; "
        typer.echo(f"{told}`crlm-cds serve` makes one.", err=True)
        raise typer.Exit(1)
    try:
        database = Database(url)
        try:
            found = read_report(database, since=_utc(since), until=_utc(until))
        finally:
            database.close()
    except sa.exc.SQLAlchemyError:
        # The cause would name the URL of the store, which may hold a password.
        typer.echo("The store cannot be read: check CRLM_DATABASE_URL, then run `crlm-cds migrate`.", err=True)
        raise typer.Exit(1) from None
    match output:
        case Format.TABLE:
            _print_tables(found)
        case Format.CSV:
            _print_csv(found)
        case Format.JSON:
            typer.echo(as_json(found))
        case _:
            assert_never(output)


def as_json(report: Report) -> str:
    """Give the report as JSON; shares are numbers from 0 to 1, absent where nobody answered."""
    import orjson

    from service.adapters.store.report import TITLES

    content = {
        "since": report.since,
        "until": report.until,
        "total": _members(report.total),
        **{name: [_members(tally) for tally in getattr(report, name)] for name in TITLES},
        "override_reasons": [
            _without_none({"system": reason.system, "code": reason.code, "count": reason.count})
            for reason in report.override_reasons
        ],
        "missing": dict(report.missing),
        "answers": report.answers,
        "open_answers": report.open_answers,
        "silent": report.silent,
        "unmatched": report.unmatched,
        "later_by_strategy": [_strategy_members(found) for found in report.later_by_strategy] or None,
        "later": report.later or None,
        "mdt": _mdt_members(report.mdt),
    }
    return orjson.dumps(_without_none(content), option=orjson.OPT_INDENT_2 | orjson.OPT_UTC_Z).decode()


def csv_rows(report: Report) -> Iterator[tuple[str, ...]]:
    """Give the report as rows of one table; reasons count as overridden, missing facts and the rest as issued."""
    from service.adapters.store.report import TITLES

    yield ("group", "key", *_COLUMNS)
    yield ("total", "", *_cells(report.total))
    for name in TITLES:
        for tally in getattr(report, name):
            yield (name, _harmless(tally.key), *_cells(tally))
    for reason in report.override_reasons:
        yield ("override_reason", _harmless(_reason(reason.system, reason.code)), "", "", str(reason.count), "", "")
    for fact, count in report.missing:
        yield _count("missing", _harmless(fact), count)
    for name in ("answers", "open_answers", "silent", "unmatched"):
        yield _count(name, "", getattr(report, name))
    yield from (_count("mdt", key, count) for key, count in _mdt_counts(report.mdt))
    yield from (_count("mdt_reason", code, count) for code, count in report.mdt.reasons)
    for found in report.later_by_strategy:
        for treatment, patients in found.done:
            yield _count("later_by_strategy", f"{found.recommended}: {treatment}", patients)
    yield from (_count("later", _story(later), later.patients) for later in report.later)


def _count(group: str, key: str, count: int) -> tuple[str, ...]:
    return (group, key, str(count), "", "", "", "")


def _print_csv(report: Report) -> None:
    import csv

    csv.writer(sys.stdout, lineterminator="\n").writerows(csv_rows(report))


def _print_tables(report: Report) -> None:
    from rich.console import Console

    from service.adapters.store.report import TITLES

    console = Console()
    console.print(_tally_table("All cards", [report.total]))
    for name, title in TITLES.items():
        tallies = getattr(report, name)
        if tallies:
            console.print(_tally_table(title, tallies))
    for found in _further_tables(report):
        console.print(found)
    if report.answers:
        console.print(f"{report.open_answers} of {report.answers} answers on opened charts were left open.")
    if report.silent:
        console.print(f"{report.silent} cards were computed silently and shown to nobody.")
    if report.unmatched:
        console.print(f"{report.unmatched} feedback entries name no card of their sender.")


def _further_tables(report: Report) -> Iterator[Table]:
    if report.override_reasons:
        reasons = [(_reason(found.system, found.code), found.count) for found in report.override_reasons]
        yield _count_table("Why cards were overridden", reasons)
    if report.missing:
        shares = [(f"{fact} ({share:.0%} of the open answers)", count) for fact, count, share in report.missing_shares]
        yield _count_table("Facts that left answers open", shares)
    if _mdt_counts(report.mdt):
        yield _count_table("What MDTs decided", _mdt_counts(report.mdt))
    if report.mdt.reasons:
        yield _count_table("Why MDTs decided otherwise", list(report.mdt.reasons))
    if report.later:
        yield _strategy_table(report.later_by_strategy)
        stories = [(_story(later), later.patients) for later in report.later]
        yield _count_table("What was done next, by patients", stories)


def _mdt_members(mdt: MdtReport) -> dict[str, object] | None:
    if not _mdt_counts(mdt):
        return None
    return {
        "agreed": mdt.agreed,
        "deviated": mdt.deviated,
        "decidedOpen": mdt.decided_open,
        "deviations": [
            {"recommended": recommended, "decided": decided, "count": count}
            for recommended, decided, count in mdt.deviations
        ],
        "reasons": dict(mdt.reasons),
    }


def _strategy_members(found: LaterOfStrategy) -> dict[str, object]:
    return {
        "recommended": found.recommended,
        "patients": found.patients,
        "decidedSo": found.decided_so,
        "decidedOtherwise": found.decided_otherwise,
        "done": dict(found.done),
    }


def _strategy_table(strategies: Iterable[LaterOfStrategy]) -> Table:
    from rich.table import Table

    table = Table("recommended", title="What became of each recommendation", title_justify="left")
    for name in ("patients", "MDT decided so", "otherwise"):
        table.add_column(name, justify="right")
    table.add_column("done next")
    for found in strategies:
        done = ", ".join(f"{treatment} {patients}" for treatment, patients in found.done)
        numbers = (found.patients, found.decided_so, found.decided_otherwise)
        table.add_row(found.recommended, *map(str, numbers), done)
    return table


def _story(later: Later) -> str:
    return f"recommended {later.recommended}, MDT {later.decided}: {later.done}"


def _mdt_counts(mdt: MdtReport) -> list[tuple[str, int]]:
    """Give what was decided and how often; nothing where no decision was recorded."""
    counts = [("agreed", mdt.agreed), ("decided otherwise", mdt.deviated), ("decided where open", mdt.decided_open)]
    counts += [
        (f"{recommended} recommended, {decided} decided", count) for recommended, decided, count in mdt.deviations
    ]
    return [(key, count) for key, count in counts if count]


def _tally_table(title: str, tallies: list[Tally]) -> Table:
    from rich.table import Table
    from rich.text import Text

    table = Table("", title=title, title_justify="left", min_width=len(title))
    for name in _COLUMNS:
        table.add_column(name, justify="right")
    for tally in tallies:
        shown = "-" if tally.acceptance is None else f"{tally.acceptance:.0%}"
        table.add_row(Text(tally.key), *_cells(tally)[:-1], shown)
    return table


def _count_table(title: str, counts: list[tuple[str, int]]) -> Table:
    from rich.table import Table
    from rich.text import Text

    table = Table("", title=title, title_justify="left", min_width=len(title))
    table.add_column("count", justify="right")
    for key, count in counts:
        # Codes of reasons come from clients: they are text, never markup.
        table.add_row(Text(key), str(count))
    return table


def _cells(tally: Tally) -> tuple[str, ...]:
    share = "" if tally.acceptance is None else f"{tally.acceptance:.4f}"
    return (str(tally.issued), str(tally.accepted), str(tally.overridden), str(tally.unanswered), share)


def _members(tally: Tally) -> dict[str, object]:
    return _without_none({"key": tally.key, **{name: getattr(tally, name) for name in _COLUMNS}})


def _without_none(members: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in members.items() if value is not None}


def _reason(system: str | None, code: str | None) -> str:
    return "no coded reason" if code is None else f"{system or 'unknown system'}|{code}"


def _harmless(text: str) -> str:
    """Keep a spreadsheet from reading a client's text as a formula."""
    return f"'{text}" if text[:1] in {"=", "+", "-", "@", "\t", "\r"} else text


def _utc(day: datetime | None) -> datetime | None:
    return None if day is None else day.replace(tzinfo=UTC)
