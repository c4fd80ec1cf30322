"""The value of an Observation as a value of a fact: numbers with units, choices, booleans, dates; exact decimals."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from enum import Enum
from math import ceil, floor
from typing import TYPE_CHECKING, Any, TypeAlias

from fhir_mappings.case import Interval, Value
from fhir_mappings.read.concepts import concept_sets, concept_texts, named
from fhir_mappings.read.dates import parse_date, value_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from fhir_mappings.catalogue import FactDefinition
    from fhir_mappings.terminology import Terminology


class NoValue(Enum):
    """Why an Observation gives no value."""

    ABSENT = "absent"
    """It says that the value is not known."""
    UNREADABLE = "unreadable"
    """It has a value that cannot be read as one of the fact."""


Reading: TypeAlias = Value | frozenset[str | bool] | Interval | NoValue

_NANOGRAMS = {"pg": Decimal("0.001"), "ng": Decimal(1)}
_NANOGRAMS |= {**dict.fromkeys(("ug", "µg", "μg", "mcg"), Decimal(1_000)), "mg": Decimal(1_000_000)}
_MILLILITRES = {"ml": 1, "dl": 100, "l": 1_000}
_UNITS: dict[str, dict[str, Decimal]] = {
    "mm": {
        **{unit: Decimal(1) for unit in ("mm", "millimeter", "millimetre", "millimeters", "millimetres")},
        **{unit: Decimal(10) for unit in ("cm", "centimeter", "centimetre", "centimeters", "centimetres")},
    },
    "ng/mL": {
        f"{mass}/{volume}": nanograms / millilitres
        for mass, nanograms in _NANOGRAMS.items()
        for volume, millilitres in _MILLILITRES.items()
    },
    "%": {"%": Decimal(1)},
    "{score}": {unit: Decimal(1) for unit in ("%", "score")},
    "{count}": {
        **{unit: Decimal(1) for unit in ("lesion", "lesions", "nodule", "nodules", "metastasis", "metastases", "mets")},
        **{unit: Decimal(1) for unit in ("node", "nodes", "lymph nodes", "cycle", "cycles", "#")},
    },
    "mo": {unit: Decimal(1) for unit in ("mo", "month", "months")},
}
"""Factors to the unit of the catalogue; lower case."""
_UCUM = ("unitsofmeasure.org", "2.16.840.1.113883.6.8")

_OWN = ("case-facts:", "strategy:")
"""Begin the value sets of a code of our own systems; the code follows."""
_COMPARATORS = {"<": "<", "<=": "<=", ">": ">", ">=": ">=", "≤": "<=", "≥": ">="}
_NUMBER = r"[+-]?\d+(?:[.,]\d+)?"
_OR = "to|or|bis|oder|ou"
_GRADE = "grad[eo]?|graad|classe?|klasse|clase|stufe|score|status"
_TEXT = re.compile(
    rf"(?:(?:ecog|who|oms|asa|kps|karnofsky|ps|cea|{_GRADE}|index|[i\u00ed]ndice(?: de)?|estado funcional"
    r"|(?:performance|physical)(?= status)|:|=(?![<>]))\s*(?:-\s+|-(?=[a-z]))?)*"
    rf"(?P<comparator><=|>=|<|>|≤|≥)?\s*(?P<low>{_NUMBER})(?:\s*(?:-|\u2013|{_OR})\s*(?P<high>\d+(?:[.,]\d+)?))?"
    rf"\s*(?P<unit>[a-zµμ%/{{}}]*)",
    re.IGNORECASE,
)
_THOUSANDS = re.compile(r".*,\d{3}")
_CLASS = r"(I{1,3}|IV|VI?)"
_ASA = re.compile(
    rf"(?:(?:ASA|PS|physical|{_GRADE})\b\s*(?::\s*|-(?=[a-z]))?)*{_CLASS}(?:\s*(?:-|\u2013|{_OR})\s*{_CLASS})?",
    re.IGNORECASE,
)
_DESCRIBED = re.compile(
    rf"(?P<grade>.*[0-9IV](?:\s*%)?)\s*[-\u2013:(,]\s*(?!(?:(?:asa|class|{_OR})\s+)*{_CLASS}\b)(?P<words>[a-z](?:[^0-9?]|50\s?%)*)",
    re.IGNORECASE,
)
_NOT_GRADED = re.compile(
    r"\b(?:not (?:assess|appl|avail|done|known|perform|record)|unknown|n/?a\b|nicht (?:erhoben|bekannt)|unbekannt"
    r"|pending|previous|former|refus)",
    re.IGNORECASE,
)
"""A grade with what it means, and words by which it means something else."""
_GRADED = frozenset({"ecog", "asa"})
_EMERGENCY = re.compile(
    r"(?<=[0-9IV])\s*-?\s*(?:\(E\)|E|emergency|notfall|urgence)(?=\s*(?:[-\u2013:,(]|\Z))", re.IGNORECASE
)
"""What is added to an ASA class for an emergency: "IIIE"."""
_ROMAN = {"I": 1, "II": 2, "III": 3, "IV": 4, "V": 5, "VI": 6}
_MULTIPLE = re.compile(
    r"(?:multipl\w*|several|(?:in)?numer\w*|mehrere|zahlreiche)"
    r"(?:\s+(?:small|bilobar|liver|hepatic|metastas[ei]s|mets|lesions|nodules|deposits|(?:leber)?metastasen))*\.?",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Answers:
    """Value sets whose members stand for values: `prefix` + `-` + the value in lower case."""

    prefix: str
    values: tuple[str | int, ...]
    sets: Mapping[str, str | int] = field(init=False)

    def __post_init__(self) -> None:
        """Name the value set of each value, once."""
        sets = {f"{self.prefix}-{str(value).lower()}": value for value in self.values}
        object.__setattr__(self, "sets", sets)


ANSWERS: Mapping[str, Answers] = {
    "ecog": Answers("ecog", (0, 1, 2, 3, 4, 5)),
    "asa": Answers("asa", (1, 2, 3, 4, 5, 6)),
    "primary-margin": Answers("margin", ("r0", "r1", "r2")),
    "liver-condition": Answers("liver-condition", ("steatosis", "cirrhosis")),
    "hepatectomy-extent": Answers("hepatectomy", ("minor", "major")),
    "chemotherapy-response": Answers(
        "response", ("complete-response", "partial-response", "stable-disease", "progressive-disease")
    ),
}
"""Facts whose values have standard codes that mean the same whatever asks for them."""


def read_value(
    carrier: Mapping[str, Any], fact: FactDefinition, terminology: Terminology, answers: Answers | None = None
) -> Reading:
    """Read the value[x] of an Observation or component as a value, a narrowing or none of `fact`."""
    if fact.kind in ("integer", "number"):
        return _within(_number(carrier, fact, terminology, answers), fact)
    if fact.kind == "date":
        return _date(carrier)
    if "valueCodeableConcept" in carrier:
        return _coded(carrier["valueCodeableConcept"], fact, terminology, answers)
    if isinstance(carrier.get("valueBoolean"), bool):
        return _boolean(carrier["valueBoolean"], fact)
    if fact.kind == "choice" and isinstance(carrier.get("valueString"), str):
        said = [carrier["valueString"]]
        return _chosen(_named(said, answers, terminology) or _spelled(said, fact))
    return _none(carrier)


def _spelled(texts: Iterable[str], fact: FactDefinition) -> set[str]:
    """Give the choices that texts spell out."""
    said = {_plain_words(text) for text in texts}
    return {choice for choice in fact.choices if _plain_words(choice) in said}


def _plain_words(text: str) -> str:
    return " ".join(text.casefold().replace("-", " ").split())


def _chosen(found: set[str]) -> Reading:
    if len(found) == 1:
        return found.pop()
    return frozenset(found) if found else NoValue.UNREADABLE


def _date(carrier: Mapping[str, Any]) -> Reading:
    dated = parse_date(carrier.get("valueDateTime", carrier.get("valueString")))
    return value_of(dated) if dated is not None else _none(carrier)


def _boolean(said: object, fact: FactDefinition) -> Reading:
    if fact.kind == "boolean":
        return bool(said)
    choice = fact.yes if said else fact.no
    return choice if choice is not None else NoValue.UNREADABLE


def _none(carrier: Mapping[str, Any]) -> NoValue:
    return NoValue.UNREADABLE if any(key.startswith("value") for key in carrier) else NoValue.ABSENT


def _named(texts: Iterable[str], answers: Answers | None, terminology: Terminology) -> set[str]:
    """Give the values whose members texts call by name."""
    if answers is None:
        return set()
    return {str(value) for value in _answered(named(texts, answers.sets, terminology), answers)}


def _answered(sets: frozenset[str], answers: Answers | None) -> list[str | int]:
    if answers is None:
        return []
    return [value for name, value in answers.sets.items() if name in sets]


def _coded(concept: object, fact: FactDefinition, terminology: Terminology, answers: Answers | None) -> Reading:
    sets = concept_sets(concept, terminology)
    if fact.kind == "boolean":
        yes, no = "answer-yes" in sets, "answer-no" in sets
        return yes if yes != no else NoValue.UNREADABLE
    own = (name.partition(":")[2] for name in sets if name.startswith(_OWN))
    found = set(fact.choices).intersection(own)
    found |= {str(value) for value in _answered(sets, answers)}
    found |= {said for said, answer in ((fact.yes, "answer-yes"), (fact.no, "answer-no")) if said and answer in sets}
    if found:
        return _chosen(found)
    texts = concept_texts(concept)
    return _chosen(_named(texts, answers, terminology) or _spelled(texts, fact))


def _number(
    carrier: Mapping[str, Any], fact: FactDefinition, terminology: Terminology, answers: Answers | None
) -> Reading:
    if isinstance(quantity := carrier.get("valueQuantity"), dict):
        return _quantity(quantity, fact)
    if isinstance(number := carrier.get("valueInteger"), int) and not isinstance(number, bool):
        return number if fact.kind == "integer" else NoValue.UNREADABLE
    if isinstance(bounds := carrier.get("valueRange"), dict):
        return _range(bounds, fact)
    if isinstance(text := carrier.get("valueString"), str):
        return _number_in_texts([text], fact, terminology, answers)
    if isinstance(concept := carrier.get("valueCodeableConcept"), dict):
        found = [int(value) for value in _answered(concept_sets(concept, terminology), answers)]
        return (
            Interval(min(found), max(found))
            if found
            else _number_in_texts(concept_texts(concept), fact, terminology, answers)
        )
    return _none(carrier)


def _number_in_texts(
    texts: list[str], fact: FactDefinition, terminology: Terminology, answers: Answers | None
) -> Reading:
    said: set[Reading] = {int(value) for value in _named(texts, answers, terminology)}
    said |= {read for text in texts if not isinstance(read := _number_in_text(text, fact), NoValue)}
    return said.pop() if len(said) == 1 else NoValue.UNREADABLE


def _factor(unit: str | None, fact: FactDefinition) -> Decimal | None:
    """Give the factor from `unit` to the fact's own; `None` where it cannot be converted."""
    spelled = unit.strip().lower() if unit else ""
    if fact.kind == "integer" and (not spelled or spelled == "1" or (spelled[0] == "{" and spelled[-1] == "}")):
        return Decimal(1)
    return _UNITS.get(fact.unit or "", {}).get(spelled)


def decimal_of(value: object) -> Decimal | None:
    """Give a number or the text of one; no other JSON value is spelled like a number."""
    try:
        found = Decimal(str(value).strip())
    except InvalidOperation:
        return None
    return found if found.is_finite() else None


def _plain(number: Decimal) -> int | float:
    return int(number) if number == number.to_integral_value() else float(number)


def _unit(quantity: Mapping[str, Any]) -> str | None:
    """Give the unit: the code of UCUM before the words; of another system the words before the code."""
    code, words = quantity.get("code"), quantity.get("unit")
    system = quantity.get("system")
    return (code or words) if system is None or str(system).strip("/ ").endswith(_UCUM) else (words or code)


def _quantity(quantity: Mapping[str, Any], fact: FactDefinition) -> Reading:
    if "value" not in quantity:
        return NoValue.ABSENT if "_value" in quantity else NoValue.UNREADABLE
    number = decimal_of(quantity["value"])
    factor = _factor(_unit(quantity), fact)
    comparator = quantity.get("comparator")
    if number is None or factor is None or (comparator is not None and comparator not in _COMPARATORS):
        return NoValue.UNREADABLE
    return _compared(comparator, _plain(number * factor))


def _compared(comparator: str | None, number: float) -> int | float | Interval:
    match _COMPARATORS.get(comparator or ""):
        case "<":
            return Interval(high=number, high_included=False)
        case "<=":
            return Interval(high=number)
        case ">":
            return Interval(low=number, low_included=False)
        case ">=":
            return Interval(low=number)
        case _:
            return number


def _range(value: Mapping[str, Any], fact: FactDefinition) -> Reading:
    bounds = [_quantity(value[bound], fact) if bound in value else None for bound in ("low", "high")]
    low, high = (bound if isinstance(bound, int | float) else None for bound in bounds)
    if (low is None and high is None) or any(isinstance(bound, NoValue) for bound in bounds):
        return NoValue.UNREADABLE
    return Interval(low, high)


def _number_in_text(text: str, fact: FactDefinition) -> Reading:
    # Runs of spaces are one: two parts of the pattern would share them out in every way.
    text = _undescribed(" ".join(text.split()), fact)
    if fact.code == "metastasis-count" and _MULTIPLE.fullmatch(text):
        return Interval(low=2)
    roman = _ASA.fullmatch(text) if fact.code == "asa" else None
    if roman is not None:
        first, last = (_ROMAN[numeral.upper()] for numeral in roman.groups(default=roman[1]))
        return first if first == last else Interval(first, last)
    found = _TEXT.fullmatch(text)
    if found is None or _THOUSANDS.fullmatch(found["low"]):
        return NoValue.UNREADABLE
    factor = _factor(found["unit"], fact)
    low = decimal_of(found["low"].replace(",", "."))
    high = decimal_of(found["high"].replace(",", ".")) if found["high"] else None
    if factor is None or low is None or (high is not None and (found["comparator"] or high < low)):
        return NoValue.UNREADABLE
    if high is not None:
        return Interval(_plain(low * factor), _plain(high * factor))
    return _compared(found["comparator"], _plain(low * factor))


def _undescribed(text: str, fact: FactDefinition) -> str:
    """Give a grade without the words that say what it means: "1 - restricted in strenuous activity"."""
    text = _EMERGENCY.sub("", text) if fact.code == "asa" else text
    described = _DESCRIBED.fullmatch(text) if fact.code in _GRADED else None
    if described is None or _NOT_GRADED.search(described["words"]):
        return text
    return described["grade"]


def _within(read: Reading, fact: FactDefinition) -> Reading:
    """Refuse numbers outside the catalogue's bounds and fractions of what is counted."""
    if isinstance(read, Interval):
        return narrow(read, fact)
    if not isinstance(read, int | float):
        return read
    low, high = fact.minimum, fact.maximum
    if (low is not None and read < low) or (high is not None and read > high):
        return NoValue.UNREADABLE
    return NoValue.UNREADABLE if fact.kind == "integer" and not isinstance(read, int) else read


def narrow(interval: Interval, fact: FactDefinition) -> Reading:
    """Give an interval within the fact's bounds; one value where only one is left, unreadable where none is."""
    low, high = interval.low, interval.high
    low_in, high_in = interval.low_included, interval.high_included
    if fact.kind == "integer":
        low = None if low is None else ceil(low) if low_in or low != int(low) else int(low) + 1
        high = None if high is None else floor(high) if high_in or high != int(high) else int(high) - 1
        low_in = high_in = True
    least = fact.minimum if low is None or (fact.minimum is not None and low < fact.minimum) else low
    most = fact.maximum if high is None or (fact.maximum is not None and high > fact.maximum) else high
    if least is not None and most is not None:
        closed = (low_in or least != low) and (high_in or most != high)
        if least > most or (least == most and not closed):
            return NoValue.UNREADABLE
        if least == most:
            return least
    return Interval(low, high, low_in, high_in)
