"""Names and notes from outside as text that is safe to print on a terminal or in a log."""

from __future__ import annotations


def printable(text: str) -> str:
    r"""Return the text with everything escaped that does not print.

    Control characters start a terminal's commands (an escape sequence in a file's name may hide or rewrite what was printed
    before), line ends forge lines of a log, and marks of writing direction swap what is read. Letters of every script stay.

    Example:
        >>> printable("eye\x1b[2J\n.png")
        'eye\\x1b[2J\\n.png'
    """
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape", "surrogatepass").decode()
        for character in text
    )
