"""The whole service as it is served, at a fixed moment, for tests that come in by HTTP."""

from __future__ import annotations

import json
import re
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from service.settings import Settings
from service.web.server import build_app
from tests.charts import local_chart
from tests.checked_client import HOOK_INSTANCE, CheckedClient

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Mapping

    from fastapi import FastAPI

NOW = datetime(2026, 11, 23, 19, 0, tzinfo=UTC)
BASE = "https://cds.example.org"
PATIENT = "p1"
ADVICE = "example.crlm-cds.advice"
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")

Json = dict[str, Any]


@cache
def examples() -> dict[str, Json]:
    """Give the facts of the worked cases."""
    path = Path(__file__).parent.parent / "cases" / "examples.yaml"
    return {found["id"]: found["facts"] for found in yaml.safe_load(path.read_text(encoding="utf-8"))}


def chart(example: str, *, patient_id: str = PATIENT, **changes: Any) -> list[Json]:
    """Give the resources of a worked case; `changes` replace facts (underscores for hyphens), `...` leaves one out."""
    facts = {**examples()[example], **{name.replace("_", "-"): value for name, value in changes.items()}}
    told = {name: value for name, value in facts.items() if value is not ...}
    charted = local_chart(told, as_of=NOW, patient_id=patient_id)
    return [resource for of_type in charted.values() for resource in of_type]


def app_of(folder: Path, *, clock: Callable[[], datetime] = lambda: NOW, **settings: Any) -> FastAPI:
    """Build the application with its store in `folder`; without authentication unless told otherwise."""
    told = {
        "auth": "off",
        "public_base_url": BASE,
        "database_url": f"sqlite:///{folder / 'store.sqlite3'}",
        "session_key": ("a key for tests, and for tests alone",),
        **settings,
    }
    return build_app(Settings(**told), own_process=False, clock=clock)


@asynccontextmanager
async def served(folder: Path, **settings: Any) -> AsyncIterator[CheckedClient]:
    """Start the application and give a client that checks every answer."""
    app = app_of(folder, **settings)
    async with app.router.lifespan_context(app), CheckedClient(app) as client:
        yield client


def clients_file(folder: Path, *clients: Mapping[str, Any]) -> Path:
    """Write a file of clients; values are texts, booleans and lists of texts."""
    tables = [
        "\n".join(["[[client]]", *(f"{name} = {json.dumps(value)}" for name, value in client.items())])
        for client in clients
    ]
    path = folder / "clients.toml"
    path.write_text("\n".join(tables) + "\n", encoding="utf-8")
    return path


def bundle(resources: Iterable[Json], **more: Any) -> Json:
    entries = [{"resource": resource} for resource in resources]
    return {"resourceType": "Bundle", "type": "searchset", "entry": entries, **more}


def message(
    hook: str = "patient-view", *, prefetch: Json | None = None, context: Json | None = None, **more: Any
) -> Json:
    """Build a request of `hook`; members that are `None` are left out."""
    members = {
        "hook": hook,
        "hookInstance": HOOK_INSTANCE,
        "context": {"patientId": PATIENT, "userId": "Practitioner/dr1", **(context or {})},
        "prefetch": prefetch,
        **more,
    }
    return {name: value for name, value in members.items() if value is not None}


def authorization(token: str) -> Json:
    """Give the permission to read a FHIR server with `token`."""
    return {
        "access_token": token,
        "token_type": "Bearer",
        "expires_in": 300,
        "scope": "patient/*.rs",
        "subject": "crlm",
    }


def prefetch_of(resources: Iterable[Json]) -> Json:
    """Give what a client sends that answers every key: bundles by type, empty ones included."""
    found = list(resources)
    keys = {
        "conditions": "Condition",
        "observations": "Observation",
        "procedures": "Procedure",
        "serviceRequests": "ServiceRequest",
        "medicationRequests": "MedicationRequest",
        "medicationAdministrations": "MedicationAdministration",
        "carePlans": "CarePlan",
        "bodyStructures": "BodyStructure",
    }
    return {
        "patient": {"resourceType": "Patient", "id": PATIENT},
        **{key: bundle(one for one in found if one["resourceType"] == kind) for key, kind in keys.items()},
    }


def without_ids(cards: Any) -> Any:
    """Give cards with their ids replaced by the order of their appearance and without signed references."""
    seen: dict[str, str] = {}
    text = _UUID.sub(lambda found: seen.setdefault(found[0], f"uuid-{len(seen)}"), json.dumps(cards))
    cards = json.loads(text)
    for card in cards:
        for link in card.get("links", []):
            link.pop("appContext", None)
    return cards
