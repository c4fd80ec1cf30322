"""What an engine would find out too late: files that the image lacks, settings that nobody reads, open doors."""

from __future__ import annotations

import json
import re
import runpy
import sys
import tomllib
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest
import yaml

from service.adapters.clients import load_clients
from service.adapters.origins import parse_origin
from service.settings import describe_settings, load_settings
from tests.adapters.servers import Answer, Asked, Server, as_json

ROOT = Path(__file__).parent.parent
DOCKER = ROOT / "docker"
DOCKERFILE = (DOCKER / "Dockerfile").read_text(encoding="utf-8")
COMPOSE: dict[str, Any] = yaml.safe_load((DOCKER / "compose.yaml").read_text(encoding="utf-8"))
SERVICES: dict[str, Any] = COMPOSE["services"]
LOCKS = [DOCKER / "requirements.lock", DOCKER / "build.lock", ROOT / ".ci" / "requirements.lock"]


def copied() -> list[str]:
    """What the first stage takes from the context."""
    lines = re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE, re.MULTILINE)
    return [source for line in lines for source in line.split()[:-1]]


def test_the_context_has_what_the_image_copies() -> None:
    assert copied()
    assert [source for source in copied() if not (ROOT / source).exists()] == []


def test_the_context_leaves_out_everything_else() -> None:
    rules = (DOCKER / "Dockerfile.dockerignore").read_text(encoding="utf-8").split()
    let_in = [rule[1:] for rule in rules if rule.startswith("!")]
    assert rules[0] == "*"
    assert [source for source in copied() if not any(fnmatchcase(source, rule) for rule in let_in)] == []
    assert not {".git", "tests", "docker/database_password", "docker/patients"} & set(let_in)


def test_the_image_runs_as_nobody_in_particular_checks_itself_and_holds_no_build_tools() -> None:
    stages = DOCKERFILE.split("\nFROM ")
    final = stages[-1]
    assert re.search(r"^USER 10001$", final, re.MULTILINE)
    assert "HEALTHCHECK" in final
    assert "/health/ready" in final
    assert "RUN pip" not in final
    assert "pip uninstall --yes pip" in DOCKERFILE
    assert DOCKERFILE.count("--require-hashes") == 2
    assert "org.cyclonedx.sbom" in final


def test_the_image_leaves_the_demo_out_and_nothing_else_needs_it() -> None:
    assert "rm -rf service/demo" in DOCKERFILE
    sources = [path for path in (ROOT / "service").rglob("*.py") if "demo" not in path.parts]
    at_import = re.compile(r"^(?:from|import) service\.demo", re.MULTILINE)
    assert [str(path) for path in sources if at_import.search(path.read_text(encoding="utf-8"))] == []


@pytest.mark.parametrize("path", LOCKS, ids=lambda path: str(path.relative_to(ROOT)))
def test_locked_packages_have_hashes_and_name_no_place(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    pinned = re.findall(r"^[A-Za-z0-9_.\-]+(?:\[[a-z0-9,]+\])?==[^\s;]+", text, re.MULTILINE)
    assert len(pinned) > 10
    assert len(pinned) == len(re.findall("==", text))
    assert not re.search(r"^--(?!hash)|file://|https?:|@ ", text, re.MULTILINE)
    entries = re.split(r"\n(?=[A-Za-z])", text)
    assert [entry.splitlines()[0] for entry in entries if "==" in entry and "--hash=sha256:" not in entry] == []


def test_the_image_installs_every_dependency() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = {re.split(r"[<>=]", name)[0].lower().replace(".", "-") for name in project["dependencies"]}
    locked = {line.split("==")[0].lower() for line in LOCKS[0].read_text(encoding="utf-8").splitlines() if "==" in line}
    assert wanted - locked == set()


def environments() -> list[Any]:
    ours = {name: service.get("environment", {}) for name, service in SERVICES.items()}
    return [pytest.param(found, id=name) for name, found in ours.items() if any("CRLM_" in key for key in found)]


def default(value: str) -> str:
    """Give what compose puts in: the default of `${NAME:-default}`."""
    found = re.fullmatch(r"\$\{[A-Z_]+:-(.*)\}", value)
    return found[1] if found else value


@pytest.mark.parametrize("environment", environments())
def test_a_service_is_given_settings_that_exist_and_agree(environment: dict[str, str], tmp_path: Path) -> None:
    known = {setting.variable for setting in describe_settings()}
    given = {name: default(value) for name, value in environment.items() if name.startswith("CRLM_")}
    assert given.keys() - known == set()
    clients = tmp_path / "clients.toml"
    clients.touch()
    settings = load_settings({**given, "CRLM_CLIENTS": str(clients)})
    assert settings.database_url.startswith(("sqlite:", "postgresql"))


def test_a_setting_of_the_operator_reaches_the_service() -> None:
    # Files, and the store of each service.
    own = {"CRLM_CLIENTS", "CRLM_POLICY", "CRLM_TERMINOLOGY", "CRLM_DATABASE_URL"}
    wanted = {setting.variable for setting in describe_settings()} - own
    for name in ("crlm-cds", "replica"):
        environment = SERVICES[name]["environment"]
        assert {key for key, value in environment.items() if value.startswith(f"${{{key}:-")} == wanted, name


def ours() -> dict[str, Any]:
    return {name: service for name, service in SERVICES.items() if "build" in service}


def test_our_containers_are_read_only_without_capabilities() -> None:
    assert ours().keys() == {"crlm-cds", "replica", "sandbox", "patients"}
    for service in ours().values():
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]


def test_only_the_proxy_listens_beyond_this_machine() -> None:
    ports = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert {name for name, found in ports.items() if not all(port.startswith("127.0.0.1:") for port in found)} == {
        "proxy"
    }
    assert all(
        service.get("environment", {}).get("CRLM_AUTH") != "off"
        for name, service in SERVICES.items()
        if name != "sandbox"
    )


def test_profiles_and_dependencies_fit_together() -> None:
    for service in SERVICES.values():
        profiles = set(service.get("profiles", []))
        for needed in service.get("depends_on", []):
            assert profiles == set(SERVICES[needed].get("profiles", []))


def test_mounted_files_are_there_or_are_secrets_that_the_operator_makes() -> None:
    mounts = {default(mount.split(":/")[0]) for service in SERVICES.values() for mount in service.get("volumes", [])}
    secrets = {default(secret["file"]) for secret in COMPOSE["secrets"].values()}
    files = {mount for mount in mounts if mount.startswith("./")}
    made = {"./tls", "./patients", *secrets}
    assert [name for name in files - made if not (DOCKER / name).is_file()] == []
    ignored = (DOCKER / ".gitignore").read_text(encoding="utf-8").split()
    assert {name.removeprefix("./") for name in made} <= {line.rstrip("/") for line in ignored}


def test_images_are_named_with_a_version_and_can_be_replaced_by_a_digest() -> None:
    named = [service["image"] for service in SERVICES.values()]
    assert all(re.fullmatch(r"\$\{[A-Z]+_IMAGE:-[^:}]+:[^}]+\}", image) for image in named)


def test_the_sandbox_may_fetch_from_its_fhir_server_alone() -> None:
    [client] = load_clients(DOCKER / "sandbox.clients.toml")
    assert client.fhir_origins == {parse_origin("http://fhir:8080")}
    assert SERVICES["patients"]["entrypoint"][-1] == "http://fhir:8080/fhir"


def loaded(folder: Path, answer: Answer, monkeypatch: pytest.MonkeyPatch) -> list[Asked]:
    with Server(lambda asked: as_json({}) if asked.method == "GET" else answer) as server:
        monkeypatch.setattr(sys, "argv", ["load.py", str(folder), f"{server.url}/fhir/"])
        runpy.run_path(str(DOCKER / "load.py"), run_name="__main__")
    return server.asked


def test_the_loader_posts_every_bundle_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("b", "a"):
        (tmp_path / f"{name}.json").write_text(json.dumps({"resourceType": "Bundle", "id": name}))
    asked = loaded(tmp_path, as_json({"entry": [1, 2]}), monkeypatch)
    assert [(one.method, one.path) for one in asked] == [
        ("GET", "/fhir/metadata"),
        ("POST", "/fhir"),
        ("POST", "/fhir"),
    ]
    assert [json.loads(one.body)["id"] for one in asked[1:]] == ["a", "b"]
    assert capsys.readouterr().out == "a.json 2 resources\nb.json 2 resources\n"


def test_the_loader_stops_where_the_server_refuses_or_nothing_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SystemExit, match="holds no Bundle: crlm-cds demo --export"):
        loaded(tmp_path, Answer(), monkeypatch)
    (tmp_path / "a.json").write_text("{}")
    with pytest.raises(SystemExit, match=r"a\.json: the server answered 422"):
        loaded(tmp_path, Answer(422), monkeypatch)
