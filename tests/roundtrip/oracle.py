"""What must be read from a story: the rules in their plainest form, each date tried on each of its days."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import product
from typing import TYPE_CHECKING, Any

from fhir_mappings.case import ABSENT, Gap, Interval, Known, Narrowed, PartialDate, Sign, Unknown
from tests.roundtrip.counting import complete_months, cycle_count, months_back
from tests.roundtrip.dated import days_of, on
from tests.roundtrip.facts import as_fact, at_least_one, holds, is_said, least_of, values

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from fhir_mappings.case import Fact
    from tests.roundtrip.story import Dated, Story

_LOW, _HIGH = "low-anterior-resection", "sigmoid-or-high-anterior-resection"
_OPEN: dict[str, frozenset[str | bool]] = {
    "segmental": frozenset({"right-hemicolectomy", "transverse-colectomy", "left-hemicolectomy", _HIGH}),
    "anterior": frozenset({_HIGH, _LOW}),
    "multivisceral": frozenset({_LOW, "abdominoperineal-resection", "hartmann"}),
}
_SEGMENTS: dict[str, frozenset[str]] = {
    "rectum-unspecified": frozenset({"rectum-high", "rectum-mid", "rectum-low"}),
    "colon-unspecified": frozenset({
        *("caecum", "ascending-colon", "hepatic-flexure", "transverse-colon", "splenic-flexure", "descending-colon"),
        "sigmoid-colon",
    }),
}  # fmt: skip
_RANKS = ("onset", "asserted", "recorded")


class Oracle:
    """Tells the facts of a story.

    `told` are those that explicit, newer Observations give, which win; `said` are all values that these say of a fact;
    `hinted` tells that pathology or a margin was reported, `nodes` is N where it is not clinical.
    """

    def __init__(
        self,
        story: Story,
        told: Mapping[str, Fact],
        *,
        said: Mapping[str, list[Any]],
        hinted: bool,
        nodes: Fact,
    ) -> None:
        self.story, self.told, self.today = story, told, story.today
        self.said, self.hinted, self.nodes = said, hinted, nodes

    def fact(self, code: str, found: Fact) -> Fact:
        """Let what is told explicitly win; a narrowing leaves an older value that is in it."""
        told = self.told.get(code, ABSENT)
        if isinstance(told, Narrowed) and isinstance(found, Known) and holds(told, found):
            # A site that names no segment gives way to one that is named.
            named = _SEGMENTS.get(str(found.value), frozenset()) & values(told)
            return told if named else found
        return found if told == ABSENT else told

    def facts(self) -> dict[str, Fact]:
        """Give every fact that the story or an explicit Observation tells."""
        story = self.story
        found: dict[str, Fact] = {
            "primary-site": Known(story.site),
            "primary-diagnosis-date": as_fact(self.diagnosed),
            "primary-resection-date": as_fact(self.resected),
            "primary-operation-done": self._operation(story.resection),
            "primary-in-situ": self._in_situ(),
            "primary-symptoms": self._symptoms(),
            "colorectal-operation": self._operation(story.plan),
            "colorectal-multivisceral": Known(value=True)
            if story.plan and story.plan.what == "multivisceral"
            else ABSENT,
            "rectal-radiotherapy": self._radiotherapy(),
            "primary-pathology": self._pathology(),
            "liver-metastasis-date": as_fact(self.found),
            "metastases-detected": self._detected(),
            "months-primary-to-metastases": self._months(),
            "liver-state": self._liver_state(),
            "mdt-decision": Known(story.decided.what) if story.decided else ABSENT,
            "liver-condition": self._liver_condition(),
            "hepatectomy-extent": self._aged(story.liver_plan, 90, "hepatectomy-"),
            "extrahepatic-disease": self._elsewhere(),
            **self._chemotherapy(),
            **self._adjuvant(),
        }
        facts = {code: self.fact(code, fact) for code, fact in found.items()}
        if self._said_response():
            facts["chemotherapy-cycles"] = at_least_one(facts["chemotherapy-cycles"])
        return facts

    @property
    def diagnosed(self) -> PartialDate | None:
        return self._date("primary-diagnosis-date", self.story.primary)

    @property
    def found(self) -> PartialDate | None:
        return self._date("liver-metastasis-date", self.story.liver)

    @property
    def resected(self) -> PartialDate | None:
        return self._date("primary-resection-date", [self.story.resection] if self.story.resection else [])

    def _date(self, code: str, events: Iterable[Dated]) -> PartialDate | None:
        said = self.told.get(code)
        if isinstance(said, Known) and isinstance(said.value, date):
            return on(said.value)
        return _first(events)

    def _recorded(self, code: str, events: list[Dated]) -> bool:
        """Whether a date is known from its recording alone."""
        if self.told.get(code, ABSENT) != ABSENT:
            return False
        dated = [event for event in events if event.when is not None]
        return bool(dated) and all(event.source == "recorded" for event in dated)

    def _operation(self, operation: Dated | None) -> Fact:
        if operation is None:
            return ABSENT
        site = self.fact("primary-site", Known(self.story.site))
        if operation.what == "anterior" and site in (Known("rectum-mid"), Known("rectum-low")):
            return Known(_LOW)
        left = _OPEN.get(operation.what)
        return Known(operation.what) if left is None else Narrowed(left)

    def _in_situ(self) -> Fact:
        if self.resected is not None:
            return Known(value=False)
        return Known(value=True) if self.story.plan else ABSENT

    def _of_the_primary(self, event: Dated) -> bool:
        """Whether a complaint began from 90 days before the diagnosis on, and not after a resection since."""
        diagnosed, resection = self.diagnosed, self.story.resection
        if diagnosed is None or event.when is None:
            return False
        begun = event.when.first
        before = begun < diagnosed.last - timedelta(days=90)
        resections = [self.resected, resection.when if resection else None]
        since = diagnosed.first - timedelta(days=90)
        return not before and not any(
            when is not None and when.last >= since and begun > when.first for when in resections
        )

    def _symptoms(self) -> Fact:
        symptom = self.story.symptom
        if symptom is None or not self._of_the_primary(symptom):
            return ABSENT
        return self._aged(symptom, 60, "", {"anaemia": "minor"})

    def _aged(self, event: Dated | None, most: int, prefix: str, names: Mapping[str, str] | None = None) -> Fact:
        if event is None or event.when is None:
            return ABSENT
        value = event.what.removeprefix(prefix)
        value = (names or {}).get(value, value)
        if (self.today - event.when.first).days > most:
            return Unknown(Gap.OUTDATED, last_value=value)
        return Known(value)

    def _radiotherapy(self) -> Fact:
        course = self.story.radiotherapy
        words = {"completed": "completed", "in-progress": "ongoing", "preparation": "indicated"}
        return Known(words[course.what]) if course else ABSENT

    def perforated(self) -> bool:
        return self.story.symptom is not None and self.story.symptom.what == "perforation"

    def _pathology(self) -> Fact:
        symptom = self.story.symptom
        placed = symptom is not None and self.perforated() and self._of_the_primary(symptom)
        if placed or "perforation" in self.said.get("primary-symptoms", ()):
            return Known("unfavourable-perforated")
        extensive = {str(one).startswith("N2") for one in values(self.nodes)}
        if extensive == {True}:
            return Known("unfavourable-nodal")
        if True in extensive and isinstance(self.nodes, Unknown):
            return Unknown(Gap.CONFLICTING, contested=frozenset({"unfavourable-nodal", "favourable"}))
        return ABSENT

    def _detected(self) -> Fact:
        """Leave both where days disagree, or the diagnosis may be of any day; what was only entered leaves all open."""
        verdicts = self._verdicts()
        undated = self.found is None or (self.diagnosed is None and self.resected is None)
        entered = self._recorded("liver-metastasis-date", self.story.liver) or self._staged_by_entry()
        if len(verdicts) > 1 or (verdicts == {None} and not undated):
            return ABSENT if entered else Narrowed(frozenset({"at-staging", "follow-up"}))
        return self._known(verdicts)

    def _verdicts(self) -> set[str | None]:
        """Say of each combination of days when the metastases were found."""
        found, diagnosed, resected = self.found, self.diagnosed, self.resected
        if found is None:
            return {None}
        days = [list(days_of(when)) if when else [None] for when in (found, diagnosed, resected)]
        verdicts = {self._verdict(*case) for case in product(*days)}
        late_entry = self._recorded("liver-metastasis-date", self.story.liver)
        if verdicts == {"at-staging"} and (late_entry or self._staged_by_entry()):
            return {None}
        return verdicts

    def _contradicted(self) -> bool:
        """Whether sources conflict on the detection, or the resection may be 91 days older than the diagnosis."""
        found, diagnosed, resected = self.facts()["metastases-detected"], self.diagnosed, self.resected
        early = diagnosed and resected and resected.first < diagnosed.last - timedelta(days=90)
        return bool(early) or (isinstance(found, Unknown) and found.gap is Gap.CONFLICTING)

    def _staged_by_entry(self) -> bool:
        """Whether only the day on which the primary was entered makes it at staging."""
        if not self._recorded("primary-diagnosis-date", self.story.primary):
            return False
        return not (self.resected and self.found and self.found.last <= self.resected.first)

    @staticmethod
    def _verdict(found: date | None, diagnosed: date | None, resected: date | None) -> str | None:
        assert found is not None
        if resected is not None and found <= resected:
            return "at-staging"
        if diagnosed is None:  # at most 90 days after the resection
            late = resected is not None and found > resected + timedelta(days=90 + 30)
            return "follow-up" if late else None
        return "at-staging" if found <= diagnosed + timedelta(days=30) else "follow-up"

    @staticmethod
    def _known(values: set[str | None]) -> Fact:
        value = values.pop() if len(values) == 1 else None
        return ABSENT if value is None else Known(value)

    def _months(self) -> Fact:
        found, start = self.found, self.resected or self.diagnosed
        if found is None or start is None:
            return ABSENT
        entered = self._recorded("liver-metastasis-date", self.story.liver)
        if self.resected is None:
            entered = entered or self._recorded("primary-diagnosis-date", self.story.primary)
        if entered and self._detected() == ABSENT:
            return ABSENT
        months = {complete_months(one, other) for one, other in product(days_of(start), days_of(found))}
        least, most = min(months), max(months)
        return Known(least) if least == most else Narrowed(Interval(least, most))

    def _liver_state(self) -> Fact:
        operation = self.story.liver_operation
        first = _first(self.story.liver, any_source=True)
        said = self.told.get("liver-metastasis-date")
        if isinstance(said, Known) and isinstance(said.value, date):
            first = on(said.value) if first is None else min(first, on(said.value), key=lambda when: when.first)
        if operation is None or operation.when is None or first is None or operation.when.first < first.last:
            return ABSENT
        later = [one.when for one in self.story.liver if one.when is not None]
        if any((when.first - operation.when.last).days > 30 for when in later):
            return Known("recurrence")
        perhaps = any(
            when.first > operation.when.first and (when.last - operation.when.first).days > 30 for when in later
        )
        return Narrowed(frozenset({"treated", "recurrence"})) if perhaps else Known("treated")

    def _liver_condition(self) -> Fact:
        found = self.story.liver_condition
        return Known(found.what.removeprefix("liver-condition-")) if found else ABSENT

    def _elsewhere(self) -> Fact:
        found = self._aged(self.story.elsewhere, 90, "")
        if isinstance(found, Known):
            return Narrowed(frozenset({"resectable", "unresectable"}))
        return Unknown(Gap.OUTDATED) if isinstance(found, Unknown) and found.gap is Gap.OUTDATED else found

    def _preoperative(self) -> tuple[list[Dated], bool]:
        """Give the doses surely for the metastases, and whether others may be."""
        found, end = self.found, self.story.liver_operation
        if found is None:
            return [], False
        if self._liver_state() == ABSENT or (end and end.when and end.when.last < found.first):
            end = None
        before = [
            dose for dose in self._doses() if not (end and end.when and dose.when and dose.when.first >= end.when.first)
        ]
        sure = [dose for dose in before if dose.when and dose.when.first >= found.last]
        maybe = [dose for dose in before if dose.when and found.first <= dose.when.first < found.last]
        return sorted(sure, key=lambda dose: str(dose.when)), bool(maybe)

    def _doses(self) -> list[Dated]:
        """Give the doses but the fluoropyrimidine on the days of a course of radiotherapy, which may still run."""
        course = self.story.radiotherapy
        if course is None or course.when is None or course.what not in ("completed", "in-progress"):
            return self.story.doses
        begun, ended = course.when.first, course.when.last if course.what == "completed" else self.today
        return [
            dose
            for dose in self.story.doses
            if not (dose.what == "fluoropyrimidine" and dose.when and begun <= dose.when.first <= ended)
        ]

    def _chemotherapy(self) -> dict[str, Fact]:
        doses, more = self._preoperative()
        days = [dose.when.first for dose in doses if dose.when]
        found: dict[str, Fact] = dict.fromkeys(
            ("chemotherapy-cycles", "chemotherapy-response", "chemotherapy-last-date", "bevacizumab-last-date"), ABSENT
        )
        response = self.story.response
        if response and response.when and (response.when.first > days[0] if days else self._said_cycles()):
            found["chemotherapy-response"] = self._aged(response, 90, "")
        responded = found["chemotherapy-response"] != ABSENT or self._said_response()
        if days:
            cycles = cycle_count(days)
            least = 1 if responded else cycles
            found["chemotherapy-cycles"] = Narrowed(Interval(low=least)) if more else Known(cycles)
        elif responded:
            found["chemotherapy-cycles"] = Narrowed(Interval(low=1))
        beva = [dose.when.first for dose in doses if dose.when and dose.what == "bevacizumab"]
        # Doses that are perhaps of before the metastases are earlier than those that are surely not.
        if days:
            found["chemotherapy-last-date"] = Known(days[-1])
        if beva:
            found["bevacizumab-last-date"] = Known(beva[-1])
        return found

    def _said_response(self) -> bool:
        return bool(self.said.get("chemotherapy-response"))

    def _said_cycles(self) -> bool:
        """Whether somebody wrote down that at least one cycle was given."""
        for said in self.said.get("chemotherapy-cycles", ()):
            least = least_of(said) if isinstance(said, Interval) else said
            if least >= 1:
                return True
        return False

    def adjuvant(self) -> list[date]:
        resected, found = self.resected, self.found
        if resected is None or found is None:
            return []
        return sorted(
            dose.when.first for dose in self._doses() if dose.when and resected.last < dose.when.first < found.first
        )

    def _adjuvant(self) -> dict[str, Fact]:
        """Give status and end of the doses between; a later dose may still be one of them."""
        days, found, resected, resection = self.adjuvant(), self.found, self.resected, self.story.resection
        if found is None or resected is None:
            return {"adjuvant-status": ABSENT, "adjuvant-end-date": ABSENT}
        perhaps = any(dose.when and resected.first < dose.when.first < found.last for dose in self._doses())
        ordered = resection.when.last + timedelta(days=1) if resection and resection.when else None
        running = self.story.adjuvant_runs and ordered is not None and resected.last < ordered < found.first
        given_then = "ongoing" if running else "completed"
        if not days:
            status = Narrowed(frozenset({"none", given_then})) if perhaps else ABSENT
            return {"adjuvant-status": status, "adjuvant-end-date": ABSENT}
        later = [dose.when.first for dose in self._doses() if dose.when and found.first <= dose.when.first < found.last]
        ended = Known(f"{days[-1]}/{max(later)}") if later else Known(days[-1])
        return {"adjuvant-status": Known(given_then), "adjuvant-end-date": ABSENT if running else ended}

    def signs(self) -> set[Sign]:
        """Give the signs of the story."""
        story, told = self.story, self.told
        found, diagnosed = self.found, self.diagnosed
        nodes = isinstance(self.nodes, Known | Narrowed)
        hinted = (
            self.hinted
            or bool(self.adjuvant())
            or bool(values(self.nodes))
            or is_said(self.facts()["primary-resection-date"])
            or is_said(self.facts()["primary-operation-done"])
            or is_said(told.get("primary-margin", ABSENT))
            or bool({"ongoing", "completed"} & values(self.facts()["adjuvant-status"]))
        )
        recent = diagnosed is not None and diagnosed.first >= months_back(self.today, 6)
        recorded = self._recorded("primary-diagnosis-date", story.primary)
        state = self.facts()["liver-state"]
        signs = {
            Sign.PROCEDURES_COMPLETE: True,
            Sign.LIVER_TREATED: story.liver_operation is not None or state in (Known("treated"), Known("recurrence")),
            Sign.PRIMARY_RESECTED: story.resection is not None,
            Sign.RESECTION_HINTED: hinted,
            Sign.DATES_CONTRADICTED: self._contradicted(),
            Sign.RECENT_DIAGNOSIS: recent and not recorded,
            Sign.SYSTEMIC_THERAPY_SINCE_METASTASIS: any(
                found is None or (dose.when is not None and dose.when.last >= found.first) for dose in self._doses()
            ),
            Sign.METASTASIS_ELSEWHERE: story.elsewhere is not None,
            Sign.PERFORATION: self.perforated() or "perforation" in self.said.get("primary-symptoms", ()),
            Sign.PATHOLOGICAL_NODES: nodes,
            Sign.UNCONFIRMED_DISEASE: story.unconfirmed,
        }
        return {sign for sign, holds in signs.items() if holds}


def _first(events: Iterable[Dated], *, any_source: bool = False) -> PartialDate | None:
    """Give the first date: onsets before assertions before recordings."""
    dated = [(event.source, event.when) for event in events if event.when is not None]
    if not dated:
        return None
    best = min(_RANKS.index(source) for source, _ in dated)
    return min(
        (when for source, when in dated if any_source or _RANKS.index(source) == best), key=lambda when: when.first
    )
