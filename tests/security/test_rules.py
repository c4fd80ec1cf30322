"""The shipped modules and templates keep the rules of this project; each rule is seen finding what it is for."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from tests.security.rules import RULES

ROOT = Path(__file__).parents[2]
SHIPPED = sorted(path for folder in ("service", "fhir_mappings", "docker") for path in (ROOT / folder).rglob("*.py"))
TEMPLATES = sorted(path for path in (ROOT / "service").rglob("*") if path.suffix in {".html", ".j2", ".jinja"})

ALLOWED = {
    ("swallows_broadly", "service/web/last_resort.py", "except Exception as error:"): "the one handler of bugs: 500",
    ("swallows_broadly", "service/adapters/store/group_commit.py", "except BaseException as fault:"): (
        "the fault is handed to every caller who waits"
    ),
    ("logs_contents", "service/timing.py", "span(self._name)"): "a name of the type Phase, a Literal",
    ("opens_connections", "service/adapters/outbound.py", ""): "the module that checks where a request may go",
    ("opens_connections", "service/commands/try_request.py", "httpx.AsyncClient("): "asks the operator's own --url",
    ("trusts_the_network", "service/commands/try_request.py", "httpx.AsyncClient("): (
        "the operator's own proxy may lead to the operator's own server"
    ),
    ("opens_connections", "service/demo/run.py", ""): "the demo asks its own two servers on loopback",
    ("opens_connections", "docker/load.py", "import urllib.request"): "asks the one address that the composition gives",
    ("runs_code", "service/web/allocation.py", "import ctypes"): "two settings of the C library, constants",
    ("runs_code", "service/demo/run.py", "import subprocess"): "the demo starts the service, a command of our own",
    ("builds_sql", "service/adapters/store/database.py", "connection.execute(f'PRAGMA busy_timeout="): "a constant",
    ("builds_sql", "service/adapters/store/database.py", "connection.exec_driver_sql(f'PRAGMA busy_timeout="): (
        "a constant"
    ),
    ("builds_sql", "service/adapters/store/database.py", 'connection.exec_driver_sql(f"PRAGMA synchronous='): (
        "one of two constants"
    ),
    ("builds_sql", "service/adapters/store/rate_limits.py", "sa.text(_SETTLE.format(now="): "dialects, from constants",
}  # fmt: skip


@cache
def findings() -> list[tuple[str, str, str]]:
    found = []
    for path in SHIPPED:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for name, rule in RULES.items():
            place = path.relative_to(ROOT).as_posix()
            found += [(name, place, ast.unparse(node).splitlines()[0]) for node in rule(tree)]
    return found


def is_allowed(finding: tuple[str, str, str]) -> bool:
    return any(finding[:2] == known[:2] and finding[2].startswith(known[2]) for known in ALLOWED)


def test_shipped_modules_keep_the_rules() -> None:
    assert len(SHIPPED) > 150
    assert [finding for finding in findings() if not is_allowed(finding)] == []


def test_nothing_is_allowed_that_is_no_longer_there() -> None:
    found = findings()
    unused = [
        known for known in ALLOWED if not any(one[:2] == known[:2] and one[2].startswith(known[2]) for one in found)
    ]
    assert unused == []


BAD = {
    "swallows_broadly": """
        try: f()
        except Exception: pass
        ~
        try: f()
        except: g()
        ~
        try: f()
        except (ValueError, BaseException) as fault: g(fault)
        ~
        try: f()
        except Exception:
            if x: raise
        ~
        with contextlib.suppress(Exception): f()
        """,
    "logs_contents": """
        _log.info(f"call of {patient}")
        ~
        _log.warning("refused: %s", token)
        ~
        structlog.get_logger().info("refused", token=token)
        ~
        _LOG.info("x", reason=f"no {key}")
        ~
        logging.getLogger("x").error("a" + b)
        ~
        _log.exception("bug")
        ~
        _log.error("bug", exc_info=True)
        ~
        note(patient_id=patient_id)
        ~
        with span(request.url): f()
        """,
    "opens_connections": """
        httpx.AsyncClient(trust_env=False)
        ~
        httpx.get(request.fhir_server)
        ~
        from urllib.request import urlopen
        ~
        import socket
        ~
        from urllib import request
        ~
        import requests
        """,
    "trusts_the_network": """
        httpx.AsyncClient(trust_env=False, verify=False)
        ~
        client.get(url, follow_redirects=True)
        ~
        httpx.AsyncClient()
        ~
        ssl._create_unverified_context()
        """,
    "runs_code": """
        eval(text)
        ~
        yaml.load(text)
        ~
        import pickle
        ~
        from subprocess import run
        ~
        os.system(text)
        """,
    "trusts_markup": """
        Markup(name)
        ~
        markupsafe.Markup(name)
        ~
        Environment(loader=loader)
        ~
        Environment(loader=loader, autoescape=False)
        """,
    "builds_sql": """
        connection.execute(f"SELECT * FROM x WHERE y = '{y}'")
        ~
        sa.text("SELECT " + name)
        ~
        sa.text("SELECT {}".format(name))
        ~
        sa.text("SELECT %s" % name)
        """,
}
GOOD = """
try: f()
except ValueError: pass
try: f()
except BaseException:
    g()
    raise
_log.info("request", request_id=request_id, status=status, ms=ms)
_log.warning("alone" if is_alone else "shared")
note(cards=len(cards), reason=str(fault))
httpx.Request("GET", url)
self._outbound.send(request, to=destinations)
re.compile(pattern)
yaml.safe_load(text)
Environment(loader=loader, autoescape=True)
connection.execute(sa.text("SELECT 1"), {"y": y})
connection.execute(sa.select(table).where(table.c.y == y))
"""


def snippets(text: str) -> list[str]:
    lines = [line.removeprefix(" " * 8) for line in text.strip("\n").splitlines()]
    return [part.strip("\n") for part in "\n".join(lines).split("\n~\n")]


@pytest.mark.parametrize(
    ("name", "snippet"), [(name, snippet) for name, text in BAD.items() for snippet in snippets(text)]
)
def test_what_a_rule_is_for_is_found(name: str, snippet: str) -> None:
    assert list(RULES[name](ast.parse(snippet))) != []


def test_every_rule_has_something_that_it_is_for() -> None:
    assert BAD.keys() == RULES.keys()


@pytest.mark.parametrize("name", RULES)
def test_what_is_fine_is_not_found(name: str) -> None:
    assert [ast.unparse(node) for node in RULES[name](ast.parse(GOOD))] == []


_UNESCAPED = re.compile(
    r"\{\{[^}]*\|\s*safe\b[^}]*\}\}|autoescape\s+false|<script(?![^>]*\ssrc=)|<style|\sstyle=|"
    r"\son(?:click|load|error|submit|change|input|focus|blur|key\w+|mouse\w+|pointer\w+)="
)
_SAFE_ALREADY = {
    "handbook.html": ["{{ page.html | safe }}"],  # our own pages, rendered with HTML turned off
    "cards.html": ["{{ card.detail_html|safe }}"],  # sanitised by nh3
}


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_a_template_escapes_everything_and_holds_nothing_that_runs(path: Path) -> None:
    assert _UNESCAPED.findall(path.read_text(encoding="utf-8")) == _SAFE_ALREADY.get(path.name, [])


@pytest.mark.parametrize(
    "text",
    [
        "{{ name | safe }}",
        "{{name|upper|safe}}",
        "{% autoescape false %}",
        "<script>x</script>",
        '<a onclick="x">',
        '<p style="x">',
    ],
)
def test_what_no_template_may_hold_is_found(text: str) -> None:
    assert _UNESCAPED.findall(text) != []
