"""What was done after the advice, by pseudonym: recommendation, decision of the MDT, and the next treatment seen."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import sqlalchemy as sa

from service.adapters.store.app_schema import mdt_decisions
from service.adapters.store.schema import issued_cards, later_treatments, within

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from sqlalchemy.engine import Connection

NOTHING_YET = "nothing yet"
NOT_RECORDED = "not recorded"


@dataclass(frozen=True, slots=True)
class Later:
    """How many patients had the same recommendation, decision and next treatment.

    `done` are the treatments of the first later call that showed a new one, joined by ` + `; or `nothing yet`.
    """

    recommended: str
    decided: str
    done: str
    patients: int


@dataclass(frozen=True, slots=True)
class LaterOfStrategy:
    """What became of the patients with one recommendation.

    `decided_so` had a decision of the MDT for it, `decided_otherwise` one for something else; `done` counts the next
    treatments, most frequent first.
    """

    recommended: str
    patients: int
    decided_so: int
    decided_otherwise: int
    done: tuple[tuple[str, int], ...]


def by_strategy(stories: Iterable[Later]) -> tuple[LaterOfStrategy, ...]:
    """Put the stories of each recommendation together, that of most patients first."""
    of_each: dict[str, list[Later]] = defaultdict(list)
    for story in stories:
        of_each[story.recommended].append(story)
    found = [_together(recommended, of_one) for recommended, of_one in of_each.items()]
    return tuple(sorted(found, key=lambda one: (-one.patients, one.recommended)))


def _together(recommended: str, stories: Iterable[Later]) -> LaterOfStrategy:
    done: Counter[str] = Counter()
    decided: Counter[str] = Counter()
    for story in stories:
        done[story.done] += story.patients
        decided[story.decided] += story.patients
    otherwise = decided.total() - decided[recommended] - decided[NOT_RECORDED]
    counted = tuple(sorted(done.items(), key=lambda item: (-item[1], item[0])))
    return LaterOfStrategy(recommended, done.total(), decided[recommended], otherwise, counted)


@dataclass(slots=True)
class _Patient:
    """What is kept of one pseudonym: answers by moment, and treatments by the moment when they were first seen."""

    answers: list[tuple[datetime, str]] = field(default_factory=list)
    decisions: list[tuple[datetime, str]] = field(default_factory=list)
    seen: dict[datetime, set[str]] = field(default_factory=lambda: defaultdict(set))

    def story(self) -> tuple[str, str, str]:
        """Tell the recommendation that stood when something new was done, or the last one where nothing was."""
        self.answers.sort()
        began = self.answers[0][0]
        moment = min((at for at in self.seen if at > began), default=None)
        before = [code for at, code in self.answers if moment is None or at < moment]
        decided = [code for at, code in sorted(self.decisions) if moment is None or at < moment]
        done = NOTHING_YET if moment is None else " + ".join(sorted(self.seen[moment]))
        return before[-1], decided[-1] if decided else NOT_RECORDED, done


def count_later(connection: Connection, since: datetime | None, until: datetime | None) -> tuple[Later, ...]:
    """Count the patients with an answer from `since` to before `until`, most frequent stories first."""
    patients: dict[str, _Patient] = defaultdict(_Patient)
    cards = issued_cards.c
    answers = sa.select(cards.subject, cards.issued_at, cards.strategy).where(
        cards.subject.is_not(None), cards.strategy.is_not(None), *within(cards.issued_at, since, until)
    )
    for subject, at, strategy in connection.execute(answers):
        patients[subject].answers.append((at, strategy))
    decisions = sa.select(cards.subject, mdt_decisions.c.recorded_at, mdt_decisions.c.decided).join_from(
        mdt_decisions, issued_cards, sa.and_(mdt_decisions.c.card == cards.card, mdt_decisions.c.issuer == cards.issuer)
    )
    for subject, at, decided in connection.execute(decisions):
        if subject in patients:
            patients[subject].decisions.append((at, decided))
    for subject, treatment, at in connection.execute(sa.select(later_treatments)):
        if subject in patients:
            patients[subject].seen[at].add(treatment)
    stories = Counter(patient.story() for patient in patients.values())
    return tuple(Later(*story, count) for story, count in sorted(stories.items(), key=lambda item: (-item[1], item[0])))
