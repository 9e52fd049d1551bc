"""Overlays that open large on the report's own page, as a browser shows them."""

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
const found = {}, dialog = document.getElementById("large"), image = document.getElementById("large-picture");
const text = name => document.getElementById("large-" + name).textContent;
const press = key => dialog.dispatchEvent(new KeyboardEvent("keydown", {key, bubbles: true, cancelable: true}));
const at = () => [text("name"), text("place"), dialog.open];
const links = () => Array.from(document.querySelectorAll("td a"));
const settled = () => new Promise(done => {
  image.addEventListener("load", done, {once: true});
  image.addEventListener("error", () => setTimeout(done, 100), {once: true});
});
addEventListener("load", async () => {
  found.before = [dialog.open, image.getAttribute("src"), links().map(link => link.target)];
  let loaded = settled();
  links()[0].querySelector("img").click(); await loaded;
  found.first = at(); found.size = [image.naturalWidth, image.naturalHeight];
  found.numbers = text("numbers"); found.notes = text("notes");
  found.seen = image.getBoundingClientRect().height > 300;
  loaded = settled(); press("ArrowRight"); await loaded; found.second = at(); found.secondSize = image.naturalWidth;
  loaded = settled(); press("ArrowRight"); await loaded; await new Promise(done => setTimeout(done, 300));
  found.third = at(); found.missing = [!document.getElementById("large-missing").hidden, image.naturalWidth];
  press("ArrowRight"); found.end = at();
  press("Escape");
  found.closed = [dialog.open, image.getAttribute("src"), links().indexOf(document.activeElement)];
  document.querySelector("[data-filter=flagged]").click();
  loaded = settled(); links()[0].click(); await loaded; found.filtered = at(); press("ArrowLeft"); found.alone = at();
  document.getElementById("large-close").click(); found.button = dialog.open;
  const kept = new MouseEvent("click", {bubbles: true, cancelable: true, ctrlKey: true});
  document.addEventListener("click", event => {
    found.ctrl = [event.defaultPrevented, dialog.open]; event.preventDefault();
  }, {once: true});
  links()[0].dispatchEvent(kept);
  document.title = JSON.stringify(found);
});
</script>
"""


def jpeg(width, height=40):
    return bytes(cv2.imencode(".jpg", np.full((height, width, 3), 90, np.uint8))[1])


@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")
def test_overlays_open_large_on_the_page(tmp_path):
    rows = [
        {
            "image_id": "a/<b> é.png",
            "status": "ok",
            "vcdr": 0.1,
            "disc_height_px": 120.0,
            "flags": "",
            "laterality": "R",
        },
        {"image_id": "b.png", "status": "ok", "vcdr": 0.25, "flags": ""},
        {"image_id": "c.png", "status": "ok", "vcdr": 0.9, "flags": "vcdr_high;<i>x</i>"},
        {"image_id": "d.png", "status": "failed", "status_reason": "no <picture>"},
    ]
    for name, width in (("a/<b> é.png", 300), ("b.png", 310)):  # the third overlay is gone
        path = tmp_path / "overlays" / f"{name}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(jpeg(width, 200))
    html = render_report(rows, {row["image_id"]: jpeg(60) for row in rows}, RUN)
    page = tmp_path / "report.html"
    page.write_text(html.replace("</body>", SCRIPT + "</body>"), encoding="utf-8")
    options = ["--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom"]
    options += ["--window-size=1200,900", "--virtual-time-budget=8000", "--enable-logging=stderr"]
    done = subprocess.run([CHROMIUM, *options, page.as_uri()], capture_output=True, text=True, timeout=200, check=True)
    found = json.loads(unescape(re.search("<title>(.*?)</title>", done.stdout, re.DOTALL)[1]))
    assert found == {
        "before": [False, None, ["_blank"] * 3],
        "first": ["a/<b> é.png", "1 of 3", True],
        "size": [300, 200],
        "numbers": "Status ok · vCDR 0.10 · Disc height (px) 120 · Eye R",
        "notes": "",
        "seen": True,
        "second": ["b.png", "2 of 3", True],
        "secondSize": 310,
        "third": ["c.png", "3 of 3", True],
        "missing": [True, 60],
        "end": ["c.png", "3 of 3", True],
        "closed": [False, None, 2],
        "filtered": ["c.png", "1 of 1", True],
        "alone": ["c.png", "1 of 1", True],
        "button": False,
        "ctrl": [False, False],
    }
    refused = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    assert all("c.png.jpg" in line for line in refused)  # only the file that is not there


def test_without_scripts_the_links_are_there():
    html = render_report([{"image_id": "a.png", "status": "ok"}], {"a.png": jpeg(6)}, RUN)
    assert '<a href="overlays/a.png.jpg" target="_blank" rel="noopener"><img loading="lazy"' in html
    assert html.count("<dialog ") == 1
    assert "<dialog open" not in html
