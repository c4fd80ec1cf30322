"""The steps of a strategy in order, with their intervals and, where there is a day to count from, their dates."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

import msgspec

from fhir_mappings.case import Known, PartialDate, add_months
from service.knowledge.phrases import counted, day, site_adjective, value_text, window

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fhir_mappings.case import Fact
    from service.knowledge.decision import Outcome
    from service.knowledge.reading import Reading


_ADJUVANT_END = "adjuvant-end-date"
_WAITS = {
    "chemotherapy-last-date": ("chemotherapy_to_liver_weeks", "chemotherapy"),
    "bevacizumab-last-date": ("bevacizumab_to_liver_weeks", "bevacizumab"),
    _ADJUVANT_END: ("chemotherapy_to_liver_weeks", "adjuvant chemotherapy"),
}
"""The facts that a liver operation waits for, with how long and what they are the end of."""


class Step(msgspec.Struct, frozen=True, gc=False):
    """One step: what, how long after what, and the window of days where it is known."""

    text: str
    interval: str | None = None
    earliest: date | None = None
    latest: date | None = None


_MDT = Step("Discussion in the liver MDT")
_RELIEF = Step("Relief of the complicated primary (resection, stent or stoma)")


@dataclass(frozen=True, slots=True)
class EarliestDay:
    """The first day on which the liver may be operated on, the sentence that says why, and the fact behind it."""

    day: date
    reason: str
    code: str
    ended: Fact

    def told(self, today: date) -> str:
        """Say until when to wait, or when the wait ended."""
        until = "not before" if self.day >= today else "possible since"
        return f"{until} {day(self.day)}: {self.reason}"


def earliest_liver_operation(reading: Reading) -> EarliestDay | None:
    """Give the day after which enough time has passed since chemotherapy and bevacizumab; `None`: neither is dated."""
    return max(liver_intervals(reading), key=lambda earliest: earliest.day, default=None)


def liver_intervals(reading: Reading) -> list[EarliestDay]:
    """Give the ends of the intervals that a liver operation waits for.

    Chemotherapy that was not given for the metastases, or not before their operation, counts while its interval lasts.
    """
    today = reading.case.as_of
    found = [
        interval
        for fact in _WAITS
        for interval in _interval(reading, fact, reading.fact(fact))
        if fact != _ADJUVANT_END or interval.day > today
    ]
    for fact, last in reading.case.last_given.items():
        latest = max((interval.day for interval in found), default=today)
        found += [one for one in _interval(reading, fact, last) if one.day > max(latest, today)]
    return found


def _interval(reading: Reading, code: str, ended: Fact) -> Iterator[EarliestDay]:
    """Give the interval from the end of a treatment on, where its date is known."""
    given = PartialDate.of(ended.value) if isinstance(ended, Known) else None
    if isinstance(ended, Known) and given is not None:
        parameter, name = _WAITS[code]
        weeks = reading.number(parameter)
        spoken = value_text(reading.catalogue[code], ended.value)
        reason = f"{weeks:g} weeks after the last {name} ({spoken})"
        yield EarliestDay(weeks_after(given.last, weeks), reason, code, ended)


def weeks_after(start: date, weeks: float) -> date:
    """Give the day some weeks later; no later than the last one that there is, which stands for "no end"."""
    return date.fromordinal(min(start.toordinal() + timedelta(weeks=weeks).days, date.max.toordinal()))


def steps(reading: Reading, outcome: Outcome) -> tuple[Step, ...]:  # noqa: C901, PLR0911, PLR0912 - one case for each next step
    """Give the steps of an outcome in order; an unknown next step has none."""
    primary = f"Resection of {site_adjective(reading.value('primary-site'))}"
    match outcome.next_step:
        case "primary-resection-next":
            return (Step(primary, _primary_after_liver(reading)),)
        case "refer-hpb-after-recovery":
            return (
                Step("Referral to the hepatobiliary unit"),
                Step(primary),
                Step("Planned liver resection", "after recovery"),
            )
        case "relief-then-mdt":
            return (_RELIEF, _MDT)
        case "systemic-after-relief":
            return (_RELIEF, Step("Systemic therapy", "after recovery"), _review(reading))
        case "chemotherapy-then-restage-3-months":
            chemotherapy = Step("Chemotherapy", "after recovery" if reading.in_situ else None)
            restaging = Step("Restaging of the liver", f"at {reading.months('restaging_months')}")
            first = () if reading.resected else (Step("Operation of the perforated primary"),)
            return (*first, chemotherapy, restaging, Step("Liver resection", "where still resectable"))
        case "liver-about-2-months-after-recovery":
            return (Step(primary), Step("Liver resection", _liver_after_primary(reading)))
        case "secure-primary-before-systemic":
            return (Step("Securing of the primary (resection, stent or stoma)"), _MDT)
        case "reassess-resectability" | "chemotherapy-then-reassess":
            return (Step("Systemic therapy"), _review(reading))
        case "resect-now-no-more-chemotherapy":
            after = (Step(primary, _primary_after_liver(reading)),) if reading.in_situ else ()
            liver = _liver(reading)
            return (liver if liver.interval else Step(liver.text, _after_undated_chemotherapy(reading)), *after)
        case "liver-centre-discussion":
            together = f"{primary} and of the liver metastases in one operation"
            if reading.value("liver-centre-discussed") == "agreed":
                return (_after_chemotherapy(reading, Step(together, "as agreed with the liver centre")),)
            return (Step("Discussion with the liver centre"), _after_chemotherapy(reading, Step(together)))
        case "liver-surgery-in-radiotherapy-interval":
            running = reading.holds("rectal-radiotherapy", "ongoing")
            return (
                Step("Radiotherapy of the rectum", "to be completed" if running else None),
                _after_chemotherapy(
                    reading, Step("Liver resection or ablation", "between radiotherapy and rectal surgery")
                ),
                Step(primary, _primary_after_liver(reading)),
            )
        case "liver-resection-or-ablation-then-primary":
            liver = _liver(reading)
            return (
                Step("Liver resection or ablation", liver.interval, liver.earliest),
                Step(primary, _primary_after_liver(reading)),
            )
        case "liver-before-chemotherapy":
            liver_next = _after_chemotherapy(reading, _liver_window(reading))
            return (liver_next, Step("Chemotherapy", "after recovery from the liver operation"))
        case "chemotherapy-before-resection" | "perioperative-folfox-3-3":
            return _perioperative(reading)
        case "upfront-hepatectomy":
            return (_liver(reading), *_adjuvant(reading))
        case None:
            return ()
        case _:
            return (_MDT,)


def _review(reading: Reading) -> Step:
    parameter = "resectability_review_months"
    first = add_months(reading.case.as_of, int(reading.number(parameter)))
    return Step("Review of resectability", f"every {reading.months(parameter)}, first by {day(first)}", latest=first)


def _liver(reading: Reading) -> Step:
    earliest = earliest_liver_operation(reading)
    if earliest is None:
        return Step("Liver resection")
    today = reading.case.as_of
    return Step("Liver resection", earliest.told(today), earliest.day if earliest.day >= today else None)


def _after_chemotherapy(reading: Reading, operation: Step) -> Step:
    """Give an operation of the liver with its wait after chemotherapy, where that ends later than its own interval."""
    earliest = earliest_liver_operation(reading)
    if earliest is None or earliest.day <= max(reading.case.as_of, operation.earliest or reading.case.as_of):
        return operation
    interval = ", ".join(filter(None, (operation.interval, earliest.told(reading.case.as_of))))
    latest = operation.latest if operation.latest is not None and operation.latest >= earliest.day else None
    return Step(operation.text, interval, earliest.day, latest)


def _after_undated_chemotherapy(reading: Reading) -> str:
    weeks = reading.number("chemotherapy_to_liver_weeks")
    after_bevacizumab = reading.number("bevacizumab_to_liver_weeks")
    return f"at least {weeks:g} weeks after the last chemotherapy and {after_bevacizumab:g} after bevacizumab"


def _perioperative(reading: Reading) -> tuple[Step, ...]:
    course = _course(reading, "perioperative_months_each", "perioperative_cycles_each")
    weeks = reading.number("chemotherapy_to_liver_weeks")
    start = "after recovery from the running adjuvant chemotherapy" if _adjuvant_runs(reading) else None
    first = ", ".join(filter(None, (course, start)))
    return (
        Step("FOLFOX before the liver operation", first),
        Step("Liver resection", f"at least {weeks:g} weeks after the last cycle"),
        Step("FOLFOX after the liver operation", course),
    )


def _adjuvant_runs(reading: Reading) -> bool:
    return reading.holds("adjuvant-status", "ongoing")


def _adjuvant(reading: Reading) -> tuple[Step, ...]:
    if "adjuvant-6-months-oxaliplatin" not in reading.decision.advisories:
        return ()
    course = _course(reading, "adjuvant_months", "adjuvant_cycles")
    return (Step("Oxaliplatin-based adjuvant chemotherapy", course),)


def _course(reading: Reading, months: str, cycles: str) -> str:
    return f"{reading.months(months)} ({counted(reading.number(cycles), 'two-weekly cycle')})"


def weeks_to_primary(reading: Reading) -> str:
    """Write how long after the liver the primary is resected: `4 to 8 weeks`."""
    least = reading.number("liver_to_primary_minimum_weeks")
    most = reading.number("liver_to_primary_maximum_weeks")
    return window(least, most, "week")


def _primary_after_liver(reading: Reading) -> str:
    return f"about {weeks_to_primary(reading)} after the liver operation"


def _liver_after_primary(reading: Reading) -> str:
    least = reading.number("primary_to_liver_minimum_weeks")
    most = reading.number("primary_to_liver_maximum_weeks")
    months = reading.months("primary_to_liver_months")
    return f"about {months} after recovery from the primary (window {window(least, most, 'week')})"


def _liver_window(reading: Reading) -> Step:
    resected = reading.value("primary-resection-date")
    months = reading.months("primary_to_liver_months")
    if not isinstance(resected, date):
        return Step("Liver resection", f"about {months} after the primary")
    start = weeks_after(resected, reading.number("primary_to_liver_minimum_weeks"))
    end = weeks_after(resected, reading.number("primary_to_liver_maximum_weeks"))
    named = f"about {months} after the primary: {day(start)} to {day(end)}"
    if end < reading.case.as_of:
        return Step("Liver resection", f"{named}, already past")
    return Step("Liver resection", named, start, end)
