"""What is said about a decision: the sentences of cards, of the review page and of the MDT summary."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fhir_mappings.case import Gap, Sign, Unknown, newest
from service.knowledge.explanation import Explanation, Section, Source, Strong, say
from service.knowledge.headline import (
    in_reading_order,
    needs_completion,
    outcome_name,
    recommended,
    strategy_name,
    strategy_names,
    summary,
)
from service.knowledge.left_open import answer_text, contradiction
from service.knowledge.opposed import against
from service.knowledge.phrases import assumed, listed, sentence, short_name, value_text
from service.knowledge.reading import Reading, source
from service.knowledge.reasons import reasons
from service.knowledge.schedule import steps
from service.knowledge.sources import sources_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from service.knowledge.decision import Answer, Decision, MissingFact
    from service.knowledge.explanation import Line, Part, SectionCode, Tone
    from service.knowledge.model import Advisory

_MDT = "mdt-decision"
_UNSURE = frozenset({"provisional", "unconfirmed"})
_MISSING_SHOWN = 3
_MISSING_NAMED = 5
_ISSUES_SHOWN = 3
_LARGE_LIST = 2
_CANDIDATES_IN_FULL = 4


def explain(reading: Reading) -> Explanation:
    """Say what is recommended or open, why, what is assumed or missing, and what it rests on.

    The decision must hold an outcome; charts of uncertain scope and MDT decisions have their own explanations.
    """
    decision, settled = reading.decision, reading.is_settled
    opposed, known = against(reading), reasons(reading)
    said = {code for line in (*opposed, *known) for code in line.codes}
    sections = [
        _section("recommendation", "", _recommendation(reading)),
        _section("missing", _missing_title(reading), _missing(reading)),
        *(() if settled else (_section("excluded", "Excluded already", opposed),)),
        _section("why", "Known" if decision.strategy is None else "Why", known),
        *((_section("against", "Against the others", opposed),) if settled else ()),
        assumptions(reading),
        _section("advisories", "Also", (*_advisories(reading, said), *_notes(reading))),
        _section("gaps", "Not usable", _gaps(reading)),
        _section("sources", "", sources_of(reading)),
    ]
    headline = summary(reading)
    if reading.other_cancer:
        headline = "Origin of the liver metastases uncertain: another active cancer is recorded, confirm it first"
    return Explanation(headline, _tone(reading), tuple(section for section in sections if section.lines))


def _section(code: SectionCode, title: str, lines: Iterable[Line]) -> Section:
    return Section(code, title, tuple(lines))


def _tone(reading: Reading) -> Tone:
    if reading.other_cancer:
        return "warning"
    if reading.decision.strategy is not None or needs_completion(reading):
        return "info"
    return "warning"


def _recommendation(reading: Reading) -> list[Line]:
    decision = reading.decision
    lines = []
    if reading.other_cancer:
        lines.append(
            say(
                "notice",
                Strong("Another active cancer is recorded"),
                *source(reading.case.other_cancers),
                ": the liver metastases may come from it. What follows holds only if they are colorectal.",
            )
        )
    if decision.strategy is None:
        count = len(decision.missing)
        waiting = "one fact is missing" if count == 1 else f"{count} facts are missing" if count else "facts conflict"
        lines.append(say("recommendation", Strong("Not decided yet"), f": {waiting}"))
        lines += _still_open(reading)
    else:
        lines += _recommended(reading, decision.strategy)
    if Sign.UNCONFIRMED_DISEASE in reading.case.signs:
        doubted = tuple(found for found in reading.case.scope_evidence if _UNSURE & set(found.remarks))
        lines.append(
            say("notice", "The primary or the metastases are recorded as provisional or unconfirmed", *source(doubted))
        )
    return lines


def _still_open(reading: Reading) -> list[Line]:
    """Name the candidates; where one fact decides, its answers name them."""
    if len(reading.decision.missing) == 1:
        return []
    outcomes = in_reading_order(reading.decision.outcomes)
    names = [outcome_name(reading, outcome) for outcome in outcomes]
    if len(names) > _CANDIDATES_IN_FULL:
        names = strategy_names(reading, outcomes)
    return [say("recommendation", f"Still open: {'; '.join(names)}")]


def _recommended(reading: Reading, strategy: str) -> list[Line]:
    decision = reading.decision
    lead = strategy_name(reading, strategy)
    if decision.next_step is not None:
        lead, _ = recommended(reading, decision.outcomes[0])
    if reading.is_settled:
        lines = [say("recommendation", Strong(f"Recommended: {lead}"), f" ({strength(decision)})")]
    else:
        lines = [say("recommendation", Strong(f"If they are colorectal: {lead}"))]
    if decision.next_step is None:
        names = "; or ".join(outcome_name(reading, outcome) for outcome in decision.outcomes)
        lines.append(say("next-step", f"Next step open: {names}"))
    else:
        named = [
            f"{step.text}, {step.interval}" if step.interval else step.text
            for step in steps(reading, decision.outcomes[0])
        ]
        lines.append(say("next-step", f"Next: {'; then '.join(_lowered_after_first(named))}"))
    lines += [
        say("alternative", f"Acceptable alternative: {outcome_name(reading, outcome)}")
        for outcome in decision.alternatives
    ]
    return lines


def strength(decision: Decision) -> str:
    """Say how strongly a strategy is recommended, as in a bracket behind it."""
    if decision.strength == "strong":
        return "strong"
    if any(found.decides for found in decision.assumptions):
        return "conditional: to be considered, and only if what is assumed below is right"
    return "conditional: to be considered"


def _lowered_after_first(texts: list[str]) -> list[str]:
    return [
        text if position == 0 or text.split(" ", 1)[0].isupper() else text[:1].lower() + text[1:]
        for position, text in enumerate(texts)
    ]


def _missing_title(reading: Reading) -> str:
    return "What decides" if len(reading.decision.missing) == 1 else "What decides, most decisive first"


def _missing(reading: Reading) -> list[Line]:
    missing = reading.decision.missing
    if len(missing) == 1:
        return [_answer_line(reading, missing[0], answer) for answer in missing[0].answers]
    labelled = [(found, _labels(reading, found)) for found in missing]
    # What decides only together with the others takes the room of nothing that decides by itself.
    shown = ([one for one in labelled if len(one[1]) > 1] or labelled)[:_MISSING_SHOWN]
    lines = [_fact_line(reading, found, labels) for found, labels in shown]
    rest = [short_name(reading.catalogue[one[0].fact]) for one in labelled if one not in shown]
    if len(rest) > _MISSING_NAMED:
        rest = [*rest[:_MISSING_NAMED], f"{len(rest) - _MISSING_NAMED} more"]
    return [*lines, say("missing", f"then: {listed(rest)}")] if rest else lines


def _answer_line(reading: Reading, missing: MissingFact, answer: Answer) -> Line:
    definition = reading.catalogue[missing.fact]
    asked = sentence(short_name(definition))
    label = answer_text(definition, answer.label, reading.fact(missing.fact))
    joint = " " if definition.kind in {"integer", "number"} else ": "
    return say("missing", f"{asked}{joint}{label} → {_outcomes(reading, answer)}", fact=missing.fact)


def _outcomes(reading: Reading, answer: Answer) -> str:
    """Name what an answer leaves; one strategy with its next step, several by their names alone."""
    if len(answer.outcomes) == 1:
        return outcome_name(reading, answer.outcomes[0])
    if not answer.outcomes:
        return "nothing left to order"
    return listed(strategy_names(reading, answer.outcomes), "or")


def _fact_line(reading: Reading, missing: MissingFact, labels: dict[str, list[str]]) -> Line:
    definition = reading.catalogue[missing.fact]
    named = Strong(sentence(short_name(definition)))
    if len(labels) == 1:
        return say("missing", named, ": decides only together with the others", fact=missing.fact)
    fact = reading.fact(missing.fact)
    answers = "; ".join(f"{answer_text(definition, ' or '.join(same), fact)} → {left}" for left, same in labels.items())
    return say("missing", named, f": {answers}", fact=missing.fact)


def _labels(reading: Reading, missing: MissingFact) -> dict[str, list[str]]:
    """Group the answers of a missing fact by what they leave."""
    labels: dict[str, list[str]] = {}
    for answer in missing.answers:
        labels.setdefault(_short_outcomes(reading, answer), []).append(answer.label)
    return labels


def _short_outcomes(reading: Reading, answer: Answer) -> str:
    """Name what an answer leaves or, of more than a few, what it excludes; next steps where one strategy is left."""
    left, every = answer.outcomes, reading.decision.outcomes
    if not left:
        return "nothing left to order"
    if len(left) == len(every):
        return "all still open"
    if reading.decision.strategy is not None:
        gone = [outcome_name(reading, outcome) for outcome in every if outcome not in left]
        return outcome_name(reading, left[0]) if len(left) == 1 else f"all but {listed(gone)}"
    names = strategy_names(reading, left)
    if len(names) <= _LARGE_LIST:
        return listed(names, "or")
    gone = strategy_names(reading, tuple(outcome for outcome in every if outcome.strategy not in answer.strategies))
    return f"all but {listed(gone)}" if gone else "all still open"


def assumptions(reading: Reading) -> Section:
    """Give the assumptions that matter, to be confirmed; without lines where nothing is assumed."""
    lines = (
        say("assumption", assumed(reading.catalogue[found.fact], found.value), fact=found.fact)
        for found in reading.decision.assumptions
    )
    return _section("assumptions", "Assumed, please confirm", lines)


_GAP_ADVISORIES = {"conflicting-data": Gap.CONFLICTING, "outdated-data": Gap.OUTDATED}


def _advisories(reading: Reading, said: set[str]) -> list[Line]:
    lines = []
    for code in reading.decision.advisories:
        if code in said or code in _GAP_ADVISORIES:
            continue
        advisory = reading.guideline.advisory(code)
        words = advisory.sentence
        if advisory.sentence_if_assumed and advisory.assumed and reading.assumption(advisory.assumed) is not None:
            words = advisory.sentence_if_assumed
        lines.append(say("advisory", words, *_values_behind(reading, advisory), codes=(code,)))
    return lines


def _values_behind(reading: Reading, advisory: Advisory) -> tuple[Part | str, ...]:
    behind = [fact for fact in advisory.facts if not isinstance(reading.fact(fact), Unknown)]
    if "adjuvant-end-date" in behind:
        behind.remove("adjuvant-status")  # the day on which it ended says that it has
    values = reading.spoken_together(tuple(behind))
    return (" Recorded: ", *values) if values else ()


_PERIOPERATIVE = (
    "FOLFOX before and after resection improves progression-free survival by 7 to 8 % at 3 years; "
    "overall survival was not shown to improve (S19)."
)
_TRANSPLANTATION = (
    "If the metastases stay unresectable for good, transplantation may be discussed in selected patients (TRANSMET24)."
)


def _notes(reading: Reading) -> list[Line]:
    lines = []
    next_steps = {outcome.next_step for outcome in (*reading.decision.outcomes, *reading.decision.alternatives)}
    if reading.decision.strategy is None:
        return []
    if next_steps & {"chemotherapy-before-resection", "perioperative-folfox-3-3"}:
        lines.append(say("note", _PERIOPERATIVE))
    if "TRANSMET24" in reading.decision.citations:
        lines.append(say("note", _TRANSPLANTATION))
    return lines


def _gaps(reading: Reading) -> list[Line]:
    lines = []
    for code, found in _not_usable(reading):
        definition = reading.catalogue[code]
        name = sentence(short_name(definition))
        match found.gap:
            case Gap.OUTDATED:
                old = "" if found.last_value is None else f", was {value_text(definition, found.last_value)}"
                undated = bool(found.evidence) and newest(found.evidence) is None
                why = "without a date, so perhaps too old" if undated else "too old"
                lines.append(_gap(found, code, f"{name}: {why}{old}", "outdated-data"))
            case Gap.CONFLICTING:
                advisory = None if code == _MDT else "conflicting-data"
                lines.append(_gap(found, code, f"{name}: {contradiction(definition, found.contested)}", advisory))
            case Gap.UNREADABLE:
                when = newest(found.evidence)
                # What is dated tomorrow counts: clocks and zones differ.
                to_come = when is not None and (when.first - reading.case.as_of).days > 1
                why = "dated in the future, so not used" if to_come else "recorded but not readable"
                lines.append(_gap(found, code, f"{name}: {why}", None))
            case _:
                pass
    lines += _left_open(reading)
    if reading.case.not_retrieved:
        named = listed(sorted(reading.case.not_retrieved))
        lines.append(say("gap", f"Not or only partly retrieved: {named}; what they would say is unknown"))
    left_out = [issue for issue in reading.case.issues if issue.severity == "left-out"]
    lines += [
        say("issue", f"Left out ({issue.reason})", Source((issue.reference,))) for issue in left_out[:_ISSUES_SHOWN]
    ]
    if len(left_out) > _ISSUES_SHOWN:
        lines.append(say("issue", f"{len(left_out) - _ISSUES_SHOWN} more resources left out"))
    return lines


def _left_open(reading: Reading) -> Iterator[Line]:
    """Say of each missing fact which resources speak of it without telling it."""
    flagged = [issue for issue in reading.case.issues if issue.severity == "flagged" and issue.costs]
    for found in reading.decision.missing if flagged else ():
        name = sentence(short_name(reading.catalogue[found.fact]))
        for issue in flagged:
            if found.fact in issue.costs:
                yield say("gap", f"{name}: {issue.reason}", Source((issue.reference,)), fact=found.fact)


def _not_usable(reading: Reading) -> list[tuple[str, Unknown]]:
    """Give the facts that were looked at, then those that only the gap advisories speak of."""
    facts = [(code, reading.fact(code)) for code in reading.catalogue.facts]
    unusable = [(code, fact) for code, fact in facts if isinstance(fact, Unknown) and fact.gap is not Gap.ABSENT]
    if not unusable:
        return []
    decisive = {missing.fact for missing in reading.decision.missing} | set(reading.decision.read) | {_MDT}
    spoken_of = reading.guideline.compiled.pathway_facts - decisive
    gaps = _GAP_ADVISORIES.values()
    return [
        *(one for one in unusable if one[0] in decisive),
        *(one for one in unusable if one[0] in spoken_of and one[1].gap in gaps),
    ]


def _gap(found: Unknown, code: str, words: str, advisory: str | None) -> Line:
    return say("gap", words, *source(found.evidence), fact=code, codes=(advisory,) if advisory else ())
