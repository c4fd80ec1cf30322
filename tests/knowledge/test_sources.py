"""The closing lines of a card: statements and local policy, papers, the site's changes, version and notice."""

from __future__ import annotations

import pytest

from service.knowledge.decision import Decision
from service.knowledge.explanation import ChartText, Line, Text
from service.knowledge.model import Policy
from service.knowledge.reading import Reading
from service.knowledge.sources import sources_of
from tests.cases import case_of
from tests.explain.plain import plain
from tests.knowledge.small_guideline import FACTS, SMALL, built

EVIDENCE = """
[statement.S2]
text = "."
src = ["3", "1"]
[statement.S3]
text = "."
src = []
[resolution]
R1 = "."
R2 = "."
[citation.C1]
text = "Adam R et al. JCO 2015;41:729. doi 10.1016/x"
check = "verified"
[citation.C2]
text = "Fong Y et al. Ann Surg 1999;230:309. PMID 123"
check = "general"
[citation.C3]
text = "LiverMetSurvey 2021. PMC8590998"
check = "verified"
[citation.C4]
text = "A book"
check = "verified"
[citation.C5]
text = "BJS 2023. doi 10.1093/y; HPB 2023. doi 10.1016/z"
check = "verified"
[parameter.share]
value = 1
number = true
reason = "."
[parameter.some_days]
value = 30
reason = "."
[parameter.switch]
value = false
reason = "."
[parameter.turned_off]
value = true
reason = "."
""" + "".join(
    f'[[assumption]]\nfact = "{fact}"\nassume = "{fact.replace("-", "_")} == 1"\nsentence = "."\n'
    for fact in ("asa", "wait-time")
)
GAP = '[months_between.wait-time]\nfirst = "began"\nlast = "ended"\n'


def lines(
    statements: tuple[str, ...] = (), citations: tuple[str, ...] = (), policy: Policy | None = None
) -> tuple[Line, ...]:
    guideline = built(SMALL, EVIDENCE, GAP, policy=policy)
    decision = Decision((), (), statements=statements, citations=citations)
    return sources_of(Reading(case_of(), decision, guideline, FACTS))


NOTICE = "Decision support for clinicians; the source summary has not yet been reviewed by humans (S30). "


def notice(policy: str = "default") -> Line:
    return Line("notice", (Text(NOTICE), Text("small 1, policy: "), ChartText(policy)))


@pytest.mark.parametrize(
    ("statements", "said"),
    [
        (("S2",), "Statements S2 (summary ref 1, 3)"),
        (("S3",), "Statements S3"),
        (("S2", "S1"), "Statements S2, S1 (summary ref 1, 3)"),
        (("R2",), "Local policy R2"),
        (("R2", "S1", "R1", "S3"), "Statements S1, S3 (summary ref 1) · local policy R2, R1"),
    ],
)
def test_statements_stand_before_local_policy_with_the_references_of_the_summary(
    statements: tuple[str, ...], said: str
) -> None:
    assert lines(statements) == (Line("statement", (Text(said),)), notice())


@pytest.mark.parametrize(
    ("citations", "said"),
    [
        (("C1",), "Papers: Adam R et al. JCO 2015;41:729"),
        (
            ("C2", "C1"),
            "Papers: Fong Y et al. Ann Surg 1999;230:309 (general knowledge) · Adam R et al. JCO 2015;41:729",
        ),
        (("C3", "C4", "C5"), "Papers: LiverMetSurvey 2021 · A book · BJS 2023"),
        (("C4", "C3", "C5", "C1"), "Papers: A book · LiverMetSurvey 2021 · BJS 2023 · 1 more"),
        (("C4", "C3", "C5", "C1", "C2"), "Papers: A book · LiverMetSurvey 2021 · BJS 2023 · 2 more"),
        (("C4", "gone"), "Papers: A book"),
    ],
)
def test_three_papers_are_named_without_their_identifiers(citations: tuple[str, ...], said: str) -> None:
    assert lines(citations=citations) == (Line("citation", (Text(said),)), notice())


def test_without_evidence_the_notice_stands_alone() -> None:
    assert lines() == lines(("S9",), ("C9",)) == (notice(),)


def test_all_lines_stand_in_one_order() -> None:
    found = lines(("S1",), ("C4",), Policy("ours", {"some_days": 31}))
    assert [(line.kind, plain(line)) for line in found] == [
        ("statement", "Statements S1 (summary ref 1)"),
        ("citation", "Papers: A book"),
        ("policy", "Local policy of this site: some days = 31"),
        ("notice", f"{NOTICE}small 1, policy: ours"),
    ]


@pytest.mark.parametrize(
    ("parameters", "off", "said"),
    [
        ({"switch": True}, (), "switch = yes"),
        ({"turned_off": False}, (), "turned off = no"),
        ({"share": 2.5, "some_days": 60}, (), "share = 2.5; some days = 60"),
        ({"some_days": 60, "share": 2.0}, (), "share = 2; some days = 60"),
        ({}, ("wait-time", "asa"), "asa is asked, not assumed; wait time is asked, not assumed"),
        (
            {"switch": True, "some_days": 1, "share": 3},
            ("asa",),
            "share = 3; some days = 1; switch = yes; asa is asked, not assumed",
        ),
        (
            {"switch": True, "some_days": 1, "share": 3},
            ("asa", "wait-time"),
            "share = 3; some days = 1; switch = yes; asa is asked, not assumed; 1 more",
        ),
        (
            {"switch": True, "some_days": 1, "share": 3, "turned_off": False},
            ("asa", "wait-time"),
            "share = 3; some days = 1; switch = yes; turned off = no; 2 more",
        ),
    ],
)
def test_four_changes_of_the_site_are_named(parameters: dict[str, float], off: tuple[str, ...], said: str) -> None:
    found = lines(policy=Policy("ours", parameters, frozenset(off)))
    assert found == (Line("policy", (Text("Local policy of this site: "), Text(said))), notice("ours"))
