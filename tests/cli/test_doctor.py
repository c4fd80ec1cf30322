from __future__ import annotations

import json
import sqlite3
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner, Result

from service.adapters.clients import Client, Clients, SmartRegistration
from service.adapters.origins import parse_origin
from service.adapters.outbound import Outbound
from service.adapters.store.migrate import head
from service.cli import app
from service.commands.doctor_outside import examine_clock, examine_outside
from service.commands.findings import fail, ok, warn, worst
from tests.adapters.servers import Answer, Asked, Server, as_json
from tests.adapters.tokens import EC_KEY, P256_KEY, jwk, key_set
from tests.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from service.commands.findings import Finding

NOW = datetime(2026, 11, 23, 19, 0, tzinfo=UTC)
KEYS_REMEDY = "check jwks_url, the firewall and the proxy: without its keys every call of this client is refused"
NTP = "let NTP set the clock (timedatectl set-ntp true)"


def run(*arguments: str, **environment: str) -> Result:
    return CliRunner().invoke(app, list(arguments), env={"CRLM_AUTH": "", **environment})


def examined(**environment: str) -> tuple[int, dict[str, list[dict[str, str]]]]:
    """Run the doctor; give its exit status and the findings by what was looked at."""
    found = run("doctor", "--json", **environment)
    by_check: dict[str, list[dict[str, str]]] = {}
    for finding in json.loads(found.stdout)["checks"]:
        by_check.setdefault(finding.pop("check"), []).append(finding)
    return found.exit_code, by_check


@pytest.fixture
def store(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'store.sqlite3'}"


def test_migrate_builds_the_store_and_finds_it_done_the_second_time(store: str) -> None:
    said = [run("migrate", CRLM_DATABASE_URL=store).stdout for _ in range(2)]
    assert said == [
        f"The store went from no tables to version {head()}.\n",
        f"The store is up to date: version {head()}.\n",
    ]


def test_migrate_says_that_a_store_is_away_without_showing_its_password() -> None:
    found = run("migrate", CRLM_DATABASE_URL="postgresql://u:s3cret@127.0.0.1:1/x")
    assert (found.exit_code, found.stdout) == (1, "")
    assert (
        found.stderr
        == "The store cannot be written (OperationalError): check CRLM_DATABASE_URL; `crlm-cds doctor` says more.\n"
    )


@pytest.mark.parametrize("workers", ["1", "2"])
@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("sqlite:////nowhere/s3cret.sqlite3", "OperationalError"),
        ("postgresql://u:s3cret@127.0.0.1:1/x", "OperationalError"),
        ("postgresql://u:s3cret@127.0.0.1:1/x?colour=red", "ProgrammingError"),
    ],
)
def test_serve_says_in_a_line_that_its_store_is_away_and_fails(workers: str, url: str, why: str) -> None:
    found = run("serve", "--port", str(free_port()), "--workers", workers, CRLM_AUTH="off", CRLM_DATABASE_URL=url)
    assert (found.exit_code, found.stdout) == (1, "")
    told = f"The store cannot be written ({why}): check CRLM_DATABASE_URL; `crlm-cds doctor` says more."
    assert found.stderr.splitlines()[4:] == [told]


def test_migrate_refuses_a_url_of_another_kind() -> None:
    found = run("migrate", CRLM_DATABASE_URL="mysql://x")
    assert (found.exit_code, found.stderr.splitlines()[1]) == (
        2,
        "  - CRLM_DATABASE_URL: must be a SQLAlchemy URL beginning with sqlite: or postgresql:",
    )


@pytest.mark.parametrize("command", [["migrate"], ["serve"], ["feedback", "report"]])
def test_a_url_with_a_password_that_cuts_it_is_refused_by_every_command_without_showing_it(command: list[str]) -> None:
    found = run(*command, CRLM_AUTH="off", CRLM_DATABASE_URL="postgresql://u:s3@cret:pw@127.0.0.1:1/x")
    told = "CRLM_DATABASE_URL: cannot be read as a SQLAlchemy URL: write @ : / in a password as %40 %3A %2F"
    assert (found.exit_code, found.stdout, found.stderr) == (2, "", f"crlm-cds cannot start:\n  - {told}\n")


def test_a_sound_installation_has_no_failure(store: str, tmp_path: Path) -> None:
    run("migrate", CRLM_DATABASE_URL=store)
    (tmp_path / "keys.json").write_bytes(key_set(jwk(EC_KEY, "one")))
    clients = tmp_path / "clients.toml"
    clients.write_text('[[client]]\nissuer = "https://ehr.example.org"\njwks_file = "keys.json"\n')
    status, found = examined(
        CRLM_DATABASE_URL=store,
        CRLM_CLIENTS=str(clients),
        CRLM_PUBLIC_BASE_URL="https://cds.example.org",
        CRLM_SESSION_KEY="k" * 32,
    )
    assert status == 0
    assert {finding["status"] for findings in found.values() for finding in findings} == {"ok"}
    assert found["store"] == [{"status": "ok", "message": f"SQLite: version {head()}, it can be written"}]
    assert found["keys of https://ehr.example.org"] == [{"status": "ok", "message": "read from the file"}]


def test_faults_of_settings_are_all_told_and_the_rest_is_looked_at(store: str) -> None:
    status, found = examined(CRLM_DATABASE_URL=store, CRLM_DEADLINE_S="no", CRLM_PROT="1")
    remedy = "correct the variable; `crlm-cds serve --help` explains each"
    assert status == 1
    assert found["settings"] == [
        {"status": "fail", "message": "CRLM_PROT: there is no such setting", "remedy": remedy},
        {
            "status": "fail",
            "message": "CRLM_DEADLINE_S: must be a number of seconds above 0 and at most 60",
            "remedy": remedy,
        },
    ]
    assert found["knowledge"][0]["status"] == "ok"
    assert found["store"][0]["message"] == "the SQLite file does not exist yet"


def test_what_a_site_switched_off_is_told_and_is_no_failure(store: str, tmp_path: Path) -> None:
    policy = tmp_path / "policy.toml"
    policy.write_text('[policy]\nname = "ours"\n[parameters]\nprefer_simultaneous_when_eligible = false\n')
    status, found = examined(CRLM_AUTH="off", CRLM_DATABASE_URL=store, CRLM_POLICY=str(policy))
    assert (status, found["policy"], {finding["status"] for finding in found["knowledge"]}) == (
        0,
        [
            {"status": "ok", "message": "ours; parameters set by it: 1, assumptions off: 0"},
            {"status": "ok", "message": "under it row A10 can never apply"},
        ],
        {"ok"},
    )


def test_the_examination_creates_no_store(store: str, tmp_path: Path) -> None:
    examined(CRLM_AUTH="off", CRLM_DATABASE_URL=store)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("url", "finding"),
    [
        (
            "sqlite:////nowhere/at/all/store.sqlite3",
            {
                "status": "fail",
                "message": "the folder of the SQLite file does not exist",
                "remedy": "create it, or change the setting",
            },
        ),
        (
            "postgresql://u:s3cret@127.0.0.1:1/x",
            {
                "status": "fail",
                "message": "it cannot be read or written (OperationalError)",
                "remedy": "check CRLM_DATABASE_URL, that the server runs, and that its user may write",
            },
        ),
        (
            "sqlite://",
            {
                "status": "warn",
                "message": "SQLite: it has no tables yet",
                "remedy": "run `crlm-cds migrate`; `serve` does it too",
            },
        ),
    ],
)
def test_a_store_that_cannot_be_used_is_told_with_its_remedy(url: str, finding: dict[str, str]) -> None:
    assert examined(CRLM_AUTH="off", CRLM_DATABASE_URL=url)[1]["store"] == [finding]


def test_an_older_store_and_one_that_is_no_store_are_told(store: str, tmp_path: Path) -> None:
    run("migrate", CRLM_DATABASE_URL=store)
    with sqlite3.connect(tmp_path / "store.sqlite3") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0001'")
    connection.close()
    older = examined(CRLM_AUTH="off", CRLM_DATABASE_URL=store)[1]["store"][0]
    (tmp_path / "store.sqlite3").write_text("no database")
    (tmp_path / "store.sqlite3-wal").unlink(missing_ok=True)
    status, found = examined(CRLM_AUTH="off", CRLM_DATABASE_URL=store)
    assert older["message"] == f"SQLite: version 0001, this program needs {head()}"
    assert (status, found["store"][0]["message"]) == (1, "it cannot be read or written (DatabaseError)")


def test_faulty_policy_value_sets_clients_and_telemetry_are_told(store: str, tmp_path: Path) -> None:
    (tmp_path / "policy.toml").write_text("[parameters]\nnone = 1\n")
    (tmp_path / "sets").mkdir()
    (tmp_path / "sets" / "one.json").write_text("{")
    (tmp_path / "clients.toml").write_text("")
    status, found = examined(
        CRLM_AUTH="off",
        CRLM_DATABASE_URL=store,
        CRLM_POLICY=str(tmp_path / "policy.toml"),
        CRLM_TERMINOLOGY=str(tmp_path / "sets"),
        CRLM_CLIENTS=str(tmp_path / "clients.toml"),
        OTEL_TRACES_EXPORTER="zipkin",
    )
    assert status == 1
    failed = {check for check, findings in found.items() if any(one["status"] == "fail" for one in findings)}
    assert failed == {"policy", "value sets", "clients", "telemetry"}


def test_the_lines_show_remedies_and_a_count(store: str) -> None:
    found = run("doctor", CRLM_AUTH="off", CRLM_DATABASE_URL=store)
    lines = found.stdout.splitlines()
    assert lines[0] == "ok    settings: all are known and agree with each other"
    assert "      → set CRLM_AUTH=required before real patients" in lines
    assert lines[-1] == "6 ok, 5 warn, 0 fail"


def client_of(server: Server, **more: Any) -> Client:
    values = {
        "issuer": "https://ehr.example.org",
        "jwks_url": f"{server.url}/jwks",
        "allow_private_addresses": True,
        **more,
    }
    return Client(**values)


async def looked_around(*clients: Client) -> list[Finding]:
    outbound = Outbound()
    try:
        return await examine_outside(Clients({client.issuer: client for client in clients}), outbound, lambda: NOW)
    finally:
        await outbound.aclose()


def keys_answer(*, date: datetime | None = None, key: Any = EC_KEY, status: int = 200) -> Answer:
    headers = {"Date": format_datetime(date, usegmt=True)} if date else {}
    return Answer(status, key_set(jwk(key, "one")), headers)


async def test_keys_fhir_origin_smart_and_clock_of_a_client_are_looked_at() -> None:
    def ehr(asked: Asked) -> Answer:
        if asked.path == "/jwks":
            return keys_answer(date=NOW)
        return as_json({}) if asked.path.endswith("smart-configuration") else Answer(401)

    with Server(ehr) as server:
        smart = SmartRegistration((f"{server.url}/r4",), "crlm")
        client = client_of(server, fhir_origins=frozenset({parse_origin(server.url)}), smart=smart)
        found = await looked_around(client)
    assert found == [
        ok("keys of https://ehr.example.org", "1 usable"),
        ok(f"FHIR origin {server.url}", "it answers (status 401)"),
        ok(f"SMART configuration of {server.url}/r4", "it is published"),
        ok("clock", "agrees with the key servers"),
    ]


@pytest.mark.parametrize(
    ("answer", "message", "remedy"),
    [
        (keys_answer(status=500), "was answered with status 500", KEYS_REMEDY),
        (Answer(200, b"<html>"), "is no key set: no JSON object", KEYS_REMEDY),
        (keys_answer(key=P256_KEY), "none of its keys is for ES384 or RS384", "check jwks_url and algorithms"),
        (Answer(200, b"{" * 300_000), "the answer is too large", KEYS_REMEDY),
    ],
)
async def test_keys_that_cannot_be_used_are_told(answer: Answer, message: str, remedy: str) -> None:
    with Server(lambda _: answer) as server:
        found = (await looked_around(client_of(server)))[0]
    assert (found.check, found.status, found.remedy) == ("keys of https://ehr.example.org", "fail", remedy)
    assert found.message.startswith(message.partition(":")[0])


async def test_servers_that_do_not_answer_are_told() -> None:
    with Server(lambda _: Answer()) as server:
        origin = parse_origin(server.url)
    smart = SmartRegistration((f"{server.url}/r4",), "crlm")
    found = await looked_around(client_of(server, fhir_origins=frozenset({origin}), smart=smart))
    assert [(one.status, one.message) for one in found[:3]] == [
        ("fail", "no whole answer came"),
        ("warn", "no whole answer came"),
        ("warn", "no whole answer came"),
    ]


async def test_private_addresses_that_are_not_allowed_are_refused_by_the_same_guard_as_calls() -> None:
    with Server(lambda _: Answer()) as server:
        origin = parse_origin(server.url)
        client = client_of(server, allow_private_addresses=False, fhir_origins=frozenset({origin}))
        found = await looked_around(client)
    assert [one.message for one in found[:2]] == ["the address is not allowed"] * 2
    assert server.asked == []


@pytest.mark.parametrize(
    ("ahead_s", "finding"),
    [
        ([0.4], ok("clock", "agrees with the key servers")),
        ([-30], warn("clock", "30 s behind the key servers", NTP)),
        ([120], fail("clock", "120 s ahead of the key servers: sound tokens are refused", NTP)),
        ([7200, 1], ok("clock", "agrees with the key servers")),
        ([], ok("clock", "2026-11-23 19:00 UTC; no key server to compare it with")),
    ],
)
def test_the_clock_is_judged_by_the_nearest_key_server(ahead_s: Iterable[float], finding: Finding) -> None:
    assert examine_clock(NOW, ahead_s) == [finding]


def test_a_year_that_cannot_be_is_told() -> None:
    assert examine_clock(datetime(1970, 1, 1, tzinfo=UTC), [0]) == [fail("clock", "the year 1970 cannot be right", NTP)]


async def test_the_date_of_a_key_server_is_compared() -> None:
    with Server(lambda _: keys_answer(date=NOW + timedelta(hours=1))) as server:
        found = await looked_around(client_of(server))
    assert found[-1].message == "3600 s behind the key servers: sound tokens are refused"


def test_the_worst_status_counts() -> None:
    findings = [ok("a", "b"), fail("a", "b", "c"), warn("a", "b", "c")]
    assert [worst([]), worst(findings[::2]), worst(findings)] == ["ok", "warn", "fail"]
