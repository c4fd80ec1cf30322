"""The audit of the locked packages, against a vulnerability service of our own: it passes only where it was made."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.adapters.servers import Answer, Asked, Server, as_json

if TYPE_CHECKING:
    from collections.abc import Callable

AUDIT = Path(__file__).parents[2] / ".ci" / "audit.py"
LOCK = "\n".join(f"{name}==1.0 \\\n    --hash=sha256:{'0' * 64}" for name in ("first", "second")) + "\n"
ADVISED = {
    "id": "PYSEC-2022-202",
    "published": "2022-05-24T00:00:00Z",
    "affected": [
        {
            "package": {"name": "pyjwt", "ecosystem": "PyPI"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "2.4.0"}]}],
        }
    ],
}


def of_the_second() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(
        json.dumps(ADVISED).replace("pyjwt", "second").replace("PYSEC-2022-202", "OSV-1")
    )
    return found


def service(**known: Any) -> Callable[[Asked], Answer]:
    """Know these packages, by their name; a status stands for a failing answer."""

    def answer(asked: Asked) -> Answer:
        found = known.get(json.loads(asked.body)["package"]["name"])
        if isinstance(found, int):
            return as_json({}, status=found)
        return as_json({"vulns": [found]} if found else {})

    return answer


def audited(folder: Path, url: str) -> tuple[int, str]:
    lock = folder / "requirements.lock"
    lock.write_text(LOCK, encoding="utf-8")
    ran = subprocess.run(
        [sys.executable, str(AUDIT), "--osv-url", url, str(lock)], capture_output=True, text=True, check=False
    )
    assert "Traceback" not in ran.stderr
    return ran.returncode, ran.stdout


@pytest.mark.parametrize(
    ("known", "code", "said"),
    [
        ({"pyjwt": ADVISED}, 0, "no known vulnerability in the locked packages\n"),
        ({"pyjwt": ADVISED, "second": of_the_second()}, 1, "second 1.0: OSV-1, fixed in 2.4.0\n"),
        ({}, 3, "it does not know that pyjwt==2.3.0 is vulnerable\n"),
        ({"pyjwt": ADVISED, "second": 500}, 3, "NOT AUDITED"),
    ],
    ids=["nothing known", "one known", "a service that knows nothing", "half an answer"],
)
def test_it_passes_only_where_a_service_that_knows_has_answered_for_all(
    tmp_path: Path, known: dict[str, Any], code: int, said: str
) -> None:
    with Server(service(**known)) as server:
        found = audited(tmp_path, f"{server.url}/v1/query")
    assert found[0] == code
    assert said in found[1]


def test_without_a_service_it_says_that_nothing_was_audited(tmp_path: Path) -> None:
    with Server(service()) as server:
        url = server.url
    code, said = audited(tmp_path, url)
    assert code == 3
    assert said.startswith("NOT AUDITED, no vulnerability service could be asked:")


def test_the_run_of_all_checks_does_not_take_a_missing_audit_for_a_good_one() -> None:
    text = (AUDIT.parents[1] / "tests" / "run.sh").read_text(encoding="utf-8")
    gate = text.partition("python .ci/audit.py ")[2].partition("esac")[0]
    assert gate.startswith(".ci/requirements.lock docker/requirements.lock docker/build.lock || audit=$?")
    assert '3) if [ -n "${TEST_REQUIRE_AUDIT:-}" ]; then exit 1; fi; not_run+=(' in gate
    assert "*) exit 1 ;;" in gate
    assert text.rstrip().endswith("printf '%s\\n' \"${not_run[@]}\"; fi")
