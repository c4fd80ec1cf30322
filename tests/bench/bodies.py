"""The bodies of the benchmark: a complete case among noise, and a chart out of scope."""

from __future__ import annotations

import random
import uuid
from datetime import UTC, datetime
from typing import Any

import orjson

from tests.charts import standard_chart
from tests.noise import noise

PATIENT = "bench"
COMPLETE: dict[str, Any] = {
    "ecog": 0,
    "asa": 2,
    "primary-site": "sigmoid-colon",
    "primary-in-situ": True,
    "primary-symptoms": "none",
    "impending-complication": False,
    "colorectal-operation": "sigmoid-or-high-anterior-resection",
    "colorectal-multivisceral": False,
    "rectal-radiotherapy": "not-indicated",
    "metastases-detected": "at-staging",
    "months-primary-to-metastases": 0,
    "metastasis-count": 2,
    "largest-metastasis": 55,
    "metastasis-distribution": "unilobar",
    "metastases-accessible": False,
    "r0-achievable": True,
    "flr-percent": 42,
    "liver-condition": "normal",
    "hepatectomy-extent": "major",
    "extrahepatic-disease": "none",
    "liver-mri-done": True,
    "liver-centre-discussed": "agreed",
    "chemotherapy-cycles": 0,
    "adjuvant-status": "none",
    "cea": 12.5,
}

META = {"versionId": "1", "lastUpdated": "2026-11-01T10:00:00.123+00:00", "source": "#Xq3vT0aBcD"}
"""What a common server adds to each resource."""


def _prefetch(resources: list[dict[str, Any]], templates: dict[str, str]) -> dict[str, Any]:
    prefetch: dict[str, Any] = {}
    for key, template in templates.items():
        kind = template.partition("?")[0].partition("/")[0]
        mine = [r for r in resources if r["resourceType"] == kind]
        if "?" not in template:
            prefetch[key] = mine[0] if mine else None
            continue
        prefetch[key] = {
            "resourceType": "Bundle",
            "type": "searchset",
            "total": len(mine),
            "entry": [{"fullUrl": f"https://ehr.example/fhir/{kind}/{r['id']}", "resource": r} for r in mine],
        }
    return prefetch


def _apart(resource: dict[str, Any], number: int) -> dict[str, Any]:
    """Give a resource a code and a name that no other has: one of a system that is read, or of the hospital's own."""
    at = "medicationCodeableConcept" if resource["resourceType"] == "MedicationRequest" else "code"
    coding = resource[at]["coding"][0]
    own = {"code": f"9{number:06}"} if number % 2 else {"system": "urn:oid:1.2.3.4", "code": f"L{number}"}
    # A marker's name would be worth a look beside a code of the hospital's own.
    name = f"{coding['display'].replace('Carcinoembryonic', 'Another')}, series {number}"
    return resource | {at: {"coding": [coding | own | {"display": name}], "text": name}}


def body(
    size: int, templates: dict[str, str], *, in_scope: bool = True, are_apart: bool = False, seed: int = 7
) -> bytes:
    """Make a patient-view request of `size` resources, 25 of them relevant where it is in scope.

    The others share a few dozen codes as most charts do; where they are `apart` each has a code and a name of its own.
    """
    rng = random.Random(seed)
    resources: list[dict[str, Any]] = []
    if in_scope:
        chart = standard_chart(COMPLETE, as_of=datetime.now(UTC), patient_id=PATIENT)
        resources = [resource | {"meta": META} for of_type in chart.values() for resource in of_type]
    others = noise(rng, size - len(resources), patient_id=PATIENT)
    resources += [_apart(one, number) for number, one in enumerate(others)] if are_apart else others
    rng.shuffle(resources)
    return orjson.dumps(
        {
            "hook": "patient-view",
            "hookInstance": str(uuid.UUID(int=rng.getrandbits(128), version=4)),
            "context": {"userId": "Practitioner/surgeon", "patientId": PATIENT},
            "prefetch": _prefetch(resources, templates),
        }
    )
