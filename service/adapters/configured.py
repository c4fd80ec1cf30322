"""What the settings name, loaded at start: the guideline under the site's policy, the codes and the clients."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from fhir_mappings.catalogue import CatalogueError, load_catalogue
from fhir_mappings.terminology import TerminologyError, load_terminology
from service.adapters.clients import Clients, load_clients, refuse_demo
from service.adapters.origins import is_loopback
from service.adapters.policy_file import guideline_under
from service.errors import SettingsError
from service.knowledge.policy import GuidelineError

if TYPE_CHECKING:
    from collections.abc import Callable

    from fhir_mappings.catalogue import Catalogue
    from fhir_mappings.terminology import Terminology
    from service.knowledge.model import Guideline
    from service.settings import Settings

Loaded = TypeVar("Loaded")


@dataclass(frozen=True, slots=True)
class Configured:
    """All that answers are made with, loaded once."""

    catalogue: Catalogue
    terminology: Terminology
    guideline: Guideline
    clients: Clients


def load_configured(settings: Settings) -> Configured:
    """Load everything; raise `SettingsError` with the faults of all files together, each on a line of its own."""
    faults: list[str] = []

    def loaded(load: Callable[[], Loaded]) -> Loaded | None:
        try:
            return load()
        except (CatalogueError, GuidelineError, SettingsError, TerminologyError) as error:
            faults.extend(str(error).splitlines())
            return None

    catalogue = loaded(load_catalogue)
    terminology = loaded(lambda: load_terminology(settings.terminology))
    guideline = loaded(lambda: guideline_under(settings.policy))
    clients = loaded(lambda: _clients(settings))
    if catalogue is None or terminology is None or guideline is None or clients is None:
        raise SettingsError(faults)
    return Configured(catalogue, terminology, guideline, clients)


def _clients(settings: Settings) -> Clients:
    clients = load_clients(settings.clients) if settings.clients else Clients()
    if not is_loopback(settings.public_base_url):
        refuse_demo(clients)
    return clients
