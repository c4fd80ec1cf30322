"""The length that a request announces, before a byte of its body is read."""

from __future__ import annotations

import pytest

from service.web.bodies import announced_length


@pytest.mark.parametrize(
    ("headers", "length"),
    [
        ([(b"content-length", b"12")], 12),
        ([(b"content-length", b"0012")], 12),
        ([(b"content-length", b"9" * 18)], 10**18 - 1),
        ([(b"content-length", b"9" * 19)], 10**19 - 1),
        ([(b"content-length", b"-1")], None),
        ([(b"content-length", b"")], None),
        ([(b"content-type", b"12")], None),
        ([], None),
    ],
)
def test_a_length_is_what_the_digits_say(headers: list[tuple[bytes, bytes]], length: int | None) -> None:
    assert announced_length({"headers": headers}) == length


def test_a_length_of_thousands_of_digits_is_more_than_anything_holds() -> None:
    found = announced_length({"headers": [(b"content-length", b"9" * 5_000)]})
    assert found is not None
    assert found > 10**18
