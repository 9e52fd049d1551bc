"""The report's templates, which escape everything that they are given."""

from __future__ import annotations

import string
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jinja2 import Environment, Template


def template(name: str) -> Template:
    """Return a template of this package by its file name."""
    return _environment().get_template(name)


@cache
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("fundus_mtl.results", ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["css"] = _in_css
    return environment


def _in_css(text: str) -> str:
    """Return text for a string of CSS: everything but letters, digits and spaces as its code."""
    plain = string.ascii_letters + string.digits + " "
    return "".join(sign if sign in plain else f"\\{ord(sign):06x}" for sign in text)
