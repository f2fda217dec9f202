"""embkit demo: on the user's own text, and on a generated one where gensim is missing."""

from __future__ import annotations

import errno
import json
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from itertools import chain
from pathlib import Path

import pytest

import embkit
from embkit.cli import main as run_main
from embkit.cli.demo_text import DemoText, generated_text, wikipedia_text
from embkit.config import SkipGramConfig


def test_without_gensim_the_planted_topics_are_found(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    # None there makes Python find no such package, as where it is not installed.
    monkeypatch.setitem(sys.modules, "gensim", None)
    monkeypatch.setattr("embkit.cli.demo.generated_text", lambda: generated_text(8000))
    assert run_main(["demo", "--json"]) == 0
    captured = capsys.readouterr()
    assert "gensim is not installed here" in captured.err
    result = json.loads(captured.out)
    topic = result["neighbors"]["topic0_1"]
    assert sum(word.startswith("topic0_") for word in topic) >= 5
    assert result["similarity"]["covered"] == result["similarity"]["pairs"] == 260
    assert result["similarity"]["spearman"] > 60
    assert len(embkit.load("demo/vectors.bin")) == 526


def test_the_wikipedia_text_is_large_enough_to_answer_its_questions() -> None:
    pytest.importorskip("gensim")
    text = wikipedia_text()
    assert text is not None
    counts = Counter(word for sentence in text.sentences for word in sentence)
    known = {word for word, count in counts.items() if count >= SkipGramConfig().min_count}
    assert 460_000 < counts.total() < 480_000
    assert 8_500 < len(known) < 9_500
    assert known.issuperset([*text.words, *chain(*text.analogies)])
    assert len(text.gold) == 353
    assert sum(a in known and b in known for a, b, _ in text.gold) > 200


def test_a_gensim_that_cannot_be_loaded_is_as_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gensim.corpora", None)
    assert wikipedia_text() is None


def test_the_users_own_text_is_left_as_it_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    text = "".join(" ".join(sentence) + "\n" for sentence in generated_text(1500).sentences)
    own = tmp_path / "own.txt"
    own.write_text(text, encoding="utf-8")
    assert run_main(["demo", "own.txt", "--quiet"]) == 0
    assert "words from own.txt" in capsys.readouterr().out
    assert own.read_text(encoding="utf-8") == text
    assert [path.name for path in Path("demo").iterdir()] == ["vectors.bin"]


def test_the_text_is_not_what_the_vectors_replace(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = tmp_path / "vectors.bin"
    own.write_text("a b c\n" * 50, encoding="utf-8")
    assert run_main(["demo", str(own), "--folder", str(tmp_path)]) == 2
    assert "output must not be an input" in capsys.readouterr().err
    assert own.read_text(encoding="utf-8") == "a b c\n" * 50


def test_a_text_that_cannot_be_written_whole_leaves_the_old_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut_short() -> DemoText:
        def sentences() -> Iterator[list[str]]:
            yield ["a", "b"]
            raise OSError(errno.ENOSPC, "No space left on device")

        return replace(generated_text(1), sentences=sentences())

    monkeypatch.setattr("embkit.cli.demo.wikipedia_text", lambda: None)
    monkeypatch.setattr("embkit.cli.demo.generated_text", cut_short)
    text = tmp_path / "text.txt"
    text.write_text("old\n")
    assert run_main(["demo", "--folder", str(tmp_path), "--overwrite"]) == 4
    assert f"{text}: No space left" in capsys.readouterr().err
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [
        ("text.txt", "old\n")
    ]


@pytest.mark.parametrize("name", ["text.txt", "vectors.bin"])
def test_files_in_the_folder_are_replaced_only_when_told(
    name: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("embkit.cli.demo.wikipedia_text", lambda: None)
    monkeypatch.setattr("embkit.cli.demo.generated_text", lambda: generated_text(1500))
    (tmp_path / name).write_text("mine", encoding="utf-8")
    assert run_main(["demo", "--folder", str(tmp_path)]) == 2
    assert f"output {tmp_path / name} exists; --overwrite" in capsys.readouterr().err
    assert [path.read_text() for path in tmp_path.iterdir()] == ["mine"]
    for _ in range(2):
        assert run_main(["demo", "--folder", str(tmp_path), "--overwrite", "--quiet"]) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["text.txt", "vectors.bin"]


def test_a_text_that_is_not_there_exits_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run_main(["demo", "none.txt"]) == 2
    assert "none.txt" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
