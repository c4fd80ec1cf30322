from __future__ import annotations

import pytest

from fhir_mappings.catalogue import load_catalogue
from fhir_mappings.terminology import load_terminology
from service.cds.prefetch import (
    CONDITIONS,
    PATIENT,
    PrefetchKey,
    Query,
    TemplateError,
    advertised,
    observation_codes,
    prefetch_keys,
    require,
    resolve,
)
from service.errors import RequiredDataMissing

KEYS = prefetch_keys(["ecog", "2039-6", "ecog"])
CONTEXT = {"patientId": "p1"}


@pytest.mark.duty(31, 34, 37)
def test_the_templates_are_the_public_contract() -> None:
    assert advertised(KEYS, mode="full") == {
        "patient": "Patient/{{context.patientId}}",
        "conditions": "Condition?patient={{context.patientId}}&_count=1000",
        "observations": "Observation?patient={{context.patientId}}&code=2039-6,ecog&_sort=-date&_count=500",
        "procedures": "Procedure?patient={{context.patientId}}&_sort=-date&_count=500",
        "serviceRequests": (
            "ServiceRequest?patient={{context.patientId}}&status=draft,active,on-hold&_sort=-authored&_count=200"
        ),
        "medicationRequests": "MedicationRequest?patient={{context.patientId}}&_sort=-authoredon&_count=500",
        "medicationAdministrations": (
            "MedicationAdministration?patient={{context.patientId}}&_sort=-effective-time&_count=500"
        ),
        "carePlans": "CarePlan?patient={{context.patientId}}&status=active,completed&_sort=-date&_count=100",
        "bodyStructures": "BodyStructure?patient={{context.patientId}}&_count=200",
    }


def test_the_gate_asks_for_what_tells_the_scope_alone() -> None:
    assert advertised(KEYS, mode="gate") == {"patient": PATIENT.template, "conditions": CONDITIONS.template}


def test_the_conditions_alone_are_required() -> None:
    assert [key.name for key in KEYS if key.required] == ["conditions"]


def test_without_codes_all_observations_are_asked_for() -> None:
    assert "code" not in {key.name: key for key in prefetch_keys([])}["observations"].template


def test_every_template_resolves_to_its_own_type() -> None:
    for key in KEYS:
        query = resolve(key.template, CONTEXT)
        assert query.resource_type == key.resource_type
        assert "{" not in query.url


def test_a_read_has_an_id_and_a_search_its_parameters_in_order() -> None:
    assert resolve(PATIENT.template, CONTEXT) == Query("Patient", id="p1")
    assert resolve(CONDITIONS.template, CONTEXT) == Query(
        "Condition", parameters=(("patient", "p1"), ("_count", "1000"))
    )


def test_values_are_percent_encoded() -> None:
    query = Query("Observation", parameters=(("code", "http://loinc.org|1-8,x y"), ("patient", "a&b=c")))
    assert query.url == "Observation?code=http%3A%2F%2Floinc.org%7C1-8%2Cx%20y&patient=a%26b%3Dc"
    assert Query("Patient", id="a/b").url == "Patient/a%2Fb"


@pytest.mark.duty(36)
@pytest.mark.parametrize("patient_id", ["", "p&x=1", "p?x", "p|1", "p p", "{{context.userId}}", "é"])
def test_a_value_that_could_change_the_query_is_refused(patient_id: str) -> None:
    with pytest.raises(TemplateError, match="no usable value"):
        resolve(CONDITIONS.template, {"patientId": patient_id})


def test_a_patient_id_with_a_slash_cannot_become_another_read() -> None:
    with pytest.raises(TemplateError, match="relative"):
        resolve(PATIENT.template, {"patientId": "p1/_history"})


@pytest.mark.duty(32, 33, 35)
@pytest.mark.parametrize(
    "template",
    ["Condition?patient={{today()}}", "Condition?patient={{context.draftOrders}}", "Patient/{{userPractitionerId}}"],
)
def test_tokens_outside_the_contract_are_refused(template: str) -> None:
    with pytest.raises(TemplateError, match="no usable value"):
        resolve(template, CONTEXT)


@pytest.mark.parametrize(
    ("template", "fault"),
    [
        ("https://evil.example/Patient/1", "relative"),
        ("/Patient/1", "relative"),
        ("../Patient/1", "relative"),
        ("Condition", "relative"),
        ("Condition?", "relative"),
        ("Condition?patient", "value"),
        ("Condition?patient=", "value"),
        ("Condition?date=gt1&date=lt2", "once"),
    ],
)
def test_a_template_that_is_no_relative_read_or_search_is_refused(template: str, fault: str) -> None:
    with pytest.raises(TemplateError, match=fault):
        resolve(template, CONTEXT)


def test_a_required_key_that_could_not_be_had_ends_the_call_and_an_optional_one_does_not() -> None:
    require(PATIENT, reason="it was not sent")
    with pytest.raises(RequiredDataMissing, match=r"^prefetch key 'conditions' is required: it was not sent$"):
        require(CONDITIONS, reason="it was not sent")


def test_a_key_is_optional_unless_it_says_otherwise() -> None:
    assert PrefetchKey("a", "B", "B/1").required is False


def test_observations_are_asked_for_by_every_code_that_is_read_and_by_no_answer() -> None:
    codes = observation_codes(load_terminology(), load_catalogue())
    assert set(load_catalogue().facts) <= codes
    # ECOG, Karnofsky, ASA, CEA, response, residual tumour, T and N, variants, no liver metastases in the history
    assert {"89247-1", "423740007", "89243-0", "302132005", "2039-6", "97509-4", "17964000"} <= codes
    assert {"21905-5", "21900-6", "69548-6", "1098951000119108"} <= codes
    assert not {code for code in codes if code.startswith("LA") or code in {"C78.7", "94381002", "47130"}}


def test_the_longest_query_fits_into_a_url() -> None:
    keys = prefetch_keys(observation_codes(load_terminology(), load_catalogue()))
    assert max(len(resolve(key.template, {"patientId": "p" * 64}).url) for key in keys) < 2_500
