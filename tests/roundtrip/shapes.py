"""The prefetch of one call: the same resources as bundles, alone, repeated, out of order, among others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.noise import noise

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from random import Random

Json = dict[str, Any]

_STATES = (
    {"resourceType": "OperationOutcome", "issue": [{"severity": "information", "code": "informational"}]},
    {"resourceType": "OperationOutcome", "issue": [{"severity": "warning", "code": "processing"}]},
)


def prefetch_of(
    random: Random,
    resources: Sequence[Json],
    templates: Mapping[str, str],
    *,
    patient_id: str,
    withheld: frozenset[str] = frozenset(),
) -> Json:
    """Answer every template with the resources of its type, in a shape that clients send; some types not at all."""
    crowd = noise(random, random.choice((0, 0, 3, 12)), patient_id=patient_id)
    everything = [*resources, *crowd, *_copies(random, resources)]
    random.shuffle(everything)
    found: Json = {}
    for key, template in templates.items():
        kind = template.partition("?")[0].partition("/")[0]
        if kind in withheld:
            if random.random() < 0.5:
                found[key] = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "timeout"}]}
            continue
        mine = [resource for resource in everything if resource["resourceType"] == kind]
        if kind == "Patient":
            found[key] = {"resourceType": "Patient", "id": patient_id, "gender": "unknown"}
        elif not mine and random.random() < 0.5:
            found[key] = None
        elif len(mine) == 1 and random.random() < 0.5:
            found[key] = mine[0]
        else:
            stray = [random.choice(everything)] if mine and random.random() < 0.2 else []
            found[key] = _bundle(random, [*mine, *stray])
    return found


def _copies(random: Random, resources: Sequence[Json]) -> list[Json]:
    if not resources or random.random() < 0.5:
        return []
    return [random.choice(resources) for _ in range(random.randint(1, 4))]


def _bundle(random: Random, resources: Sequence[Json]) -> Json:
    entries: list[Any] = [_entry(random, resource) for resource in resources]
    if random.random() < 0.15:
        entries.append({"resource": random.choice(_STATES), "search": {"mode": "outcome"}})
    if random.random() < 0.05:
        entries.append({"fullUrl": "urn:uuid:0f0f0f0f-0000-4000-8000-000000000000"})
    bundle: Json = {"resourceType": "Bundle", "type": random.choice(("searchset", "collection", "batch-response"))}
    if random.random() < 0.4:
        bundle["total"] = len(resources)
    if random.random() < 0.3:
        bundle["link"] = [{"relation": "self", "url": "https://ehr.example.org/fhir"}]
    if entries or random.random() < 0.5:
        bundle["entry"] = entries
    return bundle


def _entry(random: Random, resource: Json) -> Json:
    entry: Json = {"resource": resource}
    if random.random() < 0.3:
        entry["fullUrl"] = f"https://ehr.example.org/fhir/{resource['resourceType']}/{resource.get('id')}"
    if random.random() < 0.5:
        entry["search"] = {"mode": "match"}
    return entry
