"""Any bytes in: a 4xx that conforms or an answer that conforms; never a bug."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service.samples.patient_view import sample_request
from service.settings import Settings
from service.web.server import build_app
from tests.checked_client import CheckedClient
from tests.fuzz.mutate import places

SAMPLE = sample_request(datetime(2026, 11, 23, tzinfo=UTC).date())
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
FUZZING = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def service() -> CheckedClient:
    return CheckedClient(build_app(Settings(auth="off", database_url="sqlite://"), own_process=False))


@FUZZING
@given(st.binary(max_size=200))
async def test_random_bytes_are_refused(service: CheckedClient, body: bytes) -> None:
    assert (await service.call(body)).status_code == 400


@FUZZING
@given(at=st.integers(0, len(SAMPLE) - 1), gone=st.integers(0, 40), put=st.binary(max_size=8))
async def test_a_damaged_request_is_answered_or_refused(service: CheckedClient, at: int, gone: int, put: bytes) -> None:
    answer = await service.call(SAMPLE[:at] + put + SAMPLE[at + gone :])
    assert answer.status_code in {200, 400, 403, 412}


PLACES = places(json.loads(SAMPLE))[1:]


@pytest.mark.duty(21, 22)
@FUZZING
@given(place=st.sampled_from(PLACES), value=JSON)
async def test_any_value_in_any_place_is_answered_or_refused(
    service: CheckedClient, place: tuple[str | int, ...], value: Any
) -> None:
    message = json.loads(SAMPLE)
    node = message
    for step in place[:-1]:
        node = node[step]
    node[place[-1]] = value
    answer = await service.call(message)
    assert answer.status_code in {200, 400, 403, 412}
