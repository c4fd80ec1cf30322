"""The messy samples beside a colon cancer: scope, facts and issues of each."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest

from fhir_mappings.case import ABSENT, Interval, Sign
from tests.charts import ICD10CM, condition
from tests.fhir_mappings.reading import SAMPLES, messy, read, shown

NOW = datetime(2026, 6, 15, tzinfo=UTC)
PRIMARY = condition("primary", (ICD10CM, "C18.7"), onset="2024-02-20")
MET_GAP = {
    "liver-metastasis-date": "gap: unreadable",
    "metastases-detected": "gap: unreadable",
    "months-primary-to-metastases": "gap: unreadable",
}
REPAIRED = {"Condition/c: repaired before validation: spaces, numeric codes, lone objects or nulls"}
TEXT_ONLY = {"Condition/c: text only: not mapped"}
CEA_UNREADABLE = ({"cea": "gap: unreadable"}, {"Observation/o: value cannot be read: unit, range or code"})
REFUSED = {"Condition/c: not valid FHIR R4"}
NOT_PLACED = "Procedure/p: an operation of the liver, not certainly for these metastases"

EXPECTED: dict[str, tuple[str, dict[str, Any], set[str]]] = {
    "b01_outcome_entry": ("in", {}, set()),
    "b02_no_entry": ("out", {}, set()),
    "b04_included": ("in", {}, set()),
    "b05_entry_no_resource": ("out", {}, set()),
    "c02_text_only": ("uncertain", {}, TEXT_ONLY),
    "c03_no_code": ("out", {}, set()),
    "c05_refuted": ("out", {}, set()),
    "c06_provisional": ("in", {}, set()),
    "c08_category_array": ("in", {}, set()),
    "c09_history_of": ("out", {}, set()),
    "c11_remission": ("out", {}, set()),
    "c12_no_status_at_all": ("in", {}, set()),
    "c14_code_dar": ("uncertain", {}, {"Condition/c: code withheld"}),
    "c15_display_only": ("uncertain", {}, TEXT_ONLY),
    "c17_icd_nodot": ("in", {}, set()),
    "c18_icd_oid_system": ("in", {}, set()),
    "c20_onset_age": ("in", {}, set()),
    "c21_onset_period": (
        "in",
        {"liver-metastasis-date": "2023", "metastases-detected": "at-staging", "months-primary-to-metastases": 0},
        set(),
    ),
    "c23_onset_ext_only": ("in", {}, set()),
    "c24_stage_text": ("in", {}, set()),
    "c26_wrong_patient": ("out", {}, {"Condition/c: of another patient"}),
    "c27_subject_absolute": ("in", {}, set()),
    "c29_synthea_stage4": ("out", {}, set()),
    "c30_snomed_version_suffix": ("in", {}, REPAIRED),
    "o02_cea_string_lt": ("out", {"cea": Interval(None, 5, high_included=False)}, set()),
    "o03_cea_comparator": ("out", {"cea": Interval(None, 5, high_included=False)}, set()),
    "o05_cea_no_unit": ("out", *CEA_UNREADABLE),
    "o06_cea_unit_text_only": ("out", {"cea": 42.5}, set()),
    "o08_cea_eie": ("out", {}, set()),
    "o09_cea_cancelled": ("out", {}, set()),
    "o11_cea_amended_pair": ("out", {"cea": 4.25}, set()),
    "o12_cea_local_code": ("out", {}, {"Observation/o: text only: not mapped"}),
    "o14_cea_arbitrary_units": ("out", {}, set()),
    "o15_cea_moles": ("out", {}, set()),
    "o17_value_ext_only": ("out", {"cea": "gap: absent"}, set()),
    "o18_effective_period": ("out", {"cea": 42.5}, set()),
    "o20_partial_date": ("out", {"cea": 42.5}, set()),
    "o21_components_size": ("out", {}, set()),
    "o23_ecog_int": ("out", {"ecog": "gap: outdated"}, set()),
    "o24_ecog_loinc_answer": ("out", {"ecog": "gap: outdated"}, set()),
    "o26_ecog_string": ("out", {}, {"Observation/o: text only: not mapped"}),
    "o27_kras_codeable": ("out", {"ras": "mutated"}, set()),
    "o29_genomic_variant": ("out", {"ras": "mutated"}, set()),
    "o30_variant_absent": ("out", {"braf": "wild-type"}, set()),
    "o32_stage_group": ("out", {}, set()),
    "o33_hasmember_panel": ("out", {}, {"Observation/o: text only: not mapped"}),
    "o35_huge_number": ("out", *CEA_UNREADABLE),
    "p01_cpt": ("out", {}, {NOT_PLACED}),
    "p03_period": ("out", {}, {NOT_PLACED}),
    "p04_string": ("out", {}, {NOT_PLACED}),
    "p06_not_done": ("out", {}, set()),
    "p07_eie": ("out", {}, set()),
    "p09_text_only": ("out", {}, {"Procedure/p: text only: not mapped"}),
    "p10_no_code": ("out", {}, {"Procedure/p: nothing says what was done"}),
    "p12_future_date": ("out", {}, {"Procedure/p: dated in the future"}),
    "x01_extra_field": ("uncertain", MET_GAP, REFUSED),
    "x03_nulls": ("in", {}, REPAIRED),
    "x04_date_no_tz": ("uncertain", MET_GAP, REFUSED),
    "x06_code_int": ("in", {}, REPAIRED),
    "x07_category_object": ("in", {}, REPAIRED),
    "x09_dstu2_condition": ("uncertain", MET_GAP, {"Condition: STU3 or DSTU2 shape: R4 is read"}),
    "x10_r5_procedure": ("out", {}, {"Procedure/p: read as FHIR R5", NOT_PLACED}),
    "x12_contained_unknown_type": ("uncertain", MET_GAP, REFUSED),
    "x13_value_as_string": ("out", {"cea": 42.5}, set()),
    "x15_missing_status": ("out", {"cea": "gap: unreadable"}, {"Observation/o: not valid FHIR R4"}),
    "x16_bad_status": ("out", {"cea": "gap: unreadable"}, {"Observation/o: status is none of FHIR's"}),
    "x18_empty_object": ("out", {}, set()),
    "x19_resource_null": ("out", {}, set()),
    "x20_specimen_code_int": (
        "out",
        {"largest-metastasis": 20},
        {"Specimen/s: repaired before validation: spaces, numeric codes, lone objects or nulls"},
    ),
    "x21_kit_of_itself": ("out", {}, set()),
}
OF_THE_PRIMARY = {"primary-site", "primary-diagnosis-date"}
LIVER_TREATED = {"p01_cpt", "p03_period", "p04_string", "x10_r5_procedure"}
MAY_BE_A_RESECTION = {"p09_text_only", "p10_no_code"}
MAY_BE_A_LIVER_OPERATION = {"p09_text_only", "p10_no_code", "p12_future_date"}


def test_every_messy_sample_has_an_expectation() -> None:
    assert {path.stem for path in (SAMPLES / "messy").glob("*.json")} == set(EXPECTED)


@pytest.mark.parametrize("name", list(EXPECTED))
def test_a_messy_sample_is_handled_as_expected(name: str) -> None:
    sample = messy(name)
    resources = [entry.get("resource") for entry in sample.get("entry", ())] if "entry" in sample else [sample]
    case = read(PRIMARY, *[resource for resource in resources if resource], now=NOW)
    facts = {
        code: shown(case, code) for code, fact in case.facts.items() if fact != ABSENT and code not in OF_THE_PRIMARY
    }
    issues = {f"{issue.reference}: {issue.reason}" for issue in case.issues}
    assert (case.scope.value, facts, issues) == EXPECTED[name]
    assert (Sign.LIVER_TREATED in case.signs) == (name in LIVER_TREATED)
    assert (Sign.PROCEDURES_COMPLETE in case.signs) == (name not in MAY_BE_A_RESECTION)
    assert (Sign.LIVER_OPERATION_IN_DOUBT in case.signs) == (name in MAY_BE_A_LIVER_OPERATION)
    assert (Sign.UNCONFIRMED_DISEASE in case.signs) == (name == "c06_provisional")


def test_a_year_as_the_date_of_the_primary_stays_a_year() -> None:
    case = read(condition("c", (ICD10CM, "C18.7"), onset="2024"), now=NOW)
    assert shown(case, "primary-diagnosis-date") == "2024"
    assert case.facts["primary-diagnosis-date"].evidence[0].dated is not None
    assert case.facts["primary-diagnosis-date"].evidence[0].dated.last == date(2024, 12, 31)
