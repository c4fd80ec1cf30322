"""`check` names what a guideline holds in vain, and prints the pathway."""

from __future__ import annotations

from dataclasses import replace

from fhir_mappings.catalogue import load_catalogue
from service.knowledge.check import check
from service.knowledge.guideline import Policy, build_guideline, load_guideline
from tests.knowledge.small_guideline import SMALL


def test_the_shipped_guideline_holds_nothing_in_vain() -> None:
    report = check(load_guideline(), load_catalogue())
    assert (report.idle_rows, report.idle_advisories, report.uncovered) == ((), (), ())
    assert (report.unused_parameters, report.unused_definitions) == ((), ())
    assert report.unread_facts == (
        "primary-diagnosis-date",
        "primary-resection-date",
        "primary-operation-done",
        "mdt-decision",
        "metastasis-distribution",
        "chemotherapy-last-date",
        "bevacizumab-last-date",
        "cea",
        "nodes-positive",
        "ras",
        "braf",
    )


def test_the_pathway_reads_as_plain_lines() -> None:
    lines = check(load_guideline(), load_catalogue()).lines
    assert len(lines) == len(load_guideline().rows)
    assert lines[0] == "T0: Liver and primary are treated: nothing is left to order. → no card"
    assert lines[9] == (
        "G1: The patient is unfit for elective surgery. → MDT decision · unfit for elective surgery: MDT · conditional"
        " · S28 R9"
    )


def test_a_policy_may_put_a_row_out_of_use() -> None:
    policy = Policy("liver first", {"prefer_simultaneous_when_eligible": False})
    assert check(load_guideline(policy), load_catalogue()).idle_rows == ("A10",)


def test_what_nothing_uses_is_named() -> None:
    extra = """
[definition]
fit = "not unfit"
[parameter.spare]
value = 3
reason = "."
[[row]]
id = "C"
when = "ecog > 3"
strategy = "mdt"
next_step = "talk"
sentence = "Behind A and B."
from = ["S1"]
[[advisory]]
code = "never"
when = "row == C or (row == B and ecog == 4)"
sentence = "."
from = []
"""
    report = check(build_guideline({"1": SMALL, "2": extra}, load_catalogue()), load_catalogue())
    assert (report.idle_rows, report.idle_advisories) == (("C",), ("never",))
    assert (report.unused_parameters, report.unused_definitions) == (("spare",), ("fit",))


def test_patients_whom_no_row_takes_are_described() -> None:
    guideline = build_guideline({"1": SMALL}, load_catalogue())
    holed = replace(guideline, compiled=replace(guideline.compiled, uncovered=((0b10,),)))
    assert check(holed, load_catalogue()).uncovered == ("ecog 3-5",)
