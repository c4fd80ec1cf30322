from typing import Any

import msgspec
import pytest

from service.adapters.smart_configuration import (
    DiscoveryError,
    SmartConfiguration,
    discover,
    grants,
    is_acceptable_endpoint,
    read_configuration,
    scopes_for,
)
from tests.smart.ehr import ISS, FakeEhr


def _offering(*scopes: str, capabilities: frozenset[str] = frozenset()) -> SmartConfiguration:
    return SmartConfiguration(
        authorization_endpoint="https://a.example/a",
        token_endpoint="https://a.example/t",  # noqa: S106
        scopes_supported=frozenset(scopes),
        capabilities=capabilities,
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"authorization_endpoint": "http://login.example.org/a"}, "authorization_endpoint must be an https URL"),
        ({"token_endpoint": "https://u:p@login.example.org/t"}, "token_endpoint must be an https URL"),
        ({"token_endpoint": "javascript:alert(1)"}, "token_endpoint must be an https URL"),
        ({"token_endpoint": "http://127.0.0.1/t"}, "token_endpoint must be an https URL"),
        ({"jwks_uri": "file:///etc/passwd"}, "jwks_uri must be an https URL"),
        ({"revocation_endpoint": "https://x.example/r#f"}, "revocation_endpoint must be an https URL"),
        ({"token_endpoint": 7}, "not what the specification describes"),
        ({"token_endpoint": None}, "not what the specification describes"),
        ({"code_challenge_methods_supported": ["plain"]}, "does not offer PKCE with S256"),
    ],
)
async def test_an_unusable_configuration_is_refused(changes: dict[str, Any], message: str) -> None:
    ehr = FakeEhr()
    ehr.configuration |= changes
    with pytest.raises(DiscoveryError, match=message):
        await discover(ISS, ehr)


@pytest.mark.parametrize("body", [b"", b"[]", b"<html>", b"\xff\xfe", b"[" * 20_000])
def test_a_body_that_is_no_configuration_is_refused(body: bytes) -> None:
    with pytest.raises(DiscoveryError):
        read_configuration(body, iss=ISS)


async def test_a_silent_or_missing_ehr_is_told_plainly() -> None:
    ehr = FakeEhr()
    with pytest.raises(DiscoveryError, match="no SMART configuration"):
        await discover("https://elsewhere.example/fhir", ehr)
    ehr.unreachable = True
    with pytest.raises(DiscoveryError, match="could not be fetched"):
        await discover(ISS, ehr)


def test_plain_http_is_for_loopback_alone() -> None:
    body = msgspec.json.encode(
        {"authorization_endpoint": "http://127.0.0.1:9/a", "token_endpoint": "http://localhost:9/t"}
    )
    assert read_configuration(body, iss="http://127.0.0.1:9/fhir").authorization_endpoint == "http://127.0.0.1:9/a"
    assert not is_acceptable_endpoint("http://127.0.0.1.example.org/t", iss="http://127.0.0.1:9/fhir")
    assert not is_acceptable_endpoint("https://[bad/t", iss=ISS)


def test_version_two_scopes_are_the_least_that_the_app_needs() -> None:
    assert scopes_for(_offering(), with_launch=True).split() == [
        "launch",
        "openid",
        "fhirUser",
        "patient/Patient.r",
        "patient/Condition.rs",
        "patient/Observation.rs",
        "patient/Procedure.rs",
        "patient/ServiceRequest.rs",
        "patient/MedicationRequest.rs",
        "patient/MedicationAdministration.rs",
        "patient/CarePlan.rs",
        "patient/BodyStructure.rs",
        "patient/Observation.cu",
        "patient/Provenance.c",
        "patient/CarePlan.c",
        "patient/DocumentReference.c",
    ]


@pytest.mark.parametrize(
    "configuration",
    [_offering(capabilities=frozenset({"permission-v1"})), _offering("patient/*.read", "patient/*.write")],
)
def test_version_one_is_the_fallback(configuration: SmartConfiguration) -> None:
    asked = scopes_for(configuration, with_launch=True).split()
    assert "patient/Condition.read" in asked
    assert "patient/Observation.write" in asked
    assert not [scope for scope in asked if scope.endswith((".rs", ".cu"))]


def test_an_ehr_with_both_gets_version_two() -> None:
    both = _offering(capabilities=frozenset({"permission-v1", "permission-v2"}))
    assert "patient/Condition.rs" in scopes_for(both, with_launch=True)


def test_resource_scopes_that_the_ehr_does_not_list_are_not_asked_for() -> None:
    asked = scopes_for(
        _offering("patient/Patient.rs", "patient/Condition.rs", "patient/Observation.rs", "online_access"),
        with_launch=True,
    )
    assert asked.split() == [
        "launch",
        "openid",
        "fhirUser",
        "online_access",
        "patient/Patient.r",
        "patient/Condition.rs",
        "patient/Observation.rs",
    ]


@pytest.mark.parametrize(
    ("scope", "resource", "letter", "expected"),
    [
        ("patient/Observation.cu", "Observation", "c", True),
        ("patient/Observation.cu", "Observation", "r", False),
        ("patient/*.cruds", "CarePlan", "c", True),
        ("patient/*.rs", "CarePlan", "c", False),
        ("patient/Observation.write", "Observation", "u", True),
        ("patient/Observation.*", "Observation", "c", True),
        ("user/Observation.write", "Observation", "c", True),
        ("patient/Observation.rs?category=laboratory", "Observation", "s", True),
        ("system/Observation.cu", "Observation", "c", False),
        ("patient/Observation.create", "Observation", "c", False),
        ("launch/patient", "Patient", "r", False),
    ],
)
def test_a_scope_grants_exactly_what_it_says(scope: str, resource: str, letter: str, *, expected: bool) -> None:
    assert grants([scope], resource, letter) is expected
