"""``python -m embkit``."""

from __future__ import annotations

import sys

from embkit.cli import main

sys.exit(main())
