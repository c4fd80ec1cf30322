"""All targets by name, and how each is run."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from tests.fuzz.described import storm_described
from tests.fuzz.fhir_target import bundles
from tests.fuzz.http_targets import requests, tokens
from tests.fuzz.storm import FOUND, Report, storm
from tests.fuzz.toml_targets import knowledge, policies

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from tests.fuzz.storm import Target

OPENERS: dict[str, Callable[[Path], AbstractContextManager[Target]]] = {
    "request": requests,
    "jwt": tokens,
    "bundle": bundles,
    "knowledge": knowledge,
    "policy": policies,
}
TARGETS = (*OPENERS, "openapi")


def run_target(
    name: str,
    *,
    seed: int,
    until: Callable[[Report], bool],
    folder: Path = FOUND,
    watch: Callable[[Report], None] = lambda _: None,
) -> Report:
    """Run one target until told otherwise."""
    if name == "openapi":
        with TemporaryDirectory() as place:
            return storm_described(Path(place), seed=seed, until=until, folder=folder, watch=watch)
    with TemporaryDirectory() as place, OPENERS[name](Path(place)) as target:
        return storm(target, seed=seed, until=until, folder=folder, watch=watch)
