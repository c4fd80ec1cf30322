from __future__ import annotations

import pytest

from service.cds.services import SERVICES, discovery
from tests.response_checker import check_discovery


@pytest.mark.duty(10, 11, 16)
def test_discovery_lists_a_service_for_each_hook_under_its_own_id() -> None:
    found = discovery({"conditions": "Condition?patient={{context.patientId}}"})
    assert check_discovery(found) == []
    assert [(service["id"], service["hook"]) for service in found["services"]] == [
        ("crlm-patient-view", "patient-view"),
        ("crlm-order-select", "order-select"),
        ("crlm-order-sign", "order-sign"),
    ]
    assert all(
        service["prefetch"] == {"conditions": "Condition?patient={{context.patientId}}"}
        for service in found["services"]
    )


def test_each_service_answers_the_hook_after_its_prefix() -> None:
    assert {id_: service.hook for id_, service in SERVICES.items()} == {
        f"crlm-{service.hook}": service.hook for service in SERVICES.values()
    }
