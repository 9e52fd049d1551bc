"""The report as a browser runs it: sorted, filtered, its pictures shown, nothing refused."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from html import unescape

import cv2
import numpy as np
import pytest

from .test_tables_and_report import RUN, render_report

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
SCRIPT = """
<script>
const found = {}, names = () => Array.from(body.rows, row => row.cells[1].dataset.key);
addEventListener("load", () => {
  const vcdr = Array.from(document.querySelectorAll("th button")).find(button => button.textContent === "vCDR");
  found.picture = document.querySelector("td img").naturalWidth;
  vcdr.click(); found.up = names(); vcdr.click(); found.down = names();
  for (const kind of ["ungradable", "failed", "flagged", "all"]) {
    document.querySelector(`[data-filter=${kind}]`).click(); found[kind] = names();
  }
  search.value = "no <picture>"; search.dispatchEvent(new Event("input")); found.search = names();
  document.title = JSON.stringify(found);
});
</script>
"""


@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")
def test_sorting_filtering_and_pictures(tmp_path):
    ungradable = {"status": "ungradable", "status_reason": "out of focus"}
    rows = [
        {"image_id": "b.png", "status": "ok", "vcdr": 0.9, "flags": "disc_large"},
        {"image_id": "u.png", **ungradable},
        {"image_id": "a/<b>.png", "status": "ok", "vcdr": 0.1, "flags": ""},
        {"image_id": "c.png", "status": "ok", "vcdr": 0.25, "flags": ""},
        {"image_id": "d.png", "status": "failed", "status_reason": "no <picture>"},
    ]
    jpeg = bytes(cv2.imencode(".jpg", np.zeros((40, 60, 3), np.uint8))[1])
    page = tmp_path / "report.html"
    page.write_text(render_report(rows, {"b.png": jpeg}, RUN).replace("</body>", SCRIPT + "</body>"), encoding="utf-8")
    options = ["--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom"]
    done = subprocess.run(
        [CHROMIUM, *options, "--enable-logging=stderr", page.as_uri()],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    found = json.loads(unescape(re.search("<title>(.*?)</title>", done.stdout, re.DOTALL)[1]))
    assert found == {
        "picture": 60,
        "up": ["a/<b>.png", "c.png", "b.png", "u.png", "d.png"],  # what is unknown comes last, both ways
        "down": ["b.png", "c.png", "a/<b>.png", "u.png", "d.png"],
        "ungradable": ["u.png"],
        "failed": ["d.png"],
        "flagged": ["b.png"],
        "all": ["b.png", "c.png", "a/<b>.png", "u.png", "d.png"],
        "search": ["d.png"],
    }
    assert "CONSOLE" not in done.stderr  # no script failed and the page's own policy refused nothing
