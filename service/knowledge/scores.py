"""Prognostic scores (Fong, GAME, tumour burden): shown beside the recommendation, never branched on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from fhir_mappings.case import ABSENT, Known, Narrowed
from service.knowledge.reading import bounds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fhir_mappings.case import Case

Answer = Literal["yes", "no", "unknown"]

_FONG_CEA_NG_ML = 200
_FONG_SIZE_MM = 50
_FONG_INTERVAL_MONTHS = 12
_GAME_CEA_NG_ML = 20
_GAME_BURDEN = 3.0
_GAME_HIGH_BURDEN = 9.0
_GAME_MIDDLE = 2
_GAME_HIGH = 4
_NODAL = frozenset({"N1", "N1a", "N1b", "N1c", "N2", "N2a", "N2b"})
_MUTATED = frozenset({"mutated"})
_OUTSIDE_LIVER = frozenset({"resectable", "unresectable"})


@dataclass(frozen=True, slots=True)
class ScoreItem:
    """One criterion of a score: what it asks, and how many points it gives at least and at most."""

    criterion: str
    points_low: int
    points_high: int

    @property
    def is_known(self) -> bool:
        """Whether the points are certain."""
        return self.points_low == self.points_high


@dataclass(frozen=True, slots=True)
class Score:
    """A score as the range that the known facts leave; `low == high` where every input is known.

    `group` is the published risk group, only where the whole range falls into it. `citation` is an id of the
    guideline's citations.
    """

    name: str
    low: float
    high: float | None
    maximum: float | None
    citation: str
    items: tuple[ScoreItem, ...] = ()
    group: str | None = None
    missing: tuple[str, ...] = ()

    @property
    def is_known(self) -> bool:
        """Whether the score has one value."""
        return self.low == self.high


def scores(case: Case) -> tuple[Score, ...]:
    """Give the Fong, GAME and tumour burden scores of `case`, in this order."""
    burden = tumour_burden(case)
    return fong(case), game(case, burden), burden


def fong(case: Case) -> Score:
    """Score five criteria, one point each (citation FONG99); a synchronous metastasis has no disease-free interval."""
    asked: tuple[tuple[str, Answer, tuple[str, ...]], ...] = (
        ("Node-positive primary", _nodes(case), ("primary-n",)),
        (f"Disease-free interval under {_FONG_INTERVAL_MONTHS} months", _short_interval(case), _INTERVAL_FACTS),
        ("More than one liver metastasis", _above(case, "metastasis-count", 1), ("metastasis-count",)),
        (f"CEA over {_FONG_CEA_NG_ML} ng/mL", _above(case, "cea", _FONG_CEA_NG_ML), ("cea",)),
        ("Largest metastasis over 5 cm", _above(case, "largest-metastasis", _FONG_SIZE_MM), ("largest-metastasis",)),
    )
    return _sum("Fong clinical risk score", asked, points=(1,) * 5, citation="FONG99")


def game(case: Case, burden: Score) -> Score:
    """Score KRAS, CEA, nodes, tumour burden and extrahepatic disease (citation GAME18); RAS stands in for KRAS."""
    asked: tuple[tuple[str, Answer, tuple[str, ...]], ...] = (
        ("RAS mutated (the score asks for KRAS)", _one_of(case, "ras", _MUTATED), ("ras",)),
        (f"CEA at least {_GAME_CEA_NG_ML} ng/mL", _at_least(case, "cea", _GAME_CEA_NG_ML), ("cea",)),
        ("Node-positive primary", _nodes(case), ("primary-n",)),
        ("Tumour burden at least 3", _burden_at_least(case, _GAME_BURDEN), burden.missing),
        ("Tumour burden at least 9", _burden_at_least(case, _GAME_HIGH_BURDEN), burden.missing),
        ("Extrahepatic disease", _one_of(case, "extrahepatic-disease", _OUTSIDE_LIVER), ("extrahepatic-disease",)),
    )
    score = _sum("GAME score", asked, points=(1, 1, 1, 1, 1, 2), citation="GAME18")
    low, high = _game_group(score.low), _game_group(score.high or 0)
    return replace(score, group=low if low == high else None)


def tumour_burden(case: Case) -> Score:
    """Give the square root of (largest diameter in cm)² + (number)² (citation TBS18), rounded to one decimal."""
    inputs = ("largest-metastasis", "metastasis-count")
    least, exact = _burden(case)
    return Score(
        name="Tumour burden score",
        low=round(least, 1),
        high=None if exact is None else round(exact, 1),
        maximum=None,
        citation="TBS18",
        missing=tuple(fact for fact in inputs if _number(case, fact) is None),
    )


def _burden(case: Case) -> tuple[float, float | None]:
    """Give the least that the tumour burden can be and, where both inputs are known, its value; not rounded."""
    size_mm, count = _number(case, "largest-metastasis"), _number(case, "metastasis-count")
    least = (((size_mm or 0) / 10) ** 2 + (count or 1) ** 2) ** 0.5
    return least, None if size_mm is None or count is None else least


_INTERVAL_FACTS = ("metastases-detected", "months-primary-to-metastases")


def _sum(
    name: str, asked: Sequence[tuple[str, Answer, tuple[str, ...]]], *, points: Sequence[int], citation: str
) -> Score:
    items = tuple(
        ScoreItem(criterion, point if answer == "yes" else 0, 0 if answer == "no" else point)
        for (criterion, answer, _), point in zip(asked, points, strict=True)
    )
    missing = dict.fromkeys(fact for _, answer, facts in asked if answer == "unknown" for fact in facts)
    return Score(
        name=name,
        low=sum(item.points_low for item in items),
        high=sum(item.points_high for item in items),
        maximum=sum(points),
        citation=citation,
        items=items,
        missing=tuple(missing),
    )


def _game_group(points: float) -> str:
    if points >= _GAME_HIGH:
        return "high risk"
    return "middle risk" if points >= _GAME_MIDDLE else "low risk"


def _above(case: Case, fact: str, limit: float) -> Answer:
    found = bounds(case.facts.get(fact, ABSENT))
    return "yes" if found.is_over(limit) else "no" if found.is_at_most(limit) else "unknown"


def _at_least(case: Case, fact: str, limit: float) -> Answer:
    found = bounds(case.facts.get(fact, ABSENT))
    return "yes" if found.is_at_least(limit) else "no" if found.is_under(limit) else "unknown"


def _one_of(case: Case, fact: str, choices: frozenset[str]) -> Answer:
    match case.facts.get(fact, ABSENT):
        case Known(value=value):
            return "yes" if value in choices else "no"
        case Narrowed(values=frozenset() as left):
            return "yes" if left <= choices else "no" if left.isdisjoint(choices) else "unknown"
        case _:
            return "unknown"


def _nodes(case: Case) -> Answer:
    by_category = _one_of(case, "primary-n", _NODAL)
    return by_category if by_category != "unknown" else _above(case, "nodes-positive", 0)


def _short_interval(case: Case) -> Answer:
    if case.value("metastases-detected") in {"at-staging", "intraoperative"}:
        return "yes"
    match _at_least(case, "months-primary-to-metastases", _FONG_INTERVAL_MONTHS):
        case "yes":
            return "no"
        case "no":
            return "yes"
        case _:
            return "unknown"


def _burden_at_least(case: Case, limit: float) -> Answer:
    least, exact = _burden(case)
    if least >= limit:
        return "yes"
    return "unknown" if exact is None else "no"


def _number(case: Case, fact: str) -> float | None:
    value = case.value(fact)
    return float(value) if isinstance(value, int | float) else None
