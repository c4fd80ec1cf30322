"""Structured logs without patient data: one INFO line a request, made of names and counts."""

from __future__ import annotations

import logging
import sys
from contextvars import ContextVar
from typing import TYPE_CHECKING, TypeAlias

import orjson
import structlog

if TYPE_CHECKING:
    from service.settings import LogFormat, LogLevel

Note: TypeAlias = str | int | float | bool | list[str]

_notes: ContextVar[dict[str, Note]] = ContextVar("notes")


def begin_notes(**fields: Note) -> dict[str, Note]:
    """Start the notes of one request; give the dictionary that `note` fills.

    A `request_id` among `fields` stands in every line that is spoken in the request.
    """
    notes = dict(fields)
    _notes.set(notes)
    return notes


def note(**fields: Note) -> None:
    """Add fields to the line of the current request: counts, row and advisory ids, states; never chart contents.

    Outside a request nothing happens.
    """
    notes = _notes.get(None)
    if notes is not None:
        notes.update(fields)


def configure_logging(*, level: LogLevel, style: LogFormat) -> None:
    """Send every log line to stderr; other libraries speak from WARNING on, because their INFO lines hold URLs."""
    console = style == "console" or (style == "auto" and sys.stderr.isatty())
    render: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
        if console
        else structlog.processors.JSONRenderer(serializer=_dump)
    )
    stamps: list[structlog.typing.Processor] = [
        _name_request,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*stamps, render],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *stamps],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, render],
        )
    )
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    logging.getLogger("uvicorn").setLevel(level.upper())


def _name_request(_: object, __: str, line: structlog.typing.EventDict) -> structlog.typing.EventDict:
    notes = _notes.get(None)
    if notes is not None and "request_id" in notes:
        line["request_id"] = notes["request_id"]
    return line


def _dump(line: object, **_: object) -> str:
    return orjson.dumps(line, default=str).decode()
