from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from service.adapters.metrics import Metrics
from service.errors import SettingsError

ROOT = Path(__file__).parents[2]


def lines(metrics: Metrics) -> list[str]:
    return [
        line
        for line in metrics.render().decode().splitlines()
        if not line.startswith("#") and "_created" not in line and "_bucket" not in line
    ]


def test_what_happened_is_counted_by_names_of_our_own() -> None:
    metrics = Metrics()
    metrics.call("crlm-patient-view", status=200, seconds=0.02)
    metrics.call("crlm-patient-view", status=401, seconds=0.01)
    metrics.cards("crlm-patient-view", ["liver-first", "undetermined", "liver-first"])
    metrics.token_refused("expired")
    metrics.fetched(["complete", "not-retrieved"])
    metrics.feedback_kept()
    metrics.queue(waiting=3, dropped=1)
    metrics.limits_alone(is_alone=True)
    metrics.page("/review", status=200, seconds=0.5)
    assert lines(metrics) == [
        'crlm_calls_total{service="crlm-patient-view",status="200"} 1.0',
        'crlm_calls_total{service="crlm-patient-view",status="401"} 1.0',
        'crlm_call_seconds_count{service="crlm-patient-view"} 2.0',
        'crlm_call_seconds_sum{service="crlm-patient-view"} 0.03',
        'crlm_page_seconds_count{page="/review",status="200"} 1.0',
        'crlm_page_seconds_sum{page="/review",status="200"} 0.5',
        'crlm_cards_total{service="crlm-patient-view",topic="liver-first"} 2.0',
        'crlm_cards_total{service="crlm-patient-view",topic="undetermined"} 1.0',
        'crlm_tokens_refused_total{reason="expired"} 1.0',
        'crlm_fetches_total{completeness="complete"} 1.0',
        'crlm_fetches_total{completeness="not-retrieved"} 1.0',
        "crlm_feedback_calls_total 1.0",
        "crlm_issued_cards_waiting 3.0",
        "crlm_issued_cards_dropped 1.0",
        "crlm_rate_limits_alone 1.0",
    ]


@pytest.mark.parametrize("folder", ["nowhere", "file", ""])
def test_a_folder_that_cannot_be_shared_stops_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: str
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", folder and str(tmp_path / folder))
    with pytest.raises(SettingsError) as raised:
        Metrics()
    assert raised.value.faults == ("PROMETHEUS_MULTIPROC_DIR: must be the path of a folder that can be written",)


def told_by_a_worker(folder: Path, work: str) -> list[str]:
    """Let a process of its own count in a shared folder; give the lines that it answers with."""
    program = (
        f"from service.adapters.metrics import Metrics; metrics = Metrics(); {work}print(metrics.render().decode())"
    )
    environment = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(folder), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", program]
    return subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout.splitlines()


def test_workers_that_share_a_folder_answer_for_each_other(tmp_path: Path) -> None:
    said = [told_by_a_worker(tmp_path, "metrics.feedback_kept(); ") for _ in range(2)]
    assert ["crlm_feedback_calls_total 1.0" in said[0], "crlm_feedback_calls_total 2.0" in said[1]] == [True, True]


def test_what_holds_of_a_living_worker_alone_ends_with_it(tmp_path: Path) -> None:
    told_by_a_worker(
        tmp_path, "metrics.limits_alone(is_alone=True); metrics.queue(waiting=3, dropped=1); metrics.close(); "
    )
    said = told_by_a_worker(tmp_path, "")
    names = ("crlm_rate_limits_alone ", "crlm_issued_cards_waiting ", "crlm_issued_cards_dropped ")
    assert sorted(line for line in said if line.startswith(names)) == [
        "crlm_issued_cards_dropped 1.0",
        "crlm_issued_cards_waiting 0.0",
        "crlm_rate_limits_alone 0.0",
    ]
