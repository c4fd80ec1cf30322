"""What an operator's examination finds inside: settings, keys, knowledge, value sets, store."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import sqlalchemy as sa

from fhir_mappings.catalogue import load_catalogue
from fhir_mappings.terminology import TerminologyError, load_terminology
from service.adapters.clients import Clients, load_clients
from service.adapters.origins import is_loopback
from service.adapters.places import is_folder
from service.adapters.policy_file import guideline_under
from service.adapters.store.database import Database
from service.adapters.store.migrate import head, read_version, suffices, write_and_delete
from service.commands.check import disagreements, oddities
from service.commands.findings import Finding, fail, ok, warn
from service.commands.store_url import is_there, sqlite_file
from service.errors import SettingsError
from service.knowledge.policy import GuidelineError
from service.settings import PREFIX, Settings, load_settings
from service.tracing import TelemetryError, wanted_exporter
from service.web.smart.parts import app_clients

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_LEAST_FREE_BYTES = 500_000_000


def examine_settings(environment: Mapping[str, str]) -> tuple[Settings, list[Finding]]:
    """Read the settings; faulty ones are told and left out, so that the rest can be looked at."""
    try:
        settings = load_settings(environment)
    except SettingsError as error:
        named = {fault.partition(":")[0] for fault in error.faults}
        rest = {name: value for name, value in environment.items() if name not in named}
        remedy = "correct the variable; `crlm-cds serve --help` explains each"
        faults = [fail("settings", fault, remedy) for fault in error.faults]
        return _without_faults(rest), faults
    return settings, [ok("settings", "all are known and agree with each other"), *_about(settings)]


def _without_faults(environment: Mapping[str, str]) -> Settings:
    try:
        return load_settings(environment)
    except SettingsError:
        own = {name: value for name, value in environment.items() if name in {"CRLM_CLIENTS", "CRLM_DATABASE_URL"}}
        return load_settings({**own, f"{PREFIX}AUTH": "off"})


def _about(settings: Settings) -> Iterator[Finding]:
    if settings.auth != "required":
        yield warn(
            "authentication",
            f"CRLM_AUTH is {settings.auth}: callers without a token are answered",
            "set CRLM_AUTH=required before real patients",
        )
    else:
        yield ok("authentication", "every call needs a signed token")
    if is_loopback(settings.public_base_url):
        yield warn(
            "public address",
            "CRLM_PUBLIC_BASE_URL is this machine: tokens and links of others will not fit",
            "set it to the https address under which EHRs reach the service",
        )
    if settings.session_key is None:
        yield warn(
            "session key",
            "sessions of the review app end with this server and are not shared by replicas",
            "set CRLM_SESSION_KEY to a secret: openssl rand -base64 48",
        )
    else:
        yield ok("session key", f"{len(settings.session_key)} set; the first seals, all open")


def examine_telemetry(environment: Mapping[str, str]) -> list[Finding]:
    """Say whether traces go anywhere."""
    try:
        exporter = wanted_exporter(environment)
    except TelemetryError as fault:
        return [fail("telemetry", str(fault), "correct the OTEL_ variables, or unset them")]
    return [ok("telemetry", f"traces go to {exporter}" if exporter else "no traces are made")]


def examine_clients(settings: Settings) -> tuple[Clients, list[Finding]]:
    """Read the file of clients and the keys of the app."""
    if settings.clients is None:
        return Clients(), [warn("clients", "no EHR is configured", "name a file of clients in CRLM_CLIENTS")]
    try:
        clients = load_clients(settings.clients)
        by_iss, keys = app_clients(clients)
    except SettingsError as error:
        remedy = "correct the file of clients; docker/clients.example.toml explains each key"
        return Clients(), [fail("clients", fault, remedy) for fault in error.faults]
    found = [ok("clients", f"{len(clients.by_issuer)} configured, {len(by_iss)} FHIR endpoints may launch the app")]
    found += [warn("clients", warning, "keep such a client away from real patients") for warning in clients.warnings]
    found += [ok("app keys", f"{len({key.kid for key in keys})} published at /smart/jwks")] if keys else []
    return clients, found


def examine_knowledge(settings: Settings) -> list[Finding]:
    """Hold guideline, policy, catalogue and value sets against each other."""
    found: list[Finding] = []
    catalogue = load_catalogue()
    try:
        guideline = guideline_under(settings.policy)
    except (GuidelineError, SettingsError) as error:
        remedy = "correct the file of CRLM_POLICY; /knowledge lists the parameters and assumptions"
        found += [fail("policy", line, remedy) for line in str(error).splitlines()]
        guideline = guideline_under(None)
    odd, chosen = oddities(guideline)
    if not found:
        policy = guideline.policy
        changed = f"parameters set by it: {len(policy.parameters)}, assumptions off: {len(policy.assumptions_off)}"
        found.append(ok("policy", f"{policy.name}; {changed}"))
        found += [ok("policy", f"under it {choice}") for choice in chosen]
    try:
        terminology = load_terminology(settings.terminology)
    except TerminologyError as error:
        remedy = "mend or remove the file in the folder of CRLM_TERMINOLOGY"
        found += [fail("value sets", line, remedy) for line in str(error).splitlines()]
        terminology = load_terminology()
    else:
        added = "" if settings.terminology is None else f", widened by {settings.terminology.name}"
        found.append(ok("value sets", f"{len(terminology.set_ids)} loaded{added}"))
    faults = [*odd, *disagreements(guideline, catalogue, terminology)]
    found += [fail("knowledge", fault, "`crlm-cds check` shows the pathway under this policy") for fault in faults]
    if not faults:
        found.append(ok("knowledge", f"{guideline.id} {guideline.version}, {len(guideline.rows)} rows, no faults"))
    return found


def examine_store(settings: Settings) -> list[Finding]:
    """Open the store, read its version, write and take the writing back; nothing is created."""
    file = sqlite_file(settings.database_url)
    if file is not None:
        if not is_folder(file.parent):
            return [fail("store", "the folder of the SQLite file does not exist", "create it, or change the setting")]
        if not is_there(file):
            return [warn("store", "the SQLite file does not exist yet", "`crlm-cds migrate` or `serve` creates it")]
    database = Database(settings.database_url)
    try:
        found = _examine_open(database)
    except sa.exc.SQLAlchemyError as error:
        remedy = "check CRLM_DATABASE_URL, that the server runs, and that its user may write"
        found = [fail("store", f"it cannot be read or written ({type(error).__name__})", remedy)]
    finally:
        database.close()
    return [*found, *(_free_space(file) if file is not None else ())]


def _examine_open(database: Database) -> list[Finding]:
    version = database.read_now(read_version)
    kind = "SQLite" if database.is_sqlite else "PostgreSQL"
    if version is None:
        return [warn("store", f"{kind}: it has no tables yet", "run `crlm-cds migrate`; `serve` does it too")]
    if not suffices(version):
        remedy = "run `crlm-cds migrate`; `serve` does it too"
        return [warn("store", f"{kind}: version {version}, this program needs {head()}", remedy)]
    database.write_now(write_and_delete)
    return [ok("store", f"{kind}: version {version}, it can be written")]


def _free_space(file: Path) -> list[Finding]:
    free = shutil.disk_usage(file.parent).free
    if free < _LEAST_FREE_BYTES:
        return [warn("store", f"only {free // 1_000_000} MB are free on its disk", "make room before the disk is full")]
    return []
