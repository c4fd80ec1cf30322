"""The synthetic hospital: its one user and its organisation."""

from __future__ import annotations

from typing import Any

USER = "Practitioner/demo-surgeon"


def practice() -> list[dict[str, Any]]:
    """Give the resources that belong to no patient."""
    return [
        {
            "resourceType": "Organization",
            "id": "demo-hospital",
            "active": True,
            "name": "Demo Hospital (synthetic)",
        },
        {
            "resourceType": "Practitioner",
            "id": "demo-surgeon",
            "active": True,
            "name": [{"family": "Demo-Surgeon", "given": ["Synthia"], "prefix": ["Dr"]}],
        },
    ]
