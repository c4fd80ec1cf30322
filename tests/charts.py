"""Charts from plain facts: the same case in local codes and, where they exist, in standard ones; and the resources."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from fhir_mappings.catalogue import FACTS_SYSTEM, load_catalogue
from fhir_mappings.chart import Chart, Completeness
from fhir_mappings.mapper import SOURCES
from tests.canary.mark import marked

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Resource = dict[str, Any]
Charted = dict[str, list[Resource]]

SNOMED = "http://snomed.info/sct"
LOINC = "http://loinc.org"
ICD10 = "http://hl7.org/fhir/sid/icd-10"
ICD10CM = "http://hl7.org/fhir/sid/icd-10-cm"
PCS = "http://www.cms.gov/Medicare/Coding/ICD10"
CPT = "http://www.ama-assn.org/go/cpt"
HCPCS = "http://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets"
OPCS = "https://fhir.hl7.org.uk/Id/opcs-4"
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
ATC = "http://www.whocc.no/atc"
UCUM = "http://unitsofmeasure.org"
STRATEGY = "https://crlm-cds.example/fhir/CodeSystem/strategy"
_CLINICAL = "http://terminology.hl7.org/CodeSystem/condition-clinical"
_VERIFICATION = "http://terminology.hl7.org/CodeSystem/condition-ver-status"

COMPLETE = dict.fromkeys((*SOURCES, "BodyStructure"), Completeness.COMPLETE)

SITES = {
    "caecum": "C18.0",
    "ascending-colon": "C18.2",
    "hepatic-flexure": "C18.3",
    "transverse-colon": "C18.4",
    "splenic-flexure": "C18.5",
    "descending-colon": "C18.6",
    "sigmoid-colon": "C18.7",
    "colon-unspecified": "C18.9",
    "rectosigmoid": "C19",
    "rectum-unspecified": "C20",
}
OPERATIONS = {
    "right-hemicolectomy": (CPT, "44160"),
    "left-hemicolectomy": (SNOMED, "82619000"),
    "transverse-colectomy": (SNOMED, "26925005"),
    "sigmoid-or-high-anterior-resection": (PCS, "0DTN0ZZ"),
    "low-anterior-resection": (CPT, "44145"),
    "abdominoperineal-resection": (OPCS, "H33.1"),
    "total-colectomy": (CPT, "44150"),
    "proctocolectomy": (CPT, "44155"),
    "hartmann": (CPT, "44143"),
}

_RECENTLY = timedelta(days=7)


def concept(system: str, code: str) -> Resource:
    return {"coding": [{"system": system, "code": code}]}


def _day(day: date | str) -> str:
    return day if isinstance(day, str) else day.isoformat()


def condition(  # noqa: PLR0913 - a Condition has these parts
    ident: str,
    code: tuple[str, str],
    *,
    onset: date | str | None = None,
    clinical: str | None = "active",
    verification: str | None = "confirmed",
    patient_id: str = "1",
    **more: Any,
) -> Resource:
    found: Resource = {"resourceType": "Condition", "id": ident, "code": concept(*code)}
    if clinical is not None:
        found["clinicalStatus"] = concept(_CLINICAL, clinical)
    if verification is not None:
        found["verificationStatus"] = concept(_VERIFICATION, verification)
    if onset is not None:
        found["onsetDateTime"] = _day(onset)
    return marked(found | {"subject": {"reference": f"Patient/{patient_id}"}} | more)


def observation(
    ident: str,
    code: tuple[str, str],
    value: Mapping[str, Any],
    *,
    on: date | str | None = None,
    patient_id: str = "1",
    **more: Any,
) -> Resource:
    found: Resource = {"resourceType": "Observation", "id": ident, "status": "final", "code": concept(*code)}
    if on is not None:
        found["effectiveDateTime"] = _day(on)
    return marked(found | {"subject": {"reference": f"Patient/{patient_id}"}} | dict(value) | more)


def procedure(
    ident: str,
    code: tuple[str, str],
    *,
    on: date | str | None = None,
    status: str = "completed",
    patient_id: str = "1",
    **more: Any,
) -> Resource:
    found: Resource = {"resourceType": "Procedure", "id": ident, "status": status, "code": concept(*code)}
    if on is not None:
        found["performedDateTime"] = _day(on)
    return marked(found | {"subject": {"reference": f"Patient/{patient_id}"}} | more)


def order(
    ident: str,
    code: tuple[str, str],
    *,
    on: date | str | None = None,
    status: str = "active",
    patient_id: str = "1",
    **more: Any,
) -> Resource:
    found: Resource = {"resourceType": "ServiceRequest", "id": ident, "status": status, "intent": "order"}
    found["code"] = concept(*code)
    if on is not None:
        found["authoredOn"] = _day(on)
    return marked(found | {"subject": {"reference": f"Patient/{patient_id}"}} | more)


def dose(
    ident: str,
    code: tuple[str, str],
    *,
    on: date | str | None = None,
    status: str = "completed",
    patient_id: str = "1",
    **more: Any,
) -> Resource:
    found: Resource = {"resourceType": "MedicationAdministration", "id": ident, "status": status}
    found["medicationCodeableConcept"] = concept(*code)
    if on is not None:
        found["effectiveDateTime"] = _day(on)
    return marked(found | {"subject": {"reference": f"Patient/{patient_id}"}} | more)


def quantity(value: float, unit: str, **more: Any) -> Resource:
    return {"valueQuantity": {"value": value, "unit": unit, "system": UCUM, "code": unit} | more}


def coded(system: str, code: str) -> Resource:
    return {"valueCodeableConcept": concept(system, code)}


def local_value(code: str, value: Any) -> Resource:
    """Give value[x] of a fact as the review app writes it."""
    fact = load_catalogue()[code]
    if fact.kind == "boolean":
        return {"valueBoolean": value}
    if fact.kind == "date":
        return {"valueDateTime": _day(value)}
    if fact.kind == "choice":
        return coded(STRATEGY if code == "mdt-decision" else FACTS_SYSTEM, value)
    if fact.kind == "integer":
        return {"valueInteger": value}
    return quantity(value, fact.unit or "1")


def local(code: str, value: Any, *, on: date | str | None = None, patient_id: str = "1", **more: Any) -> Resource:
    ident = more.pop("ident", f"local-{code}")
    return observation(ident, (FACTS_SYSTEM, code), local_value(code, value), on=on, patient_id=patient_id, **more)


def by_type(resources: Iterable[Resource]) -> Charted:
    found: Charted = {}
    for resource in resources:
        found.setdefault(resource["resourceType"], []).append(resource)
    return found


def chart_of(
    resources: Iterable[Resource] | Charted,
    *,
    patient_id: str = "1",
    drafts: Iterable[Resource] = (),
    completeness: Mapping[str, Completeness] = COMPLETE,
) -> Chart:
    if isinstance(resources, dict):
        resources = [resource for of_type in resources.values() for resource in of_type]
    return Chart(patient_id, tuple(resources), tuple(drafts), completeness)


def _today(as_of: date) -> date:
    return as_of.date() if isinstance(as_of, datetime) else as_of


def local_chart(facts: Mapping[str, Any], *, as_of: date, patient_id: str = "1") -> Charted:
    """Chart facts as two undated Conditions and one local Observation each."""
    on = _today(as_of) - _RECENTLY
    found = [
        condition("primary", (ICD10CM, "C18.9"), patient_id=patient_id),
        condition("liver", (ICD10CM, "C78.7"), patient_id=patient_id),
    ]
    found += [local(code, value, on=on, patient_id=patient_id) for code, value in facts.items()]
    return by_type(found)


def standard_chart(facts: Mapping[str, Any], *, as_of: date, patient_id: str = "1") -> Charted:
    """Chart facts in standard codings wherever one says the same, in local Observations otherwise."""
    return by_type(_Standard(facts, _today(as_of), patient_id).resources())


class _Standard:
    """Writes one chart; the dates of the story are chosen so that the derived facts come out as given."""

    def __init__(self, facts: Mapping[str, Any], today: date, patient_id: str) -> None:
        self.facts = facts
        self.patient_id = patient_id
        self.recent = today - _RECENTLY
        self.written: set[str] = set()
        cycles = facts.get("chemotherapy-cycles") or 0
        self.metastasis: date | None = None
        self.diagnosis: date | None = None
        self.resection: date | None = None
        self._dates(today - timedelta(days=40 + 14 * cycles))

    def _dates(self, found: date) -> None:
        detected = self.facts.get("metastases-detected")
        explicit = {"primary-diagnosis-date", "liver-metastasis-date", "primary-resection-date"} & self.facts.keys()
        if explicit or detected is None:
            return
        months = self.facts.get("months-primary-to-metastases", 0)
        resected = self.facts.get("primary-in-situ") is False
        if detected == "follow-up" and resected:
            self.metastasis = found
            self.resection = _months_before(found, months)
            self.diagnosis = self.resection - timedelta(days=20)
            self.written |= {"metastases-detected", "months-primary-to-metastases", "primary-in-situ"}
        elif detected in ("at-staging", "intraoperative") and months == 0:
            self.metastasis = self.diagnosis = found
            self.written |= {"months-primary-to-metastases"}
            if detected == "at-staging":
                self.written.add("metastases-detected")
            if resected:
                self.resection = found + timedelta(days=20)
                self.written.add("primary-in-situ")

    def resources(self) -> list[Resource]:
        found = [*self._diseases(), *self._symptoms(), *self._operations(), *self._drugs()]
        for code, value in self.facts.items():
            if code not in self.written:
                found += self._observed(code, value)
        return found

    def _condition(self, ident: str, code: str, **more: Any) -> Resource:
        return condition(ident, (ICD10CM, code), patient_id=self.patient_id, **more)

    def _diseases(self) -> list[Resource]:
        site = self.facts.get("primary-site")
        if site in SITES:
            self.written.add("primary-site")
        primary_date = self.facts.get("primary-diagnosis-date", self.diagnosis)
        liver_date = self.facts.get("liver-metastasis-date", self.metastasis)
        self.written |= {"primary-diagnosis-date", "liver-metastasis-date"}
        resolved = self.facts.get("primary-in-situ") is False
        return [
            self._condition(
                "primary",
                SITES.get(site or "", "C20" if str(site).startswith("rectum") else "C18.9"),
                onset=primary_date,
                clinical="resolved" if resolved else "active",
            ),
            self._condition("liver", "C78.7", onset=liver_date),
        ]

    def _symptoms(self) -> list[Resource]:
        found = []
        codes = {"obstruction": "K56.609", "perforation": "K63.1", "bleeding": "K92.2", "minor": "D50.0"}
        symptom = self.facts.get("primary-symptoms")
        if symptom in codes and self.diagnosis is not None and self.facts.get("primary-in-situ") is not False:
            self.written.add("primary-symptoms")
            severe = {"severity": concept(SNOMED, "24484000")} if symptom == "bleeding" else {}
            found.append(self._condition("symptom", codes[symptom], onset=self.recent, **severe))
        if self.facts.get("primary-pathology") == "unfavourable-perforated" and self.diagnosis is not None:
            self.written.add("primary-pathology")
            found.append(self._condition("perforation", "K63.1", onset=self.diagnosis, clinical="resolved"))
        for condition_of_liver, code in (("steatosis", "K76.0"), ("cirrhosis", "K74.60")):
            if self.facts.get("liver-condition") == condition_of_liver:
                self.written.add("liver-condition")
                found.append(self._condition("liver-condition", code, onset=self.recent))
        return found

    def _operations(self) -> list[Resource]:
        found = []
        if self.resection is not None:
            code = OPERATIONS.get(self.facts.get("primary-operation-done", ""), (CPT, "44140"))
            self.written |= {"primary-operation-done"} if code != (CPT, "44140") else set()
            found.append(procedure("resection", code, on=self.resection, patient_id=self.patient_id))
        planned = self.facts.get("colorectal-operation")
        if planned in OPERATIONS:
            self.written.add("colorectal-operation")
            if self.facts.get("primary-in-situ") is True:
                self.written.add("primary-in-situ")
            found.append(order("bowel", OPERATIONS[planned], on=self.recent, patient_id=self.patient_id))
        extent = {"minor": "47120", "major": "47125"}.get(self.facts.get("hepatectomy-extent", ""))
        if extent:
            self.written.add("hepatectomy-extent")
            found.append(order("hepatectomy", (CPT, extent), on=self.recent, patient_id=self.patient_id))
        course = {"completed": "completed", "ongoing": "in-progress", "indicated": "preparation"}.get(
            self.facts.get("rectal-radiotherapy", "")
        )
        if course:
            self.written.add("rectal-radiotherapy")
            rectum = {"bodySite": [concept(SNOMED, "34402009")]}
            code = (SNOMED, "1217123003")
            on = self.recent
            found.append(procedure("course", code, on=on, status=course, patient_id=self.patient_id, **rectum))
        if self.facts.get("liver-state") == "treated" and self.metastasis is not None:
            self.written.add("liver-state")
            found.append(procedure("liver", (CPT, "47125"), on=self.recent, patient_id=self.patient_id))
        return found

    def _drugs(self) -> list[Resource]:
        cycles = self.facts.get("chemotherapy-cycles") or 0
        if not cycles or self.metastasis is None or self.facts.get("liver-state") in ("treated", "recurrence"):
            return []
        self.written.add("chemotherapy-cycles")
        return [
            dose(
                f"dose{number}",
                (RXNORM, "32592"),
                on=self.metastasis + timedelta(days=7 + 14 * number),
                patient_id=self.patient_id,
            )
            for number in range(cycles)
        ]

    def _observed(self, code: str, value: Any) -> list[Resource]:
        said = _STANDARD_VALUES.get(code, lambda _: None)(value)
        if code == "chemotherapy-response" and "chemotherapy-cycles" not in self.written:
            said = None
        if said is None:
            return [local(code, value, on=self.recent, patient_id=self.patient_id)]
        system, name, given, more = said
        return [observation(code, (system, name), given, on=self.recent, patient_id=self.patient_id, **more)]


def _months_before(day: date, months: int) -> date:
    index = day.year * 12 + day.month - 1 - months
    return date(index // 12, index % 12 + 1, min(day.day, 28))


_ASA = ("413495001", "413496000", "413497009", "413498004", "413499007", "413500003")
_ECOG = ("LA9622-7", "LA9623-5", "LA9624-3", "LA9625-0", "LA9626-8", "LA9627-6")
_MARGIN = {"r0": "258254000", "r1": "278271003", "r2": "278272005"}
_RESPONSE = {
    "partial-response": "268910001",
    "stable-disease": "359746009",
    "progressive-disease": "271299001",
}
_GENE = {"mutated": "LA9633-4", "wild-type": "LA9634-2"}
_MSI = {"stable": "LA14122-8", "msi-high": "LA26203-2"}

_Said = tuple[str, str, Resource, Resource] | None


def _response(value: str) -> _Said:
    code = _RESPONSE.get(value)
    return (LOINC, "97509-4", coded(SNOMED, code), {}) if code else None


_STANDARD_VALUES: dict[str, Any] = {
    "ecog": lambda value: (LOINC, "89262-0", coded(LOINC, _ECOG[value]), {}),
    "asa": lambda value: (SNOMED, "302132005", coded(SNOMED, _ASA[value - 1]), {}),
    "primary-t": lambda value: (LOINC, "21899-0", {"valueCodeableConcept": {"text": f"p{value}"}}, {}),
    "primary-n": lambda value: (LOINC, "21900-6", {"valueCodeableConcept": {"text": f"p{value}"}}, {}),
    "primary-margin": lambda value: (SNOMED, "17964000", coded(SNOMED, _MARGIN[value]), {}),
    "largest-metastasis": lambda value: (
        LOINC,
        "21889-1",
        quantity(value / 10, "cm"),
        {"bodySite": concept(SNOMED, "10200004")},
    ),
    "chemotherapy-response": _response,
    "cea": lambda value: (LOINC, "2039-6", quantity(value, "ug/L"), {}),
    "nodes-positive": lambda value: (LOINC, "21893-3", {"valueInteger": value}, {}),
    "ras": lambda value: (LOINC, "21702-6", coded(LOINC, _GENE[value]), {}),
    "braf": lambda value: (LOINC, "85299-6", coded(LOINC, _GENE[value]), {}),
    "msi": lambda value: (LOINC, "81695-9", coded(LOINC, _MSI[value]), {}),
}
