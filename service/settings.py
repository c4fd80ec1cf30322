"""The settings: every `CRLM_*` variable, its meaning, default and check, read once at start."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

from service.adapters.origins import OriginError, is_loopback, origin_of
from service.adapters.places import is_file, is_folder
from service.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

PREFIX = "CRLM_"
_SHORTEST_KEY = 32
_MOST_DIGITS = 19

Auth: TypeAlias = Literal["required", "optional", "off"]
PrefetchMode: TypeAlias = Literal["full", "gate"]
MdtLine: TypeAlias = Literal["silent", "line"]
LogLevel: TypeAlias = Literal["debug", "info", "warning", "error"]
LogFormat: TypeAlias = Literal["auto", "json", "console"]


def _choice(literal: object) -> Callable[[str], str]:
    choices = get_args(literal)

    def parse(text: str) -> str:
        if text not in choices:
            raise ValueError(f"must be one of {', '.join(choices)}")
        return text

    return parse


def _seconds(text: str) -> float:
    fault = "must be a number of seconds above 0 and at most 60"
    try:
        seconds = float(text)
    except ValueError:
        raise ValueError(fault) from None
    if not math.isfinite(seconds) or not 0 < seconds <= 60:  # noqa: PLR2004  stands in the message
        raise ValueError(fault)
    return seconds


def _whole(what: str, fits: Callable[[int], bool]) -> Callable[[str], int]:
    """Read a whole number that `fits`; `what` says which do."""

    def parse(text: str) -> int:
        # No number of so many digits is meant, and Python reads none of thousands.
        if not (text.isascii() and text.isdigit() and len(text) < _MOST_DIGITS and fits(int(text))):
            raise ValueError(f"must be a whole number {what}")
        return int(text)

    return parse


_rest = _whole("of seconds, 0 to 604800", lambda seconds: seconds <= 604_800)  # noqa: PLR2004  a week
_bytes = _whole("of bytes, at least 1024", lambda count: count >= 1024)  # noqa: PLR2004  stands in the message
_count = _whole("from 1 to 10000", range(1, 10_001).__contains__)
_days = _whole("of days from 1 to 36500", range(1, 36_501).__contains__)


def _file(text: str) -> Path:
    path = Path(text)
    if not is_file(path):
        raise ValueError("must be the path of a readable file")
    return path


def _folder(text: str) -> Path:
    path = Path(text)
    if not is_folder(path):
        raise ValueError("must be the path of a readable folder")
    return path


def _switch(text: str) -> bool:
    if text not in {"on", "off"}:
        raise ValueError("must be on or off")
    return text == "on"


def _base_url(text: str) -> str:
    fault = "must be an absolute http or https URL without user, query or fragment"
    try:
        port = origin_of(text).port
    except OriginError:
        raise ValueError(fault) from None
    # An empty query is one too: what is put behind it would no more be the path.
    if not port or "?" in text or "#" in text:
        raise ValueError(fault)
    return text.rstrip("/")


def _database_url(text: str) -> str:
    from sqlalchemy import exc, make_url  # noqa: PLC0415  commands without a store need not wait for it

    if not text.startswith(("sqlite:", "postgresql:", "postgresql+psycopg:")):
        raise ValueError("must be a SQLAlchemy URL beginning with sqlite: or postgresql:")
    fault = "cannot be read as a SQLAlchemy URL: write @ : / in a password as %40 %3A %2F"
    if text.startswith("sqlite:"):
        fault = "a SQLite file is written sqlite:///folder/file, with a fourth slash for an absolute path"
    # The messages of the errors quote a part of the URL.
    try:
        url = make_url(text)
        arguments = url.get_dialect()().create_connect_args
    except (exc.ArgumentError, ValueError):
        raise ValueError(fault) from None
    if "@" in (url.host or ""):
        raise ValueError(fault)
    try:
        arguments(url)
    except exc.ArgumentError:
        raise ValueError(fault) from None
    except ValueError:
        raise ValueError("an option behind its question mark has a value that cannot be read") from None
    return text


def _secret(text: str) -> str:
    if len(text) < _SHORTEST_KEY:
        raise ValueError(f"needs at least {_SHORTEST_KEY} characters")
    return text


def _keys(text: str) -> tuple[str, ...]:
    keys = tuple(part.strip() for part in text.split(",") if part.strip())
    if not keys or any(len(key) < _SHORTEST_KEY for key in keys):
        raise ValueError(f"each key needs at least {_SHORTEST_KEY} characters")
    return keys


def _read_by(parse: Callable[[str], object], meaning: str) -> dict[str, Any]:
    return {"parse": parse, "meaning": meaning}


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All settings of one server. Each field is the variable `CRLM_` + its name in capitals."""

    auth: Auth = field(
        default="required",
        metadata=_read_by(
            _choice(Auth),
            "Whether a call needs a signed token: required; optional (a token that is sent is checked);"
            " off (trials only).",
        ),
    )
    public_base_url: str = field(
        default="http://127.0.0.1:8080",
        metadata=_read_by(
            _base_url,
            "The URL under which clients reach this server: the audience of tokens and the start of every link.",
        ),
    )
    database_url: str = field(
        default="sqlite:///crlm-cds.sqlite3",
        metadata=_read_by(_database_url, "The SQLAlchemy URL of the store: a SQLite file or PostgreSQL."),
    )
    clients: Path | None = field(
        default=None,
        metadata=_read_by(_file, "The TOML file of the clients (EHRs) that may call. Needed unless CRLM_AUTH is off."),
    )
    policy: Path | None = field(
        default=None,
        metadata=_read_by(_file, "The TOML file of the site's policy: parameters and assumptions that it overrides."),
    )
    terminology: Path | None = field(
        default=None,
        metadata=_read_by(
            _folder,
            "The folder of further FHIR ValueSets, such as `crlm-cds terminology refresh` writes; they widen those"
            " that ship with the service.",
        ),
    )
    fetch_budget_s: float = field(
        default=2.0,
        metadata=_read_by(_seconds, "Seconds in one call for fetching what the prefetch lacks."),
    )
    deadline_s: float = field(
        default=5.0,
        metadata=_read_by(_seconds, "Seconds after which a call without an answer is ended with 504."),
    )
    max_body_bytes: int = field(
        default=33_554_432, metadata=_read_by(_bytes, "The largest body of a request, in bytes.")
    )
    calls_at_once: int = field(
        default=256,
        metadata=_read_by(
            _count,
            "The calls that one worker has in work at once; it answers one more with 503 and Retry-After, as all while"
            " one has waited for a third of its deadline. Health, discovery and metrics are always answered.",
        ),
    )
    body_bytes_at_once: int = field(
        default=134_217_728,
        metadata=_read_by(
            _bytes, "The bodies of all calls that one worker has in work, in bytes; one beyond is answered 503."
        ),
    )
    prefetch: PrefetchMode = field(
        default="full",
        metadata=_read_by(
            _choice(PrefetchMode),
            "What discovery asks for: full; gate (patient and conditions, the rest is fetched for charts in scope).",
        ),
    )
    repeat_after_s: int = field(
        default=0,
        metadata=_read_by(
            _rest,
            "Seconds within which one user gets the same answer on the same patient from a service once; 0: always"
            " answer. Critical cards are always repeated.",
        ),
    )
    mdt_line: MdtLine = field(
        default="silent",
        metadata=_read_by(
            _choice(MdtLine),
            "What an opened chart shows where the MDT has decided and nothing changed since: silent; line (one card"
            " that names the decision).",
        ),
    )
    report_key: str | None = field(
        default=None,
        repr=False,
        metadata=_read_by(
            _secret,
            "The password of the page /feedback, asked for by the browser. Without it the page is shown in trials"
            " alone, where CRLM_PUBLIC_BASE_URL is this machine.",
        ),
    )
    session_key: tuple[str, ...] | None = field(
        default=None,
        repr=False,
        metadata=_read_by(
            _keys,
            "The secret that seals the sessions of the review app and signs its links; several, separated by commas:"
            " the first seals, all open (rotation). Without it sessions end with the server, and replicas share none.",
        ),
    )
    local_facts_key: tuple[str, ...] | None = field(
        default=None,
        repr=False,
        metadata=_read_by(
            _keys,
            "The secret that encrypts facts which an EHR does not let the review app write; several as above."
            " Without it the service keeps none.",
        ),
    )
    pseudonym_key: str | None = field(
        default=None,
        repr=False,
        metadata=_read_by(
            _secret,
            "The secret behind pseudonyms of users and patients, for the audit log and for the report of what was done"
            " later. Without it neither is kept; changing it cuts the link to what was kept before.",
        ),
    )
    retention_days: int | None = field(
        default=None,
        metadata=_read_by(
            _days,
            "Days after which issued cards, their feedback, what was done later, and facts that an EHR did not take are"
            " deleted. Without it they are kept.",
        ),
    )
    audit_log: str | None = field(
        default=None,
        metadata=_read_by(
            str, "The file to which each answered hook adds one line of JSON, or - for stdout. Without it none is kept."
        ),
    )
    audit_values: bool = field(
        default=False,
        metadata=_read_by(_switch, "Whether audit lines hold clinical values, the answer included: on; off."),
    )
    log_level: LogLevel = field(
        default="info",
        metadata=_read_by(_choice(LogLevel), "The least severe events that are logged."),
    )
    log_format: LogFormat = field(
        default="auto",
        metadata=_read_by(
            _choice(LogFormat),
            "How log lines look: json; console (coloured text); auto (console on a terminal, else json).",
        ),
    )


@dataclass(frozen=True, slots=True)
class SettingDescription:
    """One line of the table of settings in the documentation and in `--help`."""

    variable: str
    default: str
    meaning: str


def describe_settings() -> tuple[SettingDescription, ...]:
    """List every setting in the order of `Settings`."""
    return tuple(
        SettingDescription(
            variable=_variable(found.name),
            default="" if found.default is None else _text(found.default),
            meaning=found.metadata["meaning"],
        )
        for found in fields(Settings)
    )


def load_settings(environment: Mapping[str, str], **defaults: object) -> Settings:
    """Read the settings from `environment`; a variable that is set but empty counts as not set.

    `defaults` replace the defaults of single settings by name (the command line knows its own address).
    Raises `SettingsError` with every fault: unknown `CRLM_*` names, values that cannot be read, settings that
    contradict each other. Faults name variables, never their values: a URL may hold a password.
    """
    known = {_variable(found.name): found for found in fields(Settings)}
    faults = [
        f"{name}: there is no such setting"
        for name in sorted(environment)
        if name.startswith(PREFIX) and name not in known
    ]
    values: dict[str, Any] = dict(defaults)
    for variable, found in known.items():
        text = environment.get(variable, "").strip()
        if not text:
            continue
        try:
            values[found.name] = found.metadata["parse"](text)
        except ValueError as fault:
            faults.append(f"{variable}: {fault}")
    if faults:
        raise SettingsError(faults)
    settings = Settings(**values)
    faults = _contradictions(settings)
    if faults:
        raise SettingsError(faults)
    return settings


def _contradictions(settings: Settings) -> list[str]:
    faults = []
    if settings.auth != "off" and settings.clients is None:
        faults.append(
            "CRLM_CLIENTS: the file of clients is needed to check tokens"
            " (for a trial on this machine, CRLM_AUTH=off runs without authentication)"
        )
    if settings.auth == "required" and not (
        settings.public_base_url.startswith("https:") or is_loopback(settings.public_base_url)
    ):
        faults.append("CRLM_PUBLIC_BASE_URL: must begin with https: where CRLM_AUTH is required")
    if settings.fetch_budget_s >= settings.deadline_s:
        faults.append("CRLM_FETCH_BUDGET_S: must be below CRLM_DEADLINE_S")
    if settings.body_bytes_at_once < settings.max_body_bytes:
        faults.append("CRLM_BODY_BYTES_AT_ONCE: must not be below CRLM_MAX_BODY_BYTES")
    if settings.audit_values and settings.audit_log is None:
        faults.append("CRLM_AUDIT_VALUES: has no effect without CRLM_AUDIT_LOG")
    return faults


def _variable(name: str) -> str:
    return PREFIX + name.upper()


def _text(value: object) -> str:
    match value:
        case bool():
            return "on" if value else "off"
        case float():
            return f"{value:g}"
        case _:
            return str(value)
