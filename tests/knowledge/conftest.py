"""How many cases are drawn: `CRLM_TEST_CASES` and `CRLM_TEST_SEED` ask for more and other ones."""

from __future__ import annotations

import os

import pytest


@pytest.fixture
def case_count() -> int:
    return int(os.environ.get("CRLM_TEST_CASES", "2000"))


@pytest.fixture
def seed() -> int:
    return int(os.environ.get("CRLM_TEST_SEED", "20261123"))
