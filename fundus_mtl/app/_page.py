"""The page and its addresses, as an ASGI application."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence
from importlib.resources import files
from typing import Any

from jinja2 import Environment, StrictUndefined
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from fundus_mtl.app._body import TooLargeError, body_of
from fundus_mtl.app._guard import LOCAL_NAMES, Guard
from fundus_mtl.notices import DISCLAIMER, VERSION
from fundus_mtl.results import ModelCard

Answer = Callable[[bytes], dict[str, Any]]
WAITING = 4
"""Most photographs that are measured or wait at a time; each is in memory."""
_KINDS = {"html": "text/html", "css": "text/css", "js": "text/javascript"}


def page(answer: Answer, cards: Sequence[ModelCard] = (), names: Collection[str] = LOCAL_NAMES) -> Starlette:
    """Return the page as an ASGI application.

    Args:
        answer: What to show of a photograph, given the bytes of its file; one call at a time, in a thread.
        cards: Models, as the page presents them.
        names: Names that the page may be called by, see `Guard`.
    """
    turn, waiting = asyncio.Lock(), asyncio.Semaphore(WAITING)

    async def measure(request: Request) -> Response:
        """Answer a photograph, or refuse one that is too large or one too many."""
        if waiting.locked():
            return _refused(503, "expected a few photographs at a time, but got more; try again in a minute.")
        async with waiting:
            try:
                data = await body_of(request)
            except TooLargeError as error:
                return _refused(413, str(error))
            async with turn:
                return JSONResponse(await run_in_threadpool(answer, data))

    def file(name: str, **values: Any) -> Route:
        content = _template(name).render(**values) if values else _text(name)
        kind = _KINDS[name.rpartition(".")[2]]

        async def send(_: Request) -> Response:
            return Response(content, media_type=kind)

        return Route("/" if name == "page.html" else f"/{name}", send)

    async def health(_: Request) -> Response:
        return PlainTextResponse("ok\n")

    routes = [
        file("page.html", disclaimer=DISCLAIMER, version=VERSION, cards=cards),
        file("page.css"),
        file("page.js"),
        Route("/health", health),
        Route("/measure", measure, methods=["POST"]),
    ]
    return Starlette(routes=routes, middleware=[Middleware(Guard, names=names)])


def _refused(status: int, reason: str) -> Response:
    return JSONResponse({"status": "failed", "reason": reason}, status)


def _text(name: str) -> str:
    return (files("fundus_mtl.app") / name).read_text(encoding="utf-8")


def _template(name: str) -> Any:
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(_text(name))
