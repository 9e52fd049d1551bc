"""The page as a person uses it, in headless Chromium: `fundus-mtl serve` with the package's own weights. Slow."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from urllib.request import urlopen

import pytest

from tests.app.browser import chromium
from tests.servers import free_port, started

pytest.importorskip("starlette", reason="the extra app is not installed")

TEXT = "[...document.querySelectorAll('{}')].map((one) => one.innerText.trim())"
SHOWN = "!document.getElementById('answer').hidden"


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """Address of the page; whatever the program writes would be in its folders."""
    folder = tmp_path_factory.mktemp("serve")
    (folder / "work").mkdir()
    port = free_port()
    command = [sys.executable, "-m", "fundus_mtl.cli", "serve", "--port", str(port), "--device", "cpu"]
    environment = os.environ | {"TMPDIR": str(folder / "work"), "HOME": str(folder / "work")}
    address = f"http://127.0.0.1:{port}"
    with started(command, f"{address}/health", folder / "log.txt", cwd=folder / "work", env=environment):
        yield address
        left = [path for path in (folder / "work").rglob("*") if path.is_file() and "matplotlib" not in str(path)]
        log = (folder / "log.txt").read_text()
    assert left == []
    assert "retina" not in log


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    with chromium(tmp_path_factory.mktemp("chromium")) as page:
        page.size(1200, 900)
        yield page


def test_a_photograph_is_measured(address, browser, sample, tmp_path):
    browser.open(f"{address}/")
    assert "Research use only" in browser.value("document.querySelector('.notice').innerText")
    browser.choose("#file", sample)
    browser.until(SHOWN)
    rows = dict(text.split("\t")[:2] for text in browser.value(TEXT.format("#numbers tr")))
    assert 0.2 < float(rows["vCDR"]) < 0.9
    assert float(rows["Disc height"]) > 100
    assert browser.value("document.getElementById('overlay').naturalWidth") == 1411
    assert browser.value("document.getElementById('badge').innerText") in ("ok", "ok, but flagged")
    browser.value("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    assert any("vcdr\t" in text for text in browser.value(TEXT.format("#columns tr")))
    assert "refuge_mtl" in browser.value("document.querySelector('.card pre').innerText")
    asked = [request for request in browser.requests() if not request.startswith("data:")]
    assert asked
    assert all(request.startswith(address) for request in asked)
    assert browser.complaints() == []


def test_another_file_replaces_the_answer(address, browser, tmp_path):
    bad = tmp_path / "<b>bad.jpg"
    bad.write_bytes(b"\xff\xd8\xff no picture")
    browser.choose("#file", bad)
    browser.until(f"{SHOWN} && document.getElementById('badge').innerText === 'failed'")
    assert browser.value("document.getElementById('reason').innerText")
    assert browser.value("document.getElementById('name').innerText") == "<b>bad.jpg"
    assert browser.value(TEXT.format("#numbers tbody tr")) == []
    assert browser.value("document.getElementById('overlay').getAttribute('src')") is None


def test_a_narrow_window_shows_everything(address, browser, sample):
    browser.size(400, 800)
    browser.choose("#file", sample)
    browser.until(f"{SHOWN} && document.getElementById('badge').innerText !== 'failed'")
    assert browser.value("document.documentElement.scrollWidth") <= 400


def test_ctrl_c_ends_the_page(tmp_path):
    """SIGINT ends the program with status 0, without a traceback."""
    code = (
        "import signal, sys\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from fundus_mtl import predictor\n"
        "predictor.load_model = lambda *a, **k: object()\n"
        "predictor.model_cards = lambda *a, **k: []\n"
        "from fundus_mtl.cli import main\n"
        "sys.exit(main(['serve', '--port', '0']))\n"
    )
    command = [sys.executable, "-u", "-c", code]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path) as process:
        printed = process.stdout.readline()
        address = re.search(r"http://127\.0\.0\.1:\d+", printed)[0]
        with urlopen(f"{address}/health", timeout=60) as answer:  # noqa: S310  # our own address
            assert answer.read() == b"ok\n"
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    assert "Traceback" not in errors
