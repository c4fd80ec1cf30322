from __future__ import annotations

import contextvars
import json
import logging
from typing import TYPE_CHECKING

import structlog

from service.logs import begin_notes, configure_logging, note

if TYPE_CHECKING:
    import pytest


def test_a_line_is_one_json_object_with_its_level_and_time(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(level="info", style="json")
    structlog.get_logger().info("request", status=200)
    line = json.loads(capsys.readouterr().err)
    assert line.pop("timestamp").endswith("Z")
    assert line == {"event": "request", "level": "info", "status": 200}


def test_a_line_that_is_spoken_in_a_request_names_it(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(level="info", style="json")
    request = contextvars.copy_context()
    request.run(begin_notes, request_id="918dc652-1827-40c3-88c2-4808f61ff7c4")
    request.run(structlog.get_logger().warning, "store_failed")
    request.run(logging.getLogger("sqlalchemy").warning, "slow")
    structlog.get_logger().warning("purged")
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [(line["event"], line.get("request_id")) for line in lines] == [
        ("store_failed", "918dc652-1827-40c3-88c2-4808f61ff7c4"),
        ("slow", "918dc652-1827-40c3-88c2-4808f61ff7c4"),
        ("purged", None),
    ]


def test_lines_below_the_level_are_dropped(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(level="warning", style="json")
    structlog.get_logger().info("request")
    assert capsys.readouterr().err == ""


def test_other_libraries_speak_from_warning_on_because_their_lines_hold_urls(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure_logging(level="debug", style="json")
    logging.getLogger("httpx").info("GET https://x?patient=1")
    logging.getLogger("httpx").warning("retry")
    assert json.loads(capsys.readouterr().err)["event"] == "retry"


def test_the_console_shows_text(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(level="info", style="console")
    structlog.get_logger().info("request", status=200)
    assert "request" in capsys.readouterr().err


def test_without_a_terminal_the_automatic_format_is_json(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(level="info", style="auto")
    structlog.get_logger().info("request")
    assert json.loads(capsys.readouterr().err)["event"] == "request"


def test_notes_reach_the_line_of_their_own_request_alone() -> None:
    first = contextvars.copy_context().run(begin_notes)
    context = contextvars.copy_context()
    second = context.run(begin_notes)
    context.run(note, cards=1, rows=["A1"])
    note(cards=9)
    assert (first, second) == ({}, {"cards": 1, "rows": ["A1"]})
