"""The review page as values: everything that the template shows, already chosen and worded."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fhir_mappings.case import Scope
from fhir_mappings.loose_json import objects
from service.adapters.fhir_answers import version_of
from service.knowledge.headline import reading_place, strategy_name
from service.knowledge.phrases import choice_text, day, sentence
from service.knowledge.scores import scores
from service.web.review.banner import banner
from service.web.review.fact_view import fact_groups
from service.web.review.faults import faults
from service.web.review.mdt_form import FACT, MdtEntry, reasons
from service.web.review.pathway_view import pathway
from service.web.review.questions import form_for, open_questions
from service.web.review.saving import FACT_IDENTIFIERS
from service.web.review.timeline import timeline

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fhir_mappings.chart import Chart
    from service.knowledge.explanation import Explanation
    from service.knowledge.reading import Reading
    from service.knowledge.scores import Score
    from service.web.review.banner import Banner
    from service.web.review.desk import Visit
    from service.web.review.fact_view import FactGroup
    from service.web.review.faults import Fault
    from service.web.review.pathway_view import Stretch
    from service.web.review.ports import Assessment
    from service.web.review.questions import Entries, Form, Open
    from service.web.review.saving import SaveReport
    from service.web.review.timeline import Timeline


@dataclass(frozen=True, slots=True)
class Strategies:
    """The strategies with their names, and which of them is recommended, open or excluded."""

    code: str
    name: str
    state: str
    word: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewPage:
    """What the page shows of one chart at one moment.

    Where it is not `in_scope` for certain, nothing is recommended and there is nothing to complete: the two diseases
    come from Conditions alone.
    """

    banner: Banner
    explanation: Explanation
    on_record: Explanation | None
    in_scope: bool
    strategies: tuple[Strategies, ...]
    open: tuple[Open, ...]
    pathway: tuple[Stretch, ...]
    timeline: Timeline | None
    scores: tuple[Score, ...]
    citations: Mapping[str, str]
    titles: Mapping[str, str]
    facts: tuple[FactGroup, ...]
    form: Form
    versions: Mapping[str, str]
    one_row_is_left: bool
    recommended: str | None
    mdt: MdtEntry
    mdt_choices: tuple[tuple[str, str], ...]
    mdt_reasons: tuple[tuple[str, str], ...]
    knowledge: str
    as_of: str
    csrf: str
    note: str | None = None
    saved: SaveReport | None = None
    alert: str | None = None
    faults: tuple[Fault, ...] = ()
    strategy_names: Mapping[str, str] = field(default_factory=dict)
    answer_names: Mapping[str, str] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """Say first what became of a form: it is what a screen reader speaks when the page has come."""
        became = self.saved.heading if self.saved else "Nothing was saved" if self.alert else None
        return f"{became}: Review" if became else "Review"


def review_page(  # noqa: PLR0913 - what the page shows beside the chart: what was typed, saved, and went wrong
    visit: Visit,
    chart: Chart,
    assessment: Assessment,
    *,
    entries: Entries | None = None,
    mdt: MdtEntry | None = None,
    saved: SaveReport | None = None,
    alert: str | None = None,
) -> ReviewPage:
    """Put the page together; what was typed stays in its fields."""
    reading = assessment.reading
    case, decision, guideline, catalogue = reading.case, reading.decision, reading.guideline, reading.catalogue
    choices = _choices(reading)
    shown = scores(case)
    form = form_for(case, decision, catalogue, entries=entries, ask=visit.session.ask)
    decided = mdt or MdtEntry(typed_on=case.as_of.isoformat())
    return ReviewPage(
        banner=banner(visit.session.grant.patient, chart.resources, today=case.as_of),
        explanation=assessment.explanation,
        on_record=assessment.mdt,
        in_scope=case.scope is Scope.IN,
        strategies=_strategies(assessment, dict(choices)),
        open=open_questions(case, decision, catalogue),
        pathway=pathway(decision, guideline),
        timeline=timeline(case, catalogue),
        scores=shown,
        citations={score.citation: guideline.citations[score.citation].text for score in shown},
        titles={code: definition.title for code, definition in catalogue.facts.items()},
        facts=fact_groups(case, decision, catalogue),
        form=form,
        versions=versions(chart),
        one_row_is_left=len(decision.rows) == 1,
        recommended=assessment.recommended,
        mdt=decided,
        mdt_choices=choices,
        mdt_reasons=reasons(),
        knowledge=f"{guideline.id} {guideline.version}, policy: {guideline.policy.name}",
        as_of=day(case.as_of),
        csrf=visit.session.csrf,
        note=visit.session.note,
        saved=saved,
        alert=alert,
        faults=faults(form, decided),
        strategy_names=dict(choices),
        answer_names={code: sentence(step.title) for code, step in guideline.next_steps.items()} | dict(choices),
    )


def _choices(reading: Reading) -> tuple[tuple[str, str], ...]:
    """Give the strategies with their names; where the primary was resected, none is called primary first."""
    codes = reading.catalogue[FACT].choices
    named = ((code, strategy_name(reading, code) if reading.resected else choice_text(code)) for code in codes)
    return tuple((code, sentence(name)) for code, name in named)


def versions(chart: Chart) -> Mapping[str, str]:
    """Give the version of each Observation that the app wrote earlier, by fact and day (`ecog/2026-11-23`)."""
    found = {}
    prefix = f"{chart.patient_id}/"
    for resource in chart.resources:
        if resource.get("resourceType") != "Observation" or (version := version_of(resource)) is None:
            continue
        for each in objects(resource.get("identifier")):
            value = each.get("value") if each.get("system") == FACT_IDENTIFIERS else None
            if isinstance(value, str) and value.startswith(prefix):
                found[value.removeprefix(prefix)] = version
    return found


_ORDER = ("recommended", "open", "alternative", "excluded")


def _strategies(assessment: Assessment, names: Mapping[str, str]) -> tuple[Strategies, ...]:
    decision = assessment.reading.decision
    reached = {outcome.strategy for outcome in decision.outcomes}
    alternatives = {outcome.strategy for outcome in decision.alternatives}
    if not reached:
        return ()
    rows = []
    for code, name in names.items():
        if code == assessment.recommended:
            state, word = "recommended", "Recommended"
        elif code in reached:
            state, word = "open", "Still open"
        elif code in alternatives:
            state, word = "alternative", "Alternative"
        else:
            state, word = "excluded", "Excluded"
        rows.append(Strategies(code, name, state, word))
    return tuple(sorted(rows, key=lambda row: (_ORDER.index(row.state), reading_place(row.code))))
