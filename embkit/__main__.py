"""``python -m embkit``."""

from __future__ import annotations

from embkit.cli import main

main()
