"""`check` names what a guideline holds in vain."""

from __future__ import annotations

from fhir_mappings.catalogue import load_catalogue
from service.knowledge.check import check
from service.knowledge.guideline import build_guideline, load_guideline
from service.knowledge.model import Policy
from tests.knowledge.small_guideline import SMALL


def test_the_shipped_guideline_holds_nothing_in_vain() -> None:
    report = check(load_guideline())
    assert (report.idle_rows, report.idle_advisories) == ((), ())
    assert (report.unused_parameters, report.unused_definitions) == ((), ())


def test_a_policy_may_put_a_row_out_of_use() -> None:
    policy = Policy("liver first", {"prefer_simultaneous_when_eligible": False})
    assert check(load_guideline(policy)).idle_rows == ("A10",)


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
    report = check(build_guideline({"1": SMALL, "2": extra}, load_catalogue()))
    assert (report.idle_rows, report.idle_advisories) == (("C",), ("never",))
    assert (report.unused_parameters, report.unused_definitions) == (("spare",), ("fit",))
