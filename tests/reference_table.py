"""The table of the requirements as plain code: what each fact may be, which row fires, which advisories hold.

Written from the requirements alone; the evaluator beside it enumerates completions over it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

Completion = dict[str, Any]
Answer = tuple[str, str] | None

COLON = ("caecum", "ascending-colon", "hepatic-flexure", "transverse-colon", "splenic-flexure", "descending-colon",
         "sigmoid-colon", "colon-unspecified", "rectosigmoid")  # fmt: skip
RECTUM = ("rectum-high", "rectum-mid", "rectum-low", "rectum-unspecified")
SEGMENTAL = ("right-hemicolectomy", "left-hemicolectomy", "transverse-colectomy",
             "sigmoid-or-high-anterior-resection")  # fmt: skip
MAJOR = ("low-anterior-resection", "abdominoperineal-resection", "total-colectomy", "proctocolectomy", "hartmann")


@dataclass(frozen=True)
class Settings:
    """The local policy, as far as the pathway reads it."""

    prefer_simultaneous: bool = True
    nodules: int = 3
    simultaneous_nodules: int = 3
    diameter: float = 30
    remnant: float = 30
    remnant_cirrhosis: float = 40
    short_interval: int = 12
    ecog_poor: int = 2
    ecog_unfit: int = 3
    asa_unfit: int = 4
    long_chemotherapy: int = 6
    off: frozenset[str] = frozenset()


def around(*thresholds: float) -> list[float]:
    """Give values below, at and above each threshold."""
    return sorted({value for t in thresholds for value in (t - 0.5, t, t + 0.5)})


def whole(*thresholds: int, low: int) -> list[int]:
    return sorted({value for t in thresholds for value in (t - 1, t, t + 1) if value >= low} | {low})


def domains(settings: Settings) -> dict[str, list[Any]]:
    """Every fact that the table reads; those that conditions of assumptions read come before what is assumed."""
    s = settings
    return {
        "metastases-detected": ["at-staging", "intraoperative", "follow-up"],
        "primary-symptoms": ["none", "minor", "obstruction", "perforation", "bleeding"],
        "primary-site": [*COLON, *RECTUM],
        "hepatectomy-extent": ["minor", "major"],
        "primary-in-situ": [True, False],
        "liver-state": ["untreated", "treated", "recurrence"],
        "ecog": list(range(6)),
        "asa": list(range(1, 7)),
        "impending-complication": [True, False],
        "colorectal-operation": [*SEGMENTAL, *MAJOR],
        "colorectal-multivisceral": [True, False],
        "rectal-radiotherapy": ["not-indicated", "indicated", "ongoing", "completed"],
        "primary-pathology": ["favourable", "unfavourable-perforated", "unfavourable-nodal"],
        "primary-margin": ["r0", "r1", "r2"],
        "months-primary-to-metastases": whole(5, s.short_interval, low=0),
        "metastasis-count": whole(s.nodules, s.simultaneous_nodules, low=1),
        "largest-metastasis": around(s.diameter),
        "metastases-accessible": [True, False],
        "r0-achievable": [True, False],
        "flr-percent": around(s.remnant, s.remnant_cirrhosis),
        "extrahepatic-disease": ["none", "resectable", "unresectable"],
        "chemotherapy-cycles": whole(1, s.long_chemotherapy, low=0),
        "chemotherapy-response": ["complete-response", "partial-response", "stable-disease", "progressive-disease"],
        "liver-centre-discussed": ["agreed", "not-yet", "refused"],
        "liver-mri-done": [True, False],
        "liver-condition": ["normal", "steatosis", "post-chemotherapy", "sinusoidal-injury", "cirrhosis"],
        "adjuvant-status": ["none", "ongoing", "completed"],
        "months-since-adjuvant": [0, 11, 12, 30],
        "msi": ["stable", "msi-high"],
    }


ADVISORY_ONLY = {"liver-mri-done", "liver-condition", "adjuvant-status", "months-since-adjuvant", "msi"}


def derived(c: Completion, s: Settings) -> dict[str, bool]:
    symptoms, detected = c["primary-symptoms"], c["metastases-detected"]
    treated = c["chemotherapy-cycles"] >= 1
    progressed = c["chemotherapy-response"] == "progressive-disease"
    rectal = c["primary-site"] in RECTUM and c["rectal-radiotherapy"] in ("indicated", "ongoing")
    fits = (
        c["metastasis-count"] <= s.simultaneous_nodules
        and c["largest-metastasis"] <= s.diameter
        and c["metastases-accessible"]
        and c["hepatectomy-extent"] == "minor"
        and c["colorectal-operation"] not in MAJOR
        and not c["colorectal-multivisceral"]
        and c["ecog"] < s.ecog_poor
        and not rectal
    )
    return {
        "complicated": symptoms in ("obstruction", "perforation", "bleeding"),
        "resectable": c["r0-achievable"] and c["flr-percent"] > s.remnant,
        "synchronous": detected in ("at-staging", "intraoperative"),
        "metachronous": detected == "follow-up",
        "unfit": c["ecog"] >= s.ecog_unfit or c["asa"] >= s.asa_unfit,
        "treated": treated,
        "progressive": treated and progressed,
        "responded": treated and not progressed,
        "unfavourable": c["primary-pathology"] != "favourable",
        "rectal": rectal,
        "but_for_refusal": fits,
        "eligible": fits and c["liver-centre-discussed"] != "refused",
        "short": c["months-primary-to-metastases"] < s.short_interval,
    }


def fire(c: Completion, d: dict[str, bool], s: Settings) -> tuple[str, Answer]:  # noqa: C901, PLR0911, PLR0912
    """Walk the table of section 4 from the top."""
    in_situ, symptoms, liver = c["primary-in-situ"], c["primary-symptoms"], c["liver-state"]
    elsewhere, impending = c["extrahepatic-disease"], c["impending-complication"]
    not_now = not d["resectable"] or elsewhere != "none" or d["progressive"]
    if liver == "treated" and not in_situ:
        return "T0", None
    if liver == "treated" and in_situ:
        return "T1", ("liver-first", "primary-resection-next")
    if liver == "recurrence":
        return "T2", ("mdt", "recurrence-outside-the-summary")
    if in_situ and c["metastases-detected"] == "intraoperative":
        return "A1", ("staged", "refer-hpb-after-recovery")
    if in_situ and d["complicated"]:
        if d["unfit"]:
            return "A2u", ("staged", "relief-then-mdt")
        if not_now:
            return "A2", ("staged", "systemic-after-relief")
        if symptoms == "perforation":
            return "A2b", ("staged", "chemotherapy-then-restage-3-months")
        return "A2c", ("staged", "liver-about-2-months-after-recovery")
    if in_situ and impending and (d["unfit"] or not_now):
        return "A2d", ("mdt", "secure-primary-before-systemic")
    if d["unfit"]:
        return "G1", ("mdt", "no-elective-surgery")
    if elsewhere == "resectable":
        return "G2", ("mdt", "multi-site-disease")
    if elsewhere == "unresectable":
        return "G2b", ("systemic-first", "reassess-resectability")
    if not d["resectable"]:
        return "G3", ("systemic-first", "reassess-resectability")
    if d["progressive"]:
        return "A7", ("mdt", "second-line")
    if in_situ and impending:
        return "A6", ("staged", "liver-about-2-months-after-recovery")
    if not in_situ and d["synchronous"] and c["primary-margin"] in ("r1", "r2"):
        return "B1", ("mdt", "incomplete-resection-of-primary")
    if not in_situ and d["synchronous"] and d["responded"]:
        return "B0", ("staged", "resect-now-no-more-chemotherapy")
    if not in_situ and d["metachronous"] and d["responded"]:
        return "B0m", ("metachronous", "resect-now-no-more-chemotherapy")
    if not in_situ and d["synchronous"] and d["unfavourable"]:
        return "B2", ("staged", "chemotherapy-then-restage-3-months")
    if d["synchronous"] and c["metastasis-count"] > s.nodules and not d["treated"]:
        return "A9", ("systemic-first", "chemotherapy-then-reassess")
    if in_situ and d["eligible"] and s.prefer_simultaneous:
        return "A10", ("simultaneous", "liver-centre-discussion")
    if in_situ and symptoms == "none" and d["rectal"]:
        return "A12", ("liver-first", "liver-surgery-in-radiotherapy-interval")
    if in_situ and symptoms == "none" and d["responded"]:
        return "A12b", ("liver-first", "resect-now-no-more-chemotherapy")
    if in_situ and symptoms == "none":
        return "A12c", ("liver-first", "liver-resection-or-ablation-then-primary")
    if in_situ and symptoms == "minor":
        return "A13", ("staged", "liver-about-2-months-after-recovery")
    if d["synchronous"]:
        return "B3", ("staged", "liver-before-chemotherapy")
    if d["short"]:
        return "B6", ("metachronous", "chemotherapy-before-resection")
    if d["unfavourable"]:
        return "B8", ("metachronous", "perioperative-folfox-3-3")
    return "B7", ("metachronous", "upfront-hepatectomy")


def advise(c: Completion, d: dict[str, bool], row: str, step: str, s: Settings) -> set[str]:
    """List the advisories of section 5 that hold for one complete patient."""
    in_situ, untreated = c["primary-in-situ"], c["liver-state"] == "untreated"
    failed = c["adjuvant-status"] == "ongoing" or (
        c["adjuvant-status"] == "completed" and c["months-since-adjuvant"] < 12
    )
    operation_is_major = c["colorectal-operation"] in MAJOR or c["colorectal-multivisceral"]
    remnant = c["flr-percent"]
    holds = {
        "no-simultaneous-major-liver": in_situ and untreated and c["hepatectomy-extent"] == "major",
        "no-simultaneous-major-colorectal": in_situ and untreated and operation_is_major,
        "no-simultaneous-poor-performance": in_situ and untreated and c["ecog"] >= s.ecog_poor,
        "discuss-liver-centre": row == "A10" or (row in ("A12", "A12b", "A12c", "A13") and d["but_for_refusal"]),
        "neoadjuvant-chemotherapy": d["synchronous"]
        and in_situ
        and not d["treated"]
        and row in ("A6", "A10", "A12", "A12c", "A13"),
        "no-biopsy": untreated and (c["metastases-detected"] == "intraoperative" or (in_situ and d["complicated"])),
        "no-prophylactic-primary-resection": row in ("G2b", "G3")
        and in_situ
        and c["primary-symptoms"] == "none"
        and not c["impending-complication"],
        "stop-chemotherapy-resect-now": step == "resect-now-no-more-chemotherapy",
        "long-chemotherapy": c["chemotherapy-cycles"] > s.long_chemotherapy,
        "nodules-over-3": d["synchronous"] and c["metastasis-count"] > s.nodules,
        "no-modern-liver-imaging": d["synchronous"] and not c["liver-mri-done"],
        "remnant-too-small": remnant <= s.remnant,
        "remnant-small-for-this-liver": c["liver-condition"] == "cirrhosis"
        and s.remnant < remnant <= s.remnant_cirrhosis,
        "short-disease-free-interval": d["metachronous"] and d["short"],
        "adjuvant-failure-within-12-months": failed,
        "adjuvant-6-months-oxaliplatin": row == "B7" and not failed,
        "unfavourable-pathology": row in ("A2b", "B2", "B8"),
        "restage-3-months": row in ("A2b", "B2"),
        "extrahepatic-disease": c["extrahepatic-disease"] != "none",
        "msi-high": c["msi"] == "msi-high",
    }
    return {code for code, true in holds.items() if true}
