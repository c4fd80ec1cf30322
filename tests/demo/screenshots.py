"""Take the picture that the README shows, from the running demo: `python -m tests.demo.screenshots FILE`."""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.demo.browsing import chromium, watched
from tests.demo.running_demo import running_demo


def take(file: Path) -> None:
    """Write the chart with an open card to `file`."""
    with (
        TemporaryDirectory() as scratch,
        running_demo(folder=Path(scratch)) as demo,
        chromium() as browser,
        watched(browser, demo.url, width=1360, height=900) as seen,
    ):
        seen.page.goto("/patients/demo-sparrow")
        seen.page.wait_for_selector("#advice article.card")
        seen.page.screenshot(path=file)


if __name__ == "__main__":
    take(Path(sys.argv[1]))
