from __future__ import annotations

import pytest

from service.adapters.store.report import Tally
from service.web.weekly_plot import WEEKS_SHOWN, Bar, Part, weekly_plot


def test_a_week_is_a_bar_of_what_became_of_its_cards() -> None:
    plot = weekly_plot([Tally("2026-11-02", 4, 2, 1), Tally("2026-11-09")])
    assert plot is not None
    assert plot.lines == ((212.0, 0), (162.0, 1), (112.0, 2), (62.0, 3), (12.0, 4))
    assert plot.bars == (
        Bar(
            "2026-11-02",
            224.0,
            (
                Part("accepted", 2, 98.0, 112.0, 252.0, 100.0),
                Part("overridden", 1, 98.0, 62.0, 252.0, 50.0),
                Part("unanswered", 1, 98.0, 12.0, 252.0, 50.0),
            ),
            "Week of 2026-11-02: 2 accepted, 1 overridden, 1 unanswered",
        ),
        Bar("2026-11-09", 584.0, (), "Week of 2026-11-09: 0 accepted, 0 overridden, 0 unanswered"),
    )


@pytest.mark.parametrize(
    ("most", "top"), [(0, 4), (1, 4), (4, 4), (5, 8), (8, 8), (9, 20), (21, 40), (41, 80), (801, 2000), (9_999, 20_000)]
)
def test_the_highest_bar_fits_under_a_round_number(most: int, top: int) -> None:
    plot = weekly_plot([Tally("2026-11-02", most)])
    assert plot is not None
    assert plot.lines[-1][1] == top
    assert all(part.y >= 12 for bar in plot.bars for part in bar.parts)


def test_more_weeks_than_fit_are_cut_at_the_front_and_labels_are_thinned() -> None:
    plot = weekly_plot([Tally(f"week {number}", 1) for number in range(100)])
    assert plot is not None
    assert [bar.words.partition(":")[0] for bar in plot.bars] == [
        f"Week of week {number}" for number in range(100 - WEEKS_SHOWN, 100)
    ]
    assert len([bar for bar in plot.bars if bar.label]) == 9


def test_without_weeks_there_is_no_plot() -> None:
    assert weekly_plot([]) is None
