"""Months and cycles counted one by one, as nobody would who has to be quick."""

from __future__ import annotations

from datetime import date


def complete_months(start: date, end: date) -> int:
    """Count the months that have passed, one by one."""
    months = 0
    while months_on(start, months + 1) <= end:
        months += 1
    return months


def months_on(day: date, months: int) -> date:
    """Give the day some months later; where it does not exist, the last of that month."""
    year, month = divmod(day.month - 1 + months, 12)
    for number in range(day.day, 0, -1):
        try:
            return date(day.year + year, month + 1, number)
        except ValueError:
            continue
    raise AssertionError(day)


def months_back(day: date, months: int) -> date:
    return months_on(day, -months)


def cycle_count(days: list[date]) -> int:
    """Count starts at least ten days apart."""
    starts: list[date] = []
    for day in days:
        if not starts or (day - starts[-1]).days >= 10:
            starts.append(day)
    return len(starts)
