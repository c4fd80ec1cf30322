"""README and metadata say what the code does. `python -m tests.test_documentation` renews the generated part."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from service.adapters.clients import parse_clients
from service.knowledge.guideline import load_guideline_under
from service.settings import describe_settings

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
_TABLE = re.compile(r"(<!-- settings: .*? -->\n)(.*?)(<!-- end of settings -->)", re.DOTALL)


def table_of_settings() -> str:
    """Give the table of settings in Markdown."""
    rows = [
        f"| `{setting.variable}` | {f'`{setting.default}`' if setting.default else ''} | {setting.meaning} |"
        for setting in describe_settings()
    ]
    return "\n".join(["| variable | default | meaning |", "|---|---|---|", *rows, ""])


def test_the_readme_lists_every_setting_as_the_code_has_it() -> None:
    found = _TABLE.search(README.read_text(encoding="utf-8"))
    assert found is not None
    assert found.group(2) == table_of_settings()


def test_every_file_that_the_readme_links_exists() -> None:
    links = re.findall(r"\]\(((?!https?:|#)[^)]+)\)", README.read_text(encoding="utf-8"))
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_the_examples_of_the_readme_are_accepted(tmp_path: Path) -> None:
    examples = re.findall(r"```toml\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    clients, policy = examples
    assert [client.issuer for client in parse_clients(clients, folder=tmp_path)] == ["https://ehr.example.org"]
    assert load_guideline_under(policy).policy.name == "our MDT"


def test_packages_that_call_themselves_typed_are_typed_for_those_who_import_them() -> None:
    metadata = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    packages = metadata["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    assert "Typing :: Typed" in metadata["project"]["classifiers"]
    assert [package for package in packages if not (ROOT / package / "py.typed").is_file()] == []


if __name__ == "__main__":
    text = README.read_text(encoding="utf-8")
    README.write_text(_TABLE.sub(lambda found: found[1] + table_of_settings() + found[3], text), encoding="utf-8")
