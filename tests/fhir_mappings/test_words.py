"""Word roots: looked for by their letters first, and met by the same texts as they are written."""

from __future__ import annotations

import re
import tomllib
from importlib.resources import files
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fhir_mappings import words
from fhir_mappings.words import is_worth_a_look, letters_first

TABLES: dict[str, dict[str, Any]] = tomllib.loads(
    files("fhir_mappings").joinpath("words.toml").read_text(encoding="utf-8")
)


def _named(table: dict[str, Any]) -> list[str]:
    named = table.get("beside_code", [])
    return [] if named is True else named


PATTERNS = sorted(
    {
        pattern
        for table in TABLES.values()
        for pattern in (*table["groups"], *_named(table), *filter(None, [table.get("codes")]))
    }
)
AROUND = st.text("abcdeknrstuxyzm105/ .-;é_", max_size=6)


@pytest.mark.parametrize("pattern", PATTERNS)
@settings(max_examples=150)
@given(data=st.data())
def test_a_pattern_is_met_by_the_same_texts_whatever_comes_first(pattern: str, data: st.DataObject) -> None:
    written = re.compile(pattern)
    met = data.draw(st.from_regex(written, alphabet=st.characters(codec="ascii")))
    cut = data.draw(st.integers(0, len(met)))
    texts = [met, met[cut:], met[:cut], met[:cut] + data.draw(AROUND) + met[cut:]]
    texts += [data.draw(AROUND) + text + data.draw(AROUND) for text in texts]
    for text in texts:
        assert bool(re.compile(letters_first(pattern)).search(text)) is bool(written.search(text)), text


@pytest.mark.parametrize(
    ("written", "sought"),
    [
        (r"\bmet\b|mal|\bc18", r"m(?:(?<=\bm)et\b|al)|c(?:(?<=\bc)18)"),
        (r"(?<!af)filia|(?<!\be )\bcoli", r"f(?:(?<=(?<!af)f)ilia)|c(?:(?<=(?<!\be )\bc)oli)"),
        (r"a(b|c)|[|(]x", r"a(b|c)|[|(]x"),
        (r"a(?:b|c)\||a[)|]", r"a(?:(?:b|c)\||[)|])"),
        ("ab?|ca*|x", "a(?:b?)|c(?:a*)|x(?:)"),
        ("ab|b?c", "ab|b?c"),
        ("ab|b{2}", "ab|b{2}"),
        ("ab|b*", "ab|b*"),
    ],
)
def test_letters_come_before_what_has_no_width(written: str, sought: str) -> None:
    assert letters_first(written) == sought


@pytest.mark.parametrize("beside_code", [False, True])
def test_whatever_each_text_of_a_chart_is_searched_for_begins_with_letters(*, beside_code: bool) -> None:
    sought = words._scanned(beside_code=beside_code)  # noqa: SLF001  only the time that it takes shows otherwise
    assert [
        way[0].pattern for ways in sought.values() for way in ways if not re.match(r"[\w/]\(\?:", way[0].pattern)
    ] == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [("ypT3", True), ("pn1", True), ("cT4", True), ("T2", True), ("xt3", False), ("at1", False), ("t5", False)],
)
def test_a_category_is_met_behind_its_prefixes_alone(text: str, *, expected: bool) -> None:
    assert is_worth_a_look("Observation", text, beside_code=False) is expected


@pytest.mark.parametrize(("text", "expected"), [("M1a", True), ("pM1", True), ("ypm1c", True), ("xm1", False)])
def test_distant_metastasis_is_met_by_its_category(text: str, *, expected: bool) -> None:
    assert is_worth_a_look("Condition", text, beside_code=False) is expected
