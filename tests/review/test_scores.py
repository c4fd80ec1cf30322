import pytest

from fhir_mappings.case import Case, Interval, Known, Narrowed
from service.knowledge.scores import Score, ScoreItem, fong, game, scores, tumour_burden
from tests.review.cases import case_with


def _points(score: Score) -> tuple[float, float | None]:
    return score.low, score.high


def test_every_fong_criterion_gives_one_point() -> None:
    case = case_with(
        {
            "primary-n": "N1a",
            "metastases-detected": "at-staging",
            "metastasis-count": 2,
            "cea": 200.1,
            "largest-metastasis": 50.1,
        }
    )
    assert _points(fong(case)) == (5, 5)


def test_the_thresholds_of_fong_are_strict() -> None:
    case = case_with(
        {
            "primary-n": "N0",
            "metastases-detected": "follow-up",
            "months-primary-to-metastases": 12,
            "metastasis-count": 1,
            "cea": 200,
            "largest-metastasis": 50,
        }
    )
    assert _points(fong(case)) == (0, 0)


def test_an_unknown_input_leaves_a_range_and_is_named() -> None:
    case = case_with({"primary-n": "N0", "metastases-detected": "at-staging", "metastasis-count": 1, "cea": 3})
    score = fong(case)
    assert (_points(score), score.missing) == ((1, 2), ("largest-metastasis",))
    assert score.items[-1] == ScoreItem("Largest metastasis over 5 cm", 0, 1)


def test_nothing_known_says_nothing() -> None:
    assert [_points(score) for score in scores(case_with({}))] == [(0, 5), (0, 7), (1.0, None)]


def test_tumour_burden_is_the_root_of_the_squares() -> None:
    assert _points(tumour_burden(case_with({"largest-metastasis": 30, "metastasis-count": 4}))) == (5.0, 5.0)


def test_an_unknown_count_leaves_the_burden_open_upwards() -> None:
    burden = tumour_burden(case_with({"largest-metastasis": 30}))
    assert (_points(burden), burden.missing) == ((3.2, None), ("metastasis-count",))


@pytest.mark.parametrize(
    ("facts", "points", "group"),
    [
        (
            {"ras": "wild-type", "cea": 19.9, "primary-n": "N0", "largest-metastasis": 10, "metastasis-count": 1},
            0,
            "low risk",
        ),
        (
            {"ras": "mutated", "cea": 20, "primary-n": "N0", "largest-metastasis": 10, "metastasis-count": 1},
            2,
            "middle risk",
        ),
        (
            {"ras": "mutated", "cea": 20, "primary-n": "N2", "largest-metastasis": 10, "metastasis-count": 3},
            4,
            "high risk",
        ),
        (
            {"ras": "wild-type", "cea": 1, "primary-n": "N0", "largest-metastasis": 10, "metastasis-count": 9},
            2,
            "middle risk",
        ),
    ],
)
def test_game_adds_its_points_and_names_its_group(facts: dict[str, object], points: int, group: str) -> None:
    case = case_with({**facts, "extrahepatic-disease": "none"})
    score = game(case, tumour_burden(case))
    assert (_points(score), score.group) == ((points, points), group)


@pytest.mark.parametrize(
    ("left", "points"),
    [({"resectable", "unresectable"}, (2, 2)), ({"none", "resectable"}, (0, 2)), ({"none"}, (0, 0))],
    ids=["whatever its resectability", "or none", "none"],
)
def test_extrahepatic_disease_gives_the_points_that_all_its_open_values_share(
    left: set[str], points: tuple[int, int]
) -> None:
    case = case_with({"ras": "wild-type", "cea": 1, "primary-n": "N0", "largest-metastasis": 10, "metastasis-count": 1})
    spread = Case(facts={**case.facts, "extrahepatic-disease": Narrowed(frozenset(left))}, as_of=case.as_of)
    assert _points(game(spread, tumour_burden(spread))) == points


def test_game_names_its_criteria_and_the_facts_that_they_ask_for() -> None:
    score = game(case_with({}), tumour_burden(case_with({})))
    assert score.items == (
        ScoreItem("RAS mutated (the score asks for KRAS)", 0, 1),
        ScoreItem("CEA at least 20 ng/mL", 0, 1),
        ScoreItem("Node-positive primary", 0, 1),
        ScoreItem("Tumour burden at least 3", 0, 1),
        ScoreItem("Tumour burden at least 9", 0, 1),
        ScoreItem("Extrahepatic disease", 0, 2),
    )
    inputs = ("ras", "cea", "primary-n", "largest-metastasis", "metastasis-count", "extrahepatic-disease")
    assert score.missing == inputs


@pytest.mark.parametrize(
    ("cea", "points"),
    [(Interval(low=20), (1, 1)), (Interval(high=20, high_included=False), (0, 0)), (Interval(high=20), (0, 1))],
)
def test_a_bound_of_cea_counts_in_game_where_it_decides(cea: Interval, points: tuple[int, int]) -> None:
    known = {"ras": "wild-type", "primary-n": "N0", "largest-metastasis": 10, "metastasis-count": 1}
    case = case_with({**known, "extrahepatic-disease": "none"})
    bounded = Case(facts={**case.facts, "cea": Narrowed(cea)}, as_of=case.as_of)
    assert _points(game(bounded, tumour_burden(bounded))) == points


def test_a_comparator_decides_where_it_can() -> None:
    case = case_with({})
    over = Case(facts={**case.facts, "cea": Narrowed(Interval(low=300, low_included=False))}, as_of=case.as_of)
    under = Case(facts={**case.facts, "cea": Narrowed(Interval(high=100))}, as_of=case.as_of)
    assert [fong(found).items[3].points_low for found in (over, under)] == [1, 0]
    assert [fong(found).items[3].points_high for found in (over, under)] == [1, 0]


def test_counted_nodes_stand_in_for_the_category() -> None:
    case = case_with({})
    counted = Case(facts={**case.facts, "nodes-positive": Known(0)}, as_of=case.as_of)
    assert fong(counted).items[0] == ScoreItem("Node-positive primary", 0, 0)


@pytest.mark.parametrize(
    ("size_mm", "count", "points"), [(21.9, 2, 0), (22.5, 2, 1), (0, 3, 1), (40.1, 8, 1), (41.3, 8, 2)]
)
def test_the_burden_is_compared_with_its_thresholds_before_it_is_rounded(
    size_mm: float, count: int, points: int
) -> None:
    given = {"ras": "wild-type", "cea": 3, "primary-n": "N0", "extrahepatic-disease": "none"}
    case = case_with({**given, "largest-metastasis": size_mm, "metastasis-count": count})
    assert _points(game(case, tumour_burden(case))) == (points, points)
