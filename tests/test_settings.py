from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

import pytest

from service.adapters.origins import is_loopback
from service.errors import SettingsError
from service.settings import Settings, describe_settings, load_settings

if TYPE_CHECKING:
    from pathlib import Path

OFF = {"CRLM_AUTH": "off"}
LONG = "x" * 300
"""No name of a file: to ask whether it is there is an error by itself, as it is in a folder that nobody may enter."""
ENDLESS = "9" * 5000


def faults(environment: dict[str, str]) -> tuple[str, ...]:
    with pytest.raises(SettingsError) as found:
        load_settings(environment)
    return found.value.faults


@pytest.fixture
def clients(tmp_path: Path) -> Path:
    path = tmp_path / "clients.toml"
    path.touch()
    return path


def test_running_without_authentication_needs_nothing_else_and_gives_the_documented_defaults() -> None:
    assert load_settings(OFF) == Settings(
        auth="off",
        public_base_url="http://127.0.0.1:8080",
        database_url="sqlite:///crlm-cds.sqlite3",
        clients=None,
        policy=None,
        fetch_budget_s=2.0,
        deadline_s=5.0,
        max_body_bytes=33_554_432,
        calls_at_once=256,
        body_bytes_at_once=134_217_728,
        prefetch="full",
        log_level="info",
        log_format="auto",
    )


def test_every_setting_is_read(clients: Path) -> None:
    assert load_settings(
        {
            "CRLM_AUTH": "required",
            "CRLM_PUBLIC_BASE_URL": "https://cds.example.org/crlm/",
            "CRLM_DATABASE_URL": "postgresql+psycopg://u:p@db/crlm",
            "CRLM_CLIENTS": str(clients),
            "CRLM_POLICY": str(clients),
            "CRLM_TERMINOLOGY": str(clients.parent),
            "CRLM_PSEUDONYM_KEY": "p" * 32,
            "CRLM_RETENTION_DAYS": "730",
            "CRLM_AUDIT_LOG": "-",
            "CRLM_AUDIT_VALUES": "on",
            "CRLM_FETCH_BUDGET_S": "1.5",
            "CRLM_DEADLINE_S": "3",
            "CRLM_MAX_BODY_BYTES": "2048",
            "CRLM_CALLS_AT_ONCE": "32",
            "CRLM_BODY_BYTES_AT_ONCE": "2000000",
            "CRLM_PREFETCH": "gate",
            "CRLM_LOG_LEVEL": "warning",
            "CRLM_LOG_FORMAT": "json",
        }
    ) == Settings(
        auth="required",
        public_base_url="https://cds.example.org/crlm",
        database_url="postgresql+psycopg://u:p@db/crlm",
        clients=clients,
        policy=clients,
        terminology=clients.parent,
        pseudonym_key="p" * 32,
        retention_days=730,
        audit_log="-",
        audit_values=True,
        fetch_budget_s=1.5,
        deadline_s=3.0,
        max_body_bytes=2048,
        calls_at_once=32,
        body_bytes_at_once=2_000_000,
        prefetch="gate",
        log_level="warning",
        log_format="json",
    )


def test_authentication_is_required_unless_off_is_written_out() -> None:
    assert faults({}) == (
        (
            "CRLM_CLIENTS: the file of clients is needed to check tokens"
            " (for a trial on this machine, CRLM_AUTH=off runs without authentication)"
        ),
    )


def test_all_faults_are_listed_together_and_no_value_is_repeated() -> None:
    secret = "s3cret"  # noqa: S105  a canary
    found = faults(
        {
            "CRLM_ATUH": secret,
            "CRLM_AUTH": secret,
            "CRLM_PUBLIC_BASE_URL": f"https://u:{secret}@x",
            "CRLM_DATABASE_URL": f"mysql://{secret}",
            "CRLM_CLIENTS": secret,
            "CRLM_FETCH_BUDGET_S": secret,
            "CRLM_MAX_BODY_BYTES": secret,
            "OTHER": secret,
        }
    )
    assert found == (
        "CRLM_ATUH: there is no such setting",
        "CRLM_AUTH: must be one of required, optional, off",
        "CRLM_PUBLIC_BASE_URL: must be an absolute http or https URL without user, query or fragment",
        "CRLM_DATABASE_URL: must be a SQLAlchemy URL beginning with sqlite: or postgresql:",
        "CRLM_CLIENTS: must be the path of a readable file",
        "CRLM_FETCH_BUDGET_S: must be a number of seconds above 0 and at most 60",
        "CRLM_MAX_BODY_BYTES: must be a whole number of bytes, at least 1024",
    )


@pytest.mark.parametrize(
    ("variable", "value", "fault"),
    [
        ("CRLM_TERMINOLOGY", "/nowhere", "must be the path of a readable folder"),
        ("CRLM_TERMINOLOGY", LONG, "must be the path of a readable folder"),
        ("CRLM_POLICY", LONG, "must be the path of a readable file"),
        ("CRLM_CALLS_AT_ONCE", ENDLESS, "must be a whole number from 1 to 10000"),
        ("CRLM_REPEAT_AFTER_S", ENDLESS, "must be a whole number of seconds, 0 to 604800"),
        ("CRLM_RETENTION_DAYS", ENDLESS, "must be a whole number of days from 1 to 36500"),
        ("CRLM_MAX_BODY_BYTES", ENDLESS, "must be a whole number of bytes, at least 1024"),
        ("CRLM_PSEUDONYM_KEY", "short", "needs at least 32 characters"),
        ("CRLM_RETENTION_DAYS", "0", "must be a whole number of days from 1 to 36500"),
        ("CRLM_RETENTION_DAYS", "1.5", "must be a whole number of days from 1 to 36500"),
        ("CRLM_AUDIT_VALUES", "yes", "must be on or off"),
        ("CRLM_AUDIT_VALUES", "on", "has no effect without CRLM_AUDIT_LOG"),
    ],
)
def test_a_setting_for_operators_that_cannot_be_used_is_refused(variable: str, value: str, fault: str) -> None:
    assert faults({**OFF, variable: value}) == (f"{variable}: {fault}",)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql:",
        "postgresql://u:s3@cret:pw@127.0.0.1:5432/crlm",
        "postgresql://u:s3@cret@db/crlm",
        "postgresql+psycopg://u:p@db:s3cret/crlm",
    ],
)
def test_a_store_whose_password_is_not_escaped_is_refused_without_showing_it(url: str) -> None:
    assert faults({**OFF, "CRLM_DATABASE_URL": url}) == (
        "CRLM_DATABASE_URL: cannot be read as a SQLAlchemy URL: write @ : / in a password as %40 %3A %2F",
    )


@pytest.mark.parametrize("url", ["sqlite://crlm.sqlite3", "sqlite://u:s3cret@/crlm.sqlite3", "sqlite:crlm.sqlite3"])
def test_an_address_of_a_file_with_too_few_slashes_is_refused(url: str) -> None:
    assert faults({**OFF, "CRLM_DATABASE_URL": url}) == (
        "CRLM_DATABASE_URL: a SQLite file is written sqlite:///folder/file, with a fourth slash for an absolute path",
    )


@pytest.mark.parametrize("url", ["sqlite:///crlm.sqlite3?timeout=soon", "sqlite:///x?uri=maybe"])
def test_an_option_of_the_store_that_its_driver_cannot_read_is_refused(url: str) -> None:
    assert faults({**OFF, "CRLM_DATABASE_URL": url}) == (
        "CRLM_DATABASE_URL: an option behind its question mark has a value that cannot be read",
    )


@pytest.mark.parametrize("seconds", ["0", "-1", "61", "nan", "inf", "1s"])
def test_a_budget_outside_its_range_is_refused(seconds: str) -> None:
    assert faults({**OFF, "CRLM_DEADLINE_S": seconds}) == (
        "CRLM_DEADLINE_S: must be a number of seconds above 0 and at most 60",
    )


@pytest.mark.parametrize("count", ["1023", "-2048", "2k", "٢٠٤٨"])
def test_a_body_limit_outside_its_range_is_refused(count: str) -> None:
    assert faults({**OFF, "CRLM_MAX_BODY_BYTES": count}) == (
        "CRLM_MAX_BODY_BYTES: must be a whole number of bytes, at least 1024",
    )


@pytest.mark.parametrize(
    "url",
    [
        *["cds.example.org", "ftp://x", "https://", "https://x?a=1", "https://x#a", "https://x:9e9", "https://x:0"],
        *[
            "https://x?",
            "https://x/#",
            "https://x y",
            "https://x/a b",
            "https://x/\ta",
            "https://x\\a",
            "https://ü.example",
        ],
    ],
)
def test_a_base_url_that_links_cannot_start_with_is_refused(url: str) -> None:
    assert len(faults({**OFF, "CRLM_PUBLIC_BASE_URL": url})) == 1


def test_a_variable_that_is_set_but_empty_counts_as_not_set() -> None:
    assert load_settings({**OFF, "CRLM_CLIENTS": "", "CRLM_DEADLINE_S": " "}) == load_settings(OFF)


def test_the_budget_for_fetching_must_leave_time_to_answer() -> None:
    assert faults({**OFF, "CRLM_BODY_BYTES_AT_ONCE": "33554431"}) == (
        "CRLM_BODY_BYTES_AT_ONCE: must not be below CRLM_MAX_BODY_BYTES",
    )
    assert faults({**OFF, "CRLM_FETCH_BUDGET_S": "5"}) == ("CRLM_FETCH_BUDGET_S: must be below CRLM_DEADLINE_S",)


def test_tokens_need_a_public_address_that_cannot_be_listened_to(clients: Path) -> None:
    environment = {"CRLM_CLIENTS": str(clients), "CRLM_PUBLIC_BASE_URL": "http://cds.example.org"}
    assert faults(environment) == ("CRLM_PUBLIC_BASE_URL: must begin with https: where CRLM_AUTH is required",)
    assert load_settings({**environment, "CRLM_AUTH": "optional"}).auth == "optional"
    assert load_settings({**environment, "CRLM_PUBLIC_BASE_URL": "http://127.0.0.1:9"}).auth == "required"


def test_the_command_line_replaces_a_default_and_the_environment_replaces_both() -> None:
    assert load_settings(OFF, public_base_url="http://127.0.0.1:9").public_base_url == "http://127.0.0.1:9"
    environment = {**OFF, "CRLM_PUBLIC_BASE_URL": "https://x"}
    assert load_settings(environment, public_base_url="http://127.0.0.1:9").public_base_url == "https://x"


@pytest.mark.parametrize(
    ("url", "loopback"),
    [
        ("http://127.0.0.1:1", True),
        ("http://[::1]", True),
        ("http://localhost/x", True),
        ("http://127.evil.example", False),
        ("http://localhost.evil.example", False),
        ("http://10.0.0.1", False),
    ],
)
def test_loopback_is_told_by_the_parsed_host(url: str, loopback: bool) -> None:  # noqa: FBT001  a table
    assert is_loopback(url) is loopback


def test_every_field_is_described_under_its_variable() -> None:
    table = describe_settings()
    assert [line.variable for line in table] == [f"CRLM_{field.name.upper()}" for field in fields(Settings)]
    assert all(line.meaning for line in table)
    assert {line.variable: line.default for line in table}["CRLM_FETCH_BUDGET_S"] == "2"
    assert {line.variable: line.default for line in table}["CRLM_CLIENTS"] == ""
