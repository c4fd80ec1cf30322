"""What a strategy card offers to do: a referral, a care plan of the strategy, the missing investigations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fhir_mappings.case import Gap, Known, Unknown
from fhir_mappings.outbound import Activity, Draft, care_plan, request_text, service_request
from service.cds.card import Action, Suggestion
from service.knowledge.headline import recommended
from service.knowledge.schedule import steps

if TYPE_CHECKING:
    from fhir_mappings.outbound import RequestCode, Resource
    from service.knowledge.reading import Reading

_LABELS: dict[RequestCode, str] = {
    "liver-mdt-referral": "Refer to the liver MDT",
    "hepatobiliary-referral": "Refer to the hepatobiliary unit",
    "liver-mri": "Request a staging MRI of the liver",
    "ct-volumetry": "Request CT volumetry of the liver remnant",
    "restaging-ct": "Request a restaging CT",
    "cea": "Request CEA",
    "msi": "Request the microsatellite status",
}


def strategy_suggestions(reading: Reading, draft: Draft) -> tuple[Suggestion, ...]:
    """Give the suggestions of a strategy card, the recommended one first."""
    decision = reading.decision
    operated = decision.next_step == "refer-hpb-after-recovery"
    found = [request(draft, "hepatobiliary-referral" if operated else "liver-mdt-referral", recommended=True)]
    if reading.is_settled and decision.next_step is not None and decision.strategy != "mdt":
        found.append(_plan(reading, draft))
    found += [request(draft, code) for code in _investigations(reading)]
    return tuple(found)


def request(draft: Draft, code: RequestCode, *, recommended: bool = False) -> Suggestion:
    """Give the suggestion to create one request."""
    resource = service_request(draft, code)
    return create(draft, _LABELS[code], resource, description=request_text(code), recommended=recommended)


def create(draft: Draft, label: str, resource: Resource, *, description: str, recommended: bool = False) -> Suggestion:
    """Give the suggestion to create one resource."""
    action = Action(type="create", description=f"Draft: {description}", resource=resource)
    return Suggestion(label=label, uuid=draft.new_id(), is_recommended=recommended, actions=(action,))


def _plan(reading: Reading, draft: Draft) -> Suggestion:
    outcome = reading.decision.outcomes[0]
    lead, _ = recommended(reading, outcome)
    activities = [
        Activity(step.text, earliest=step.earliest, latest=step.latest, interval=step.interval)
        for step in steps(reading, outcome)
    ]
    guideline = reading.guideline
    plan = care_plan(
        draft,
        strategy=outcome.strategy,
        next_step=outcome.next_step,
        title=f"Colorectal liver metastases: {lead}",
        activities=activities,
        note=f"Proposed by decision support ({guideline.id} {guideline.version}); for the MDT to decide.",
    )
    return create(draft, f"Draft care plan: {lead}", plan, description=f"care plan, {lead}")


def _investigations(reading: Reading) -> list[RequestCode]:
    """Name the investigations whose result is missing, or that an advisory asks for."""
    missing = {found.fact for found in reading.decision.missing}
    advisories = reading.decision.advisories
    found: list[RequestCode] = []
    to_operate = not reading.holds("liver-state", "treated")
    if "no-modern-liver-imaging" in advisories or (to_operate and _is_open(reading, "liver-mri-done")):
        found.append("liver-mri")
    major = to_operate and reading.holds("hepatectomy-extent", "major")
    if "flr-percent" in missing or (major and _is_open(reading, "flr-percent")):
        found.append("ct-volumetry")
    if "restage-3-months" in advisories or _is_outdated(reading) or "extrahepatic-disease" in missing:
        found.append("restaging-ct")
    if _is_open(reading, "cea"):
        found.append("cea")
    if _is_open(reading, "msi") and reading.decision.strategy == "systemic-first":
        found.append("msi")
    return found


def _is_open(reading: Reading, code: str) -> bool:
    return not isinstance(reading.fact(code), Known)


def _is_outdated(reading: Reading) -> bool:
    facts = (reading.fact(code) for code in ("metastasis-count", "r0-achievable", "extrahepatic-disease"))
    return any(isinstance(fact, Unknown) and fact.gap is Gap.OUTDATED for fact in facts)
