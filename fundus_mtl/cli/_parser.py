"""The parser of the command line: one sentence for what it does not understand, with a suggestion."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable
from typing import NoReturn

from fundus_mtl.suggestions import did_you_mean


class Parser(argparse.ArgumentParser):
    """A parser that ends in one sentence and status 2, without the usage."""

    def error(self, message: str) -> NoReturn:
        """End the process."""
        self.exit(2, f"error: {message.rstrip('.?')}{'?' if message.endswith('?') else '.'} See {self.prog} --help.\n")

    def options(self) -> list[str]:
        """Return the long options."""
        return [option for option in self._option_string_actions if option.startswith("--")]


def one_of(names: Iterable[str]) -> Callable[[str], str]:
    """Return the type of an argument that takes one of some names."""
    known = list(names)

    def checked(name: str) -> str:
        if name not in known:
            raise argparse.ArgumentTypeError(
                f"expected one of {', '.join(known)}, but got {name}{did_you_mean(name, known)}"
            )
        return name

    return checked


def positive(text: str) -> int:
    """Return a whole number of at least 1; the type of an argument."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number of at least 1, but got {text}.")
    return int(text)


def port_number(text: str) -> int:
    """Return a port from 0 to 65535; the type of an argument."""
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"expected a port from 0 to 65535, but got {text}.")
    return int(text)
