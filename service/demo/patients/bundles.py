"""The synthetic patients as transaction Bundles, for any FHIR R4 server."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from service.demo.patients.load import stories
from service.demo.patients.practice import practice

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date
    from pathlib import Path

    from service.demo.fhir.record import Resource


def transaction(resources: Iterable[Resource]) -> dict[str, Any]:
    """Give a transaction that creates the resources under their own ids, or renews them."""
    entries = [
        {"resource": one, "request": {"method": "PUT", "url": f"{one['resourceType']}/{one['id']}"}}
        for one in resources
    ]
    return {"resourceType": "Bundle", "type": "transaction", "entry": entries}


def export(folder: Path, as_of: date) -> int:
    """Write one file a patient, after one for the practice that they refer to; give the number of patients."""
    told = stories(as_of)
    bundles = {"00-practice": practice(), **{story.id: story.resources for story in told}}
    for name, resources in bundles.items():
        text = json.dumps(transaction(resources), ensure_ascii=False, indent=1)
        (folder / f"{name}.json").write_text(text + "\n", encoding="utf-8")
    return len(told)
