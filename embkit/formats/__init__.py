"""embkit's readers and writers."""

from __future__ import annotations

from embkit.formats.files import inspect, load, save
from embkit.formats.report import FileReport

__all__ = ["FileReport", "inspect", "load", "save"]
