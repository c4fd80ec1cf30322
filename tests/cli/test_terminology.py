from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from typer.testing import CliRunner, Result

from fhir_mappings.terminology import load_terminology
from fhir_mappings.widening import SNOMED, Family, ValueSet, load_families, widen
from service.cli import app
from service.commands.check import disagreements
from tests.adapters.servers import Answer, Asked, Server, as_json
from tests.canary.mark import MARK

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

EDITION = "http://snomed.info/sct/900000000000207008/version/20260901"
CHILDREN = {
    "363406005": ["363410008", "1001", "94260004"],  # colon: sigmoid, another, a metastasis to the colon
    "363410008": ["1002"],
    "128462008": ["94260004", "94381002"],
    "94381002": ["1003"],
    "107963000": ["1004", "1005"],  # liver excision
    "86259008": ["1005"],  # biopsy of liver
}
"""A small SNOMED CT: what stands directly below a concept."""


def below(concept: str) -> dict[str, str]:
    found = {concept: f"Concept {concept}"}
    for child in CHILDREN.get(concept, ()):
        found |= below(child)
    return found


class Terminology:
    """A terminology server that understands one form of asking, and answers in pages of two."""

    def __init__(self, form: str = "ecl") -> None:
        self.form = form
        self.forms: list[str] = []

    def __call__(self, asked: Asked) -> Answer:
        form, concept, offset = self._read(asked)
        self.forms.append(form)
        if form != self.form:
            return as_json({"resourceType": "OperationOutcome"}, status=404)
        codes = list(below(concept).items())
        contains = [{"system": SNOMED, "code": code, "display": text} for code, text in codes[offset : offset + 2]]
        expansion = {
            "total": len(codes),
            "offset": offset,
            "parameter": [{"name": "version", "valueUri": f"{SNOMED}|{EDITION}"}],
            "contains": contains,
        }
        return as_json({"resourceType": "ValueSet", "expansion": expansion})

    def _read(self, asked: Asked) -> tuple[str, str, int]:
        assert asked.path == "/fhir/ValueSet/$expand"
        if asked.method == "POST":
            parameters = {one["name"]: one for one in json.loads(asked.body)["parameter"]}
            [rule] = parameters["valueSet"]["resource"]["compose"]["include"][0]["filter"]
            assert (rule["property"], rule["op"]) == ("concept", "is-a")
            return "filter", rule["value"], parameters["offset"]["valueInteger"]
        query = parse_qs(urlsplit(asked.target).query)
        meant = unquote(query["url"][0]).removeprefix(f"{SNOMED}?fhir_vs=")
        form, _, concept = meant.partition("/")
        return form, concept.removeprefix("<<"), int(query["offset"][0])


def refresh(server: Server, out: Path, *options: str) -> Result:
    arguments = ["terminology", "refresh", "--server", f"{server.url}/fhir", "--out", str(out), *options]
    return CliRunner().invoke(app, [*arguments, "--allow-private-addresses"], env={"COLUMNS": "120"})


@pytest.mark.parametrize("form", ["ecl", "isa", "filter"])
def test_value_sets_gain_descendants_and_the_service_knows_them_offline(tmp_path: Path, form: str) -> None:
    with Server(Terminology(form)) as server:
        said = refresh(server, tmp_path)
    assert said.exit_code == 0, said.output
    widened, shipped = load_terminology(tmp_path), load_terminology()
    codes = ["1001", "1002", "1003", "1004", "1005", "94260004", "363410008"]
    assert {code: set(widened.sets(SNOMED, code)) for code in codes} == {
        "1001": {"primary-site-colon-unspecified"},
        "1002": {"primary-site-sigmoid-colon"},
        "1003": {"liver-metastasis"},
        "1004": {"hepatectomy-unspecified"},
        "1005": set(),
        "94260004": set(),
        "363410008": {"primary-site-sigmoid-colon"},
    }
    assert widened.set_ids == shipped.set_ids
    assert list(disagreements_of(tmp_path)) == []
    document = json.loads((tmp_path / "liver-metastasis.json").read_text())
    assert document["expansion"]["contains"] == [{"system": SNOMED, "code": "1003", "display": "Concept 1003"}]
    assert document["expansion"]["parameter"][0] == {"name": "used-codesystem", "valueUri": f"{SNOMED}|{EDITION}"}
    assert document["version"].startswith("1.0.0+20")


def disagreements_of(folder: Path) -> Any:
    from fhir_mappings.catalogue import load_catalogue  # noqa: PLC0415  needed here alone
    from service.knowledge.guideline import load_guideline  # noqa: PLC0415  the same

    return disagreements(load_guideline(), load_catalogue(), load_terminology(folder))


def test_a_form_that_is_not_understood_is_tried_once(tmp_path: Path) -> None:
    terminology = Terminology("filter")
    with Server(terminology) as server:
        refresh(server, tmp_path)
    assert terminology.forms[:3] == ["ecl", "isa", "filter"]
    assert set(terminology.forms[3:]) == {"filter"}


def test_the_difference_to_the_last_refresh_is_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Server(Terminology()) as server:
        first = refresh(server, tmp_path).stdout.splitlines()
        again = refresh(server, tmp_path).stdout.splitlines()
        monkeypatch.setitem(CHILDREN, "94381002", ["1006"])
        monkeypatch.setitem(CHILDREN, "107963000", [])
        later = refresh(server, tmp_path).stdout.splitlines()
    assert first[:5] == [
        "hepatectomy-unspecified: 1 added, 0 removed",
        "  + 1004 Concept 1004",
        "  left out, as two sets could claim them: 1005",
        "liver-biopsy: 0 added, 0 removed",
        "  left out, as two sets could claim them: 1005",
    ]
    assert "No change." not in again
    assert not [line for line in again if line.startswith("  +")]
    assert "liver-metastasis: 1 added, 1 removed" in later
    assert "  - 1003 Concept 1003" in later
    assert not (tmp_path / "hepatectomy-unspecified.json").exists()


def test_files_of_others_in_the_folder_are_left_alone(tmp_path: Path) -> None:
    plain: dict[str, Any] = {"resourceType": "ValueSet", "url": "https://site.example/ValueSet/own"}
    odd: list[dict[str, Any]] = [
        {"expansion": None},
        {"expansion": []},
        {"expansion": {"parameter": [1]}},
        {"expansion": {"parameter": 7}},
    ]
    own = [tmp_path / f"own{number}.json" for number in range(len(odd) + 1)]
    for file, more in zip(own, [{}, *odd], strict=True):
        file.write_text(json.dumps(plain | more))
    with Server(Terminology()) as server:
        said = refresh(server, tmp_path)
    assert (said.exit_code, [file.exists() for file in own]) == (0, [True] * len(own))


def answers(answer: Answer) -> Callable[[Asked], Answer]:
    return lambda _: answer


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (Answer(500), "was answered with status 500"),
        (Answer(200, b"<html>"), "the answer is no JSON"),
        (as_json({"resourceType": "ValueSet"}), "the answer is no expansion"),
        (as_json({"expansion": {"contains": []}}), "the expansion does not hold the concept itself"),
        (as_json({"expansion": {"contains": [7, {"code": 7}], "total": 3}}), "its pages end before its total"),
        (Answer(200, b"{", cut=True), "no whole answer came"),
    ],
)
def test_a_server_that_fails_changes_nothing(tmp_path: Path, answer: Answer, reason: str) -> None:
    with Server(answers(answer)) as server:
        said = refresh(server, tmp_path / "sets")
    assert said.exit_code == 1
    assert said.stderr.endswith(f": {reason}\n")
    assert "Nothing was changed." in said.stderr
    assert not (tmp_path / "sets").exists()


def test_a_private_network_needs_a_word(tmp_path: Path) -> None:
    with Server(Terminology()) as server:
        arguments = ["terminology", "refresh", "--server", server.url, "--out", str(tmp_path / "sets")]
        said = CliRunner().invoke(app, arguments)
    assert (said.exit_code, server.asked) == (1, [])
    assert said.stderr.endswith("the address is not allowed\n")


def test_what_is_wrong_on_this_machine_is_told_before_anything_is_asked(tmp_path: Path) -> None:
    file, folder, token = tmp_path / "file", tmp_path / "folder", tmp_path / "token"
    (tmp_path / "other" / "sets.json").mkdir(parents=True)
    file.touch()
    folder.mkdir()
    (folder / "broken.json").write_text("[")
    token.write_bytes(b"\xff")
    with Server(Terminology()) as server:
        found = [
            refresh(server, file / "out"),
            refresh(server, folder),
            refresh(server, tmp_path / "out", "--token-file", str(token)),
            refresh(server, tmp_path / "other"),
        ]
    assert server.asked == []
    assert [(result.exit_code, result.stdout) for result in found] == [(2, "")] * 4
    told = [" ".join(result.stderr.replace("│", " ").split()) for result in found]
    assert "Invalid value for --out: no folder can be made there" in told[0]
    assert "Invalid value for --out: broken.json in it is no JSON" in told[1]
    assert "Invalid value for --token-file: it is no text in UTF-8" in told[2]
    assert "Invalid value for --out: sets.json in it cannot be read" in told[3]


def test_what_cannot_be_written_is_told_in_a_line(tmp_path: Path) -> None:
    with Server(Terminology()) as server:
        said = refresh(server, tmp_path / ("x" * 300))
    assert (said.exit_code, said.stderr.splitlines()[-1].endswith("xxx: File name too long")) == (1, True)


def test_a_server_needs_a_url() -> None:
    said = CliRunner().invoke(app, ["terminology", "refresh", "--server", "tx.example.org"])
    assert said.exit_code == 2
    assert "must be an https URL" in said.stderr or "absolute" in said.stderr


def test_the_token_goes_to_the_server_and_nowhere_else(tmp_path: Path) -> None:
    (tmp_path / "token").write_text(f"{MARK}\n")
    with Server(Terminology()) as server:
        said = refresh(server, tmp_path / "sets", "--token-file", str(tmp_path / "token"))
    assert {asked.headers["authorization"] for asked in server.asked} == {f"Bearer {MARK}"}
    assert "CANARY" not in said.output
    assert "CANARY" not in "".join(path.read_text() for path in (tmp_path / "sets").iterdir())


def family(*sets: tuple[str, str], exclude: tuple[str, ...] = (), placed: frozenset[str] = frozenset()) -> Family:
    own = tuple(ValueSet(set_id, f"u/{set_id}", set_id, "1", (concept,)) for set_id, concept in sets)
    return Family("f", own, exclude, placed | {concept for _, concept in sets} | set(exclude))


EXPANSIONS: Mapping[str, Mapping[str, str]] = {
    "a": {"a": "A", "b": "B", "x": "X", "y": "Y", "z": "Z"},
    "b": {"b": "B", "y": "Y", "z": "Z"},
    "c": {"c": "C", "x": "X"},
    "e": {"e": "E", "z": "Z"},
}


def gained(of: Family) -> dict[str, tuple[list[str], tuple[str, ...]]]:
    return {one.value_set.id: (list(one.codes), one.undecided) for one in widen(of, EXPANSIONS)}


def test_a_descendant_goes_to_the_set_of_its_nearest_concept() -> None:
    assert gained(family(("A", "a"), ("B", "b"))) == {"A": (["x"], ()), "B": (["y", "z"], ())}


def test_a_descendant_that_two_sets_could_claim_goes_to_neither() -> None:
    assert gained(family(("A", "a"), ("C", "c"))) == {"A": (["b", "y", "z"], ("x",)), "C": ([], ("x",))}


def test_excluded_and_placed_codes_are_not_taken() -> None:
    assert gained(family(("B", "b"), exclude=("e",))) == {"B": (["y"], ())}
    assert gained(family(("B", "b"), placed=frozenset({"y", "z"}))) == {}


def test_no_set_stands_in_two_families_and_each_pattern_finds_one() -> None:
    families = load_families()
    ids = [one.id for found in families for one in found.sets]
    assert len(ids) == len(set(ids))
    assert all(found.sets for found in families)
    assert not {"symptom-obstruction", "tnm-t4", "asa-1", "radiotherapy"} & set(ids)
    assert not {"cancer-by-site", "colorectal-by-site", "metastasis-by-site"} & set(ids)


def test_no_place_of_a_metastasis_takes_one_from_the_bowel() -> None:
    [places] = [found for found in load_families() if "elsewhere-structure" in {one.id for one in found.sets}]
    assert [one.id for one in places.sets] == ["elsewhere-structure"]
