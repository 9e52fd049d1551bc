"""The verb ``fundus-mtl serve``: a page on this machine to try a model on single photographs."""

from __future__ import annotations

import argparse
from contextlib import suppress
from typing import Any

from fundus_mtl.cli._endings import DONE, refusing
from fundus_mtl.cli._key_values import add_key_values, key_values
from fundus_mtl.cli._parser import port_number
from fundus_mtl.cli._verb import add_verb

_ABOUT = """Open a page on this machine: drop a photograph on it and see overlay, numbers, flags and the model card. Nothing
is stored and nothing is sent. Ctrl-C ends it. Needs the extra app: pip install 'fundus-mtl[app]'. Exit status: 0 ended,
2 refused."""
_EXAMPLES = """
fundus-mtl serve                                               # the package's own weights
fundus-mtl serve --vessels --port 8080
fundus-mtl serve --weights runs/refuge_mtl/models/model.pt
"""
_LOCAL = "127.0.0.1"


def add_serve(verbs: Any) -> None:
    """Add the verb to the command line's subparsers."""
    parser = add_verb(verbs, "serve", run_serve, "a page to try a photograph on", _ABOUT, _EXAMPLES)
    parser.add_argument(
        "--weights",
        metavar="FILE",
        help="model.pt of a training, with recipe.json beside it; default: the package's own",
    )
    parser.add_argument(
        "--vessels", action="store_true", help="arteries, veins and their measures too (seconds longer)"
    )
    parser.add_argument("--device", help="device, such as cpu or cuda:0; default: a GPU if there is one")
    parser.add_argument("--port", type=port_number, default=8000, help="port of the page; 0: a free one; default: 8000")
    parser.add_argument(
        "--host",
        default=_LOCAL,
        help="address to listen on; there is no login, so change it in a container only; default: 127.0.0.1",
    )
    parser.add_argument(
        "--allow-host",
        action="append",
        default=[],
        metavar="NAME",
        help="name that browsers may call the page by, beside localhost and 127.0.0.1",
    )
    add_key_values(parser, "item of the bundle's inference.yaml")


def run_serve(given: argparse.Namespace) -> int:
    """Do what the command line asks for; return the exit status."""
    with refusing(ValueError, OSError):
        options = key_values(given)
        _check_extra()
        from fundus_mtl.app import LOCAL_NAMES, Answers, page, serve
        from fundus_mtl.predictor import load_model, model_cards

        what: dict[str, Any] = {"vessels": given.vessels, **options}
        model = load_model(given.weights, given.device, **what)
        app = page(Answers(model), model_cards(given.weights, **what), (*LOCAL_NAMES, *given.allow_host))
        with suppress(KeyboardInterrupt):
            serve(app, given.host, given.port, lambda address: _ready(given, address))
    return DONE


def _ready(given: argparse.Namespace, address: str) -> None:
    if given.host != _LOCAL:
        given.output.info("warning: the page has no login; everybody who reaches this address can use it")
    given.output.info(f"the page is {address}; Ctrl-C ends it")


def _check_extra() -> None:
    """Check that the libraries of the page are installed.

    Raises:
        ValueError: If one is missing.
    """
    from importlib.util import find_spec

    if missing := [name for name in ("starlette", "uvicorn") if find_spec(name) is None]:
        raise ValueError(
            f"expected the extra app, but {' and '.join(missing)} is not installed; pip install 'fundus-mtl[app]'."
        )
