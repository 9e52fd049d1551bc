"""Read the body of a request, up to a limit."""

from __future__ import annotations

from starlette.requests import Request

LARGEST = 64 * 2**20
"""Largest photograph that is taken, in bytes."""


class TooLargeError(ValueError):
    """A body above the limit; the text is for the user."""


async def body_of(request: Request, largest: int = LARGEST) -> bytes:
    """Return the body of a request. It is never in memory beyond the limit, whatever the request says of its length.

    Args:
        request: Request, its body not yet read.
        largest: Most bytes.

    Raises:
        TooLargeError: If it is larger.
    """
    declared = request.headers.get("content-length", "0")
    if not declared.isdecimal() or int(declared) > largest:
        raise _too_large(largest)
    pieces, size = [], 0
    async for piece in request.stream():
        size += len(piece)
        if size > largest:
            raise _too_large(largest)
        pieces.append(piece)
    return b"".join(pieces)


def _too_large(largest: int) -> TooLargeError:
    return TooLargeError(f"expected a photograph of at most {largest // 2**20} MiB, but got more; reduce it.")
