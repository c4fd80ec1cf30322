from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from fastapi import FastAPI
from typer.testing import CliRunner, Result

from fhir_mappings.catalogue import load_catalogue, parse_catalogue
from fhir_mappings.terminology import load_terminology
from service import __version__
from service.cli import app, main
from service.commands.check import disagreements, findings
from service.knowledge.check import Report
from service.knowledge.guideline import load_guideline
from tests.checked_client import FakeAdvisor
from tests.loopback import running, serving
from tests.response_checker import check_response

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fhir_mappings.catalogue import Catalogue

REQUEST = {
    "hook": "order-sign",
    "hookInstance": "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea",
    "context": {"patientId": "p", "userId": "Practitioner/1", "draftOrders": {"resourceType": "Bundle"}},
}


def run(*arguments: str, **environment: str) -> Result:
    return CliRunner().invoke(app, list(arguments), env={"COLUMNS": "120", **environment})


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[str, FakeAdvisor]]:
    advisor = FakeAdvisor()
    with serving(advisor) as url:
        yield url, advisor


def test_the_version_is_that_of_the_package() -> None:
    assert run("--version").stdout == f"crlm-cds {__version__}\n"


def test_the_script_runs_the_command_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.argv", ["crlm-cds", "--version"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert (ended.value.code, capsys.readouterr().out) == (0, f"crlm-cds {__version__}\n")


def test_without_a_command_the_help_is_shown() -> None:
    assert all(name in run().stdout for name in ("serve", "try", "check", "demo"))


def test_check_prints_the_pathway_and_finds_no_fault() -> None:
    found = run("check")
    assert found.exit_code == 0
    assert all(f" {row.id} " in found.stdout for row in load_guideline().rows)
    assert found.stdout.endswith("No faults.\n")


def test_check_lists_every_fault_of_a_policy_file(tmp_path: Path) -> None:
    policy = tmp_path / "policy.toml"
    policy.write_text('[policy]\nname = "x"\n[parameters]\nnone = 1\nalso_none = 2\n')
    found = run("check", CRLM_POLICY=str(policy))
    assert found.exit_code == 2
    assert found.stderr.startswith("crlm-cds cannot start:\n  - ")
    assert "none" in found.stderr
    assert "also_none" in found.stderr


def test_a_policy_may_begin_with_the_mark_that_windows_writes(tmp_path: Path) -> None:
    policy = tmp_path / "policy.toml"
    policy.write_text('[policy]\nname = "ours"\n', encoding="utf-8-sig")
    assert "policy ours" in run("check", CRLM_POLICY=str(policy)).stdout


def test_check_refuses_a_policy_that_is_no_file() -> None:
    found = run("check", CRLM_POLICY="/nowhere/policy.toml")
    assert (found.exit_code, found.stderr) == (
        2,
        "crlm-cds cannot start:\n  - CRLM_POLICY: must be the path of a readable file\n",
    )


def test_check_refuses_a_policy_that_is_no_text(tmp_path: Path) -> None:
    policy = tmp_path / "policy.toml"
    policy.write_bytes(b"\xff\xfe")
    assert "CRLM_POLICY: the file cannot be read as UTF-8" in run("check", CRLM_POLICY=str(policy)).stderr


def test_codes_that_a_code_system_does_not_have_are_named() -> None:
    guideline, catalogue, terminology = load_guideline(), load_catalogue(), load_terminology()
    systems = dict(terminology.code_systems)
    del systems["advisory"]
    systems["strategy"] = replace(systems["strategy"], codes={"staged": "Staged"})
    found = list(disagreements(guideline, catalogue, replace(terminology, code_systems=systems)))
    assert found[0] == "the code system strategy has no liver-first"
    assert found[-1] == "the code system advisory is missing"


def test_what_is_odd_about_a_guideline_is_said_in_sentences() -> None:
    report = Report(("A1",), ("no-biopsy",), ("limit",), ("unfit",))
    assert list(findings(report)) == [
        "row A1 can never apply",
        "advisory no-biopsy can never hold",
        "parameter limit is not used",
        "definition unfit is not used",
    ]


def test_check_fails_where_something_is_odd(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.commands.check.findings", lambda _: ["row A1 can never apply"])
    found = run("check")
    assert (found.exit_code, found.stderr) == (1, "  - row A1 can never apply\n")


def test_what_a_site_switched_off_is_told_and_is_no_fault(tmp_path: Path) -> None:
    policy = tmp_path / "policy.toml"
    policy.write_text('[policy]\nname = "ours"\n[parameters]\nprefer_simultaneous_when_eligible = false\n')
    found = run("check", CRLM_POLICY=str(policy))
    assert found.exit_code == 0
    assert "under this policy row A10 can never apply" in found.stdout


@pytest.mark.parametrize(
    ("command", "place"),
    [
        (("serve", "--port", "1"), "service.adapters.configured"),
        (("try",), "service.adapters.configured"),
        (("doctor",), "service.commands.doctor_inside"),
        (("check",), "service.adapters.configured"),
    ],
)
def test_every_command_lists_the_faults_of_the_catalogue(
    command: tuple[str, ...], place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def load() -> Catalogue:
        return parse_catalogue("[fact.new]")

    monkeypatch.setattr(f"{place}.load_catalogue", load)
    found = run(*command, CRLM_AUTH="off", CRLM_DATABASE_URL="sqlite://")
    told = [f"  - fact new: {key} is missing" for key in ("title", "question", "kind", "reader")]
    assert (found.exit_code, found.stdout, found.stderr.splitlines()[-5:]) == (2, "", ["crlm-cds cannot start:", *told])


def test_serve_lists_the_faults_of_all_files_that_the_settings_name(tmp_path: Path) -> None:
    (tmp_path / "policy.toml").write_text('[policy]\nname = "x"\n[parameters]\nnone = 1\n')
    (tmp_path / "clients.toml").write_text("client = []\n")
    (tmp_path / "sets").mkdir()
    (tmp_path / "sets" / "own.json").write_text("[]")
    found = run(
        "serve",
        CRLM_POLICY=str(tmp_path / "policy.toml"),
        CRLM_CLIENTS=str(tmp_path / "clients.toml"),
        CRLM_TERMINOLOGY=str(tmp_path / "sets"),
    )
    assert found.exit_code == 2
    assert found.stderr.splitlines()[-4:] == [
        "crlm-cds cannot start:",
        "  - own.json: is neither a ValueSet with url nor a CodeSystem",
        "  - policy x: unknown parameter 'none'",
        "  - CRLM_CLIENTS: no [[client]] is configured",
    ]


def test_try_reads_the_codes_of_the_site(tmp_path: Path) -> None:
    (tmp_path / "sets.json").write_text("[")
    found = run("try", CRLM_TERMINOLOGY=str(tmp_path))
    assert (found.exit_code, "sets.json: is not JSON" in found.stderr) == (2, True)


def test_serve_lists_the_faults_of_the_settings_and_does_not_start() -> None:
    found = run("serve", CRLM_AUTH="of", CRLM_PROT="1")
    assert (found.exit_code, found.stderr) == (
        2,
        (
            "crlm-cds cannot start:\n  - CRLM_PROT: there is no such setting\n"
            "  - CRLM_AUTH: must be one of required, optional, off\n"
        ),
    )


def test_try_sends_the_sample_to_a_running_server(server: tuple[str, FakeAdvisor]) -> None:
    url, advisor = server
    found = run("try", "--url", url, "--json")
    assert (found.exit_code, json.loads(found.stdout)) == (0, {"cards": []})
    assert advisor.asked[-1][0] == "crlm-patient-view"
    assert "conditions" in advisor.asked[-1][1].prefetch


def test_try_sends_a_file_to_the_service_of_its_hook(server: tuple[str, FakeAdvisor], tmp_path: Path) -> None:
    url, advisor = server
    path = tmp_path / "request.json"
    path.write_text(json.dumps(REQUEST))
    found = run("try", str(path), "--url", url)
    assert found.stdout == "No card: the service has nothing to say about this chart.\n"
    assert advisor.asked[-1][0] == "crlm-order-sign"


@pytest.mark.parametrize("sent", [b"{", b'{"hook": "\xff"}', b"[" * 100_000])
def test_try_reads_stdin_and_shows_why_a_request_is_refused(server: tuple[str, FakeAdvisor], sent: bytes) -> None:
    url, _ = server
    found = CliRunner().invoke(app, ["try", "-", "--url", url], input=sent)
    assert found.exit_code == 1
    assert found.stdout.startswith("400 The request is not a valid CDS Hooks request\n")


def test_try_sends_a_request_without_a_hook_to_patient_view(server: tuple[str, FakeAdvisor], tmp_path: Path) -> None:
    path = tmp_path / "request.json"
    path.write_text("{}")
    found = run("try", str(path), "--url", server[0])
    assert found.stdout.startswith("400 The request is not a valid CDS Hooks request\nhook is required\n")


def test_try_says_that_nobody_answers() -> None:
    found = run("try", "--url", "http://127.0.0.1:9")
    assert (found.exit_code, found.stderr) == (1, "No answer from http://127.0.0.1:9: ConnectError\n")


@pytest.mark.parametrize(("url", "why"), [("http://a\x01b", "InvalidURL"), ("http://xn--a", "InvalidCodepoint")])
def test_try_says_that_an_address_is_none(url: str, why: str) -> None:
    found = run("try", "--url", url)
    assert (found.exit_code, found.stderr) == (1, f"No answer from {url}: {why}\n")


def test_try_fails_where_somebody_else_answers() -> None:
    somebody = FastAPI()

    @somebody.post("/cds-services/crlm-patient-view")
    def answer() -> list[str]:
        return ["hello"]

    with running(somebody) as url:
        found = run("try", "--url", url)
    assert (found.exit_code, found.stdout) == (1, "200 no answer of a CDS Hooks service came back\n")


def test_try_says_that_a_file_is_not_there() -> None:
    found = run("try", "/nowhere/request.json")
    assert found.exit_code == 2
    assert "No such file" in found.stderr


def test_try_answers_in_this_process_without_a_server() -> None:
    found = run("try", "--json")
    assert found.exit_code == 0
    assert check_response(found.stdout.encode(), hook="patient-view") == []
    [card] = json.loads(found.stdout)["cards"]
    advice = card["extension"]["example.crlm-cds.advice"]
    assert (advice["strategy"], advice["strength"], advice["rows"]) == ("liver-first", "strong", ["A12c"])


def test_try_shows_the_card_of_the_sample_to_a_newcomer() -> None:
    text = run("try").stdout
    assert "iver first" in text.splitlines()[1]
    assert "Refer to the liver MDT (recommended)" in text
