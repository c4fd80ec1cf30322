"""A FHIR server far away: each answer comes some milliseconds late. `/asked` tells and forgets when it was asked.

`/in/fhir` has the complete case of the benchmark, `/out/fhir` a patient with another disease.
"""

from __future__ import annotations

import asyncio
import os
import random
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import orjson

from tests.bench.bodies import COMPLETE, PATIENT
from tests.charts import standard_chart
from tests.noise import noise

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping

LATE_S = float(os.environ.get("BENCH_LATE_MS", "50")) / 1000
_asked: list[tuple[float, float]] = []


def _records() -> dict[str, dict[str, list[dict[str, Any]]]]:
    chart = standard_chart(COMPLETE, as_of=datetime.now(UTC), patient_id=PATIENT)
    other = noise(random.Random(7), 400, patient_id=PATIENT)
    records: dict[str, dict[str, list[dict[str, Any]]]] = {"in": {}, "out": {}}
    for record, resources in (("in", [one for of_type in chart.values() for one in of_type] + other), ("out", other)):
        for resource in resources:
            records[record].setdefault(resource["resourceType"], []).append(resource)
    return records


_RECORDS = _records()


async def app(
    scope: MutableMapping[str, Any],
    receive: Callable[[], Awaitable[MutableMapping[str, Any]]],
    send: Callable[[MutableMapping[str, Any]], Awaitable[None]],
) -> None:
    """Answer searches by type and code, and reads of the patient."""
    if scope["type"] != "http":
        return
    start = time.perf_counter()
    form = (await receive()).get("body", b"")
    if scope["path"] == "/asked":
        answer = orjson.dumps(_asked)
        _asked.clear()
    else:
        await asyncio.sleep(LATE_S)
        answer = orjson.dumps(_found(scope["path"], form or scope["query_string"]))
        _asked.append((start, time.perf_counter()))
    headers = [(b"content-type", b"application/fhir+json"), (b"content-length", str(len(answer)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": answer})


def _found(path: str, query: bytes) -> dict[str, Any]:
    record, kind = path.split("/")[1], path.split("/")[3]
    if kind == "Patient":
        return {"resourceType": "Patient", "id": PATIENT}
    resources = _RECORDS[record].get(kind, [])
    if codes := parse_qs(query.decode()).get("code"):
        wanted = set(codes[0].split(","))
        resources = [one for one in resources if wanted & set(_codes(one))]
    entries = [{"resource": one} for one in resources]
    return {"resourceType": "Bundle", "type": "searchset", "total": len(entries), "entry": entries}


def _codes(resource: dict[str, Any]) -> list[str]:
    return [f"{one.get('system')}|{one.get('code')}" for one in resource.get("code", {}).get("coding", [])]
