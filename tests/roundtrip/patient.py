"""One generated patient: the record as an EHR would have it, and the case that must be read from it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from fhir_mappings.case import ABSENT, Case, Gap, Interval, Known, Narrowed, Unknown
from tests.generated_cases import USUAL
from tests.roundtrip.coded import CATALOGUE
from tests.roundtrip.dated import on
from tests.roundtrip.decoys import write_decoys
from tests.roundtrip.oracle import Oracle
from tests.roundtrip.record import Record
from tests.roundtrip.statements import LONE, Teller
from tests.roundtrip.story import Writer, draw_story
from tests.roundtrip.terms import FACTS, concept

if TYPE_CHECKING:
    from random import Random

    from fhir_mappings.case import Fact
    from tests.roundtrip.story import Story

Json = dict[str, Any]

PATIENT = "p1"
_EXPLICIT = (
    "primary-site primary-in-situ primary-operation-done primary-symptoms colorectal-operation"
    " colorectal-multivisceral rectal-radiotherapy primary-pathology metastases-detected months-primary-to-metastases"
    " liver-state chemotherapy-cycles chemotherapy-response adjuvant-status liver-condition hepatectomy-extent"
    " extrahepatic-disease"
).split()
"""Facts that are derived from a story, or said explicitly."""


@dataclass(frozen=True)
class Patient:
    """The resources, and the case behind them; evidence is not part of it."""

    today: date
    resources: tuple[Json, ...]
    withheld: frozenset[str]
    """The types of resources that are not sent."""
    case: Case


def draw_patient(random: Random, today: date) -> Patient:
    """Draw a patient with both diseases, known in part."""
    record = Record(random, today, PATIENT)
    story = draw_story(random, today)
    told: dict[str, Fact] = {}
    said: dict[str, list[Any]] = {}
    hinted = False
    nodes: Fact = ABSENT
    Writer(record).write(story)
    write_decoys(record)
    usual = random.random() < 0.4
    for code in LONE:
        teller = Teller(record, code, usual=usual)
        told[code] = teller.tell() if usual or random.random() < 0.75 else ABSENT
        said[code] = teller.said
        hinted = hinted or teller.hinted
        if code == "primary-n" and not teller.clinical:
            nodes = told[code]
    for code in _EXPLICIT:
        if random.random() < (0.6 if usual and code in USUAL else 0.15):
            teller = Teller(record, code, usual=usual)
            told[code] = teller.tell_explicitly()
            said[code] = teller.said
    _tell_dates(record, story, told)
    oracle = Oracle(story, told, said=said, hinted=hinted, nodes=nodes)
    facts = {**dict.fromkeys(CATALOGUE.facts, ABSENT), **told, **oracle.facts()}
    facts = {code: _plain(code, fact) for code, fact in facts.items()}
    withheld = _withheld(record)
    facts |= {code: _NOT_HAD for code, fact in facts.items() if fact == ABSENT and _needs(code, withheld)}
    case = Case(facts, today, signs=frozenset(oracle.signs()))
    return Patient(today, tuple(record.resources), withheld, case)


_NOT_HAD = Unknown(Gap.NOT_RETRIEVED)


def _withheld(record: Record) -> frozenset[str]:
    """Choose types of resources that the EHR does not send, among those of which it has none."""
    had = {resource["resourceType"] for resource in record.resources}
    groups = [{"CarePlan"}, {"ServiceRequest"}, {"MedicationRequest", "MedicationAdministration"}]
    chosen = [group for group in groups if not group & had and record.random.random() < 0.1]
    return frozenset[str]().union(*chosen)


def _needs(code: str, kinds: frozenset[str]) -> bool:
    """Whether a fact could have stood in resources of some types."""
    return bool(kinds & CATALOGUE[code].sources.keys())


def _tell_dates(record: Record, story: Story, told: dict[str, Fact]) -> None:
    """Sometimes say a date of the course explicitly; the diagnosis never later than it is."""
    random = record.random
    onset = story.primary[0].when
    first = onset.first if onset else record.ago(2600)
    days = {
        "primary-diagnosis-date": first - timedelta(days=random.choice((0, 7, 200))),
        "liver-metastasis-date": record.ago(random.randint(2, 900)),
        "primary-resection-date": record.ago(random.randint(2, 900)),
    }
    for code, day in days.items():
        if random.random() < 0.08:
            code_of_fact = concept(random, (FACTS, code))
            record.observation({"code": code_of_fact, "valueDateTime": day.isoformat()}, on(record.ago(1)))
            told[code] = Known(day)


def _plain(code: str, fact: Fact) -> Fact:
    """Write an interval of whole numbers with closed bounds, and one value where only one is left."""
    if not isinstance(fact, Narrowed) or not isinstance(fact.values, Interval):
        return fact
    bounds = fact.values
    if CATALOGUE[code].kind != "integer":
        return fact
    low = None if bounds.low is None else int(bounds.low) + (not bounds.low_included)
    high = None if bounds.high is None else int(bounds.high) - (not bounds.high_included)
    definition = CATALOGUE[code]
    least = max((bound for bound in (low, definition.minimum) if bound is not None), default=None)
    most = min((bound for bound in (high, definition.maximum) if bound is not None), default=None)
    if least is not None and least == most:
        return Known(int(least))
    return Narrowed(Interval(low, high))
