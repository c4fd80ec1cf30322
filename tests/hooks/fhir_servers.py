"""FHIR servers of every behaviour, each with the same record, for calls whose prefetch lacks something."""

from __future__ import annotations

import json
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

from tests.adapters.servers import Answer, Asked, Server, as_gzip, as_json, searchset
from tests.canary.mark import MARK
from tests.ehr import answer_template

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    Json = dict[str, Any]
    Handler = Callable[[Asked], Answer]

TOKEN = f"{MARK}-token"
FAILING = ("401", "403", "404", "500", "slow", "dies mid-body", "redirects", "not JSON", "gzip bomb", "not allowed")
PAGING = ("foreign next", "endless")
SOUND = ("open", "token")
NO_SERVER = "none"
BEHAVIOURS = (NO_SERVER, *SOUND, *FAILING, *PAGING)


class Record:
    """A record, and how its searches are answered in two pages."""

    def __init__(self, resources: Sequence[Json]) -> None:
        self.resources = resources

    def searched(self, asked: Asked) -> Json:
        """Answer a search or read as a whole."""
        kind = asked.path.removeprefix("/fhir/").removesuffix("/_search")
        query = asked.body or asked.target.partition("?")[2]
        template = f"{kind}?{query}" if query else kind
        answer = answer_template(template, self.resources, context={})
        return answer if answer is not None else {"resourceType": "OperationOutcome"}

    def half(self, kind: str, number: int) -> list[Json]:
        """Give the first (1) or the second (2) half of the resources of a type."""
        found = [one for one in self.resources if one["resourceType"] == kind]
        middle = (len(found) + 1) // 2
        return found[:middle] if number == 1 else found[middle:]


def page_two(base: str, kind: str) -> str:
    """Give the URL of the second page of a type at a server."""
    return f"{base}/fhir?kind={kind}&page=2"


def _page(record: Record, asked: Asked) -> list[Json]:
    """Give the resources on the page that is asked for: a search is the first half, all later pages the second."""
    if "page" in asked.parameters:
        return record.half(asked.parameters["kind"][0], 2)
    kind = asked.path.removeprefix("/fhir/").removesuffix("/_search")
    return record.half(kind, 1)


def _whole(record: Record, asked: Asked) -> Answer:
    if "page" in asked.parameters:
        return as_json(searchset(*_page(record, asked)))
    return as_json(record.searched(asked))


def _only_with_token(record: Record, asked: Asked) -> Answer:
    if asked.headers.get("authorization") != f"Bearer {TOKEN}":
        return Answer(401)
    return _whole(record, asked)


def _foreign(record: Record, asked: Asked, elsewhere: str) -> Answer:
    return as_json(searchset(*_page(record, asked), next_url=f"{elsewhere}/fhir?page=3&token={TOKEN}"))


def _endless(record: Record, asked: Asked) -> Answer:
    """Page for ever: each page is new, and holds what the one before held."""
    number = int(asked.parameters.get("page", ["1"])[0])
    repeated = asked.parameters.get("of", ["1"])[0] if number > 1 else "1"
    kind = asked.parameters["kind"][0] if "kind" in asked.parameters else asked.path.split("/")[2]
    of = "2" if number > 1 and "of" not in asked.parameters else repeated
    following = f"/fhir?kind={kind}&of={of}&page={number + 1}"
    return as_json(searchset(*record.half(kind, int(of)), next_url=following))


_BOMB = as_gzip(b" " * 40_000_000)


def _handlers(record: Record, elsewhere: str) -> Mapping[str, Handler]:
    return {
        "open": lambda asked: _whole(record, asked),
        "token": lambda asked: _only_with_token(record, asked),
        "401": lambda _: Answer(401, TOKEN.encode()),
        "403": lambda _: Answer(403),
        "404": lambda _: Answer(404),
        "500": lambda _: as_json({"resourceType": "OperationOutcome"}, status=500),
        "slow": lambda _: Answer(200, b"x" * 100, hold=True),
        "dies mid-body": lambda asked: Answer(200, json.dumps(record.searched(asked)).encode(), cut=True),
        "redirects": lambda _: Answer(302, headers={"Location": f"{elsewhere}/fhir?token={TOKEN}"}),
        "not JSON": lambda _: Answer(200, f"<html>{TOKEN}".encode()),
        "gzip bomb": lambda _: _BOMB,
        "not allowed": lambda asked: _whole(record, asked),
        "foreign next": lambda asked: _foreign(record, asked, elsewhere),
        "endless": lambda asked: _endless(record, asked),
    }


@contextmanager
def fhir_servers(resources: Sequence[Json]) -> Iterator[tuple[dict[str, Server], Server]]:
    """Run a server of each behaviour, and the one elsewhere that nobody may ask."""
    record = Record(resources)
    with ExitStack() as stack:
        elsewhere = stack.enter_context(Server(lambda _: as_json(searchset())))
        handlers = _handlers(record, elsewhere.url)
        yield {name: stack.enter_context(Server(handler)) for name, handler in handlers.items()}, elsewhere
