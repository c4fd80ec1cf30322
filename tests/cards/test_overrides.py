"""Which reasons for not following a card are offered."""

from __future__ import annotations

import json
from dataclasses import replace
from importlib.resources import files
from typing import TYPE_CHECKING

import pytest

from fhir_mappings.case import Narrowed, Scope, Unknown
from service.cds.overrides import OWN_REASONS
from tests.decided import cards_of, example

if TYPE_CHECKING:
    from fhir_mappings.case import Case

UNRESECTABLE = "unresectable-on-newer-imaging"
SYMPTOMATIC = "primary-became-symptomatic"
REMNANT = "remnant-insufficient"
RECTAL = "rectal-chemoradiotherapy-first"
UNFIT = "not-fit"
EMERGENCY = "emergency"
OF_THE_DISEASE = {UNRESECTABLE, SYMPTOMATIC, REMNANT, RECTAL, UNFIT, EMERGENCY}
ALWAYS = {
    "mdt-decided-otherwise",
    "patient-preference",
    "chart-wrong-or-outdated",
    "technically-not-feasible",
    "already-done",
    "not-applicable",
    "expert-contradicts",
    "does-not-align-latest-evidence",
    "service-not-available",
}
UNRECORDED = dict.fromkeys(
    ("primary_site", "primary_symptoms", "r0_achievable", "flr_percent", "ecog", "asa"), Unknown()
)


def test_our_override_reasons_are_those_of_the_published_code_system() -> None:
    path = files("fhir_mappings").joinpath("value_sets", "codesystem-override-reason.json")
    concepts = json.loads(path.read_text(encoding="utf-8"))["concept"]
    assert [(concept["code"], concept["display"]) for concept in concepts] == list(OWN_REASONS)


@pytest.mark.parametrize(
    ("case", "left_out"),
    [
        (example("V01", **UNRECORDED), set()),
        (example("V01"), {RECTAL}),
        (example("V02"), set()),
        (example("V01", primary_site="rectosigmoid"), {RECTAL}),
        (example("V01", primary_site=Narrowed(frozenset({"sigmoid-colon", "rectosigmoid"}))), {RECTAL}),
        (example("V01", primary_site=Narrowed(frozenset({"rectosigmoid", "rectum-high"}))), set()),
        (example("V08"), {RECTAL, SYMPTOMATIC}),
        (example("V12"), {RECTAL, SYMPTOMATIC, EMERGENCY}),
        (example("V01", r0_achievable=False), {RECTAL, UNRESECTABLE}),
        (example("V01", flr_percent=30), {RECTAL, REMNANT}),
        (example("V01", liver_state="treated"), {RECTAL, UNRESECTABLE, REMNANT}),
        (example("V16", ecog=3), {RECTAL, UNFIT}),
        (example("V16", asa=4), {RECTAL, UNFIT}),
        (replace(example("V02"), scope=Scope.UNCERTAIN), OF_THE_DISEASE),
    ],
    ids=[
        "nothing recorded",
        "colon",
        "rectum",
        "rectosigmoid",
        "sigmoid or rectosigmoid",
        "rectosigmoid or upper rectum",
        "obstruction",
        "primary resected",
        "unresectable",
        "small remnant",
        "liver treated",
        "ECOG 3",
        "ASA 4",
        "scope uncertain",
    ],
)
def test_reasons_that_cannot_be_true_of_the_patient_are_not_offered(case: Case, left_out: set[str]) -> None:
    (card,) = cards_of(case)
    offered = [reason["code"] for reason in card["overrideReasons"]]
    assert (set(offered), len(offered)) == ((ALWAYS | OF_THE_DISEASE) - left_out, len(set(offered)))
