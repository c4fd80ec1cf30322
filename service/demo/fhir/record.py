"""The record: every version of every resource, in SQLite."""

from __future__ import annotations

import json
import re
import sqlite3
import uuid
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from service.demo.fhir.problems import Conflict, Gone, PreconditionFailed, Unknown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from datetime import datetime

Resource: TypeAlias = dict[str, Any]

_TABLES = """
create table if not exists version (
  type text not null, id text not null, number integer not null, patient text, updated text not null,
  body text, current integer not null, primary key (type, id, number));
create index if not exists current_of_patient on version (type, patient) where current = 1;
"""
_PATIENT = re.compile(r"Patient/([A-Za-z0-9\-.]{1,64})(?:/_history/[^/]+)?")


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a resource; `body` is `None` where it was deleted."""

    type: str
    id: str
    number: int
    updated: str
    body: Resource | None


class Record:
    """All resources of the demo EHR with their versions.

    `path` is a SQLite file or `:memory:`; `base_url` is the address of the endpoint: references that start with it
    are references to this record.
    """

    def __init__(self, path: str, *, base_url: str, clock: Callable[[], datetime]) -> None:
        self.base_url = base_url
        self._clock = clock
        # One event loop uses the record; test clients run that loop in another thread than the one that builds it.
        self._database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._database.executescript("pragma journal_mode = wal; pragma synchronous = normal;" + _TABLES)

    def close(self) -> None:
        """Close the database."""
        self._database.close()

    @property
    def is_empty(self) -> bool:
        """Whether nothing was ever stored."""
        return self._database.execute("select 1 from version limit 1").fetchone() is None

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Keep all of what happens inside, or nothing of it."""
        self._database.execute("begin immediate")
        try:
            yield
        except BaseException:  # a call that is cancelled in the middle must leave nothing either
            self._database.execute("rollback")
            raise
        self._database.execute("commit")

    def load(self, resources: Iterable[Resource]) -> None:
        """Store resources that bring their own ids as first versions."""
        with self.transaction():
            for resource in resources:
                self._write(resource, resource["id"], 1)

    def create(self, resource: Resource, *, identity: str | None = None) -> Version:
        """Store a new resource under an id that the server gives (or `identity`, chosen by the server before)."""
        return self._write(resource, identity or str(uuid.uuid4()), 1)

    def update(self, resource: Resource, *, if_match: int | None = None) -> Version:
        """Store the next version; raise `PreconditionFailed` where `if_match` is not the current version."""
        current = self.read(resource["resourceType"], resource["id"])
        if if_match is not None and if_match != current.number:
            raise PreconditionFailed(
                f"{current.type}/{current.id} is at version {current.number}, If-Match names {if_match}"
            )
        return self._write(resource, current.id, current.number + 1)

    def delete(self, type_: str, identity: str) -> Version:
        """Delete a resource; raise `Conflict` for a patient who still has resources."""
        current = self.read(type_, identity)
        if (
            type_ == "Patient"
            and self._database.execute(
                "select 1 from version where patient = ? and current = 1 and body is not null and type != 'Patient'",
                (identity,),
            ).fetchone()
        ):
            raise Conflict(f"Patient/{identity} still has resources")
        return self._insert(type_, identity, current.number + 1, None, None)

    def read(self, type_: str, identity: str) -> Version:
        """Give the current version; raise `Unknown` or `Gone`."""
        row = self._database.execute(
            "select number, updated, body from version where type = ? and id = ? and current = 1", (type_, identity)
        ).fetchone()
        return _present(type_, identity, row)

    def read_version(self, type_: str, identity: str, number: str) -> Version:
        """Give one version; raise `Unknown` or `Gone`."""
        row = self._database.execute(
            "select number, updated, body from version where type = ? and id = ? and cast(number as text) = ?",
            (type_, identity, number),
        ).fetchone()
        return _present(type_, identity, row)

    def history(self, type_: str, identity: str) -> list[Version]:
        """Give all versions, newest first; raise `Unknown` where there is none."""
        rows = self._database.execute(
            "select number, updated, body from version where type = ? and id = ? order by number desc",
            (type_, identity),
        ).fetchall()
        if not rows:
            raise Unknown(f"there is no {type_}/{identity}")
        return [
            Version(type_, identity, number, updated, json.loads(body) if body else None)
            for number, updated, body in rows
        ]

    def all(self, type_: str, *, patient: str | None = None) -> list[Resource]:
        """Give the current resources of a type, of one patient where `patient` is given, ordered by id."""
        if patient is None:
            rows = self._database.execute(
                "select body from version where type = ? and current = 1 and body is not null order by id", (type_,)
            )
        else:
            rows = self._database.execute(
                "select body from version"
                " where type = ? and patient = ? and current = 1 and body is not null order by id",
                (type_, patient),
            )
        return [json.loads(body) for (body,) in rows]

    def patient_of(self, resource: Resource) -> str | None:
        """Give the id of the patient whose compartment the resource belongs to, or `None`."""
        if resource.get("resourceType") == "Patient":
            return resource.get("id")
        if resource.get("resourceType") == "Provenance":
            found = {self._patient_of_target(target) for target in resource.get("target", ())}
            return found.pop() if len(found) == 1 else None
        for name in ("subject", "patient", "for"):
            reference = resource.get(name)
            if isinstance(reference, dict) and (match := _PATIENT.fullmatch(self.relative(reference.get("reference")))):
                return match[1]
        return None

    def relative(self, reference: object) -> str:
        """Give a reference without the address of this endpoint; anything that is no text becomes an empty text."""
        return reference.removeprefix(self.base_url + "/") if isinstance(reference, str) else ""

    def _patient_of_target(self, target: Any) -> str | None:  # noqa: ANN401 JSON as it came
        reference = self.relative(target.get("reference") if isinstance(target, dict) else None)
        type_, _, identity = reference.partition("/")
        identity = identity.partition("/_history/")[0]
        if type_ == "Patient":
            return identity
        row = self._database.execute(
            "select patient from version where type = ? and id = ? and current = 1", (type_, identity)
        ).fetchone()
        return row[0] if row else None

    def _write(self, resource: Resource, identity: str, number: int) -> Version:
        stored = {**resource, "id": identity}
        return self._insert(resource["resourceType"], identity, number, stored, self.patient_of(stored))

    def _insert(self, type_: str, identity: str, number: int, body: Resource | None, patient: str | None) -> Version:
        updated = self._clock().isoformat(timespec="milliseconds").replace("+00:00", "Z")
        if body is not None:
            meta = {**body.get("meta", {}), "versionId": str(number), "lastUpdated": updated}
            body = {**body, "resourceType": type_, "id": identity, "meta": meta}
        self._database.execute(
            "update version set current = 0 where type = ? and id = ? and current = 1", (type_, identity)
        )
        self._database.execute(
            "insert into version values (?, ?, ?, ?, ?, ?, 1)",
            (type_, identity, number, patient, updated, json.dumps(body) if body is not None else None),
        )
        return Version(type_, identity, number, updated, body)


def _present(type_: str, identity: str, row: tuple[int, str, str | None] | None) -> Version:
    if row is None:
        raise Unknown(f"there is no {type_}/{identity}")
    number, updated, body = row
    if body is None:
        raise Gone(f"{type_}/{identity} was deleted")
    return Version(type_, identity, number, updated, json.loads(body))
