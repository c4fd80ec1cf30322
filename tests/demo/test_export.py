from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from service.cli import app

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """Export once and give what was written."""
    folder = tmp_path_factory.mktemp("export") / "patients"
    said = CliRunner().invoke(app, ["demo", "--export", str(folder)])
    found = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.iterdir())]
    assert said.stdout == f"{len(found) - 1} synthetic patients are in {folder}.\n"
    return found


def test_the_patients_are_written_as_transactions_that_name_each_resource_once(bundles: list[dict[str, Any]]) -> None:
    urls = [entry["request"]["url"] for bundle in bundles for entry in bundle["entry"]]
    assert len(urls) == len(set(urls))
    assert {bundle["type"] for bundle in bundles} == {"transaction"}
    assert {entry["request"]["method"] for bundle in bundles for entry in bundle["entry"]} == {"PUT"}
    named = {f"{entry['resource']['resourceType']}/{entry['resource']['id']}" for b in bundles for entry in b["entry"]}
    assert named == set(urls)


@pytest.mark.parametrize("option", ["--export", "--keep"])
def test_a_folder_that_cannot_be_made_is_told_plainly(tmp_path: Path, option: str) -> None:
    (tmp_path / "file").touch()
    said = CliRunner().invoke(app, ["demo", "--no-browser", option, str(tmp_path / "file" / "folder")])
    assert (said.exit_code, said.stdout) == (2, "")
    told = " ".join(said.stderr.replace("│", " ").split())
    assert f"Invalid value for {option}: no folder can be made there" in told


def test_an_installation_without_the_demo_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("service.commands.demo.find_spec", lambda _: None)
    said = CliRunner().invoke(app, ["demo", "--export", str(tmp_path)])
    assert (said.exit_code, said.stderr) == (
        1,
        "The demo is not part of this installation: in the repository, pip install '.[demo]'\n",
    )


def test_no_id_is_a_number_which_hapi_would_refuse(bundles: list[dict[str, Any]]) -> None:
    ids = [entry["resource"]["id"] for bundle in bundles for entry in bundle["entry"]]
    assert [found for found in ids if found.isdigit()] == []
