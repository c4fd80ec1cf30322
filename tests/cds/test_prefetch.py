from __future__ import annotations

from urllib.parse import parse_qsl, unquote, urlsplit

import pytest

from fhir_mappings.catalogue import load_catalogue
from fhir_mappings.terminology import load_terminology
from service.cds.prefetch import (
    CONDITIONS,
    PATIENT,
    Query,
    advertised,
    observation_codes,
    prefetch_keys,
)

KEYS = prefetch_keys(["ecog", "2039-6", "ecog"])


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


def test_without_codes_all_observations_are_asked_for() -> None:
    assert "code" not in {key.name: key for key in prefetch_keys([])}["observations"].template


def test_a_search_of_our_own_asks_what_its_template_asks_in_the_same_order() -> None:
    found = {key.name: key.query("p1") for key in KEYS if key is not PATIENT}
    assert found["conditions"] == Query("Condition", (("patient", "p1"), ("_count", "1000")))
    assert found["observations"] == Query(
        "Observation", (("patient", "p1"), ("code", "2039-6,ecog"), ("_sort", "-date"), ("_count", "500"))
    )
    assert {name: unquote(query.url) for name, query in found.items()} == {
        key.name: key.template.replace("{{context.patientId}}", "p1") for key in KEYS if key is not PATIENT
    }


@pytest.mark.duty(36)
@pytest.mark.parametrize(
    "patient_id", ["p&x=1", "p?x", "p|1", "p p", "p#x", "é", "{{context.userId}}", "p+1", "p%26x=1"]
)
def test_no_value_changes_the_query(patient_id: str) -> None:
    query = CONDITIONS.query(patient_id)
    assert parse_qsl(query.form, strict_parsing=True) == [("patient", patient_id), ("_count", "1000")]
    assert urlsplit(query.url)[2:] == ("Condition", query.form, "")


def test_values_are_percent_encoded() -> None:
    query = Query("Observation", (("code", "http://loinc.org|1-8,x y"), ("patient", "a&b=c")))
    assert query.url == "Observation?code=http%3A%2F%2Floinc.org%7C1-8%2Cx%20y&patient=a%26b%3Dc"


def test_observations_are_asked_for_by_every_code_that_is_read_and_by_no_answer() -> None:
    codes = observation_codes(load_terminology(), load_catalogue())
    assert set(load_catalogue().facts) <= codes
    # ECOG, Karnofsky, ASA, CEA, response, residual tumour, T and N, variants, no liver metastases in the history
    assert {"89247-1", "423740007", "89243-0", "302132005", "2039-6", "97509-4", "17964000"} <= codes
    assert {"21905-5", "21900-6", "69548-6", "1098951000119108"} <= codes
    assert not {code for code in codes if code.startswith("LA") or code in {"C78.7", "94381002", "47130"}}


def test_the_longest_query_fits_into_a_url() -> None:
    keys = prefetch_keys(observation_codes(load_terminology(), load_catalogue()))
    assert max(len(key.query("p" * 64).url) for key in keys) < 2_500
