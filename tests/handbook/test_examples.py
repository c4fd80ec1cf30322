"""Files that the handbook shows do what it says of them."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from fhir_mappings.terminology import load_terminology
from service.web.handbook.routes import page_text

if TYPE_CHECKING:
    from pathlib import Path

RXNORM, ICD_10 = "http://www.nlm.nih.gov/research/umls/rxnorm", "http://hl7.org/fhir/sid/icd-10"


def test_a_value_set_of_the_site_adds_its_clinical_drugs(tmp_path: Path) -> None:
    [example] = [
        text for text in re.findall(r"```json\n(.*?)```", page_text("change"), re.DOTALL) if "ValueSet" in text
    ]
    (tmp_path / "drugs.json").write_text(example, encoding="utf-8")
    [concept] = json.loads(example)["compose"]["include"][0]["concept"]
    found = load_terminology(tmp_path)
    assert found.sets(RXNORM, concept["code"]) == {"drug-fluoropyrimidine"}
    assert found.sets(RXNORM, "4492") == {"drug-fluoropyrimidine"}


@pytest.mark.parametrize(
    ("code", "value_set"),
    [("C78.7", "liver-metastasis"), ("C78.71", "liver-metastasis"), ("C20.9", "primary-site-rectum-unspecified")],
)
def test_codes_that_a_modification_adds_to_a_branch_are_read(code: str, value_set: str) -> None:
    assert value_set in load_terminology().sets(f"{ICD_10}-gm", code)
