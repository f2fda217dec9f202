"""The gate to the native core: the only module that imports ``_core``."""

from __future__ import annotations

from embkit import _core as core

__all__ = ["core"]
