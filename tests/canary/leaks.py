"""Tests that leak the mark, one for each place that is watched; `test_canary` runs them in a run of their own."""

from __future__ import annotations

import asyncio
import logging
import os
import sqlite3
import subprocess
import sys
from typing import TYPE_CHECKING

import httpx
import sqlalchemy as sa
import structlog
from fastapi import FastAPI, HTTPException, Response
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from service.adapters.audit import AuditLog
from service.adapters.metrics import Metrics
from service.tracing import tracing_to
from tests.canary.mark import MARK, needles

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

PROGRAM = "import sys; sys.stderr.write(sys.argv[1])  # service.cli"


def ask(path: str) -> None:
    app = FastAPI()

    @app.get("/refused")
    async def refused() -> None:
        raise HTTPException(400, f"no such patient: {MARK}")

    @app.get("/refused-in-a-header")
    async def refused_in_a_header() -> Response:
        return Response(status_code=404, headers={"location": f"/{MARK}"})

    @app.get("/metrics")
    async def metrics() -> Response:
        return Response(Metrics().render() + f'calls{{patient="{MARK}"}} 1\n'.encode())

    @app.get("/fine")
    async def fine(patient: str) -> str:
        return patient

    async def get() -> None:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="https://x") as client:
            await client.get(path)

    asyncio.run(get())


def test_an_event_below_the_level_that_is_shown() -> None:
    structlog.get_logger().debug("read", patient=MARK)


def test_an_event_that_a_test_captures(log_lines: list[object]) -> None:
    structlog.get_logger().info("read", patient=MARK)
    assert log_lines


def test_a_record() -> None:
    logging.getLogger("httpx").warning("GET /Patient/%s", MARK)


def test_a_traceback() -> None:
    try:
        int(MARK)
    except ValueError:
        logging.getLogger("asyncio").exception("a task failed")


def test_part_of_a_token() -> None:
    structlog.get_logger().warning("refused", token=f"eyJ.{needles()[2]}.x")


def test_stderr() -> None:
    os.write(2, MARK.encode())


def test_stderr_that_a_test_reads(capsys: pytest.CaptureFixture[str]) -> None:
    sys.stderr.write(MARK)
    assert capsys.readouterr().err


def test_a_refusal() -> None:
    ask("/refused")


def test_a_header_of_a_refusal() -> None:
    ask("/refused-in-a-header")


def test_metrics() -> None:
    ask("/metrics")


def test_a_span() -> None:
    tracing = tracing_to(InMemorySpanExporter(), at_once=True)
    with tracing.span("read", patient=MARK):
        pass
    tracing.close()


def test_an_audit_line(tmp_path: Path) -> None:
    AuditLog(str(tmp_path / "audit.jsonl")).write({"patient": MARK})


def test_a_statement() -> None:
    with sa.create_engine("sqlite://").connect() as connection:
        connection.execute(sa.text("SELECT :name"), {"name": MARK})


def test_a_process_whose_log_is_read() -> None:
    command = [sys.executable, "-c", PROGRAM, MARK]
    assert subprocess.run(command, check=True, stderr=subprocess.PIPE).stderr


def test_a_process_whose_log_is_read_by_lines() -> None:
    with subprocess.Popen([sys.executable, "-c", PROGRAM, MARK], stderr=subprocess.PIPE) as process:
        assert process.stderr
        assert list(process.stderr)


def test_late_in_a_log_that_nobody_reads() -> None:
    subprocess.run([sys.executable, "-c", PROGRAM, MARK], check=True, stderr=subprocess.DEVNULL)


def test_late_in_a_store_that_another_process_writes(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "store.sqlite3")
    with connection:
        connection.execute("CREATE TABLE cards (patient TEXT)")
        connection.execute("INSERT INTO cards VALUES (?)", [MARK])
    connection.close()


def test_fine_to_answer_the_caller() -> None:
    ask(f"/fine?patient={MARK}")


def test_fine_to_print_an_answer() -> None:
    sys.stdout.write(MARK)
