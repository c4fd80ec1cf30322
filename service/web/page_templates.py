"""The templates of our pages: every value is escaped, and a name that nobody gave is an error."""

from __future__ import annotations

from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined


@cache
def page_templates(folder: str = "templates", *, package: str = "service.web") -> Environment:
    """Give the templates in a folder of a package, each compiled once."""
    return Environment(
        loader=PackageLoader(package, folder),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
