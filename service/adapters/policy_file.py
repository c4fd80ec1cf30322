"""The site's policy file: what `CRLM_POLICY` names, and the guideline under it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.errors import SettingsError
from service.knowledge.guideline import load_guideline, load_guideline_under

if TYPE_CHECKING:
    from pathlib import Path

    from service.knowledge.model import Guideline


def guideline_under(policy: Path | None) -> Guideline:
    """Give the guideline under the policy of a file, or under its own where there is none.

    Raises `SettingsError` where the file cannot be read, `GuidelineError` with all its faults.
    """
    if policy is None:
        return load_guideline()
    try:
        text = policy.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError):
        raise SettingsError(["CRLM_POLICY: the file cannot be read as UTF-8"]) from None
    return load_guideline_under(text)
