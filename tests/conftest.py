"""What every test may ask for: settings, and a client that checks each answer it gets."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from service.settings import Settings
from service.web.app import create_app
from tests.checked_client import CheckedClient, FakeAdvisor

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest.fixture
def settings() -> Settings:
    return Settings(auth="off", public_base_url="https://cds.example.org", max_body_bytes=65_536)


@pytest.fixture
def advisor() -> FakeAdvisor:
    return FakeAdvisor()


@pytest.fixture
async def client(settings: Settings, advisor: FakeAdvisor) -> AsyncIterator[CheckedClient]:
    """A client of the application around a fake advisor."""
    app = create_app(settings, advisor=advisor, templates={"conditions": "Condition?patient={{context.patientId}}"})
    async with CheckedClient(app) as found:
        yield found
