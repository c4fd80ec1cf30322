"""Clinicians at work: a chart is opened, its card's app launched, the case reviewed, a fact saved."""

from __future__ import annotations

import asyncio
import html
import re
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import httpx

if TYPE_CHECKING:
    import random

    from service.demo.addresses import Addresses

_LAUNCH = re.compile(r'action="(/cards/[^"]+/launch)".*?name="link" value="([^"]+)"', re.DOTALL)
_HIDDEN = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)">')
_NO_ADVICE = re.compile(r"No advice: [^<]+")
_HOPS = 8


class SessionFault(Exception):  # noqa: N818  reads as what happened
    """A step did not end as it must; the message names the step and the status."""


@dataclass
class Clinicians:
    """Sessions one after the other, and how each ended.

    A patient is in one session at a time: of two that save the same fact the second would rightly meet a conflict.
    """

    addresses: Addresses
    rng: random.Random
    done: int = 0
    seconds: list[float] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    _open: set[str] = field(default_factory=set)

    async def work(self, end: asyncio.Event, *, pause_s: float) -> None:
        """Hold sessions until `end`, with a pause after each."""
        patients = await self._patients()
        while not end.is_set():
            start = time.perf_counter()
            patient = self.rng.choice([one for one in patients if one not in self._open])
            self._open.add(patient)
            try:
                await self._session(patient)
            except (SessionFault, httpx.HTTPError) as fault:
                self.faults.append(str(fault) or type(fault).__name__)
            else:
                self.done += 1
                self.seconds.append(time.perf_counter() - start)
            finally:
                self._open.discard(patient)
            try:
                await asyncio.wait_for(end.wait(), pause_s)
            except TimeoutError:
                continue

    async def _patients(self) -> list[str]:
        async with httpx.AsyncClient(trust_env=False, timeout=30) as browser:
            page = (await browser.get(f"{self.addresses.ehr}/")).text
        return sorted(set(re.findall(r'href="/patients/([^"/]+)"', page)))

    async def _session(self, patient: str) -> None:
        ehr, service = self.addresses.ehr, self.addresses.service
        async with httpx.AsyncClient(trust_env=False, timeout=30) as browser:
            _check("the chart", await browser.get(f"{ehr}/patients/{patient}"))
            cards = _check("the cards", await browser.post(f"{ehr}/patients/{patient}/patient-view", data={}))
            if failed := _NO_ADVICE.search(cards.text):
                raise SessionFault(f"the cards: {failed[0]}")
            found = _LAUNCH.search(cards.text)
            if found is None:
                return  # the service has nothing to say about this patient
            answer = await browser.post(f"{ehr}{found[1]}", data={"link": html.unescape(found[2])})
            for _ in range(_HOPS):
                if not answer.is_redirect or answer.next_request is None:
                    break
                answer = await browser.send(answer.next_request)
            review = _check("the review", answer)
            form = review.text.partition('class="complete-form"')[2].partition("</form>")[0]
            hidden = {name: html.unescape(value) for name, value in _HIDDEN.findall(form)}
            if not hidden:
                return  # nothing is left to complete
            entered = {**hidden, "ecog": self.rng.choice("012")}
            own = {"Origin": service}
            _check("what if", await browser.post(f"{service}/review/what-if", data=entered, headers=own))
            saved = _check(
                "the saving",
                await browser.post(f"{service}/review/save", data=entered, headers=own, follow_redirects=True),
            )
            if 'id="saved"' not in saved.text:
                raise SessionFault("the saving: the page does not say what was saved")


def _check(step: str, answer: httpx.Response) -> httpx.Response:
    if answer.status_code != httpx.codes.OK:
        raise SessionFault(f"{step}: status {answer.status_code}")
    return answer
