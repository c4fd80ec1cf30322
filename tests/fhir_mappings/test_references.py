"""Whom and what references name."""

from __future__ import annotations

import pytest

from fhir_mappings.read.references import is_patient


@pytest.mark.parametrize(
    ("reference", "whose", "holds"),
    [
        ("Patient/1", "1", True),
        ("Patient/1", "Patient/1", True),
        ("Patient/1/", "1", True),
        ("Patient/1X", "1X", True),
        ("https://ehr.example/fhir/Patient/1/_history/7", "1", True),
        ("urn:uuid:1", "1", True),
        ("urn:uuid:1", "urn:uuid:1", True),
        ("urn:uuid:1", "uuid:1", False),
        ("urn:uuid:21", "1", False),
        ("Patient/2/_history/1", "1", False),
        ("Patient/1/Observation/2", "2", False),
        ("Practitioner/1", "1", False),
        ("1", "1", False),
    ],
)
def test_a_reference_names_the_patient_by_type_and_id(reference: str, whose: str, holds: bool) -> None:  # noqa: FBT001 - expected
    assert is_patient(reference, whose) is holds
