from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from fhir_mappings.case import Evidence, Fact, Gap, Interval, Known, Narrowed, PartialDate, Unknown
from fhir_mappings.read.dates import on, parse_date, parse_period, shifted, value_of
from fhir_mappings.read.settle import Candidate, Found, settle

TODAY = date(2026, 6, 15)


def said(value: Found | None, dated: str | None, *, by: str = "o", local: bool = False) -> Candidate:
    return Candidate(value, parse_date(dated), (Evidence(f"Observation/{by}"),), local, unreadable=False)


def settled(*candidates: Candidate, age: int | None = None) -> Fact:
    one = settle(candidates, as_of=TODAY, maximum_age_days=age)
    assert settle(reversed(candidates), as_of=TODAY, maximum_age_days=age) == one
    assert settle([*candidates, *candidates], as_of=TODAY, maximum_age_days=age) == one
    return one


def known(value: Found, *by: str) -> Known:
    assert not isinstance(value, frozenset | Interval)
    return Known(value, tuple(Evidence(f"Observation/{one}") for one in by))


def test_nothing_said_is_absent() -> None:
    assert settled() == Unknown(Gap.ABSENT)


def test_the_newest_wins() -> None:
    assert settled(said(1, "2026-06-01"), said(2, "2026-06-02", by="new")) == known(2, "new")


def test_a_dateless_source_is_oldest() -> None:
    assert settled(said(1, None), said(2, "2001", by="old")) == known(2, "old")
    assert settled(said(1, None), said(2, "0001-01-01", by="first")) == known(2, "first")


def test_on_one_day_a_local_observation_wins() -> None:
    assert settled(said(1, "2026-06-01"), said(2, "2026-06-01", by="app", local=True)) == known(2, "app")


def test_a_newer_coded_value_beats_an_older_local_one() -> None:
    assert settled(said(1, "2026-06-02"), said(2, "2026-06-01", by="app", local=True)) == known(1, "o")


def test_agreeing_sources_are_all_evidence() -> None:
    assert settled(said(1, "2026-06-01", by="a"), said(1, "2026-06-01", by="b")) == known(1, "a", "b")


def test_two_values_of_equal_rank_and_day_conflict() -> None:
    both = settled(said(1, "2026-06-01", by="a"), said(2, "2026-06-01", by="b"))
    evidence = (Evidence("Observation/a"), Evidence("Observation/b"))
    assert both == Unknown(Gap.CONFLICTING, evidence, contested=frozenset({1, 2}))


def test_two_local_values_of_one_day_conflict() -> None:
    both = settled(said(1, "2026-06-01", local=True), said(2, "2026-06-01", local=True))
    assert isinstance(both, Unknown)
    assert both.gap is Gap.CONFLICTING


def test_a_newer_value_resolves_a_conflict() -> None:
    found = settled(said(1, "2026-06-01"), said(2, "2026-06-01", by="b"), said(3, "2026-06-02", by="c"))
    assert found == known(3, "c")


def test_a_value_stays_beside_ever_so_many_newer_narrowings() -> None:
    newer = [
        said(Interval(None, 3), str(date.fromordinal(TODAY.toordinal() - day)), by=f"{day}") for day in range(1100)
    ]
    evidence = tuple(Evidence(f"Observation/{one}") for one in [*range(1100), "o"])
    assert settle([said(2, "2001"), *newer], as_of=TODAY) == Known(2, evidence)
    assert settle(newer, as_of=TODAY) == Narrowed(Interval(None, 3), evidence[:1])


def test_partial_dates_whose_order_is_open_conflict() -> None:
    found = settled(said(1, "2026-06"), said(2, "2026-06-02", by="app", local=True))
    assert isinstance(found, Unknown)
    assert found.gap is Gap.CONFLICTING


def test_a_partial_date_that_is_newer_anyway_wins() -> None:
    assert settled(said(1, "2026-06", by="new"), said(2, "2026-05-31")) == known(1, "new")


def test_a_newer_narrowing_leaves_the_exact_value_inside_it() -> None:
    found = settled(said(1, "2026-06-01", by="old"), said(Interval(0, 2), "2026-06-02", by="new"))
    assert found == known(1, "new", "old")


def test_a_newer_narrowing_without_the_old_value_replaces_it() -> None:
    found = settled(said(3, "2026-06-01"), said(Interval(0, 2), "2026-06-02", by="new"))
    assert found == Narrowed(Interval(0, 2), (Evidence("Observation/new"),))


def test_an_exact_value_survives_several_newer_narrowings() -> None:
    found = settled(
        said(1, "2026-06-01", by="a"),
        said(Interval(0, 2), "2026-06-02", by="b"),
        said(Interval(1, 3), "2026-06-03", by="c"),
    )
    assert found == known(1, "c", "b", "a")


@pytest.mark.parametrize("oldest", [[said(1, "2000-01-01", by="exact")], []])
def test_any_number_of_newer_narrowings_is_settled(oldest: list[Candidate]) -> None:
    days = [(date(2000, 1, 2) + timedelta(days=number)).isoformat() for number in range(3000)]
    narrowings = [said(Interval(0, 2), day, by=day) for day in days]
    found = settled(*oldest, *narrowings)
    kept = known(1, *reversed(days), "exact")
    assert found == (kept if oldest else Narrowed(Interval(0, 2), (Evidence(f"Observation/{days[-1]}"),)))


@pytest.mark.parametrize(
    ("one", "other", "left"),
    [
        (Interval(0, 2), Interval(2, 4), 2),
        (Interval(0, 3), Interval(1, None), Interval(1, 3)),
        (Interval(None, 3, high_included=False), Interval(3), None),
        (Interval(None, 1), Interval(2), None),
        (Interval(None, 3), Interval(None, 2), Interval(None, 2)),
        (Interval(1), Interval(2), Interval(2)),
        (frozenset({"a", "b"}), frozenset({"b", "c"}), "b"),
        (frozenset({"a", "b", "c"}), frozenset({"b", "c"}), frozenset({"b", "c"})),
        (frozenset({"a", "b"}), frozenset({"c"}), None),
        (frozenset({"a", "b"}), "a", "a"),
        ("a", frozenset({"b"}), None),
        (Interval(1), "a", None),
        (True, 1, None),
    ],
)
def test_values_of_one_day_are_taken_together(one: Found, other: Found, left: Found | None) -> None:
    found = settle([said(one, "2026-06-01"), said(other, "2026-06-01", by="b")], as_of=TODAY)
    match found:
        case Known(value=value):
            assert value == left
        case Narrowed(values=values):
            assert values == left
        case Unknown(gap=gap):
            assert (gap, left) == (Gap.CONFLICTING, None)


BOUNDED = [
    Interval(low, high, low_in, high_in)
    for low, high in ((None, None), (None, 1), (1, None), (0, 1), (1, 2), (1, 1), (0, 2), (None, 0))
    for low_in in ((True, False) if low is not None and low != high else (True,))
    for high_in in ((True, False) if high is not None and low != high else (True,))
]
GRID = [quarter / 4 for quarter in range(-8, 17)]


@pytest.mark.parametrize("one", BOUNDED)
@pytest.mark.parametrize("other", BOUNDED)
def test_intervals_of_one_day_leave_what_lies_in_both(one: Interval, other: Interval) -> None:
    common = [number for number in GRID if number in one and number in other]
    match settled(said(one, "2026-06-01"), said(other, "2026-06-01", by="b")):
        case Known(value=value):
            assert [value] == common
        case Narrowed(values=values):
            assert isinstance(values, Interval)
            assert [number for number in GRID if number in values] == common
            assert len(common) > 1
        case Unknown(gap=gap):
            assert (gap, common) == (Gap.CONFLICTING, [])


def test_three_sources_that_agree_only_by_pairs_conflict() -> None:
    sources = [said(frozenset(pair), "2026-06-01", by=pair) for pair in ("ab", "bc", "ac")]
    evidence = tuple(Evidence(f"Observation/{by}") for by in ("ab", "ac", "bc"))
    assert settled(*sources) == Unknown(Gap.CONFLICTING, evidence, contested=frozenset("abc"))
    assert settled(*sources, said(1, "2026-06-01", by="z")) == Unknown(
        Gap.CONFLICTING, (*evidence, Evidence("Observation/z")), contested=frozenset({*"abc", 1})
    )


@pytest.mark.parametrize(
    ("sources", "contested"),
    [
        ([said("T3", "2026-06-01", by="a"), said("T4b", "2026-06-01", by="b")], {"T3", "T4b"}),
        ([said("T3", "2026-06", by="b"), said("T4b", "2026-06-01", by="a")], {"T3", "T4b"}),
        ([said(value=True, dated="2026-06-01", by="a"), said(value=False, dated="2026-06-01", by="b")], {True, False}),
        (
            [said(frozenset({"T4a", "T4b"}), "2026-06-01", by="a"), said("T3", "2026-06-01", by="b")],
            {"T3", "T4a", "T4b"},
        ),
        ([said(1, "2026-06-01", by="a"), said(Interval(2, 3), "2026-06-01", by="b")], {1, Interval(2, 3)}),
    ],
)
def test_a_conflict_keeps_the_values_that_its_sources_name(sources: list[Candidate], contested: set[Any]) -> None:
    older, silent = said("T1", "2026-05-01", by="old"), said(None, "2026-06-01", by="silent")
    assert settled(*sources, older, silent) == Unknown(
        Gap.CONFLICTING, (Evidence("Observation/a"), Evidence("Observation/b")), contested=frozenset(contested)
    )


def test_of_local_sources_in_conflict_the_others_are_not_kept() -> None:
    sources = [said(value, "2026-06-01", by=value, local=value != "T4b") for value in ("T2", "T3", "T4b")]
    evidence = (Evidence("Observation/T2"), Evidence("Observation/T3"))
    assert settled(*sources) == Unknown(Gap.CONFLICTING, evidence, contested=frozenset({"T2", "T3"}))


def test_dateless_sources_conflict_or_the_local_one_wins() -> None:
    assert settled(said(1, None, by="a"), said(2, None, by="b", local=True)) == known(2, "b")
    evidence = (Evidence("Observation/a"), Evidence("Observation/b"))
    conflict = Unknown(Gap.CONFLICTING, evidence, contested=frozenset({1, 2}))
    assert settled(said(1, None, by="a"), said(2, None, by="b")) == conflict


def test_a_local_value_wins_only_where_the_others_contradict_it() -> None:
    assert settled(said(1, "2026-06-01", by="a"), said(1, "2026-06-01", by="b", local=True)) == known(1, "a", "b")
    narrowed = said(Interval(0, 1), "2026-06-01", by="a")
    assert settled(narrowed, said(1, "2026-06-01", by="b", local=True)) == known(1, "a", "b")
    assert settled(narrowed, said(2, "2026-06-01", by="b", local=True)) == known(2, "b")


@pytest.mark.parametrize("narrowed", [Interval(0, 2), frozenset({1, 2})])
def test_an_older_value_stays_only_where_it_is_exact_and_inside(narrowed: Any) -> None:
    new = said(narrowed, "2026-06-02", by="new")
    for older in (said(Interval(1, 3), "2026-06-01"), said(3, "2026-06-01"), said("x", "2026-06-01")):
        assert settled(new, older) == Narrowed(narrowed, (Evidence("Observation/new"),))
    conflicting = (said(1, "2026-06-01", by="a"), said(2, "2026-06-01", by="b"))
    assert settled(new, *conflicting) == Narrowed(narrowed, (Evidence("Observation/new"),))
    assert settled(new, said(1, "2026-06-01", by="a"), said(2, "2026-05-01", by="b")) == known(1, "new", "a")


def test_an_exact_value_that_is_newer_replaces_a_narrowing() -> None:
    assert settled(said(1, "2026-06-02", by="new"), said(Interval(0, 2), "2026-06-01")) == known(1, "new")


@pytest.mark.parametrize(
    ("older", "newer", "left"),
    [
        (date(2026, 5, 20), "2026-05", known(date(2026, 5, 20), "new", "old")),
        ("2026-05", "2026", known("2026-05", "new", "old")),
        ("2026", "2026-05", known("2026-05", "new")),
        ("2026-05", "2026-05", known("2026-05", "new")),
        (date(2026, 5, 20), "2026-04", known("2026-04", "new")),
        (date(2026, 5, 4), "2026-05-04/2026-05-10", known(date(2026, 5, 4), "new", "old")),
        (date(2026, 5, 10), "2026-05-04/2026-05-10", known(date(2026, 5, 10), "new", "old")),
        (date(2026, 5, 11), "2026-05-04/2026-05-10", known("2026-05-04/2026-05-10", "new")),
        (date(2026, 5, 3), "2026-05-04/2026-05-10", known("2026-05-04/2026-05-10", "new")),
        (5, "2026-05", known("2026-05", "new")),
        ("staged", "2026-05", known("2026-05", "new")),
        ("mdt", "staged", known("staged", "new")),
    ],
)
def test_a_newer_date_that_is_less_precise_leaves_the_one_inside_it(older: Found, newer: Found, left: Fact) -> None:
    assert settled(said(older, "2026-06-01", by="old"), said(newer, "2026-06-02", by="new")) == left


def test_a_day_of_recording_is_no_more_precise_than_a_month_that_was_said_since() -> None:
    recorded = Candidate(
        date(2026, 5, 20), parse_date("2026-05-20"), (Evidence("Condition/c", remarks=("from recordedDate",)),)
    )
    assert settled(recorded, said("2026-05", "2026-06-02", by="new")) == known("2026-05", "new")


def test_evidence_is_listed_by_day_then_by_origin_once() -> None:
    at = (
        ("b", None, True),
        ("a", "2026", False),
        ("c", "2026-06", False),
        ("e", "2026-06-01", False),
        ("f", "2026-06-01", False),
        ("d", "2026-06-01", True),
        ("d", "2026-06-02", False),
    )
    first = settled(*(said(1, day, by=by, local=local) for by, day, local in at[1:6]))
    # by the first day that is meant, then the last, what was entered here after the rest
    assert first == known(1, "a", "e", "f", "d", "c")
    assert settled(*(said(1, day, by=by, local=local) for by, day, local in at)) == known(1, "a", "c", "d")


def test_evidence_without_a_date_is_listed_as_the_oldest() -> None:
    silent = [said(None, day, by=by) for by, day in (("z", None), ("y", "2026-06"), ("x", "2026-06-30"))]
    assert settled(*silent) == Unknown(Gap.ABSENT, tuple(Evidence(f"Observation/{by}") for by in "zyx"))


def test_evidence_is_listed_once_however_often_it_is_given() -> None:
    found = settled(said(1, "2026-06-01"), said(Interval(0, 2), "2026-06-02"))
    assert found == known(1, "o")
    assert settled(said(None, "2026-06-01"), said(None, "2026-06-02")) == Unknown(
        Gap.ABSENT, (Evidence("Observation/o"),)
    )


def test_what_is_fresh_wins_over_what_is_outdated_and_newer_outdated_over_older() -> None:
    fresh, old, older = (said(value, day, by=day) for value, day in ((1, "2026-06-01"), (2, "2025"), (3, "2024")))
    assert settled(fresh, old, age=90) == known(1, "2026-06-01")
    assert settled(old, older, age=90) == Unknown(Gap.OUTDATED, (Evidence("Observation/2025"),), 2)
    assert settled(said(1, "2026-06-15", by="t"), age=0) == known(1, "t")
    assert settled(said(1, "2026-06-14", by="t"), age=0) == Unknown(Gap.OUTDATED, (Evidence("Observation/t"),), 1)
    assert settled(said(1, "2026-06-17", by="t"), age=0) == known(1, "t")


def test_a_value_as_old_as_its_maximum_age_still_holds() -> None:
    assert settled(said(1, "2026-03-17"), age=90) == known(1, "o")


def test_an_older_value_is_outdated_and_still_shown() -> None:
    assert settled(said(1, "2026-03-16"), age=90) == Unknown(Gap.OUTDATED, (Evidence("Observation/o"),), 1)


def test_a_dateless_value_is_outdated_where_age_matters() -> None:
    assert settled(said(1, None), age=90) == Unknown(Gap.OUTDATED, (Evidence("Observation/o"),), 1)


def test_an_outdated_narrowing_has_no_last_value() -> None:
    found = settled(said(Interval(0, 2), "2020"), age=90)
    assert found == Unknown(Gap.OUTDATED, (Evidence("Observation/o"),), None)


def test_a_partial_date_that_may_be_too_old_is_outdated() -> None:
    found = settled(said(1, "2026-03"), age=90)
    assert isinstance(found, Unknown)
    assert found.gap is Gap.OUTDATED


def test_an_explicit_unknown_replaces_nothing() -> None:
    assert settled(said(1, "2026-06-01"), said(None, "2026-06-02", by="new")) == known(1, "o")


def test_an_explicit_unknown_alone_is_absent_with_evidence() -> None:
    assert settled(said(None, "2026-06-02")) == Unknown(Gap.ABSENT, (Evidence("Observation/o"),))


def test_an_unreadable_value_is_unreadable() -> None:
    unreadable = Candidate(None, on(TODAY), (Evidence("Observation/x"),), unreadable=True)
    assert settled(said(None, "2026-06-02"), unreadable) == Unknown(Gap.UNREADABLE, (Evidence("Observation/x"),))


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("2024", "2024-01-01", "2024-12-31"),
        ("2024-02", "2024-02-01", "2024-02-29"),
        ("2024-02-03", "2024-02-03", "2024-02-03"),
        ("2024-02-03T23:59:59-11:00", "2024-02-03", "2024-02-03"),
    ],
)
def test_a_date_is_the_interval_of_its_precision(text: str, first: str, last: str) -> None:
    assert parse_date(text) == PartialDate(date.fromisoformat(first), date.fromisoformat(last))


@pytest.mark.parametrize("text", ["", "24", "2024-13", "2024-02-30", "about 2024", "0000", 2024, None])
def test_what_is_no_date_is_none(text: object) -> None:
    assert parse_date(text) is None


def test_periods_reach_from_start_to_end() -> None:
    assert parse_period({"start": "2024-02-03", "end": "2024-02-05"}) == PartialDate(date(2024, 2, 3), date(2024, 2, 5))
    assert parse_period({"start": "2024-02-03"}) == on(date(2024, 2, 3))
    assert parse_period({"start": "2024-02-03", "end": "2023"}) == on(date(2024, 2, 3))
    assert parse_period({"end": "2024-02"}) == parse_date("2024-02")
    assert parse_period("2024") is None


def test_a_partial_date_keeps_its_precision_as_a_value() -> None:
    assert [value_of(found) for found in (on(TODAY), parse_date("2024"), parse_date("2024-02")) if found] == [
        TODAY,
        "2024",
        "2024-02",
    ]


def test_shifting_stops_at_the_ends_of_the_calendar() -> None:
    assert shifted(on(date.max), 30) == on(date.max)
    assert shifted(on(date.min), -30) == on(date.min)
