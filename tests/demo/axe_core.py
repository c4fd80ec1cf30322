"""The accessibility checker axe-core: installed by npm into a cache beside the user's others, never kept here."""

from __future__ import annotations

import os
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import Page

_PINNED = Path(__file__).parent / "axe"
_STANDARDS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@cache
def axe_source() -> str:
    """Give the source: the file that TEST_AXE names, else the version that the lock file pins, installed once."""
    if given := os.environ.get("TEST_AXE"):
        return Path(given).read_text(encoding="utf-8")
    folder = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "crlm-cds-tests" / "axe"
    script = folder / "node_modules" / "axe-core" / "axe.min.js"
    lock = folder / "package-lock.json"
    if not script.is_file() or lock.read_bytes() != (_PINNED / "package-lock.json").read_bytes():
        npm = shutil.which("npm")
        assert npm, "npm is needed to install axe-core"
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(_PINNED / name, folder / name)
        options = ["--ignore-scripts", "--no-audit", "--no-fund", "--silent"]
        subprocess.run([npm, "ci", *options], cwd=folder, check=True)
    return script.read_text(encoding="utf-8")


def violations(page: Page) -> list[dict[str, Any]]:
    """Check the page as it stands when loaded, each frame by itself: each violation with its rule and the elements."""
    found = []
    for frame in (one for one in page.frames if one.url != "about:blank"):
        frame.wait_for_load_state()  # without its style sheet, a link is too small
        frame.evaluate(axe_source())
        # Frames of other origins cannot talk to one another: each is checked alone.
        found += frame.evaluate(
            "(tags) => axe.run(document, {runOnly: tags, iframes: false}).then((done) => done.violations)", _STANDARDS
        )
    return [
        {"rule": one["id"], "elements": [node["html"] + " " + node["failureSummary"] for node in one["nodes"]]}
        for one in found
    ]
