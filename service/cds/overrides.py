"""The reasons that a clinician may give for not following a card: those that can be true of the patient."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from fhir_mappings.case import Scope
from service.cds.card import Coding
from service.knowledge.reading import COMPLICATIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from service.knowledge.reading import Reading

NON_ADHERENCE_SYSTEM = "http://terminology.hl7.org/CodeSystem/non-adherence-reason-codes"
OVERRIDE_SYSTEM = "https://crlm-cds.example/fhir/CodeSystem/override-reason"

# The codes of our own system; value_sets/codesystem-override-reason.json publishes the same ones.
OWN_REASONS = (
    ("mdt-decided-otherwise", "The MDT decided otherwise"),
    ("unresectable-on-newer-imaging", "Unresectable on newer imaging"),
    ("primary-became-symptomatic", "The primary became symptomatic"),
    ("remnant-insufficient", "The future liver remnant is insufficient"),
    ("rectal-chemoradiotherapy-first", "The rectal primary needs chemoradiotherapy first"),
    ("patient-preference", "The patient declines or prefers another treatment"),
    ("not-fit", "The patient is not fit for it"),
    ("chart-wrong-or-outdated", "The chart is wrong or outdated"),
    ("technically-not-feasible", "Technically not feasible"),
    ("already-done", "Already done or planned elsewhere"),
    ("emergency", "Emergency"),
    ("not-applicable", "The guideline does not apply to this patient"),
)
# Of HL7's codes those that say what none of ours does.
_HL7_REASONS = (
    ("expert-contradicts", "Expert judgement contradicts the advice"),
    ("does-not-align-latest-evidence", "Does not align with the latest evidence"),
    ("service-not-available", "Service not available"),
)
_REASONS = (
    *(Coding(code=code, system=OVERRIDE_SYSTEM, display=display) for code, display in OWN_REASONS),
    *(Coding(code=code, system=NON_ADHERENCE_SYSTEM, display=display) for code, display in _HL7_REASONS),
)
REASON_NAMES = {(reason.system, reason.code): reason.display for reason in _REASONS}
"""The reasons that cards offer, by system and code, as they are read."""


def override_reasons(reading: Reading) -> tuple[Coding, ...]:
    """Give the reasons that are not beside the point: no primary becomes symptomatic that was resected."""
    if reading.case.scope is not Scope.IN:
        return _ALWAYS
    return tuple([reason for reason in _REASONS if reason.code not in _MAY_HOLD or _MAY_HOLD[reason.code](reading)])


def _rectal(reading: Reading) -> bool:
    """Whether the primary may be in the rectum: what lies at its junction with the sigmoid counts as colon."""
    return not reading.holds("primary-site", *_in_colon(reading.catalogue["primary-site"].choices))


@cache
def _in_colon(sites: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(site for site in sites if not site.startswith("rectum"))


_MAY_HOLD: Mapping[str, Callable[[Reading], bool]] = {
    "unresectable-on-newer-imaging": lambda reading: reading.liver_untreated and not reading.no("r0-achievable"),
    "primary-became-symptomatic": lambda reading: (
        not reading.resected and not reading.holds("primary-symptoms", *COMPLICATIONS)
    ),
    "remnant-insufficient": lambda reading: (
        reading.liver_untreated and not reading.at_most("flr-percent", reading.number("remnant_minimum_percent"))
    ),
    "rectal-chemoradiotherapy-first": lambda reading: not reading.resected and _rectal(reading),
    "not-fit": lambda reading: not reading.unfit,
    "emergency": lambda reading: not reading.resected,
}
_ALWAYS = tuple(reason for reason in _REASONS if reason.code not in _MAY_HOLD)
