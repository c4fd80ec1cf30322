"""A call without prefetch against a FHIR server that is far away.

    python -m tests.bench.slow_fhir [--calls 200] [--late-ms 50]

Each answer of the FHIR server comes late by that much, on connections that stand. Round trips are counted by the FHIR
server: questions that were asked before the first answer of a round went out belong to it. Aims: two round trips, p95
at most 150 ms; out of scope one question.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import urllib.request
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import uuid4

import orjson

from tests.bench.bodies import PATIENT
from tests.bench.load import one_caller, request_bytes
from tests.bench.service import running, service, wait_for
from tests.bench.tell import options_of, summary, tell
from tests.ports import free_port

PATH = "/cds-services/crlm-patient-view"


def rounds(asked: list[tuple[float, float]]) -> int:
    """Count the round trips, one after the other, of questions with their (start, end)."""
    count, first_end = 0, float("-inf")
    for start, end in sorted(asked):
        if start >= first_end:
            count, first_end = count + 1, end
        else:
            first_end = min(first_end, end)
    return count


def measure(options: argparse.Namespace) -> list[dict[str, Any]]:
    """Call for a chart in scope and for one out of it; give one row for each."""
    fhir_port = free_port()
    origin = f"http://127.0.0.1:{fhir_port}"
    command = [
        sys.executable, "-m", "uvicorn", "tests.bench.servers.ehr:app", "--port", str(fhir_port),
        "--log-level", "warning", "--no-access-log",
    ]  # fmt: skip
    with TemporaryDirectory(prefix="crlm-fhir-") as name:
        clients = Path(name) / "clients.toml"
        clients.write_text(
            f'[[client]]\nissuer = "{origin}"\njwks_url = "{origin}/jwks"\nfhir_origins = ["{origin}"]\n'
            "allow_private_addresses = true\n",
            encoding="utf-8",
        )
        environment = {**os.environ, "BENCH_LATE_MS": str(options.late_ms)}
        with running(command, environment, Path(name) / "fhir.log"), service(CRLM_CLIENTS=str(clients)) as (port, _):
            wait_for(f"{origin}/asked", Path(name) / "fhir.log")
            return [_row(port, origin, record, options.calls) for record in ("in", "out")]


def _row(port: int, origin: str, record: str, calls: int) -> dict[str, Any]:
    message = {
        "hook": "patient-view",
        "hookInstance": str(uuid4()),
        "fhirServer": f"{origin}/{record}/fhir",
        "fhirAuthorization": {
            "access_token": "bench",
            "token_type": "Bearer",
            "expires_in": 300,
            "scope": "patient/*.rs",
            "subject": "crlm",
        },
        "context": {"userId": "Practitioner/surgeon", "patientId": PATIENT},
    }
    request = request_bytes(PATH, orjson.dumps(message))
    one_caller(port, lambda: request, 5)
    counted = []
    for _ in range(5):
        _asked(origin)
        one_caller(port, lambda: request, 1)
        counted.append(_asked(origin))
    found = one_caller(port, lambda: request, calls)
    return {
        "chart": f"{record} scope" if record == "in" else "out of scope",
        **summary(found.times_ms),
        "round trips": statistics.mode(rounds(asked) for asked in counted),
        "questions": statistics.mode(len(asked) for asked in counted),
    }


def _asked(origin: str) -> list[tuple[float, float]]:
    with urllib.request.urlopen(f"{origin}/asked", timeout=5) as answer:
        return [(start, end) for start, end in json.load(answer)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=200)
    parser.add_argument("--late-ms", type=float, default=50.0)
    options = options_of(parser)
    tell("slow_fhir", measure(options), options.out)


if __name__ == "__main__":
    main()
