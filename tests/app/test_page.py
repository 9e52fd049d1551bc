"""The page without a browser: requests to the application itself, with a model that counts what it gets."""

from __future__ import annotations

import asyncio
import io
import json
import socket

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("starlette", reason="the extra app is not installed")

from fundus_mtl.app import LOCAL_NAMES, page
from fundus_mtl.app._body import LARGEST, TooLargeError, body_of
from fundus_mtl.cli import main
from fundus_mtl.results import ModelCard

CARD = ModelCard("<eyes>", note="phantoms & <b>drawings</b>", text="# Card\n<script>alert(1)</script>")


def application(answer=lambda data: {"status": "ok", "bytes": len(data)}, **options):
    return page(answer, [CARD], **options)


def ask(app, path="/", method="GET", pieces=(b"",), **headers):
    """Send a request; return status, headers and body."""
    given = {"host": "127.0.0.1:8000"} | {name.replace("_", "-"): value for name, value in headers.items()}
    scope = {"type": "http", "http_version": "1.1", "method": method, "path": path, "raw_path": path.encode()}
    scope |= {"query_string": b"", "root_path": "", "scheme": "http", "client": ("127.0.0.1", 1), "server": ("x", 1)}
    scope["headers"] = [(name.lower().encode(), value.encode()) for name, value in given.items()]
    queue, sent = list(pieces), []

    async def receive():
        return {"type": "http.request", "body": queue.pop(0), "more_body": bool(queue)}

    async def send(message):
        sent.append(message)

    asyncio.run(app(scope, receive, send))
    found = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], found, b"".join(message.get("body", b"") for message in sent[1:])


def test_the_page_and_its_files():
    app = application()
    status, headers, body = ask(app)
    assert (status, headers["content-type"]) == (200, "text/html; charset=utf-8")
    text = body.decode()
    assert "Research use only." in text
    assert "Model card of &lt;eyes&gt;" in text
    assert "phantoms &amp; &lt;b&gt;drawings&lt;/b&gt;" in text
    assert "<script>alert" not in text
    for name, kind in (("/page.css", "text/css"), ("/page.js", "text/javascript")):
        status, headers, body = ask(app, name)
        assert (status, headers["content-type"].partition(";")[0]) == (200, kind)
        assert b"http:" not in body
        assert b"https:" not in body
    assert "http" not in text
    assert ask(app, "/health")[0] == 200


def test_every_answer_is_kept_out_of_caches_and_frames():
    for path, method in (("/", "GET"), ("/measure", "POST"), ("/nothing", "GET")):
        _, headers, _ = ask(application(), path, method)
        assert headers["cache-control"] == "no-store"
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert "access-control-allow-origin" not in headers


@pytest.mark.parametrize("host", ["localhost:8000", "127.0.0.1", "[::1]:9", "LOCALHOST"])
def test_names_of_this_machine(host):
    assert ask(application(), host=host)[0] == 200


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "", "[", "localhost@evil.example", "a b"])
def test_another_name_is_refused(host):
    called = []
    status, headers, _ = ask(application(called.append), "/measure", "POST", host=host)
    assert status == 403
    assert headers["cache-control"] == "no-store"
    assert not called


def test_a_name_may_be_added():
    app = application(names=(*LOCAL_NAMES, "Eye-Server"))
    assert ask(app, host="eye-server:8000")[0] == 200


@pytest.mark.parametrize(
    "origin, status",
    [
        ("http://127.0.0.1:8000", 200),
        ("http://127.0.0.1:9", 403),
        ("https://a.example", 403),
        ("null", 403),
        ("http://[", 403),  # not an address
    ],
)
def test_another_page_may_not_ask(origin, status):
    assert ask(application(), "/measure", "POST", origin=origin)[0] == status


def test_the_bytes_arrive():
    _, _, body = ask(application(), "/measure", "POST", [b"ab", b"", b"cde"])
    assert json.loads(body) == {"status": "ok", "bytes": 5}


def test_a_body_above_the_limit_is_not_read():
    called = []
    status, _, body = ask(application(called.append), "/measure", "POST", content_length=str(LARGEST + 1))
    assert status == 413
    assert "at most 64 MiB" in json.loads(body)["reason"]
    assert not called


@pytest.mark.parametrize("declared", [None, "3", "-1", "x"])
def test_the_length_is_counted_whatever_is_declared(declared):
    class Request:
        headers = {} if declared is None else {"content-length": declared}

        async def stream(self):
            for _ in range(9):
                read.append(1)
                yield b"ab"

    read = []
    with pytest.raises(TooLargeError):
        asyncio.run(body_of(Request(), largest=5))
    assert len(read) <= 3


def test_few_photographs_at_a_time():
    async def many():
        app, begun, statuses = application(), asyncio.Event(), []

        async def one():
            async def receive():
                await begun.wait()
                return {"type": "http.request", "body": b"a", "more_body": False}

            async def send(message):
                statuses.extend([message["status"]] if "status" in message else [])

            scope = {"type": "http", "method": "POST", "path": "/measure", "query_string": b"", "root_path": ""}
            await app({**scope, "headers": [(b"host", b"localhost")]}, receive, send)

        waiting = [asyncio.create_task(one()) for _ in range(7)]
        await asyncio.sleep(0.1)
        assert statuses == [503] * 3
        begun.set()
        await asyncio.gather(*waiting)
        return statuses

    assert sorted(asyncio.run(many())) == [200] * 4 + [503] * 3


def picture_file(picture, **options):
    stream = io.BytesIO()
    Image.fromarray(picture).save(stream, **options)
    return stream.getvalue()


@pytest.fixture(scope="module")
def answers():
    from fundus_mtl.app import Answers
    from fundus_mtl.predictor import load_model

    return Answers(load_model(device="cpu"))


def test_a_photograph_is_answered_as_a_folder_run_does(answers, sample):
    found = answers(sample.read_bytes())
    assert found["status"] == "ok"
    picture = np.asarray(Image.open(sample).convert("RGB"))
    (direct,) = answers.model([picture])
    numbers = {name: (value, unit) for name, value, unit in found["numbers"]}
    assert numbers["vCDR"][0] == f"{direct.columns['vcdr']:.2f}"
    assert numbers["Disc height"][1] == "px"
    columns = {name: (value, unit, meaning) for name, value, unit, meaning in found["columns"]}
    assert set(columns) <= set(answers.model.columns)
    assert float(columns["vcdr"][0]) == pytest.approx(direct.columns["vcdr"], rel=1e-5)
    assert all(meaning for _, _, meaning in columns.values())
    assert found["overlay"].startswith("data:image/jpeg;base64,")
    assert json.loads(json.dumps(found)) == found


@pytest.mark.parametrize("data", [b"", b"GIF89a", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0" + bytes(40), b"\0" * 400])
def test_what_is_no_photograph_is_one_sentence(answers, data):
    found = answers(data)
    assert found["status"] == "failed"
    assert found["reason"]
    assert "\n" not in found["reason"]


def test_a_cut_file_is_refused(answers, sample):
    assert answers(sample.read_bytes()[:-20_000])["status"] == "failed"


def test_a_black_photograph_has_no_numbers_of_the_network(answers):
    found = answers(picture_file(np.zeros((300, 400, 3), np.uint8), format="PNG"))
    assert found["status"] == "ungradable"
    assert found["reason"]
    assert "vcdr" not in [name for name, *_ in found["columns"]]


def test_a_burned_in_annotation_is_obeyed(answers, tmp_path):
    from tests.photographs.dicom_files import dicom, save

    made = dicom(np.full((200, 260, 3), 90, np.uint8))
    made.BurnedInAnnotation = "YES"
    save(tmp_path / "eye.dcm", made)
    found = answers((tmp_path / "eye.dcm").read_bytes())
    assert found["overlay"] == ""
    assert "burned in annotation" in found["flags"]


def test_a_port_that_is_taken_is_refused(monkeypatch, capsys):
    from fundus_mtl import predictor

    monkeypatch.setattr(predictor, "load_model", lambda *_, **__: object())
    monkeypatch.setattr(predictor, "model_cards", lambda *_, **__: [])
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert main(["serve", "--port", str(port)]) == 2
    assert f"127.0.0.1 port {port}, but got: another program listens there" in capsys.readouterr().err


def test_without_the_extra(monkeypatch, capsys):
    import importlib.util

    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *_: None if name == "uvicorn" else find(name))
    assert main(["serve"]) == 2
    assert "uvicorn is not installed; pip install 'fundus-mtl[app]'" in capsys.readouterr().err
