"""embkit's command line."""

from __future__ import annotations

import sys
from collections.abc import Sequence

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code.

    What it consists of is imported here, so that Ctrl-C is told in one line from the first
    moment on.
    """
    from embkit.cli.exit_codes import ExitCode

    try:
        from embkit.cli import app
    except KeyboardInterrupt:
        print("embkit: error: interrupted", file=sys.stderr)
        return ExitCode.INTERRUPT
    except MemoryError:
        print("embkit: error: not enough memory to start", file=sys.stderr)
        return ExitCode.RESOURCE
    return app.main(argv)
