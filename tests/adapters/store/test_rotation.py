"""Keys are changed while two replicas on one PostgreSQL are called without a pause: nobody notices."""

from __future__ import annotations

import asyncio
import http.client
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import uuid4

import psycopg

from service.adapters.sealing import Sealer
from service.adapters.smart_client import Grant
from service.adapters.smart_configuration import SmartConfiguration
from service.adapters.store.app_sessions import StoredRecords
from service.adapters.store.database import Database
from service.web.smart.sessions import AppSession, Sessions
from tests.adapters.servers import Answer, Asked, Server, as_json, searchset
from tests.adapters.store.replicas import PATH, Load, Replica, check, replica
from tests.adapters.tokens import EC_KEY, ISSUER, OTHER_EC_KEY, jwk, key_set, token
from tests.hooks.serving import clients_file
from tests.ports import free_port

if TYPE_CHECKING:
    from pathlib import Path

BASE = "https://cds.example.org"
OLD, NEW = "the old key of the sessions and long enough", "the new key of the sessions and long enough"


class Ehr:
    """Publishes its keys, signs with one of them, and has an empty chart of anybody."""

    def __init__(self) -> None:
        self.published = [jwk(EC_KEY, "old")]
        self.signs_with = (EC_KEY, "old")

    def __call__(self, asked: Asked) -> Answer:
        if asked.path == "/jwks":
            return Answer(200, key_set(*self.published))
        if asked.path == "/fhir/Patient/p1":
            return as_json({"resourceType": "Patient", "id": "p1"})
        return as_json(searchset(total=0))

    def headers(self) -> dict[str, str]:
        key, key_id = self.signs_with
        now = int(datetime.now(UTC).timestamp())
        claims = {"aud": BASE + PATH, "iat": now, "exp": now + 300, "jti": str(uuid4())}
        return {"authorization": f"Bearer {token(key=key, claims=claims, header={'kid': key_id, 'jku': ...})}"}


@dataclass
class Running:
    """A replica and the session keys that it was started with."""

    process: Replica
    port: int
    session_keys: tuple[str, ...]


class Pair:
    """Two replicas, renewed one after the other."""

    def __init__(self, stack: ExitStack, store_url: str, settings: dict[str, str]) -> None:
        self._stack = stack
        self._store_url = store_url
        self._settings = settings
        self.ports = [free_port(), free_port()]
        self.running = [self._started(port, (OLD,)) for port in self.ports]

    def renew(self, load: Load, session_keys: tuple[str, ...]) -> None:
        """Give both replicas other keys; at each step every replica opens what any of them seals."""
        for place, old in enumerate(self.running):
            old.process.stop()
            load.wait(10)
            self.running[place] = self._started(old.port, session_keys)
            load.wait(10)
            self.check_sessions()

    def check_sessions(self) -> None:
        for sealed_by in self.running:
            cookie = open_session(self._store_url, sealed_by.session_keys, self._settings["FHIR"])
            statuses = [review(opened_by.port, cookie) for opened_by in self.running]
            assert statuses == [200, 200], [sealed_by.session_keys, statuses]

    def _started(self, port: int, session_keys: tuple[str, ...]) -> Running:
        settings = {name: value for name, value in self._settings.items() if name.startswith("CRLM_")}
        told = {**settings, "CRLM_SESSION_KEY": ",".join(session_keys)}
        return Running(self._stack.enter_context(replica(self._store_url, port, settings=told)), port, session_keys)


def open_session(store_url: str, keys: tuple[str, ...], iss: str) -> str:
    """Keep a session as a replica with these keys does; give its cookie."""

    async def kept(database: Database) -> str:
        sessions = Sessions(StoredRecords(database), Sealer(keys, "sessions"), lambda: datetime.now(UTC))
        now_s = datetime.now(UTC).timestamp()
        grant = Grant("access", now_s + 3600, "p1", frozenset({"patient/*.rs"}))
        configuration = SmartConfiguration(f"{iss}/authorize", f"{iss}/token")
        return await sessions.open(AppSession(iss, grant, configuration, "csrf", now_s))

    database = Database(store_url)
    try:
        return asyncio.run(kept(database))
    finally:
        database.close()


def review(port: int, cookie: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("GET", "/review", headers={"cookie": f"__Host-crlm-session={cookie}"})
        return connection.getresponse().status
    finally:
        connection.close()


def test_keys_are_rotated_without_a_refused_call_or_a_lost_session(postgresql_server: str, tmp_path: Path) -> None:
    store_url, ehr = f"{postgresql_server}/rotation", Ehr()
    with psycopg.connect(f"{postgresql_server}/postgres", autocommit=True) as connection:
        connection.execute("CREATE DATABASE rotation")
    with Server(ehr) as server, ExitStack() as stack:
        fhir = f"{server.url}/fhir"
        clients = clients_file(
            tmp_path, {"issuer": ISSUER, "jwks_url": f"{server.url}/jwks", "fhir_origins": [server.url]}
        )
        more = "allow_private_addresses = true\nrequests_per_minute = 100000\nconcurrent_requests = 64\n"
        clients.write_text(f'{clients.read_text()}{more}[client.smart]\niss = ["{fhir}"]\nclient_id = "crlm"\n')
        settings = {
            "CRLM_AUTH": "required",
            "CRLM_CLIENTS": str(clients),
            "CRLM_PUBLIC_BASE_URL": BASE,
            "FHIR": fhir,
        }
        pair = Pair(stack, store_url, settings)
        load = Load(pair.ports, headers=ehr.headers, threads=1)
        with load.running():
            load.wait()
            ehr.published = [jwk(EC_KEY, "old"), jwk(OTHER_EC_KEY, "new")]
            ehr.signs_with = (OTHER_EC_KEY, "new")
            load.wait()
            ehr.published = [jwk(OTHER_EC_KEY, "new")]
            load.wait()
            pair.renew(load, (OLD, NEW))
            pair.renew(load, (NEW, OLD))
        for running in pair.running:
            running.process.stop()
    check(load, store_url)
