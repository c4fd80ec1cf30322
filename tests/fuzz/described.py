"""What the service's own description promises, tried by schemathesis: sound calls are taken, unsound ones refused.

Each answer must have a status, headers and a body that `/openapi.json` describes.
"""

from __future__ import annotations

import asyncio
import hashlib
from random import Random
from typing import TYPE_CHECKING, Any

import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from schemathesis import GenerationMode
from schemathesis.core.failures import FailureGroup
from schemathesis.core.result import Ok

from tests.fuzz.storm import BUGS, FOUND, Report
from tests.hooks.serving import app_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from fastapi import FastAPI

_CONFIG = {
    "checks": {
        # Data that the EHR does not have is no fault of the request, and no success: 412, as the description says.
        "positive_data_acceptance": {"expected-statuses": ["2xx", "412"]},
        "negative_data_rejection": {"expected-statuses": ["4xx"]},
    }
}
_BATCH = 20
_MOST_KEPT = 20


def storm_described(
    place: Path,
    *,
    seed: int,
    until: Callable[[Report], bool],
    folder: Path = FOUND,
    watch: Callable[[Report], None] = lambda _: None,
) -> Report:
    """Call every operation with what its description allows and what it forbids, until told otherwise."""
    report = Report("openapi")
    app = app_of(place)
    running = app.router.lifespan_context(app)
    with asyncio.Runner() as loop:
        # Schemathesis calls the application without a start, each time in a loop of its own.
        loop.run(running.__aenter__())
        _storm(app, report, seed=seed, until=until, folder=folder, watch=watch)
        loop.run(running.__aexit__(None, None, None))
    return report


def _storm(  # noqa: PLR0913  the application and the terms of the storm
    app: FastAPI,
    report: Report,
    *,
    seed: int,
    until: Callable[[Report], bool],
    folder: Path,
    watch: Callable[[Report], None],
) -> None:
    schema = schemathesis.openapi.from_asgi("/openapi.json", app, config=schemathesis.Config.from_dict(_CONFIG))
    operations = [found.ok() for found in schema.get_all_operations() if isinstance(found, Ok)]
    tried = [(one, mode) for one in operations for mode in GenerationMode if one.body or mode.is_positive]
    number = 0
    while not until(report):
        number += 1
        operation, mode = Random(f"{seed} {number}").choice(tried)
        _try(operation.as_strategy(mode), report, folder, number=seed * 1_000_003 + number)
        watch(report)


def _try(strategy: Any, report: Report, folder: Path, *, number: int) -> None:
    @seed(number)
    @settings(
        max_examples=_BATCH,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=strategy)
    def call(case: Any) -> None:
        BUGS.clear()
        try:
            answer = case.call_and_validate()
        except FailureGroup as failures:
            _keep(report, folder, "\n".join([str(failures), *BUGS]))
        else:
            report.outcomes[str(int(answer.status_code))] += 1

    call()


def _keep(report: Report, folder: Path, why: str) -> None:
    report.outcomes["broken"] += 1
    name = hashlib.sha256(why.encode("utf-8", "replace")).hexdigest()[:12]
    path = folder / f"openapi-{name}.txt"
    if len(report.found) < _MOST_KEPT and path not in report.found:
        path.write_text(why, encoding="utf-8", errors="replace")
        report.found.append(path)
