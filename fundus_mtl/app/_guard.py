"""Who may call the page: browsers on this machine that show the page itself, and no other web page.

Source: OWASP, Cross-Site Request Forgery Prevention; DNS rebinding is refused by the name in the header ``Host``.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from urllib.parse import SplitResult, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOCAL_NAMES = ("127.0.0.1", "localhost", "::1")
"""Names of this machine in an address of the page."""
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class Guard:
    """Refuse requests by another name or from another web page, and keep answers out of caches.

    Args:
        app: What answers the requests that are allowed.
        names: Names that the page may be called by, without a port.
    """

    def __init__(self, app: ASGIApp, names: Collection[str] = LOCAL_NAMES) -> None:
        self.app, self.names = app, frozenset(name.lower() for name in names)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(_HEADERS)
            await send(message)

        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
        elif scope["type"] != "http" or not self._allowed(Headers(scope=scope)):
            refusal = (
                "expected the address that fundus-mtl serve printed, but got another name or page; open that one.\n"
            )
            await PlainTextResponse(refusal, 403)(scope, receive, send_guarded)
        else:
            await self.app(scope, receive, send_guarded)

    def _allowed(self, headers: Mapping[str, str]) -> bool:
        host, origin = headers.get("host", ""), headers.get("origin")
        return _name(host) in self.names and (origin is None or _split(origin).netloc.lower() == host.lower())


def _name(host: str) -> str:
    """Return the name in a header ``Host`` without its port; empty if it is not a name."""
    return _split(f"//{host}").hostname or ""


def _split(address: str) -> SplitResult:
    """Return the parts of an address; they are empty if it is not an address."""
    try:
        return urlsplit(address)
    except ValueError:
        return urlsplit("")
