"""Render the HTML templates of this package; every value is escaped."""

from __future__ import annotations

from typing import Any


def render(template: str, **values: Any) -> str:
    """Return a template filled with values.

    Args:
        template: file name of the template, in the folder of this package.
        **values: values by name; text is escaped, and only `markupsafe.Markup` is inserted unchanged.

    Raises:
        jinja2.UndefinedError: if a value is missing.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    loader = PackageLoader("fundus_mtl.figures", "")
    environment = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.get_template(template).render(**values)
