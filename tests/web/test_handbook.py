"""The handbook holds what it says: its commands, settings, tests, files and links exist."""

from __future__ import annotations

import json
import re
import sqlite3
import subprocess
import sys
import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from typer.main import get_command

from service.adapters.clients import parse_clients
from service.adapters.store.database import Database
from service.adapters.store.migrate import head, migrate, read_version
from service.cli import app as command_line
from service.demo.patients.load import stories
from service.knowledge.guideline import load_guideline_under
from service.settings import describe_settings
from service.web.handbook.render import HandbookError, render
from service.web.handbook.routes import PAGES, handbook_routes, page_text
from tests.checked_client import CheckedClient, small_app
from tests.demo.axe_core import violations
from tests.demo.browsing import chromium, watched
from tests.hooks.serving import app_of
from tests.loopback import running_at
from tests.web.plain_page import Page

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from service.settings import Settings

ROOT = Path(__file__).parents[2]
TEMPLATES = {"patient": "Patient/{{context.patientId}}", "observations": "Observation?code=a,b,c&_count=5"}
ALL = "\n".join(page_text(name) for name in PAGES)


@pytest.fixture
async def handbook(settings: Settings) -> AsyncIterator[CheckedClient]:
    app = small_app(settings, templates=TEMPLATES, pages=[handbook_routes(TEMPLATES)])
    async with CheckedClient(app) as client:
        yield client


async def test_every_page_is_served_with_one_heading_and_nothing_that_runs(handbook: CheckedClient) -> None:
    for name in PAGES:
        answer = await handbook.get(f"/docs/{name}")
        page = Page(answer.text)
        assert answer.status_code == 200
        assert page.tags.count("h1") == 1
        assert len(page.ids) == len(set(page.ids))
        assert "script" not in page.tags
        assert answer.headers["content-security-policy"].startswith("default-src 'none'; style-src 'self'")


async def test_the_first_page_is_the_quick_start(handbook: CheckedClient) -> None:
    first = Page((await handbook.get("/docs")).text)
    assert {"docs/operating", "static/handbook.css", "knowledge"} <= set(first.links)
    for name in ("page", "handbook"):
        assert (await handbook.get(f"/static/{name}.css")).headers["content-type"].startswith("text/css")


async def test_a_page_is_cheap_to_ask_for_again_and_an_unknown_one_is_not_found(handbook: CheckedClient) -> None:
    etag = (await handbook.get("/docs/safety")).headers["etag"]
    again = await handbook.get("/docs/safety", headers={"if-none-match": etag})
    assert (again.status_code, (await handbook.get("/docs/nowhere")).status_code) == (304, 404)


async def test_the_bare_address_leads_to_the_handbook(handbook: CheckedClient) -> None:
    front = await handbook.get("/")
    assert (front.status_code, front.headers["location"]) == (307, "docs")


OUTSIDE = {"../static/page.css", "../static/handbook.css", "../review/static/review-icon.svg", "../knowledge"}


async def test_every_link_inside_leads_to_a_page_and_its_anchor(handbook: CheckedClient) -> None:
    pages = {name: Page((await handbook.get(f"/docs/{name}")).text) for name in PAGES}
    for name, page in pages.items():
        for link in page.links:
            target, _, anchor = link.partition("#")
            if target.startswith("../docs/") or not target:
                found = pages[target.removeprefix("../docs/") or name]
                assert not anchor or anchor in [*found.ids, "content"], f"{name}: {link}"
            else:
                assert target in OUTSIDE, f"{name}: {link}"


async def test_the_whole_service_serves_the_handbook_with_its_own_prefetch(tmp_path: Path) -> None:
    async with CheckedClient(app_of(tmp_path)) as client:
        text = (await client.get("/docs/capabilities")).text
    assert "Condition?patient={{context.patientId}}&amp;_count=1000" in text
    assert "Observation?patient={{context.patientId}}&amp;code=" in text


async def test_every_setting_stands_in_the_page_of_settings(handbook: CheckedClient) -> None:
    text = (await handbook.get("/docs/settings")).text
    assert [one.variable for one in describe_settings() if f"<code>{one.variable}</code>" not in text] == []


def test_settings_and_commands_that_the_pages_name_exist() -> None:
    known = {setting.variable for setting in describe_settings()}
    assert set(re.findall(r"\bCRLM_[A-Z_]*[A-Z]\b", ALL)) - known == set()
    commands = get_command(command_line)
    told = re.findall(r"(?:`|^(?:[A-Z_]+=\S+ )*)crlm-cds ([a-z]+)(?: ([a-z]+))?([^`\n]*)", ALL, re.MULTILINE)
    assert len(told) > 15
    for name, below, rest in told:
        command = commands.commands[name]  # type: ignore[attr-defined]  # a group
        if hasattr(command, "commands"):
            command = command.commands[below]
        known_options = {option for parameter in command.params for option in parameter.opts}
        assert set(re.findall(r"--[a-z-]+", rest)) <= known_options
    shown = set(re.findall(r"^\| `crlm-cds ([a-z]+)", page_text("start"), re.MULTILINE))
    assert shown == set(commands.commands)  # type: ignore[attr-defined]  # a group


def collected(session: pytest.Session) -> set[str]:
    """Give the names of all tests: as collected where the whole suite runs, else as they are written."""
    files = sorted((ROOT / "tests").rglob("test_*.py"))
    if set(files) <= {item.path for item in session.items}:
        return {getattr(item, "originalname", item.name) for item in session.items}
    return {
        name
        for path in files
        for name in re.findall(r"^(?:async )?def (test_\w+)", path.read_text(encoding="utf-8"), re.MULTILINE)
    }


def test_tests_that_the_pages_name_are_collected(request: pytest.FixtureRequest) -> None:
    named = re.findall(r"`(test_\w+)`", ALL)
    assert len(named) > 150
    assert sorted(set(named) - collected(request.session)) == []


def test_each_threat_and_each_hazard_names_its_defence_and_a_test() -> None:
    lines = [
        [cell.strip() for cell in line.strip("|").split(" | ")]
        for name, heads in {"threats": ("| threat |",), "safety": ("| hazard |",)}.items()
        for table in re.findall(r"^(\|.*\n(?:\|.*\n)+)", page_text(name), re.MULTILINE)
        if table.startswith(heads)
        for line in table.splitlines()[2:]
    ]
    assert len(lines) > 80
    tests = r"(?:`test_\w+`(?:, )?)+"
    assert [line for line in lines if not all(line) or not re.fullmatch(tests, line[-1].rstrip("| "))] == []
    assert {len(line) for line in lines} == {3, 4}


def test_files_that_the_pages_name_exist() -> None:
    named = re.findall(r"`((?:docker|fhir_mappings|service|tests)/[\w./-]+)`", ALL)
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_examples_of_clients_and_policies_are_accepted(tmp_path: Path) -> None:
    for example in re.findall(r"```toml\n(.*?)```", ALL, re.DOTALL):
        if "client" in tomllib.loads(example):
            assert len(parse_clients(example, folder=tmp_path).by_issuer) == 1
        else:
            assert load_guideline_under(example).policy.name == "our MDT"


def test_examples_of_json_are_json_and_name_a_patient_of_the_demo() -> None:
    for example in re.findall(r"```json\n(.*?)```", ALL, re.DOTALL):
        json.loads(example)
    bodies = [json.loads(body) for body in re.findall(r"-d '(\{.*?\})'", page_text("connect"), re.DOTALL)]
    [body] = [body for body in bodies if "context" in body]
    patient = body["context"]["patientId"]
    assert patient in {story.id for story in stories(datetime.now(UTC).date())}


def test_the_backup_of_sqlite_is_taken_while_it_is_used_and_restores(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'crlm-cds.sqlite3'}")
    migrate(database)
    [program] = re.findall(r'python3 -c "(import sqlite3;.*)"\n', page_text("operating"))
    with database.engine.connect():
        subprocess.run([sys.executable, "-c", program.replace('\\"', '"')], cwd=tmp_path, check=True)
    database.close()
    (tmp_path / "backup.sqlite3").rename(tmp_path / "crlm-cds.sqlite3")
    for left in ("-wal", "-shm"):
        (tmp_path / f"crlm-cds.sqlite3{left}").unlink(missing_ok=True)
    restored = Database(f"sqlite:///{tmp_path / 'crlm-cds.sqlite3'}")
    found = restored.read_now(read_version)
    restored.close()
    assert found == head()
    connection = sqlite3.connect(tmp_path / "crlm-cds.sqlite3")
    checked = connection.execute("PRAGMA integrity_check").fetchall()
    connection.close()
    assert checked == [("ok",)]


def test_a_page_that_leads_nowhere_stops_the_start() -> None:
    for text in ("# T\n\n[x](docs:nowhere)", "# T\n\n{{ nothing }}"):
        with pytest.raises(HandbookError, match="there is no"):
            render(text, pages=frozenset({"start"}), parts={}, root="")


def test_markup_in_a_page_stays_text() -> None:
    page = render("# T\n\n<script>x</script>\n\n## A `b` C\n", pages=frozenset(), parts={}, root="")
    assert page.html == '<p>&lt;script&gt;x&lt;/script&gt;</p>\n<h2 id="a-b-c">A <code>b</code> C</h2>\n'
    assert page.sections == (("a-b-c", "A `b` C"),)


@pytest.mark.parametrize("width", [1280, 400])
def test_the_pages_are_accessible_and_fit_a_narrow_screen(tmp_path: Path, width: int) -> None:
    with (
        running_at(lambda base: app_of(tmp_path, public_base_url=base)) as url,
        chromium() as browser,
        watched(browser, url, width=width) as seen,
    ):
        for name in PAGES:
            seen.page.goto(f"/docs/{name}")
            assert violations(seen.page) == [], name
            assert seen.page.evaluate("document.documentElement.scrollWidth") <= width, name
        seen.page.get_by_role("link", name="Quick start").click()
        assert seen.page.url == f"{url}/docs/start"
