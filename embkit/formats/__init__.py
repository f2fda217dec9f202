"""embkit's readers and writers."""

from __future__ import annotations

from embkit.formats.files import check_dense, inspect, load, save
from embkit.formats.report import FileReport
from embkit.formats.table import check_output_name
from embkit.formats.vocabulary_text import load_vocabulary, save_vocabulary

__all__ = [
    "FileReport",
    "check_dense",
    "check_output_name",
    "inspect",
    "load",
    "load_vocabulary",
    "save",
    "save_vocabulary",
]
