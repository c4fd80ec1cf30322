"""The audit log: one line of JSON for each answered hook, only ever added to.

{"event":"hook-answered","at":"2026-11-23T19:00:00Z","service":"crlm-patient-view","hookInstance":"…",
 "issuer":"https://ehr.example.org","tenant":"…","user":"<pseudonym>","patient":"<pseudonym>","result":"shown",
 "cards":["<uuid>"],"rows":["A12b"],"knowledge":{"id":"…","version":"…","policy":"…"}}
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

import orjson
import structlog

from service.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping

_STDOUT = "-"


class AuditLog:
    """One file, or stdout. Several workers may share a file: each line is one append."""

    def __init__(self, target: str) -> None:
        """Write to the file `target`, or to stdout where it is `-`.

        Raises `SettingsError` where the file cannot be written: a site that asked for an audit log gets no server
        without one.
        """
        self._target = target
        try:
            if target != _STDOUT:
                os.close(self._open())
        except OSError:
            raise SettingsError(["CRLM_AUDIT_LOG: the file cannot be written"]) from None

    def write(self, event: Mapping[str, Any]) -> None:
        """Add an event; what has no value is left out. A full disk is logged and costs no answer."""
        line = orjson.dumps(
            {name: value for name, value in event.items() if value is not None},
            option=orjson.OPT_APPEND_NEWLINE | orjson.OPT_UTC_Z,
        )
        try:
            if self._target == _STDOUT:
                sys.stdout.flush()
                _append(sys.stdout.fileno(), line)
                return
            # Opened for each line, so that the file may be moved away while the server runs (logrotate).
            file = self._open()
            try:
                _append(file, line)
            finally:
                os.close(file)
        except OSError as fault:
            structlog.get_logger().error("audit_line_lost", fault=type(fault).__name__)

    def _open(self) -> int:
        return os.open(self._target, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)


def _append(file: int, line: bytes) -> None:
    """Write the whole line at once: lines of several processes do not mix."""
    if os.write(file, line) != len(line):
        raise OSError("the line was cut short")
