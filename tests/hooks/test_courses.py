"""Whole courses of patients with metachronous metastases: each moment is answered by what the chart held then."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from tests.charts import (
    CPT,
    ICD10CM,
    LOINC,
    OPCS,
    RXNORM,
    SNOMED,
    STRATEGY,
    coded,
    concept,
    condition,
    dose,
    local,
    observation,
    procedure,
)
from tests.checked_client import CheckedClient
from tests.hooks.serving import ADVICE, PATIENT, app_of, message, prefetch_of

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    Json = dict[str, Any]
    Told = tuple[str | None, list[str] | None]

MINE = {"patient_id": PATIENT}
OXALIPLATIN, IRINOTECAN, BEVACIZUMAB = (RXNORM, "32592"), (RXNORM, "51499"), (RXNORM, "253337")
OPEN = "undetermined"


def diagnosed(name: str, code: str, onset: str, clinical: str = "active", *, version: str = "1") -> Json:
    return condition(name, (ICD10CM, code), onset=onset, clinical=clinical, meta={"versionId": version}, **MINE)


def doses(name: str, drug: tuple[str, str], start: str, count: int, *, days: int) -> list[Json]:
    starts = [date.fromisoformat(start) + timedelta(days=days * number) for number in range(count)]
    return [dose(f"{name}{number}", drug, on=on, **MINE) for number, on in enumerate(starts)]


def recorded(on: str, **facts: Any) -> list[Json]:
    told = {code.replace("_", "-"): value for code, value in facts.items()}
    return [local(code, value, on=on, ident=f"{code}-{on}", **MINE) for code, value in told.items()]


def drafted(code: str, on: str) -> Json:
    subject = {"reference": f"Patient/{PATIENT}"}
    found = {"resourceType": "ServiceRequest", "id": "d", "status": "draft", "intent": "order", "subject": subject}
    return found | {"code": concept(CPT, code), "occurrenceDateTime": on}


def day_of(resource: Json) -> str:
    names = ("onsetDateTime", "effectiveDateTime", "performedDateTime", "created")
    return next(str(resource[name]) for name in names if name in resource)


class Course:
    """A chart that grows, and the service at the clock of each moment."""

    def __init__(self, folder: Path, *resources: Json, later: Iterable[tuple[str, Json]] = ()) -> None:
        self.record = [*((day_of(one), one) for one in resources), *later]
        self.today = ""
        self.app = app_of(folder, clock=lambda: datetime.fromisoformat(self.today).replace(tzinfo=UTC))

    async def told(self, day: str, *drafts: Json) -> list[Told]:
        """Give the topic and the rows of each card of a day, on opening the chart or on signing drafts."""
        self.today = day
        prefetch = prefetch_of(resource for since, resource in self.record if since <= day)
        hook = "order-sign" if drafts else "patient-view"
        entries = {"draftOrders": {"resourceType": "Bundle", "entry": [{"resource": one} for one in drafts]}}
        body = message(hook, prefetch=prefetch, context=entries if drafts else None)
        async with CheckedClient(self.app) as client:
            answer = await client.call(body, f"/cds-services/crlm-{hook}")
        assert answer.status_code == 200, answer.text
        return [
            (card["source"]["topic"]["code"], card["extension"][ADVICE].get("rows")) for card in answer.json()["cards"]
        ]


async def test_a_metastasis_is_found_treated_and_comes_back(tmp_path: Path) -> None:
    course = Course(
        tmp_path,
        diagnosed("primary", "C18.7", "2023-11-06"),
        procedure("colectomy", (CPT, "44204"), on="2023-11-20", **MINE),
        observation("pn", (LOINC, "21900-6"), {"valueCodeableConcept": {"text": "pN1b"}}, on="2023-11-27", **MINE),
        *doses("adjuvant", OXALIPLATIN, "2024-01-08", 8, days=21),
        diagnosed("liver", "C78.7", "2024-11-20"),
        *recorded("2024-11-29", ecog=0, r0_achievable=True, hepatectomy_extent="minor", extrahepatic_disease="none"),
        procedure("wedge", (CPT, "47120"), on="2025-01-08", **MINE),
        *doses("after", OXALIPLATIN, "2025-02-17", 6, days=14),
        diagnosed("again", "C78.7", "2025-09-05", "recurrence"),
        procedure("major", (OPCS, "J02.1"), on="2025-10-20", **MINE),
        later=[
            ("2024-02-01", diagnosed("primary", "C18.7", "2023-11-06", "remission", version="2")),
            ("2025-02-01", diagnosed("liver", "C78.7", "2024-11-20", "resolved", version="2")),
            ("2026-01-10", diagnosed("again", "C78.7", "2025-09-05", "remission", version="2")),
        ],
    )
    found = {day: await course.told(day) for day in (
        "2023-11-10", "2024-03-01", "2024-11-25", "2024-12-02", "2025-01-10", "2025-03-01", "2025-09-10", "2025-10-25",
        "2026-02-01",
    )}  # fmt: skip
    assert found == {
        "2023-11-10": [],
        "2024-03-01": [],
        "2024-11-25": [(OPEN, ["G1", "G3", "B7"])],
        "2024-12-02": [("metachronous", ["B7"])],
        "2025-01-10": [],
        "2025-03-01": [],
        "2025-09-10": [("mdt", ["T2"])],
        "2025-10-25": [],
        "2026-02-01": [],
    }
    assert await course.told("2024-12-02", drafted("47120", "2024-12-20")) == []
    assert await course.told("2025-01-10", drafted("47000", "2025-01-12")) == []
    assert await course.told("2025-03-10", drafted("47120", "2025-03-20")) == []
    assert await course.told("2025-09-10", drafted("47130", "2025-10-20")) == [("strategy-differs", ["T2"])]


async def test_chemotherapy_before_the_liver_under_the_eyes_of_an_mdt(tmp_path: Path) -> None:
    plan: Json = {
        "resourceType": "CarePlan",
        "id": "plan",
        "status": "active",
        "intent": "plan",
        "subject": {"reference": f"Patient/{PATIENT}"},
        "created": "2025-01-30",
        "category": [concept(STRATEGY, "metachronous")],
    }
    status = (LOINC, "97509-4")
    course = Course(
        tmp_path,
        condition("primary", (SNOMED, "363406005"), onset="2024-01-08", clinical="resolved", **MINE),
        procedure("colectomy", (SNOMED, "82619000"), on="2024-01-22", **MINE),
        observation("pn", (LOINC, "21900-6"), {"valueCodeableConcept": {"text": "pN0"}}, on="2024-01-29", **MINE),
        condition("liver", (SNOMED, "94381002"), onset="2025-01-21", **MINE),
        *recorded("2025-01-28", ecog=0, r0_achievable=True, hepatectomy_extent="major", flr_percent=38),
        plan,
        observation("baseline", status, coded(SNOMED, "271299001"), on="2025-02-03", **MINE),
        *doses("irinotecan", IRINOTECAN, "2025-02-03", 4, days=10),
        *doses("bevacizumab", BEVACIZUMAB, "2025-02-03", 3, days=14),
        observation("restaged", status, coded(SNOMED, "268910001"), on="2025-03-17", **MINE),
        condition("lung", (ICD10CM, "C78.01"), onset="2025-04-02", **MINE),
        *recorded("2025-04-05", extrahepatic_disease="unresectable"),
        *recorded("2025-04-06", mdt_decision="systemic-first"),
    )
    found = {day: await course.told(day) for day in (
        "2025-01-29", "2025-01-31", "2025-02-04", "2025-03-18", "2025-04-03", "2025-04-05", "2025-04-07",
    )}  # fmt: skip
    assert found == {
        "2025-01-29": [("metachronous", ["B6"])],
        "2025-01-31": [],
        "2025-02-04": [(OPEN, ["A7", "B0m"])],
        "2025-03-18": [("metachronous", ["B0m"])],
        "2025-04-03": [(OPEN, ["G2", "G2b"])],
        "2025-04-05": [("systemic-first", ["G2b"])],
        "2025-04-07": [],
    }
    ordered = [
        ("2025-01-31", "47130", "2025-02-10"),
        ("2025-03-18", "47130", "2025-04-13"),
        ("2025-03-18", "47130", "2025-04-14"),
        ("2025-03-18", "96413", "2025-03-20"),
        ("2025-04-07", "47130", "2025-05-20"),
    ]
    assert [[code for code, _ in await course.told(day, drafted(code, on))] for day, code, on in ordered] == [
        [],
        ["interval-too-short"],
        [],
        ["stop-chemotherapy-resect-now"],
        ["strategy-differs"],
    ]
