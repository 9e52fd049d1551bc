"""Serve the page until Ctrl-C."""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable
from typing import Any

import uvicorn

_CONNECTIONS = 32  # at a time; more are answered with 503


def serve(app: Any, host: str, port: int, ready: Callable[[str], None]) -> None:
    """Serve an application over HTTP until Ctrl-C or SIGTERM. Nothing is logged.

    Args:
        app: ASGI application.
        host: Address of this machine to listen on.
        port: Port to listen on; 0 for a free one.
        ready: Called with the address of the page before the first request is answered.

    Raises:
        OSError: If the address cannot be listened on.
    """
    with _listening(host, port) as listener:
        name = f"[{host}]" if ":" in host else host
        ready(f"http://{name}:{listener.getsockname()[1]}")
        config = uvicorn.Config(
            app,
            access_log=False,
            log_config=None,
            log_level="warning",
            limit_concurrency=_CONNECTIONS,
            timeout_graceful_shutdown=5,
            server_header=False,
            ws="none",
            lifespan="off",
            http="h11",
            loop="asyncio",
        )
        uvicorn.Server(config).run(sockets=[listener])


def _listening(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        why = "another program listens there" if error.errno == errno.EADDRINUSE else (error.strerror or str(error))
        raise OSError(f"expected to listen on {host} port {port}, but got: {why}; choose another --port.") from error
