"""The demo EHR for each test that asks for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.demo.ehrs import Bench, make_bench, observation

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def bench() -> Iterator[Bench]:
    resources = (
        observation("o1", on="2026-11-01", value=0),
        observation("o2", on="2026-10", value=1),
        observation("o3", "2039-6", on="2026-11-03T10:00:00+01:00", status="preliminary"),
        observation("o4", "89247-1", on="2025-01-01", system="http://other.example"),
        observation("o5", of="p2"),
    )
    found = make_bench(resources=resources)
    yield found
    found.ehr.record.close()
