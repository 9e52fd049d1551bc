"""The same configuration has the same hash, whatever changes no result."""

from __future__ import annotations

import json

from fundus_mtl.files import config_sha256

SWITCHES = ("overwrite", "writers")


def test_only_what_changes_a_result_counts() -> None:
    config = {"size": 256, "overwrite": False, "results": {"overwrite": "@overwrite"}}
    given = config_sha256(json.dumps(config), SWITCHES)
    assert len(given) == 64
    assert config_sha256(json.dumps(config | {"overwrite": True, "writers": 4}), SWITCHES) == given
    assert config_sha256(json.dumps(dict(reversed(config.items()))), SWITCHES) == given
    assert config_sha256(json.dumps(config | {"size": 128}), SWITCHES) != given
    assert config_sha256(json.dumps(config | {"results": {}}), SWITCHES) != given
    assert config_sha256(json.dumps(config | {"overwrite": True})) != config_sha256(json.dumps(config))


def test_no_config_has_no_hash() -> None:
    assert config_sha256(None) == ""
