"""embkit's command line."""

from __future__ import annotations

from embkit.cli.app import main

__all__ = ["main"]
