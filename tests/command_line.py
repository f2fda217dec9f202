"""What tests of the command line share."""

from __future__ import annotations

import json

import pytest

from embkit.cli import main


def run_json(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> object:
    """Run a command with --json and return what it printed."""
    assert main([*arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def error_line(capsys: pytest.CaptureFixture[str]) -> str:
    """Return what the one line says that an error may print."""
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("embkit: error: ")
    assert captured.err.count("\n") == 1, captured.err
    return captured.err.removeprefix("embkit: error: ").rstrip("\n")
