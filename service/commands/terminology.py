"""`crlm-cds terminology`: value sets widened by a site's terminology server, for use without it afterwards."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from fhir_mappings.widening import Family, Widened
    from service.adapters.terminology_server import TerminologyServer

app = typer.Typer(name="terminology", help="The codes that the service knows.", no_args_is_help=True)

_FOLDER = Path("terminology")


@app.callback()
def terminology() -> None:
    """Work on the codes that the service knows."""


@app.command()
def refresh(
    *,
    server: Annotated[str, typer.Option(help="The FHIR base URL of the terminology server.")],
    out: Annotated[
        Path, typer.Option(file_okay=False, help="The folder for the expansions; CRLM_TERMINOLOGY then names it.")
    ] = _FOLDER,
    token_file: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="A file with a bearer token for the server.")
    ] = None,
    allow_private_addresses: Annotated[
        bool, typer.Option("--allow-private-addresses", help="Let the server stand in a private network.")
    ] = False,
) -> None:
    """Add the descendants of SNOMED CT concepts to the value sets, and show what that changes.

    Other code systems are read as whole branches already, or have none: the handbook's page on changes says which.
    Nothing is written before everything was fetched. Read the difference like a change of the guideline before a
    server loads it: a code in the wrong set is a wrong fact.
    """
    from datetime import UTC, datetime

    from service.adapters.origins import OriginError
    from service.adapters.terminology_server import TerminologyServerError
    from service.commands.folders import check_folder

    check_folder(out, option="--out")
    before = read_expansions(out)
    token = _token(token_file) if token_file else None
    try:
        found, edition = _fetch(server, token=token, private=allow_private_addresses)
    except OriginError as fault:
        raise typer.BadParameter(str(fault), param_hint="--server") from None
    except TerminologyServerError as fault:
        typer.echo(f"Nothing was changed. {fault}", err=True)
        raise typer.Exit(1) from None
    _print_difference(before, found)
    try:
        write_expansions(out, found, now=datetime.now(UTC), edition=edition)
    except OSError as fault:
        typer.echo(f"Not all of it could be written to {out}: {fault.strerror}", err=True)
        raise typer.Exit(1) from None
    gained = sum(len(one.codes) for one in found)
    typer.echo(f"{gained} codes in {len(found)} value sets are in {out}. Use them with CRLM_TERMINOLOGY={out}")


def read_expansions(folder: Path) -> dict[str, dict[str, str]]:
    """Give the codes of each expansion that a refresh wrote before, by value set."""
    import json

    from fhir_mappings.widening import codes_of
    from service.adapters.places import is_folder

    found = {}
    for path in sorted(folder.glob("*.json")) if is_folder(folder) else ():
        try:
            document = json.loads(path.read_text(encoding="utf-8"))
        except (ValueError, RecursionError):
            raise typer.BadParameter(f"{path.name} in it is no JSON", param_hint="--out") from None
        except OSError:
            raise typer.BadParameter(f"{path.name} in it cannot be read", param_hint="--out") from None
        with suppress(AttributeError, KeyError, TypeError):  # of a shape that no refresh writes
            if _is_ours(document):
                found[path.stem] = codes_of(document)
    return found


def _token(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8").strip()
    except ValueError:
        raise typer.BadParameter("it is no text in UTF-8", param_hint="--token-file") from None


def write_expansions(folder: Path, found: Iterable[Widened], *, now: datetime, edition: str | None) -> None:
    """Write one file a value set, each at once; those of an earlier refresh that gain nothing any more are removed."""
    import json

    from fhir_mappings.widening import value_set_of

    folder.mkdir(parents=True, exist_ok=True)
    moment = now.replace(microsecond=0).isoformat().replace("+00:00", "Z")
    written = set()
    for widened in found:
        if not widened.codes:
            continue
        document = value_set_of(widened, version=f"{now:%Y%m%d}", timestamp=moment, edition=edition)
        path = folder / f"{widened.value_set.id}.json"
        draft = path.with_suffix(".part")
        draft.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        draft.replace(path)
        written.add(path.stem)
    for stale in read_expansions(folder).keys() - written:
        (folder / f"{stale}.json").unlink()


def _fetch(server: str, *, token: str | None, private: bool) -> tuple[tuple[Widened, ...], str | None]:
    import asyncio

    from fhir_mappings.widening import load_families
    from service.adapters.origins import origin_of
    from service.adapters.outbound import Destinations, Outbound
    from service.adapters.terminology_server import TerminologyServer

    destinations = Destinations(frozenset({origin_of(server)}), allow_private_addresses=private)

    async def fetch() -> tuple[tuple[Widened, ...], str | None]:
        outbound = Outbound()
        asked = TerminologyServer(server, outbound, destinations, token)
        try:
            return await _widen_all(load_families(), asked), asked.edition
        finally:
            await outbound.aclose()

    return asyncio.run(fetch())


async def _widen_all(families: Iterable[Family], server: TerminologyServer) -> tuple[Widened, ...]:
    from rich.console import Console
    from rich.progress import Progress

    from fhir_mappings.widening import widen

    families = tuple(families)
    wanted = dict.fromkeys(concept for family in families for concept in family.concepts)
    expansions: dict[str, dict[str, str]] = {}
    with Progress(console=Console(stderr=True), transient=True) as progress:
        for concept in progress.track(wanted, description="Asking for descendants"):
            expansions[concept] = await server.descendants(concept)
    return tuple(one for family in families for one in widen(family, expansions))


def _print_difference(before: Mapping[str, Mapping[str, str]], found: Iterable[Widened]) -> None:
    from rich.console import Console
    from rich.markup import escape

    console = Console(highlight=False, soft_wrap=True)
    after = {one.value_set.id: one for one in found}
    changed = False
    for set_id in sorted(before.keys() | after.keys()):
        old = before.get(set_id, {})
        new = after[set_id].codes if set_id in after else {}
        added, removed = sorted(new.keys() - old.keys()), sorted(old.keys() - new.keys())
        undecided = after[set_id].undecided if set_id in after else ()
        if not (added or removed or undecided):
            continue
        changed = True
        console.print(f"[bold]{set_id}[/bold]: {len(added)} added, {len(removed)} removed")
        for code in added:
            console.print(f"  [green]+ {code}[/green] {escape(new[code])}")
        for code in removed:
            console.print(f"  [red]- {code}[/red] {escape(old[code])}")
        if undecided:
            console.print(f"  left out, as two sets could claim them: {', '.join(undecided)}")
    if not changed:
        console.print("No change.")


def _is_ours(document: Any) -> bool:  # noqa: ANN401  JSON of any shape
    parameters = document.get("expansion", {}).get("parameter", []) if isinstance(document, dict) else []
    return any(parameter.get("name") == "widens" for parameter in parameters)
