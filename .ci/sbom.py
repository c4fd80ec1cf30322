"""Write the bill of materials of the locked run-time packages to stdout, as CycloneDX 1.6 in JSON.

    python .ci/sbom.py [docker/requirements.lock]

The same lock gives the same bytes. Licences are those that the installed packages declare, where the versions agree.
"""

from __future__ import annotations

import re
import sys
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import NAMESPACE_URL, uuid5

from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.license import LicenseExpression
from cyclonedx.output.json import JsonV1Dot6
from license_expression import ExpressionError, get_spdx_licensing
from packageurl import PackageURL

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[1]
_PINNED = re.compile(r"^([A-Za-z0-9_.\-]+)(?:\[[^\]]*\])?==([^\s;\\]+)(.*?)(?=^[A-Za-z]|\Z)", re.MULTILINE | re.DOTALL)
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")


def locked(text: str) -> Iterator[Component]:
    """Give a component for each pinned package of a lock file."""
    for name, pinned, rest in _PINNED.findall(text):
        purl = PackageURL("pypi", None, name.lower().replace("_", "-"), pinned)
        yield Component(
            type=ComponentType.LIBRARY,
            name=name,
            version=pinned,
            purl=purl,
            bom_ref=purl.to_string(),
            hashes=[HashType(alg=HashAlgorithm.SHA_256, content=digest) for digest in _HASH.findall(rest)],
            licenses=list(_licences(name, pinned)),
        )


def _licences(name: str, pinned: str) -> Iterator[LicenseExpression]:
    try:
        told = metadata(name)
    except PackageNotFoundError:
        return
    if told["Version"] != pinned or "License-Expression" not in told:
        return
    declared = told["License-Expression"]
    try:
        get_spdx_licensing().parse(declared, validate=True)
    except ExpressionError:
        return
    yield LicenseExpression(declared)


def bill(lock: Path) -> str:
    """Give the document for a lock file."""
    text = lock.read_text(encoding="utf-8")
    module = (ROOT / "service" / "__init__.py").read_text(encoding="utf-8")
    [ours] = re.findall(r'^__version__ = "(.+)"$', module, re.MULTILINE)
    service = Component(
        type=ComponentType.APPLICATION,
        name="crlm-cds",
        version=ours,
        purl=PackageURL("pypi", None, "crlm-cds", ours),
        bom_ref="crlm-cds",
        licenses=[LicenseExpression("Apache-2.0")],
    )
    found = sorted(locked(text), key=lambda component: component.name)
    document = Bom(components=found, serial_number=uuid5(NAMESPACE_URL, text))
    document.metadata.component = service
    document.metadata.timestamp = None  # with one, no two documents would be the same
    document.register_dependency(service, found)
    return JsonV1Dot6(document).output_as_string(indent=2)


if __name__ == "__main__":
    sys.stdout.write(bill(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docker" / "requirements.lock") + "\n")
