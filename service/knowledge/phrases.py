"""How facts and their values are named in a sentence."""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING, assert_never

from fhir_mappings.case import PartialDate

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fhir_mappings.case import Value
    from fhir_mappings.catalogue import FactDefinition
    from service.knowledge.decision import Label

SUMMARY_LIMIT = 139
"""Characters of a card's summary."""
_UNITS = {"%": " %", "mm": " mm", "ng/mL": " ng/mL", "mo": " months"}
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

# The name of a fact in "… decides" and in front of a value.
_SHORT = {
    "ecog": "ECOG",
    "asa": "ASA",
    "primary-in-situ": "whether the primary is in situ",
    "primary-symptoms": "symptoms of the primary",
    "impending-complication": "impending complication",
    "colorectal-operation": "the planned bowel operation",
    "colorectal-multivisceral": "multivisceral resection",
    "metastases-detected": "when the metastases were found",
    "months-primary-to-metastases": "the disease-free interval",
    "metastasis-count": "number of metastases",
    "largest-metastasis": "size of the largest metastasis",
    "metastases-accessible": "accessibility of the metastases",
    "r0-achievable": "whether R0 is achievable",
    "flr-percent": "liver remnant",
    "hepatectomy-extent": "extent of the hepatectomy",
    "liver-state": "whether the liver has been treated",
    "liver-centre-discussed": "the liver centre's view",
    "chemotherapy-cycles": "preoperative cycles",
    "chemotherapy-response": "response to chemotherapy",
}

_PLURAL = frozenset({"primary-symptoms", "chemotherapy-cycles"})

# One value of a fact as a clause that stands alone; `{}` is the value.
_CLAUSES: dict[str, dict[Value, str]] = {
    "primary-in-situ": {True: "primary in situ", False: "primary resected"},
    "primary-symptoms": {
        "none": "no symptoms of the primary",
        "minor": "minor symptoms of the primary",
        "obstruction": "obstructing primary",
        "perforation": "perforated primary",
        "bleeding": "uncontrolled bleeding from the primary",
    },
    "impending-complication": {True: "complication of the primary impending", False: "no impending complication"},
    "colorectal-multivisceral": {True: "multivisceral resection planned", False: "no multivisceral resection"},
    "rectal-radiotherapy": {
        "not-indicated": "no radiotherapy indicated",
        "indicated": "radiotherapy of the rectum indicated",
        "ongoing": "radiotherapy of the rectum running",
        "completed": "radiotherapy of the rectum completed",
    },
    "primary-pathology": {
        "favourable": "favourable pathology of the primary",
        "unfavourable-perforated": "unfavourable primary (perforated)",
        "unfavourable-nodal": "unfavourable primary (pN2)",
    },
    "primary-margin": {"r0": "primary resected R0", "r1": "primary resected R1", "r2": "primary resected R2"},
    "metastases-detected": {
        "at-staging": "metastases found at staging",
        "intraoperative": "metastases found at operation",
        "follow-up": "metastases found at follow-up",
    },
    "liver-state": {
        "untreated": "liver not yet treated",
        "treated": "liver metastases treated",
        "recurrence": "recurrence after liver treatment",
    },
    "metastases-accessible": {True: "accessible", False: "not easily accessible"},
    "r0-achievable": {True: "R0 achievable", False: "R0 not achievable"},
    "liver-mri-done": {True: "liver MRI done", False: "no liver MRI"},
    "liver-centre-discussed": {
        "agreed": "liver centre agreed",
        "not-yet": "not yet discussed with the liver centre",
        "refused": "liver centre advised against it",
    },
    "hepatectomy-extent": {"minor": "minor hepatectomy planned", "major": "major hepatectomy planned"},
    "extrahepatic-disease": {
        "none": "no extrahepatic disease",
        "resectable": "resectable extrahepatic disease",
        "unresectable": "unresectable extrahepatic disease",
    },
    "chemotherapy-cycles": {0: "no chemotherapy for the metastases yet", 1: "1 cycle of chemotherapy"},
    "chemotherapy-response": {
        "complete-response": "complete response",
        "partial-response": "partial response",
        "stable-disease": "stable disease",
        "progressive-disease": "progression on chemotherapy",
    },
    "adjuvant-status": {
        "none": "no adjuvant chemotherapy",
        "ongoing": "adjuvant chemotherapy running",
        "completed": "adjuvant chemotherapy completed",
    },
    "liver-condition": {"cirrhosis": "cirrhosis"},
    "metastasis-count": {1: "1 metastasis"},
    "months-primary-to-metastases": {1: "disease-free interval 1 month"},
    "msi": {"stable": "microsatellite stable", "msi-high": "MSI-high or mismatch-repair deficient"},
}
_TEMPLATES = {
    "ecog": "ECOG {}",
    "asa": "ASA {}",
    "metastasis-count": "{} metastases",
    "largest-metastasis": "largest {}",
    "flr-percent": "remnant {}",
    "months-primary-to-metastases": "disease-free interval {}",
    "chemotherapy-cycles": "{} cycles of chemotherapy",
    "colorectal-operation": "{} planned",
    "primary-site": "primary: {}",
    "chemotherapy-last-date": "last chemotherapy {}",
    "bevacizumab-last-date": "last bevacizumab {}",
    "adjuvant-end-date": "adjuvant chemotherapy ended on {}",
    "primary-resection-date": "primary resected on {}",
    "liver-metastasis-date": "metastases diagnosed on {}",
    "primary-t": "{}",
    "primary-n": "{}",
    "cea": "CEA {}",
}
# Assumed values that are no value of the fact but a group of them.
_GROUPS = {
    ("colorectal-operation", "segmental"): "segmental colectomy (not major)",
    ("colorectal-operation", "low-anterior-resection"): "low anterior resection (major)",
    ("flr-percent", "> 30"): "remnant more than 30 %",
    ("asa", "<= 3"): "ASA ≤ 3",
    ("primary-margin", "r0"): "R0 where the primary was resected",
}
_CHOICES = {
    "hartmann": "Hartmann operation",
    "sigmoid-or-high-anterior-resection": "sigmoid or high anterior resection",
    "staged": "staged (primary first)",
    "simultaneous": "simultaneous resection",
    "systemic-first": "systemic therapy first",
    "metachronous": "treatment as metachronous disease",
    "mdt": "MDT",
    "intraoperative": "at operation",
    "follow-up": "at follow-up",
    "unfavourable-perforated": "perforated",
    "unfavourable-nodal": "pN2",
    "colon-unspecified": "colon, part not recorded",
    "rectum-high": "upper rectum",
    "rectum-mid": "middle rectum",
    "rectum-low": "lower rectum",
    "rectum-unspecified": "rectum, part not recorded",
    "msi-high": "MSI-high",
    "r0": "R0",
    "r1": "R1",
    "r2": "R2",
}
_SITES = {
    "colon-unspecified": "colon",
    "sigmoid-colon": "sigmoid",
    "rectum-high": "upper rectal",
    "rectum-mid": "mid-rectal",
    "rectum-low": "low rectal",
    "rectum-unspecified": "rectal",
    "rectosigmoid": "rectosigmoid",
    "caecum": "caecal",
}


def day(found: date | PartialDate) -> str:
    """Write a date as `2 Nov 2026`; a partial one in its own precision: `Nov 2026`, `2026`."""
    if isinstance(found, date):
        return f"{found.day} {_MONTHS[found.month - 1]} {found.year}"
    if found.is_day:
        return day(found.first)
    if (found.first.year, found.first.month) == (found.last.year, found.last.month):
        return f"{_MONTHS[found.first.month - 1]} {found.first.year}"
    if found.first.year == found.last.year:
        return str(found.first.year)
    return f"{day(found.first)} to {day(found.last)}"


def short_name(definition: FactDefinition) -> str:
    """Name the fact itself, as in "ECOG decides"."""
    return _SHORT.get(definition.code, definition.title)


def decides(definition: FactDefinition) -> str:
    """Say that a fact decides: `ECOG decides`, `symptoms of the primary decide`."""
    return f"{short_name(definition)} {'decide' if definition.code in _PLURAL else 'decides'}"


def value_text(definition: FactDefinition, value: Value) -> str:
    """Write one value with its unit: `38 %`, `yes`, `2 Nov 2026`, `right hemicolectomy`."""
    match value:
        case bool():
            return "yes" if value else "no"
        case int() | float():
            unit = "" if definition.unit is None else _UNITS.get(definition.unit, "")
            if unit == " months" and value == 1:
                unit = " month"
            return f"{value:g}{unit}"
        case date():
            return day(value)
        case str() if definition.kind == "date" and (dated := PartialDate.of(value)) is not None:
            return f"{day(dated.first)} to {day(dated.last)}" if "/" in value else day(dated)
        case str():
            return choice_text(value)
        case _:
            assert_never(value)


def choice_text(choice: str) -> str:
    """Write a choice of a fact or a strategy by its code: `right hemicolectomy`, `systemic therapy first`."""
    return _CHOICES.get(choice, choice.replace("-", " "))


def clause(definition: FactDefinition, value: Value) -> str:
    """Say a fact with its value as a clause that stands alone: `R0 achievable`, `remnant 38 %`, `ECOG 2`."""
    spoken = _CLAUSES.get(definition.code, {}).get(value)
    if spoken is not None:
        return spoken
    return worded(definition, value_text(definition, value))


def worded(definition: FactDefinition, text: str) -> str:
    """Say a fact with the text of its value, which may be a range: `remnant under 35 %`, `primary: caecum`."""
    return _TEMPLATES.get(definition.code, definition.title + ": {}").format(text)


def assumed(definition: FactDefinition, value: Label) -> str:
    """Say an assumed value, which may be a group of values such as `<= 3`."""
    grouped = _GROUPS.get((definition.code, str(value)))
    if grouped is not None:
        return grouped
    compared = re.fullmatch(r"(<=|>=|<|>) ?([0-9.]+)", value) if isinstance(value, str) else None
    if compared is not None:
        return f"{short_name(definition)} {label_text(definition, value)}"
    return clause(definition, value)


def label_text(definition: FactDefinition, label: Label) -> str:
    """Write the label of an answer: `0-1` with an en dash, `more than 30 %`, `none or minor`, `yes`."""
    if not isinstance(label, str):
        return value_text(definition, label)
    pieces = [
        " and ".join(_piece(definition, bound) for bound in piece.split(" and "))
        for piece in re.split(r" or |, ", label)
    ]
    if len(pieces) > _PIECES_SHOWN:
        pieces = [*pieces[: _PIECES_SHOWN - 1], f"{len(pieces) - _PIECES_SHOWN + 1} others"]
    return listed(pieces, "or")


_PIECES_SHOWN = 3
_COMPARISONS = {"<=": "≤ {}", ">=": "≥ {}", "<": "under {}", ">": "more than {}"}


def _piece(definition: FactDefinition, piece: str) -> str:
    if piece in {"true", "false"}:
        return "yes" if piece == "true" else "no"
    unit = "" if definition.unit is None else _UNITS.get(definition.unit, "")
    if definition.kind == "integer" and definition.unit == "mo":
        piece = _complete_months(piece)
    compared = re.fullmatch(r"(<=|>=|<|>) ?([0-9.]+)", piece)
    if compared is not None:
        return _COMPARISONS[compared[1]].format(compared[2] + unit)
    ranged = re.fullmatch(r"([0-9.]+) ?[-–] ?([0-9.]+)", piece)  # noqa: RUF001 - the label may come with an en dash
    if ranged is not None:
        return f"{ranged[1]}–{ranged[2]}{unit}"  # noqa: RUF001 - an en dash is right between numbers
    if re.fullmatch(r"[0-9.]+", piece) is not None:
        return piece + unit
    return value_text(definition, piece)


def _complete_months(piece: str) -> str:
    """Compare with the month that is not reached: eleven and a half are 11 complete ones, and not more than 11."""
    last = re.fullmatch(r"(?:<= ?|0 ?- ?)(\d+)", piece)
    above = re.fullmatch(r"> ?(\d+)", piece)
    if last is not None:
        return f"< {int(last[1]) + 1}"
    return piece if above is None else f">= {int(above[1]) + 1}"


def site_adjective(site: Value | None) -> str:
    """Name the primary by its site: `the sigmoid primary`; `the primary` where the site is unknown or broad."""
    if not isinstance(site, str):
        return "the primary"
    return f"the {_SITES.get(site, site.replace('-', ' '))} primary"


def listed(names: Iterable[str], joint: str = "and") -> str:
    """Join names as in a sentence: `a`, `a and b`, `a, b and c`."""
    names = list(names)
    if len(names) <= 1:
        return "".join(names)
    return f"{', '.join(names[:-1])} {joint} {names[-1]}"


def counted(number: float, noun: str) -> str:
    """Write a number with what it counts: `1 month`, `3 months`."""
    return f"{number:g} {noun}" if number == 1 else f"{number:g} {noun}s"


def window(least: float, most: float, noun: str) -> str:
    """Write what lies between two numbers: `4 to 8 weeks`, `6 weeks` where they are the same."""
    return counted(most, noun) if least == most else f"{least:g} to {counted(most, noun)}"


def fitting(*wordings: str) -> str:
    """Give the first wording that the summary of a card has room for, else the last."""
    return next((words for words in wordings if len(words) <= SUMMARY_LIMIT), wordings[-1])


def sentence(text: str) -> str:
    """Give the text with its first letter in upper case."""
    return text[:1].upper() + text[1:]
