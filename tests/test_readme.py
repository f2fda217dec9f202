"""What the README shows runs as it stands."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from embkit.cli import main as run_main
from embkit.cli.demo_text import generated_text

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
RENAMED = {  # the README's words -> words of the generated text
    "topic0_0": "music",
    "topic0_1": "dance",
    "land1": "france",
    "city1": "french",
    "land2": "germany",
    "topic1_1": "king",
}


@pytest.fixture
def corpus_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a ``corpus.txt`` with the README's words into the current folder."""
    monkeypatch.chdir(tmp_path)
    lines = (
        " ".join(RENAMED.get(word, word) for word in sentence)
        for sentence in generated_text(3000).sentences
    )
    Path("corpus.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")


def blocks(language: str) -> list[str]:
    """Return the README's code blocks in a language."""
    found = re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)
    assert found
    return found


@pytest.mark.usefixtures("corpus_here")
def test_the_commands_and_then_the_python_example_run(
    capsys: pytest.CaptureFixture[str],
) -> None:
    lines = [line for block in blocks("console") for line in block.splitlines()]
    for line in lines:
        assert line.startswith("$ embkit ")
        assert run_main(shlex.split(line)[2:]) == 0, line
    assert len(lines) <= 10
    capsys.readouterr()
    for code in blocks("python"):  # in the folder that now has what the commands wrote
        exec(compile(code, "README.md", "exec"), {})
    assert "True" in capsys.readouterr().out


def test_the_other_commands_know_their_options(capsys: pytest.CaptureFixture[str]) -> None:
    for line in (line for block in blocks("sh") for line in block.splitlines()):
        words = shlex.split(line)
        command = words[1:3] if words[1] in ("eval", "train") else words[1:2]
        assert run_main([*command, "--help"]) == 0
        shown = capsys.readouterr().out
        assert all(word in shown for word in words if word.startswith("--")), line
