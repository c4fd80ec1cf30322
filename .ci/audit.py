"""Audit the locked packages for known vulnerabilities, and never take an audit that could not be made for a good one.

    python .ci/audit.py [--osv-url URL] LOCK…

pip-audit asks PyPI, then OSV. An index that is only a mirror of packages answers "not found" for each of them, which
pip-audit passes over: so a release with a published vulnerability is asked about first, and a service that does not
know it is none. Exit codes: 0 nothing known, 1 something known (it is printed), 3 no service could be asked.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

NOTHING_KNOWN, VULNERABLE, NOT_AUDITED = 0, 1, 3
_KNOWN = "pyjwt==2.3.0"
"""Published as vulnerable in 2022 (CVE-2022-29217); fixed in 2.4.0."""


class NoServiceError(Exception):
    """No answer can be had; the message says why."""


def main() -> int:
    """Audit the lock files of the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("locks", nargs="+", type=Path)
    parser.add_argument("--osv-url", help="ask this OSV service alone")
    arguments = parser.parse_args()
    ways = [["-s", "osv", "--osv-url", arguments.osv_url]] if arguments.osv_url else [["-s", "pypi"], ["-s", "osv"]]
    reasons = []
    for way in ways:
        try:
            _check_that_it_knows(way)
            found = [one for lock in arguments.locks for one in _audited(lock, way)]
        except NoServiceError as fault:
            reasons.append(f"{way[1]}: {fault}")
            continue
        print(*(found or ["no known vulnerability in the locked packages"]), sep="\n")
        return VULNERABLE if found else NOTHING_KNOWN
    print("NOT AUDITED, no vulnerability service could be asked:", *reasons, sep="\n  ")
    return NOT_AUDITED


def _check_that_it_knows(way: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        known = Path(folder) / "known.txt"
        known.write_text(_KNOWN + "\n", encoding="utf-8")
        if not _audited(known, way):
            raise NoServiceError(f"it does not know that {_KNOWN} is vulnerable")


def _audited(requirements: Path, way: list[str]) -> list[str]:
    """Give a line for each vulnerability; raise where an answer is missing for any package."""
    command = [sys.executable, "-m", "pip_audit", *way, "--progress-spinner", "off", "--timeout", "15", "-f", "json"]
    ran = subprocess.run(
        [*command, "--disable-pip", "--no-deps", "-r", str(requirements)], capture_output=True, text=True, check=False
    )
    try:
        packages: list[dict[str, Any]] = json.loads(ran.stdout)["dependencies"]
    except (ValueError, KeyError):
        last = (ran.stderr.strip().splitlines() or ["no answer"])[-1]
        raise NoServiceError(last[:200]) from None
    skipped = [package["name"] for package in packages if "skip_reason" in package]
    if skipped or not packages:
        raise NoServiceError(f"no answer about {len(skipped) or 'any'} of {len(packages)} packages")
    return [
        f"{package['name']} {package['version']}: {known['id']}"
        + (f", fixed in {', '.join(known['fix_versions'])}" if known["fix_versions"] else "")
        for package in packages
        for known in package["vulns"]
    ]


if __name__ == "__main__":
    sys.exit(main())
