from __future__ import annotations

import configparser
import re
from pathlib import Path

import yaml

import fundus_mtl
from fundus_mtl.cli import parser

ROOT = Path(__file__).resolve().parents[1]


def setup():
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg")
    return parser


def test_every_package_is_in_the_wheel():
    """They are listed by hand, since `bundles` and `data_prep` come from outside the package's folder."""
    listed = set(setup()["options"]["packages"].split())
    found = {".".join(path.parent.relative_to(ROOT).parts) for path in (ROOT / "fundus_mtl").rglob("__init__.py")}
    assert listed == found | {"fundus_mtl.bundles", "fundus_mtl.data_prep"}


def test_the_bundles_and_the_report_are_found_after_an_install():
    from importlib.resources import files

    assert "common.yaml" in (files("fundus_mtl.bundles") / "refuge_mtl/configs/args.yaml").read_text()
    assert "<html" in (files("fundus_mtl.results") / "report.html").read_text()


def test_the_data_sets_are_found_after_an_install():
    from importlib.resources import files

    folder = files("fundus_mtl.data_prep")
    assert (folder / "refuge.py").is_file()
    assert (folder / "samples" / "retina.jpg").read_bytes().startswith(b"\xff\xd8")
    assert "CC0" in (folder / "samples" / "CREDIT.txt").read_text()
    listed = setup()["options.package_data"]["fundus_mtl.data_prep"]
    assert {path.name for pattern in listed.split(", ") for path in (ROOT / "data_prep").glob(pattern)} == {
        path.name for path in (ROOT / "data_prep" / "samples").iterdir()
    }


def test_every_dependency_gives_its_reason():
    lines = setup()["options"]["install_requires"].strip().splitlines()
    assert all(re.search(r"\s# \S", line) for line in lines), lines


def test_every_dependency_is_pinned_for_the_tests():
    names = {
        re.split(r"[<>=#\s]", line)[0].lower() for line in setup()["options"]["install_requires"].strip().splitlines()
    }
    pinned = {
        line.split("==")[0].lower() for line in (ROOT / "constraints.txt").read_text().splitlines() if "==" in line
    }
    assert names <= pinned


def test_the_version_is_said_once_and_the_bundles_follow():
    assert setup()["metadata"]["version"] == "attr: fundus_mtl.__version__"
    for metadata in (ROOT / "bundles").glob("*/configs/metadata.json"):
        assert f'"fundus_mtl": "{fundus_mtl.__version__}"' in metadata.read_text()


def compose(name):
    return yaml.safe_load((ROOT / "docker" / name).read_text(encoding="utf-8"))


def test_the_image_has_extras_and_files_that_exist():
    text = (ROOT / "docker" / "Dockerfile").read_text(encoding="utf-8")
    extras = set(re.search(r"ARG EXTRAS=(\S+)", text)[1].split(","))
    assert extras <= set(setup()["options.extras_require"])
    for line in re.findall(r"^COPY (?!--from)(.+) \S+$", text, re.MULTILINE):
        assert [name for name in line.split() if not (ROOT / name).exists()] == []
    assert re.search(r"^USER 10001:10001$", text, re.MULTILINE)
    assert "HEALTHCHECK" in text


def test_the_services_call_commands_that_exist():
    for service in compose("compose.yaml")["services"].values():
        command = [*service.get("entrypoint", ["fundus-mtl"]), *service.get("command", [])]
        if command[0] == "fundus-mtl":
            verb, *rest = command[1:]
            given = {"train": ["digits_mtl"], "compare": ["x.yaml"], "infer": ["in", "out"]}.get(verb, [])
            parser().parse_args([verb, *rest, *given])
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))


def test_postgres_changes_a_service_that_exists():
    base, more = compose("compose.yaml")["services"], compose("compose.postgres.yaml")["services"]
    assert set(more) - set(base) == {"database"}
    assert more["mlflow"]["environment"]["MLFLOW_BACKEND_STORE_URI"].startswith("postgresql+psycopg://")


def test_the_weights_leave_the_wheel_below_its_limit():
    weights = sum(path.stat().st_size for path in ROOT.glob("bundles/*/models/*.pt"))
    assert 10e6 < weights < 23e6


def test_the_sdist_has_what_the_makefile_needs():
    manifest = (ROOT / "MANIFEST.in").read_text(encoding="utf-8")
    for name in ("constraints.txt", "Makefile", "mkdocs.yml", "CHANGELOG.md"):
        assert name in manifest
        assert (ROOT / name).is_file()
