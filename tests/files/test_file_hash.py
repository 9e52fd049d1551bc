from __future__ import annotations

import pytest

from fundus_mtl.files import file_sha256

ABC = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"  # FIPS 180's own example


def test_the_standards_example(tmp_path):
    (tmp_path / "abc").write_bytes(b"abc")
    assert file_sha256(tmp_path / "abc") == ABC


def test_a_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match="train first, or give its path"):
        file_sha256(tmp_path / "model.pt")
