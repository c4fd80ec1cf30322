"""The record of one patient while it is written: resources in the many shapes that EHRs give them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from tests.roundtrip.dated import element, observed, on, written
from tests.roundtrip.terms import concept

if TYPE_CHECKING:
    from datetime import date
    from random import Random

    from fhir_mappings.case import PartialDate
    from tests.roundtrip.terms import Term

Json = dict[str, Any]

_CLINICAL = "http://terminology.hl7.org/CodeSystem/condition-clinical"
_VERIFICATION = "http://terminology.hl7.org/CodeSystem/condition-ver-status"
_ASSERTED = "http://hl7.org/fhir/StructureDefinition/condition-assertedDate"


@dataclass
class Record:
    """Writes resources of a patient; `today` is the day of the call."""

    random: Random
    today: date
    patient_id: str
    resources: list[Json] = field(default_factory=list)

    def ago(self, days: int) -> date:
        return self.today - timedelta(days=days)

    def observation(self, said: Json, when: PartialDate | None, *, status: str | None = None, **more: Any) -> Json:
        """Add an Observation with code and value as given, sometimes as a component of a panel."""
        random = self.random
        values = {name for name in said if name.startswith("value")}
        if values and set(said) == {"code", *values} and random.random() < 0.08:
            said = {"code": {"coding": [{"system": "http://loinc.org", "code": "89084-8"}]}, "component": [said]}
        status = status or random.choice(("final", "final", "amended", "corrected", "preliminary"))
        return self._add({"resourceType": "Observation", "status": status, **said, **observed(random, when), **more})

    def condition(
        self,
        term: Term,
        when: PartialDate | None,
        *,
        source: str = "onset",
        clinical: str | None = "active",
        verification: str | None = "confirmed",
        **more: Any,
    ) -> Json:
        """Add a Condition, dated by its onset, its assertion or its recording."""
        random = self.random
        body: Json = {"resourceType": "Condition", "code": concept(random, term)}
        if clinical is not None:
            body["clinicalStatus"] = {"coding": [{"system": _CLINICAL, "code": clinical}]}
        if verification is not None:
            body["verificationStatus"] = {"coding": [{"system": _VERIFICATION, "code": verification}]}
        if when is not None:
            match source:
                case "asserted":
                    body["extension"] = [{"url": _ASSERTED, "valueDateTime": written(random, when)}]
                case "recorded":
                    body["recordedDate"] = written(random, when)
                case _:
                    body |= element(random, "onset", when)
                    if random.random() < 0.3:
                        body["recordedDate"] = written(random, on(self.today))
        return self._add({**body, **more})

    def procedure(self, term: Term, when: PartialDate | None, *, status: str = "completed", **more: Any) -> Json:
        """Add a Procedure; what is prepared is every other time not done yet."""
        if status == "preparation" and self._odd:
            status = "not-done-yet"
        body: Json = {"resourceType": "Procedure", "status": status, "code": concept(self.random, term)}
        dated = element(self.random, "performed", when) if when is not None else {}
        return self._add({**body, **dated, **more})

    def order(self, term: Term, when: date, *, status: str | None = None, **more: Any) -> Json:
        body: Json = {"resourceType": "ServiceRequest", "intent": self.random.choice(("order", "plan", "proposal"))}
        body["status"] = status or self.random.choice(("active", "draft", "on-hold"))
        return self._add(
            {**body, "code": concept(self.random, term), "authoredOn": written(self.random, on(when)), **more}
        )

    def dose(self, term: Term, when: date, *, status: str = "completed") -> Json:
        """Add a dose that was given: an administration or a completed order, its drug named or contained."""
        random = self.random
        if random.random() < 0.2:
            dated: Json = {"authoredOn": written(random, on(when))}
            body: Json = {"resourceType": "MedicationRequest", "status": status, "intent": "order", **dated}
        else:
            dated = {"effectiveDateTime": written(random, on(when))}
            body = {"resourceType": "MedicationAdministration", "status": status, **dated}
        if random.random() < 0.15:
            drug = {"resourceType": "Medication", "id": "drug", "code": concept(random, term)}
            return self._add({**body, "contained": [drug], "medicationReference": {"reference": "#drug"}})
        return self._add({**body, "medicationCodeableConcept": concept(random, term)})

    def plan(self, term: Term, when: date, *, status: str) -> Json:
        """Add a care plan of a category, dated by its creation or by the months that it is for."""
        body: Json = {"resourceType": "CarePlan", "status": status, "intent": "plan"}
        category, since = [concept(self.random, term)], written(self.random, on(when))
        months = {"start": since, "end": str(self.today.year + 1)}
        return self._add({**body, "category": category, **({"period": months} if self._odd else {"created": since})})

    @property
    def _odd(self) -> bool:
        """A choice that draws nothing, so that the patients of known seeds stay as they are."""
        return len(self.resources) % 2 == 1

    def _add(self, resource: Json) -> Json:
        random = self.random
        resource["id"] = f"{resource['resourceType'][:3].lower()}-{len(self.resources)}"
        reference = f"Patient/{self.patient_id}"
        spelled = (reference, reference, f"https://ehr.example.org/fhir/{reference}", f"{reference}/_history/3")
        resource["subject"] = {"reference": random.choice(spelled)}
        if self._odd:
            resource["subject"] |= {"type": "Patient", "identifier": {"system": "urn:oid:1.2.3", "value": "4711"}}
        if random.random() < 0.2:
            resource["meta"] = {"versionId": "2", "lastUpdated": "2026-11-01T10:00:00Z"}
        if random.random() < 0.05:
            resource["note"] = [{"text": "dictated, not read: ECOG 4, R2, perforated, cirrhosis"}]
        if random.random() < 0.03:
            resource["identifier"] = None
        self.resources.append(resource)
        return resource
