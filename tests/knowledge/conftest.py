"""How many cases are drawn: `TEST_CASES` and `TEST_SEED` ask for more and other ones."""

from __future__ import annotations

import os

import pytest


@pytest.fixture
def case_count() -> int:
    return int(os.environ.get("TEST_CASES", "2000"))


@pytest.fixture
def seed() -> int:
    return int(os.environ.get("TEST_SEED", "20261123"))
