"""Saving what was entered: facts as Observations, down the ladder of what this EHR takes, nothing lost on the way."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from fhir_mappings.loose_json import objects
from fhir_mappings.outbound import Draft, observation, provenance
from service.adapters.fhir_answers import version_of
from service.adapters.fhir_write import FhirWriter, Rung, Write, WriteOutcome
from service.errors import StoreUnavailable
from service.knowledge.phrases import day, sentence, value_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import date, datetime

    from fhir_mappings.case import Value
    from fhir_mappings.catalogue import Catalogue
    from fhir_mappings.chart import Chart
    from service.web.review.ports import OwnStore

FACT_IDENTIFIERS = "https://crlm-cds.example/fhir/identifier/case-fact"
"""The system of the identifier that each Observation of the app carries: patient, fact and day."""
APPLICATION = "crlm-cds review"
_SUMMARY_LOINC = "34133-9"


@dataclass(frozen=True, slots=True)
class SavedItem:
    """One thing that was saved, in words, with the resource that now holds it."""

    title: str
    value: str
    reference: str | None = None
    how: str | None = None


@dataclass(frozen=True, slots=True)
class SaveReport:
    """What became of everything that was entered; `text` has all of it, to copy."""

    rung: Rung
    saved: tuple[SavedItem, ...] = ()
    conflicts: tuple[SavedItem, ...] = ()
    failed: tuple[SavedItem, ...] = ()
    refused: tuple[SavedItem, ...] = ()
    document: str | None = None
    provenance: bool = False
    text: str = ""

    @property
    def is_complete(self) -> bool:
        """Whether nothing has to be entered or copied again."""
        return not (self.conflicts or self.failed or self.refused)

    @property
    def heading(self) -> str:
        """Say in a word or three what became of it."""
        if self.is_complete:
            return "Saved"
        return "Saved in part" if self.saved else "Not saved"


@dataclass(frozen=True, slots=True)
class Author:
    """Who saves, for which patient, when; `user` is the FHIR reference that the id_token proved."""

    issuer: str
    patient: str
    user: str | None
    now: datetime

    def draft(self, effective: date) -> Draft:
        """Give what all resources of this save share."""
        return Draft(patient_id=self.patient, authored=effective, new_id=lambda: str(uuid4()), user=self.user)


@dataclass(frozen=True, slots=True)
class Entered:
    """Writes with their words: what the report says about each, by what the write is about."""

    writes: tuple[Write, ...]
    words: Mapping[str, SavedItem]
    effective: date
    headline: str = field(default="Facts entered for the case")


def facts_entered(  # noqa: PLR0913 - what is written, by whom, and what it may replace
    values: Mapping[str, Value],
    *,
    effective: date,
    author: Author,
    chart: Chart,
    catalogue: Catalogue,
    seen: Mapping[str, str],
) -> Entered:
    """Turn entered values into writes; `seen` are the versions of our earlier Observations as the user saw them."""
    draft = author.draft(effective)
    writes, words = [], {}
    for code, value in values.items():
        definition = catalogue[code]
        identifier = f"{author.patient}/{code}/{effective.isoformat()}"
        title = sentence(value_text(definition, value)) if definition.kind == "choice" else None
        resource = observation(
            draft,
            definition,
            value,
            effective=effective,
            title=title,
            identifier=(FACT_IDENTIFIERS, identifier),
        )
        earlier = earlier_write(chart.resources, identifier, seen.get(code))
        writes.append(Write(code, resource, f"{FACT_IDENTIFIERS}|{identifier}", earlier))
        words[code] = SavedItem(sentence(definition.title), value_text(definition, value))
    return Entered(tuple(writes), words, effective)


def earlier_write(resources: Iterable[Mapping[str, Any]], identifier: str, seen: str | None) -> tuple[str, str] | None:
    """Give id and version of our own Observation with this identifier; the version is the one the user has seen."""
    for resource in resources:
        if resource.get("resourceType") != "Observation" or not resource.get("id"):
            continue
        version = seen or version_of(resource)
        carried = [(each.get("system"), each.get("value")) for each in objects(resource.get("identifier"))]
        if (FACT_IDENTIFIERS, identifier) in carried and version is not None:
            return str(resource["id"]), version
    return None


async def save(entered: Entered, *, writer: FhirWriter, author: Author, own_store: OwnStore | None) -> SaveReport:
    """Write to the EHR, else to our own store, else leave a text to copy; raises `AccessEndedError`."""
    text = as_text(entered)
    draft = author.draft(entered.effective)
    outcome = await writer.save(
        entered.writes,
        provenance=lambda targets: provenance(draft, targets, recorded=author.now, application=APPLICATION),
        document=lambda: _document(text, entered, author),
    )
    refused = tuple(code for code in outcome.left("refused") if code in entered.words)
    if refused and outcome.document is None and own_store is not None:
        kept = [write.resource for write in entered.writes if write.about in refused and write.kind == "Observation"]
        try:
            await own_store.put(author.issuer, author.patient, kept, now=author.now)
        except StoreUnavailable:
            return _report(outcome, entered, text, rung="copy", refused=refused)
        return _report(outcome, entered, text, rung="own-store", kept=refused)
    if outcome.document is not None:
        return _report(outcome, entered, text, rung="document", kept=refused)
    return _report(outcome, entered, text, rung="copy" if refused else outcome.rung or "copy", refused=refused)


def _report(  # noqa: PLR0913 - each argument is one part of the report
    outcome: WriteOutcome,
    entered: Entered,
    text: str,
    *,
    rung: Rung,
    kept: Sequence[str] = (),
    refused: Sequence[str] = (),
) -> SaveReport:
    words = entered.words
    saved = [
        SavedItem(words[found.about].title, words[found.about].value, found.reference, found.how)
        for found in outcome.written
        if found.about in words
    ]
    saved += [SavedItem(words[code].title, words[code].value, outcome.document) for code in kept]
    return SaveReport(
        rung=rung,
        saved=tuple(saved),
        conflicts=_named(outcome.left("conflict"), words),
        failed=_named(outcome.left("failed"), words),
        refused=_named(refused, words),
        document=outcome.document,
        provenance=outcome.provenance,
        text=text,
    )


def _named(codes: Iterable[str], words: Mapping[str, SavedItem]) -> tuple[SavedItem, ...]:
    return tuple(words[code] for code in codes if code in words)


def as_text(entered: Entered) -> str:
    """Write what was entered as plain lines, for a document or to copy."""
    lines = [f"{item.title}: {item.value}" for item in entered.words.values()]
    return "\n".join([f"{entered.headline}, {day(entered.effective)}", *lines, "Entered with crlm-cds."])


def _document(text: str, entered: Entered, author: Author) -> Write:
    identifier = f"{author.patient}/summary/{author.now.isoformat()}"
    draft = author.draft(entered.effective)
    resource: dict[str, Any] = {
        "resourceType": "DocumentReference",
        "id": str(uuid4()),
        "identifier": [{"system": FACT_IDENTIFIERS, "value": identifier}],
        "status": "current",
        "type": {
            "coding": [{"system": "http://loinc.org", "code": _SUMMARY_LOINC, "display": "Summary of episode note"}],
            "text": entered.headline,
        },
        "subject": draft.subject,
        "date": author.now.isoformat(timespec="seconds"),
        "description": entered.headline,
        "content": [
            {
                "attachment": {
                    "contentType": "text/plain; charset=utf-8",
                    "data": base64.b64encode(text.encode()).decode(),
                }
            }
        ],
    }
    if draft.requester is not None:
        resource["author"] = [draft.requester]
    return Write("summary", resource, f"{FACT_IDENTIFIERS}|{identifier}")
