"""Typical decisions whose whole cards are kept as files; `python -m tests.cards.golden` writes them anew."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fhir_mappings.case import Evidence, Gap, Narrowed, PartialDate, Unknown
from tests.decided import cards_of, charted, example, recorded

if TYPE_CHECKING:
    from collections.abc import Callable

    from fhir_mappings.case import Case

FOLDER = Path(__file__).parent / "golden"
_OLD = PartialDate(date(2026, 1, 5), date(2026, 1, 5))

TYPICAL: dict[str, Callable[[], Case]] = {
    "liver-first": lambda: example("V01"),
    "liver-first-after-response": lambda: example(
        "V01",
        "extrahepatic-disease",
        "asa",
        metastasis_count=5,
        chemotherapy_cycles=6,
        chemotherapy_response="partial-response",
        chemotherapy_last_date=date(2026, 11, 10),
        bevacizumab_last_date=date(2026, 10, 20),
    ),
    "liver-in-radiotherapy-interval": lambda: example("V02"),
    "primary-first-obstruction": lambda: example("V08"),
    "found-at-operation": lambda: example("V11"),
    "liver-before-chemotherapy": lambda: example("V12", primary_resection_date=date(2026, 10, 12)),
    "unfavourable-primary": lambda: example("V13"),
    "simultaneous": lambda: example("V16", "liver-centre-discussed"),
    "open-ecog": lambda: example("V19"),
    "open-old-and-narrowed": lambda: example(
        "V16",
        ecog=Unknown(Gap.OUTDATED, (Evidence("Observation/ecog-old", "coded", _OLD),), 0),
        extrahepatic_disease=Narrowed(frozenset({"resectable", "unresectable"}), (Evidence("Condition/lung"),)),
        metastasis_count=Unknown(
            Gap.CONFLICTING, (Evidence("Observation/ct"), Evidence("Observation/mri")), contested=frozenset({2, 5})
        ),
    ),
    "complete-the-case": lambda: charted({"primary-site": "sigmoid-colon", "metastases-detected": "at-staging"}),
    "unresectable": lambda: example("V20"),
    "unfit": lambda: example("V16", ecog=3),
    "metachronous-late": lambda: example("V27", "adjuvant-status"),
    "metachronous-early": lambda: example("V28"),
    "minor-symptoms": lambda: example(
        "V01", "impending-complication", primary_symptoms=recorded("primary-symptoms", "minor")
    ),
}


def card_of(name: str) -> dict[str, Any]:
    """Give the one card of a typical decision."""
    (card,) = cards_of(TYPICAL[name]())
    return card


def kept(name: str) -> dict[str, Any]:
    """Read the card that is kept."""
    found: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    return found


if __name__ == "__main__":
    for case_name in TYPICAL:
        text = json.dumps(card_of(case_name), indent=1, ensure_ascii=False)
        (FOLDER / f"{case_name}.json").write_text(text + "\n", encoding="utf-8")
