"""The course of one patient, drawn at random and written as Conditions, Procedures, orders and doses."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from tests.roundtrip.dated import on, vague
from tests.roundtrip.terms import SNOMED, any_of, concept

if TYPE_CHECKING:
    from random import Random

    from fhir_mappings.case import PartialDate
    from tests.roundtrip.record import Record

Json = dict[str, Any]

COLON = (
    "caecum ascending-colon hepatic-flexure transverse-colon splenic-flexure descending-colon sigmoid-colon"
).split()
SITES = [*COLON, "colon-unspecified", "rectosigmoid", "rectum-unspecified"]
OPERATIONS = (
    "right-hemicolectomy left-hemicolectomy transverse-colectomy sigmoid-or-high-anterior-resection"
    " low-anterior-resection abdominoperineal-resection total-colectomy proctocolectomy hartmann segmental anterior"
).split()
DRUGS = "oxaliplatin irinotecan bevacizumab anti-egfr fluoropyrimidine".split()
SYMPTOMS = "obstruction perforation bleeding anaemia".split()
_SOURCES = ("onset",) * 8 + ("asserted", "recorded")
_PRIMARY_CLINICAL = ("active", "resolved", "remission", "inactive", None)
_LIVER_CLINICAL = ("active", "active", "recurrence", "relapse", None)


@dataclass(frozen=True)
class Dated:
    """Something that happened, where it says so, and how its date is known."""

    what: str
    when: PartialDate | None
    source: str = "onset"


@dataclass
class Story:
    """What happened; `oracle` tells what must be read from it."""

    today: date
    site: str
    primary: list[Dated] = field(default_factory=list)
    liver: list[Dated] = field(default_factory=list)
    resection: Dated | None = None
    plan: Dated | None = None
    liver_operation: Dated | None = None
    liver_plan: Dated | None = None
    doses: list[Dated] = field(default_factory=list)
    adjuvant_runs: bool = False
    response: Dated | None = None
    symptom: Dated | None = None
    elsewhere: Dated | None = None
    liver_condition: Dated | None = None
    radiotherapy: Dated | None = None
    decided: Dated | None = None
    unconfirmed: bool = False


def _some(random: Random, chance: float) -> bool:
    return random.random() < chance


def _vague(random: Random, day: date, today: date) -> PartialDate:
    """Draw a precision for a day; no date may mean yesterday, when facts are said explicitly."""
    when = vague(random, day)
    return when if when.last < today - timedelta(days=1) else on(day)


def draw_story(random: Random, today: date) -> Story:
    """Draw a course whose dates lie before today, edges of windows among them."""
    story = Story(today, random.choice(SITES))
    diagnosed = today - timedelta(days=random.choice((random.randint(3, 200), random.randint(200, 2500))))
    interval = random.choice((-400, -20, 0, 0, 29, 30, 31, 60, 364, 365, 366, random.randint(0, 1200)))
    found = min(diagnosed + timedelta(days=interval), today - timedelta(days=2))
    when = _vague(random, diagnosed, today) if _some(random, 0.3) else on(diagnosed)
    source = random.choice(_SOURCES)
    story.primary = [Dated(story.site, None if _some(random, 0.05) else when, source)]
    story.liver = [Dated("liver-metastasis", None if _some(random, 0.05) else _vague(random, found, today), source)]
    if _some(random, 0.2):
        later = min(diagnosed + timedelta(days=800), today - timedelta(days=2))
        story.primary = [Dated(story.site, on(diagnosed), source), Dated(story.site, on(later), source)]
    if _some(random, 0.5):
        _resect(random, story, diagnosed)
    if _some(random, 0.15):
        day = found + timedelta(days=random.choice((0, 30, 100)))
        if day < today - timedelta(days=2) and story.liver[0].when in (None, on(found)):
            story.liver_operation = Dated(
                random.choice(("hepatectomy-major", "hepatectomy-minor", "liver-ablation")), on(day)
            )
            if _some(random, 0.4):
                again = min(day + timedelta(days=random.choice((29, 30, 31, 200))), today - timedelta(days=2))
                story.liver.append(Dated("liver-metastasis", on(again), source))
    _treat(random, story, found)
    _complain(random, story)
    _plan(random, story)
    _beside(random, story)
    return story


def _resect(random: Random, story: Story, diagnosed: date) -> None:
    day = diagnosed + timedelta(days=random.choice((-90, -10, 0, 20, 45, 200)))
    when = _vague(random, day, story.today) if _some(random, 0.2) else on(day)
    known = story.primary[0].when
    if known is not None and when.first < known.last - timedelta(days=90):
        return
    if when.last < story.today - timedelta(days=2):
        story.resection = Dated(random.choice(OPERATIONS), when)


def _treat(random: Random, story: Story, found: date) -> None:
    end = story.liver_operation.when.first if story.liver_operation and story.liver_operation.when else story.today
    if _some(random, 0.3):
        start = found + timedelta(days=random.choice((0, 1, 14, 40)))
        cycles = random.choice((1, 2, 4, 6, 7, 12))
        drugs = random.sample(DRUGS, random.randint(1, 2))
        for number in range(cycles):
            for drug in drugs:
                late = timedelta(days=14 * number + random.choice((0, 0, 0, 2)))
                if start + late < min(end, story.today - timedelta(days=2)):
                    story.doses.append(Dated(drug, on(start + late)))
        last = max((dose.when.first for dose in story.doses if dose.when), default=None)
        if last is not None and _some(random, 0.5):
            day = min(last + timedelta(days=random.choice((1, 20))), story.today - timedelta(days=2))
            said = random.choice(("partial-response", "stable-disease", "progressive-disease"))
            story.response = Dated(said, on(day))
    resected = story.resection.when if story.resection else None
    if resected is not None and _some(random, 0.4):
        first = resected.last + timedelta(days=random.choice((1, 30)))
        days = [first + timedelta(days=14 * number) for number in range(random.choice((1, 6, 12)))]
        given = [day for day in days if day < found.replace(day=1) and day < story.today]
        story.doses += [Dated("oxaliplatin", on(day)) for day in given]
        story.adjuvant_runs = bool(given) and _some(random, 0.2)


def _complain(random: Random, story: Story) -> None:
    if not _some(random, 0.4):
        return
    day = story.today - timedelta(days=random.choice((2, 30, 60, 61, 200)))
    story.symptom = Dated(random.choice(SYMPTOMS), on(day))


def _plan(random: Random, story: Story) -> None:
    today = story.today
    if _some(random, 0.4):
        story.plan = Dated(
            random.choice([*OPERATIONS, "multivisceral"]), on(today - timedelta(days=random.randint(2, 80)))
        )
    if _some(random, 0.3):
        extent = random.choice(("hepatectomy-major", "hepatectomy-minor"))
        story.liver_plan = Dated(extent, on(today - timedelta(days=random.choice((2, 30, 90, 91)))))


def _beside(random: Random, story: Story) -> None:
    today = story.today
    if _some(random, 0.15):
        story.elsewhere = Dated("metastasis-elsewhere", on(today - timedelta(days=random.choice((2, 40, 90, 91, 700)))))
    if _some(random, 0.2):
        disease = random.choice(("liver-condition-steatosis", "liver-condition-cirrhosis"))
        story.liver_condition = Dated(disease, on(today - timedelta(days=random.choice((2, 40, 4000)))))
    if _some(random, 0.2):
        status = random.choice(("completed", "in-progress", "preparation"))
        story.radiotherapy = Dated(status, on(today - timedelta(days=random.randint(2, 300))))
    if _some(random, 0.1):
        strategy = random.choice(("staged", "liver-first", "simultaneous", "systemic-first", "metachronous", "mdt"))
        story.decided = Dated(strategy, on(today - timedelta(days=random.randint(2, 60))))
    story.unconfirmed = _some(random, 0.05)


class Writer:
    """Writes a story into a record."""

    def __init__(self, record: Record) -> None:
        self.record, self.random = record, record.random

    def write(self, story: Story) -> None:
        self._diseases(story)
        self._symptoms(story)
        self._operations(story)
        self._drugs(story)
        record, random = self.record, self.random
        if story.elsewhere:
            record.condition(any_of(random, "metastasis-elsewhere"), story.elsewhere.when)
        if story.liver_condition:
            record.condition(any_of(random, story.liver_condition.what), story.liver_condition.when)
        if story.decided and story.decided.when:
            term = ("https://crlm-cds.example/fhir/CodeSystem/strategy", story.decided.what)
            record.plan(term, story.decided.when.first, status=random.choice(("active", "completed")))

    def _diseases(self, story: Story) -> None:
        unsure: Json = {"verification": "provisional"} if story.unconfirmed else {}
        for number, primary in enumerate(story.primary):
            term, more = self._site(primary.what)
            clinical = self.random.choice(_PRIMARY_CLINICAL) if number == 0 else "active"
            self.record.condition(term, primary.when, source=primary.source, clinical=clinical, **more, **unsure)
        for metastasis in story.liver:
            self.record.condition(
                any_of(self.random, "liver-metastasis"),
                metastasis.when,
                source=metastasis.source,
                clinical=self.random.choice(_LIVER_CLINICAL),
                **unsure,
            )

    def _site(self, site: str) -> tuple[tuple[str, str], Json]:
        """Give a code of the site, or one that names no segment, refined by the body site."""
        if site in COLON and self.random.random() < 0.25:
            place = concept(self.random, any_of(self.random, f"body-site-{site}"))
            return any_of(self.random, "primary-site-colon-unspecified"), {"bodySite": [place]}
        return any_of(self.random, f"primary-site-{site}"), {}

    def _symptoms(self, story: Story) -> None:
        if story.symptom is None:
            return
        severe: Json = (
            {"severity": concept(self.random, (SNOMED, "24484000"))} if story.symptom.what == "bleeding" else {}
        )
        self.record.condition(any_of(self.random, f"symptom-{story.symptom.what}"), story.symptom.when, **severe)

    def _operations(self, story: Story) -> None:
        record, random = self.record, self.random
        if story.resection:
            record.procedure(any_of(random, f"resection-{story.resection.what}"), story.resection.when)
        if story.plan and story.plan.when:
            term, day = any_of(random, f"resection-{story.plan.what}"), story.plan.when
            if random.random() < 0.2:
                record.procedure(term, day, status="preparation")
            else:
                record.order(term, day.first)
        if story.liver_plan and story.liver_plan.when:
            record.order(any_of(random, story.liver_plan.what), story.liver_plan.when.first)
        if story.liver_operation:
            record.procedure(any_of(random, story.liver_operation.what), story.liver_operation.when)
        if story.radiotherapy:
            rectum = {"bodySite": [concept(random, any_of(random, "body-site-rectum-unspecified"))]}
            term = (SNOMED, random.choice(("1217123003", "108290001")))
            course = record.procedure(term, story.radiotherapy.when, status=story.radiotherapy.what, **rectum)
            if story.radiotherapy.what == "in-progress":
                course.get("performedPeriod", {}).pop("end", None)

    def _drugs(self, story: Story) -> None:
        record, random = self.record, self.random
        for dose in story.doses:
            if dose.when:
                record.dose(any_of(random, f"drug-{dose.what}"), dose.when.first)
        if story.adjuvant_runs and story.resection and story.resection.when:
            ordered = story.resection.when.last + timedelta(days=1)
            record.dose(any_of(random, "drug-oxaliplatin"), ordered, status="active")
            record.resources[-1] = _as_order(record.resources[-1])
        if story.response:
            code = concept(random, ("http://loinc.org", "97509-4"))
            said = {"valueCodeableConcept": concept(random, any_of(random, f"response-{story.response.what}"))}
            record.observation({"code": code, **said}, story.response.when)


def _as_order(dose: Json) -> Json:
    """Turn an administration into the order of it."""
    dated = dose.pop("effectiveDateTime", dose.get("authoredOn"))
    return {**dose, "resourceType": "MedicationRequest", "intent": "order", "authoredOn": dated}
