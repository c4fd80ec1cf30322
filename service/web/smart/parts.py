"""The review app put together from the settings: its keys, its EHRs, its routes."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from service.adapters.app_keys import AppKeyError, read_app_key
from service.adapters.app_transport import GuardedTransport, destinations_for_app
from service.adapters.sealing import Sealer, derive_key
from service.adapters.smart_client import Registration
from service.adapters.store.app_sessions import StoredRecords
from service.adapters.store.local_facts import LocalFacts
from service.adapters.store.mdt_decisions import StoredMdtDecisions
from service.errors import SettingsError
from service.web.review.desk import ReviewDesk
from service.web.review.hook_path import HookPath
from service.web.review.routes import review_routes
from service.web.smart.app import AppClient, SmartApp
from service.web.smart.routes import smart_routes
from service.web.smart.sessions import Sessions

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from fastapi import APIRouter

    from service.adapters.app_keys import AppKey
    from service.adapters.clients import Clients, SmartRegistration
    from service.adapters.outbound import Outbound
    from service.adapters.store.database import Database
    from service.settings import Settings
    from service.web.review.hook_path import Assessor, Charts
    from service.web.review.ports import ChartAccess


@dataclass(frozen=True, slots=True)
class AppSecrets:
    """What is sealed and signed with; `local_facts` is absent where the site keeps none."""

    sessions: Sealer
    shown_answers: Sealer
    context_keys: tuple[bytes, ...]
    local_facts: Sealer | None


def app_secrets(settings: Settings) -> AppSecrets:
    """Derive the keys; without a session key a random one, which ends with this process."""
    session_keys = settings.session_key or (secrets.token_urlsafe(48),)
    return AppSecrets(
        sessions=Sealer(session_keys, "sessions"),
        shown_answers=Sealer(session_keys, "shown answers"),
        context_keys=tuple(derive_key(key, "app context") for key in session_keys),
        local_facts=Sealer(settings.local_facts_key, "local facts") if settings.local_facts_key else None,
    )


def app_pages(  # noqa: PLR0913 - the parts that the app shares with the hooks, each by its name
    settings: Settings,
    *,
    secrets_of_app: AppSecrets,
    clients: Clients,
    database: Database,
    outbound: Outbound,
    assessor: Assessor,
    charts: Charts,
    clock: Callable[[], datetime],
) -> tuple[APIRouter, ...]:
    """Give the routes of launch and review; raises `SettingsError` with every fault of the registrations."""
    by_iss, keys = app_clients(clients)

    def transport_for(client: AppClient, urls: Sequence[str]) -> GuardedTransport:
        destinations = destinations_for_app(urls, allow_private_addresses=client.allow_private_addresses)
        return GuardedTransport(outbound, destinations)

    def chart_transport(access: ChartAccess) -> GuardedTransport:
        return transport_for(by_iss[access.fhir_base], [access.fhir_base])

    app = SmartApp(
        base_url=settings.public_base_url,
        clients=by_iss,
        transport_for=transport_for,
        sessions=Sessions(StoredRecords(database), secrets_of_app.sessions, clock),
        context_keys=secrets_of_app.context_keys,
        clock=clock,
        keys=keys,
    )
    own_facts = local_facts(database, secrets_of_app)
    path = HookPath(assessor, charts, clients, chart_transport, own_facts)
    desk = ReviewDesk(app, path, own_store=own_facts, mdt_log=StoredMdtDecisions(database))
    return smart_routes(app), review_routes(desk)


def local_facts(database: Database, secrets_of_app: AppSecrets) -> LocalFacts | None:
    """Give the service's own store of facts, where the site set its key."""
    return LocalFacts(database, secrets_of_app.local_facts) if secrets_of_app.local_facts else None


def app_clients(clients: Clients) -> tuple[dict[str, AppClient], tuple[AppKey, ...]]:
    """Give the EHRs that may launch the app by their FHIR endpoint, and all keys that it signs with."""
    found: dict[str, AppClient] = {}
    keys: list[AppKey] = []
    faults: list[str] = []
    for client in clients:
        if client.smart is None:
            continue
        place = f"CRLM_CLIENTS: {client.issuer}, smart"
        try:
            registration = _registration(client.smart)
        except AppKeyError as fault:
            faults.append(f"{place}: {fault}")
            continue
        except (OSError, UnicodeDecodeError):
            faults.append(f"{place}: the file of the key or secret cannot be read")
            continue
        if registration.secret is not None and not registration.secret:
            faults.append(f"{place}: the file of the secret is empty")
        keys += [registration.key] if registration.key else []
        for iss in client.smart.iss:
            if iss in found:
                faults.append(f"{place}: iss is used by another client")
            found[iss] = AppClient(client.issuer, registration, client.frame_ancestors, client.allow_private_addresses)
    if faults:
        raise SettingsError(faults)
    return found, tuple(keys)


def _registration(smart: SmartRegistration) -> Registration:
    secret = smart.client_secret_file.read_text(encoding="utf-8").strip() if smart.client_secret_file else None
    key = read_app_key(smart.private_key_file.read_bytes()) if smart.private_key_file else None
    return Registration(smart.client_id, secret, key)
