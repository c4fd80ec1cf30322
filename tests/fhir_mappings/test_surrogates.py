"""Texts that were cut in the middle of a character."""

from __future__ import annotations

import json

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_mappings.bundle import SourceRead, SourceState, read_source
from fhir_mappings.surrogates import whole_characters
from fhir_mappings.terminology import load_terminology


@pytest.mark.parametrize(
    ("cut", "whole"),
    [
        (rb'"a\ud83d"', rb'"a\ufffd"'),
        (rb'"\uD83Dx\uDE00"', rb'"\ufffdx\ufffd"'),
        (rb'"\ud83d\ud83d\ude00"', rb'"\ufffd\ud83d\ude00"'),
        (rb'"\ud83d\ude00\ude00"', rb'"\ud83d\ude00\ufffd"'),
        (rb'"\\ud83d"', rb'"\\ud83d"'),
        (rb'"\u00e9 \ud83d\ude00"', rb'"\u00e9 \ud83d\ude00"'),
    ],
)
def test_half_a_character_becomes_the_sign_of_an_unknown_one(cut: bytes, whole: bytes) -> None:
    assert whole_characters(cut) == whole


_PIECES = st.characters(codec=None, exclude_characters="\\") | st.sampled_from(["\ud83d", "\ude00", "\\."])


@given(st.lists(_PIECES).map("".join))
def test_what_is_cut_can_be_read_and_what_is_whole_stays(text: str) -> None:
    sent = json.dumps(text).encode()
    told = json.loads(sent)
    is_whole = not any("\ud800" <= each <= "\udfff" for each in told)
    found = orjson.loads(whole_characters(sent))
    assert (found == told) if is_whole else "\ufffd" in found


def test_a_resource_with_half_a_character_is_read() -> None:
    coding = {"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "C78.7"}
    condition = {"resourceType": "Condition", "id": "c", "code": {"coding": [coding], "text": "cut \ud83d"}}
    sent = json.dumps({"resourceType": "Bundle", "entry": [{"resource": condition}]}).encode()
    read = condition | {"code": {"coding": [coding], "text": "cut \ufffd"}}
    assert read_source(sent, load_terminology()) == SourceRead(SourceState.DATA, (read,), entries=1)
