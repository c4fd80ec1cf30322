from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from fhir_mappings.terminology import load_terminology
from service.adapters.fhir_client import FhirClient
from service.adapters.outbound import Outbound
from tests.adapters.fetching import Fetching
from tests.adapters.servers import Answer, Asked, Server

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from service.adapters.fhir_pages import Limits


@pytest.fixture
async def outbound() -> AsyncIterator[Outbound]:
    found = Outbound()
    yield found
    await found.aclose()


@pytest.fixture
def to(outbound: Outbound) -> Callable[..., Any]:
    @contextmanager
    def opened(handler: Callable[[Asked], Answer], limits: Limits | None = None) -> Iterator[Fetching]:
        with Server(handler) as server:
            yield Fetching(FhirClient(outbound, terminology=load_terminology(), limits=limits), server)

    return opened
