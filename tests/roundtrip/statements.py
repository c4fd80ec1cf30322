"""Facts that stand by themselves: told once or often, exactly or not, and what a reader must make of it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from fhir_mappings.case import ABSENT, Gap, Interval, Known, Narrowed, Unknown
from tests.generated_cases import USUAL
from tests.roundtrip.coded import CATALOGUE, CLINICAL, OBSERVED, observed
from tests.roundtrip.dated import month_of, on
from tests.roundtrip.terms import FACTS, concept
from tests.roundtrip.values import nothing, said, unreadable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import date

    from fhir_mappings.case import Fact
    from fhir_mappings.catalogue import FactDefinition
    from tests.roundtrip.record import Record

Json = dict[str, Any]

LONE = (
    "ecog asa impending-complication primary-t primary-n primary-margin metastasis-count largest-metastasis"
    " metastasis-distribution metastases-accessible r0-achievable liver-mri-done liver-centre-discussed flr-percent"
    " cea nodes-positive ras braf msi"
).split()
"""Facts of which only Observations speak, each for itself."""

_NUMBERS: Mapping[str, tuple[float, ...]] = {
    "ecog": (0, 0, 1, 1, 2, 3, 4),
    "asa": (1, 2, 2, 3, 4, 6),
    "metastasis-count": (1, 2, 3, 4, 9, 17),
    "largest-metastasis": (4, 18, 29.5, 30, 31, 30.4, 64),
    "flr-percent": (25, 29.9, 30, 30.1, 35, 40, 41, 70, 100),
    "cea": (0.8, 4.3, 200, 212.5),
    "nodes-positive": (0, 1, 4, 12),
    "months-primary-to-metastases": (0, 1, 6, 11, 12, 13, 40),
    "chemotherapy-cycles": (0, 1, 4, 6, 7, 12),
}


class Teller:
    """Tells one fact in a record; `fact` is what is to be read from it."""

    def __init__(self, record: Record, code: str, *, usual: bool = False) -> None:
        self.record, self.random, self.code, self.usual = record, record.random, code, usual
        self.fact: FactDefinition = CATALOGUE[code]
        self.said: list[Any] = []
        self.clinical = False
        self.hinted = False
        """Whether an Observation of pathology or margin stands in the record, readable or not."""

    def tell_explicitly(self) -> Fact:
        """Say the fact yesterday, so that nothing derived is newer."""
        ways: list[Callable[[date], Fact]] = [self._value_on, self._value_on, self._value_on, self._conflict_on]
        if self._can_narrow:
            ways.append(self._narrowing_on)
        return self.random.choice(ways)(self.record.ago(1))

    def _value_on(self, day: date) -> Fact:
        value = self.value()
        self.local(value, day)
        return Known(value)

    def _conflict_on(self, day: date) -> Fact:
        value = self.value()
        other = self.other(value)
        self.local(value, day)
        self.local(other, day)
        return Unknown(Gap.CONFLICTING, contested=frozenset({value, other}))

    def _narrowing_on(self, day: date) -> Fact:
        left = self.narrowing()
        self.local(left, day)
        return Narrowed(left)

    def tell(self) -> Fact:
        """Write some history of the fact, beside statements that do not count; of `usual` facts mostly one value."""
        states: dict[Callable[[], Fact], float] = {
            self.absent: 2,
            self.exact: 8,
            self.newest: 1,
            self.local_first: 1 if self.code in OBSERVED else 0,
            self.narrowed: 2 if self._can_narrow else 0,
            self.kept_by_narrowing: 0.5 if self._can_narrow else 0,
            self.conflicting: 1,
            self.outdated: 1 if self.fact.maximum_age_days else 0,
            self.at_the_limit: 0.7 if self.fact.maximum_age_days else 0,
            self.unreadable: 0.7,
            self.said_unknown: 0.5,
            self.clinically: 2 if self.code in CLINICAL else 0,
        }
        possible = [state for state, weight in states.items() if weight]
        state = self.random.choices(possible, [states[state] for state in possible])[0]
        told = self.exact() if self.usual and self.random.random() < 0.9 else state()
        hinted = self.hinted
        if self.random.random() < 0.3:
            told = self._decoy(told)
        self.hinted = hinted
        return told

    @property
    def _can_narrow(self) -> bool:
        return self.fact.kind not in ("boolean", "date")

    def value(self) -> Any:
        if self.usual and self.code in USUAL and self.random.random() < 0.85:
            return self.random.choice(USUAL[self.code][0])
        match self.fact.kind:
            case "boolean":
                return self.random.random() < 0.5
            case "choice":
                return self.random.choice(self.fact.choices)
            case _:
                return self.random.choice(_NUMBERS[self.code])

    def other(self, value: Any) -> Any:
        self.usual = False
        found = self.value()
        return found if found != value else self.other(value)

    def recent(self) -> date:
        """Draw a day on which no fact is too old, two days apart from the next one."""
        return self.record.ago(self.random.randint(3, 50))

    def local(self, value: Any, when: date | None, **more: Any) -> None:
        code = concept(self.random, (FACTS, self.code))
        dated = on(when) if when is not None else None
        self.said.append(value)
        self.record.observation({"code": code, **said(self.random, self.fact, value)}, dated, **more)

    def coded(self, value: Any, when: date, **more: Any) -> None:
        self.hinted = self.hinted or self.code in ("primary-t", "primary-n", "primary-margin")
        self.record.observation(observed(self.random, self.code, value), on(when), **more)

    def either(self, value: Any, when: date, **more: Any) -> bool:
        """Say a value in a standard code or in ours; whether it was a standard one."""
        coded = self.code in OBSERVED and self.random.random() < 0.6
        (self.coded if coded else self.local)(value, when, **more)
        return coded

    def absent(self) -> Fact:
        return ABSENT

    def exact(self) -> Fact:
        value = self.value()
        day = self.recent()
        if self.fact.maximum_age_days is None and self.random.random() < 0.2:
            day = self.record.ago(self.random.randint(100, 2000))
        month = month_of(day)
        if self.random.random() < 0.1 and self.record.ago(55) < month.first and month.last < self.record.ago(1):
            code = concept(self.random, (FACTS, self.code))
            self.record.observation({"code": code, **said(self.random, self.fact, value)}, month)
        else:
            self.either(value, day)
        if self.random.random() < 0.1:
            self.either(value, day)
        return Known(value)

    def newest(self) -> Fact:
        value, day, older = self.value(), self.recent(), self.value()
        self.either(older, day - timedelta(days=self.random.choice((1, 5, 40, 400))))
        coded = self.either(value, day)
        finer = coded and self.code in CLINICAL and older.startswith(value)  # T or N: a subcategory of what is newer
        return Known(older if finer else value)

    def local_first(self) -> Fact:
        value, day = self.value(), self.recent()
        self.coded(self.other(value), day)
        self.local(value, day)
        return Known(value)

    def narrowed(self) -> Fact:
        return self._narrowing_on(self.recent())

    def narrowing(self) -> Any:
        """Draw several values: a set of choices, or an interval with one bound or both."""
        if self.fact.kind == "choice":
            return frozenset(self.random.sample(self.fact.choices, 2))
        low, high = sorted(self.random.sample(sorted(set(_NUMBERS[self.code])), 2))
        closed = self.random.random() < 0.6
        least = self.fact.minimum if self.fact.minimum is not None else low
        most = self.fact.maximum if self.fact.maximum is not None else None
        ways = [Interval(low, high)]
        if most is None or low + 1 < most:
            ways.append(Interval(low=low, low_included=closed))
        if high - 1 > least:
            ways.append(Interval(high=high, high_included=closed))
        return self.random.choice(ways)

    def kept_by_narrowing(self) -> Fact:
        """Tell a value, and later only that it is one of several: the value stands."""
        day, left = self.recent(), self.narrowing()
        held = sorted(left) if isinstance(left, frozenset) else [n for n in _NUMBERS[self.code] if n in left]
        value = self.random.choice(held)
        self.either(value, day - timedelta(days=1))
        self.local(left, day)
        return Known(value)

    def conflicting(self) -> Fact:
        return self._conflict_on(self.recent())

    def outdated(self) -> Fact:
        value = self.value()
        age = self.fact.maximum_age_days or 0
        if self.random.random() < 0.2:
            self.local(value, None)
        else:
            self.either(value, self.record.ago(age + self.random.choice((1, 2, 30, 900))))
        return Unknown(Gap.OUTDATED, last_value=value)

    def at_the_limit(self) -> Fact:
        value = self.value()
        self.either(value, self.record.ago(self.fact.maximum_age_days or 0))
        return Known(value)

    def unreadable(self) -> Fact:
        code = concept(self.random, (FACTS, self.code))
        self.record.observation({"code": code, **unreadable(self.random, self.fact)}, on(self.recent()))
        return Unknown(Gap.UNREADABLE)

    def said_unknown(self) -> Fact:
        code = concept(self.random, (FACTS, self.code))
        self.record.observation({"code": code, **nothing(self.random)}, on(self.recent()))
        return ABSENT

    def clinically(self) -> Fact:
        value = self.value()
        said = observed(self.random, self.code, value, clinical=True)
        self.record.observation(said, on(self.recent()))
        self.clinical = True
        return Known(value)

    def _decoy(self, told: Fact) -> Fact:
        """Write a statement that gives no value: retracted, never made, of the future, of somebody else."""
        value, record, random = self.value(), self.record, self.random
        before = len(record.resources)
        match random.choice(("status", "future", "patient", "version")):
            case "status":
                status = random.choice(("entered-in-error", "cancelled", "registered", "unknown"))
                self.either(value, record.ago(1), status=status)
            case "future":
                self.local(value, record.ago(-random.choice((2, 30, 400))))
                told = Unknown(Gap.UNREADABLE) if told == ABSENT else told
            case "patient":
                self.either(value, record.ago(1))
                record.resources[-1]["subject"] = {"reference": "Patient/somebody-else"}
            case "version":
                self._retracted(value)
        assert len(record.resources) > before
        return told

    def _retracted(self, value: Any) -> None:
        """Write a resource twice: its later version takes it back."""
        self.local(value, self.record.ago(1))
        first = self.record.resources[-1]
        later = {**first, "status": "entered-in-error"}
        first["meta"], later["meta"] = {"versionId": "1"}, {"versionId": "2"}
        self.record.resources.append(later)
