"""How files are written and named: whole or not at all, hashes, CSV cells, Markdown tables, safe names and streams."""

from __future__ import annotations

from fundus_mtl.files._cells import csv_text, harmless
from fundus_mtl.files._creatable import check_creatable
from fundus_mtl.files._hash import config_sha256, file_sha256, json_sha256
from fundus_mtl.files._lasting_streams import lasting_streams
from fundus_mtl.files._markdown import markdown_table
from fundus_mtl.files._printable import PrintableFormatter, make_logs_printable, printable
from fundus_mtl.files._read_json import read_json
from fundus_mtl.files._read_yaml import check_yaml, read_yaml, yaml_text
from fundus_mtl.files._relative_name import relative_name
from fundus_mtl.files._torch_file import TorchFileError, read_torch_file
from fundus_mtl.files._whole_file import is_part, whole_file, write_whole

__all__ = [
    "PrintableFormatter",
    "TorchFileError",
    "check_creatable",
    "check_yaml",
    "config_sha256",
    "csv_text",
    "file_sha256",
    "harmless",
    "is_part",
    "json_sha256",
    "lasting_streams",
    "make_logs_printable",
    "markdown_table",
    "printable",
    "read_json",
    "read_torch_file",
    "read_yaml",
    "relative_name",
    "whole_file",
    "write_whole",
    "yaml_text",
]
