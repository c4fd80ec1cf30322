"""The steps of each next step, with how long after what each is meant to happen."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pytest

from service.knowledge.decide import decide
from service.knowledge.decision import Outcome
from service.knowledge.guideline import load_guideline
from service.knowledge.reading import Reading
from service.knowledge.schedule import Step, steps
from tests.decided import CATALOGUE, example

if TYPE_CHECKING:
    from fhir_mappings.case import Case

GUIDELINE = load_guideline()

IN_SITU, RESECTED = example("V01"), example("V12")
MDT = Step("Discussion in the liver MDT")
RELIEF = Step("Relief of the complicated primary (resection, stent or stoma)")
PRIMARY = Step("Resection of the sigmoid primary")
AFTER_LIVER = Step("Resection of the sigmoid primary", "about 4 to 8 weeks after the liver operation")
REVIEW = Step("Review of resectability", "every 2 months, first by 23 Jan 2027", latest=date(2027, 1, 23))
RESTAGED = (Step("Restaging of the liver", "at 3 months"), Step("Liver resection", "where still resectable"))
NOW = Step("Liver resection", "at least 4 weeks after the last chemotherapy and 6 after bevacizumab")
TOGETHER = "Resection of the sigmoid primary and of the liver metastases in one operation"
BETWEEN = (Step("Liver resection or ablation", "between radiotherapy and rectal surgery"), AFTER_LIVER)
FOLFOX = (
    Step("FOLFOX before the liver operation", "3 months (6 two-weekly cycles)"),
    Step("Liver resection", "at least 4 weeks after the last cycle"),
    Step("FOLFOX after the liver operation", "3 months (6 two-weekly cycles)"),
)
LATER = "about 2 months after recovery from the primary (window 6 to 12 weeks)"


@pytest.mark.parametrize(
    ("case", "next_step", "expected"),
    [
        (IN_SITU, None, ()),
        (IN_SITU, "second-line", (MDT,)),
        (IN_SITU, "primary-resection-next", (AFTER_LIVER,)),
        (
            IN_SITU,
            "refer-hpb-after-recovery",
            (Step("Referral to the hepatobiliary unit"), PRIMARY, Step("Planned liver resection", "after recovery")),
        ),
        (IN_SITU, "relief-then-mdt", (RELIEF, MDT)),
        (IN_SITU, "systemic-after-relief", (RELIEF, Step("Systemic therapy", "after recovery"), REVIEW)),
        (
            IN_SITU,
            "chemotherapy-then-restage-3-months",
            (Step("Operation of the perforated primary"), Step("Chemotherapy", "after recovery"), *RESTAGED),
        ),
        (RESECTED, "chemotherapy-then-restage-3-months", (Step("Chemotherapy"), *RESTAGED)),
        (IN_SITU, "liver-about-2-months-after-recovery", (PRIMARY, Step("Liver resection", LATER))),
        (
            IN_SITU,
            "secure-primary-before-systemic",
            (Step("Securing of the primary (resection, stent or stoma)"), MDT),
        ),
        (IN_SITU, "reassess-resectability", (Step("Systemic therapy"), REVIEW)),
        (IN_SITU, "chemotherapy-then-reassess", (Step("Systemic therapy"), REVIEW)),
        (IN_SITU, "resect-now-no-more-chemotherapy", (NOW, AFTER_LIVER)),
        (RESECTED, "resect-now-no-more-chemotherapy", (NOW,)),
        (IN_SITU, "liver-centre-discussion", (Step(TOGETHER, "as agreed with the liver centre"),)),
        (
            example("V01", liver_centre_discussed="not-yet"),
            "liver-centre-discussion",
            (Step("Discussion with the liver centre"), Step(TOGETHER)),
        ),
        (IN_SITU, "liver-surgery-in-radiotherapy-interval", (Step("Radiotherapy of the rectum"), *BETWEEN)),
        (
            example("V01", rectal_radiotherapy="ongoing"),
            "liver-surgery-in-radiotherapy-interval",
            (Step("Radiotherapy of the rectum", "to be completed"), *BETWEEN),
        ),
        (
            IN_SITU,
            "liver-resection-or-ablation-then-primary",
            (Step("Liver resection or ablation"), AFTER_LIVER),
        ),
        (
            RESECTED,
            "liver-before-chemotherapy",
            (
                Step("Liver resection", "about 2 months after the primary"),
                Step("Chemotherapy", "after recovery from the liver operation"),
            ),
        ),
        (RESECTED, "chemotherapy-before-resection", FOLFOX),
        (RESECTED, "perioperative-folfox-3-3", FOLFOX),
        (RESECTED, "upfront-hepatectomy", (Step("Liver resection"),)),
        (
            example("V27"),
            "upfront-hepatectomy",
            (
                Step("Liver resection"),
                Step("Oxaliplatin-based adjuvant chemotherapy", "6 months (12 two-weekly cycles)"),
            ),
        ),
    ],
)
def test_each_next_step_has_its_steps(case: Case, next_step: str | None, expected: tuple[Step, ...]) -> None:
    reading = Reading(case, decide(case, GUIDELINE), GUIDELINE, CATALOGUE)
    assert steps(reading, Outcome("staged", next_step)) == expected
