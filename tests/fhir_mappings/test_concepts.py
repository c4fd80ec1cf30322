"""What texts call by name, as designations of the value sets say."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from fhir_mappings.read.concepts import named, value_texts
from fhir_mappings.terminology import load_terminology

if TYPE_CHECKING:
    from pathlib import Path

RESPONSES = ("response-partial-response", "response-stable-disease", "response-progressive-disease")
PARTIAL, STABLE, _ = RESPONSES


@pytest.mark.parametrize(
    ("texts", "called"),
    [
        (["PR"], {PARTIAL}),
        (["Réponse  partielle"], {PARTIAL}),
        (["partial response (PR) per RECIST 1.1"], {PARTIAL}),
        (["PR", "partial response"], {PARTIAL}),
        (["PR/SD"], {PARTIAL, STABLE}),
        (["see report", "SD"], {STABLE}),
        (["PR, liver only"], set()),
        (["near-complete response"], set()),
        (["PR?"], set()),
        (["MSS"], set()),
        (["PR (MSS)"], set()),
        (["", "RECIST 1.1"], set()),
        ([], set()),
    ],
)
def test_a_text_calls_what_all_its_parts_are_names_of(texts: list[str], called: set[str]) -> None:
    assert named(texts, RESPONSES, load_terminology()) == called


def test_a_site_adds_a_name_by_a_designation(tmp_path: Path) -> None:
    member = {"code": "LA28369-9", "designation": [{"language": "pl", "value": "Częściowa odpowiedź"}]}
    document = {
        "resourceType": "ValueSet",
        "url": f"https://crlm-cds.example/fhir/ValueSet/{PARTIAL}",
        "compose": {"include": [{"system": "http://loinc.org", "concept": [member]}]},
    }
    (tmp_path / "names.json").write_text(json.dumps(document), encoding="utf-8")
    assert named(["częściowa odpowiedź"], RESPONSES, load_terminology(tmp_path)) == {PARTIAL}
    assert named(["częściowa odpowiedź"], RESPONSES, load_terminology()) == set()


def test_the_words_of_a_value_are_its_string_or_the_text_and_displays_of_its_concept() -> None:
    concept = {"text": "PR", "coding": [{"display": "Partial response"}, {"code": "x"}]}
    assert value_texts({"valueCodeableConcept": concept}) == ["PR", "Partial response"]
    assert value_texts({"valueString": "PR"}) == ["PR"]
    assert value_texts({"valueString": 3}) == []
