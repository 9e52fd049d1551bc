"""Pages of the site that lie elsewhere in the repository, or are made from something else."""

from __future__ import annotations

import json
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ELSEWHERE = {
    "extend.md": "CONTRIBUTING.md",
    "changelog.md": "CHANGELOG.md",
    "tutorial.md": "docs/tutorial.ipynb",
    **{
        f"models/{path.parents[1].name}.md": path.relative_to(ROOT).as_posix()
        for path in ROOT.glob("bundles/*/docs/README.md")
    },
}
"""Path in the repository, by path in the site."""
PACKAGES = (
    *("predictor", "inference", "tasks", "aggregation", "weighting", "optim", "autograd", "precision", "losses"),
    *("networks", "transforms", "data", "photographs", "engines", "handlers", "metrics", "biomarkers", "results"),
    *("exports", "figures", "comparison", "workflow", "tracking", "processes", "files", "labels"),
)
"""Modules of ``fundus_mtl`` whose public names the API reference has."""


def repository_path(page: str) -> str:
    """Return the path in the repository of a page of the site."""
    return ELSEWHERE.get(page, f"docs/{page}")


def site_path(path: str) -> str | None:
    """Return the page of the site that shows a file of the repository; None if none does."""
    if path == "README.md":
        return "index.md"
    for page, source in ELSEWHERE.items():
        if source == path:
            return page
    return path.removeprefix("docs/") if path.startswith("docs/") else None


def content(page: str) -> str:
    """Return the Markdown of a page that lies elsewhere."""
    source = ROOT / ELSEWHERE[page]
    text = source.read_text(encoding="utf-8")
    return notebook(text) if source.suffix == ".ipynb" else text


def notebook(text: str) -> str:
    """Return a notebook as Markdown: its cells, without outputs."""
    parts = []
    for cell in json.loads(text)["cells"]:
        lines = "".join(cell["source"])
        parts.append(lines if cell["cell_type"] == "markdown" else f"```python\n{lines}\n```")
    return "\n\n".join(parts) + "\n"
