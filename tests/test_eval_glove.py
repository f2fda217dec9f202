"""Running Stanford's GloVe: what it is told, what is read of it, and proof of its epochs."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from eval.glove import RATE, ROWS
from eval.speed import summary
from eval.stanford import GloveTask, StanfordCounts, stanford_counts, stanford_glove

# Writes its arguments to files beside the output, so that the test can read them.
FAKE = """
import sys, time
from pathlib import Path
options = dict(zip(sys.argv[1::2], sys.argv[2::2]))
name = Path(sys.argv[0]).name
if name != "glove":
    data = sys.stdin.buffer.read()
    sys.stdout.buffer.write(data + name.encode() + str(sorted(options.items())).encode())
    sys.exit()
print("alpha: 0.750000", file=sys.stderr, flush=True)
for epoch in range(EPOCHS or int(options["-iter"])):
    time.sleep(0.05)
    print(f"today, iter: {epoch + 1:03d}, cost: {0.5 ** epoch}", file=sys.stderr, flush=True)
Path(options["-save-file"] + ".txt").write_text(str(options))
"""


def fake_tools(folder: Path, epochs: int = 0) -> Path:
    for name in ("vocab_count", "cooccur", "shuffle", "glove"):
        path = folder / name
        source = FAKE.replace("EPOCHS", str(epochs))
        path.write_text(f"#!{sys.executable}\n{source}", encoding="utf-8")
        path.chmod(0o755)
    return folder


def test_counts_are_deleted_after_their_use(tmp_path: Path) -> None:
    corpus, folder = tmp_path / "corpus.txt", tmp_path / "counts"
    corpus.write_text("text ", encoding="utf-8")
    tools = fake_tools(tmp_path)
    with stanford_counts(tools, GloveTask(window=7), corpus, folder, seed=3) as counts:
        assert "'-min-count', '5'" in counts.vocabulary.read_text(encoding="utf-8")
        made = counts.records.read_text(encoding="utf-8")
        assert made.startswith("text cooccur")
        assert "'-window-size', '7'" in made
        assert "shuffle[('-memory', '4.0'), ('-seed', '3')" in made
    assert not folder.exists()


def test_an_epoch_is_timed_between_the_tools_own_lines(tmp_path: Path) -> None:
    counts = StanfordCounts(tmp_path / "words", tmp_path / "records", 0.0)
    task, output = GloveTask(dim=30, epochs=2, threads=1), tmp_path / "v.txt"
    took = stanford_glove(fake_tools(tmp_path), task, counts, output, seed=4)
    assert took.costs == [1.0, 0.5]
    assert len(took.epoch_seconds) == 2
    assert all(0.04 < seconds < 5 for seconds in took.epoch_seconds)
    told = output.read_text(encoding="utf-8")
    for option in ("'-vector-size': '30'", "'-iter': '2'", "'-threads': '1'", "'-seed': '4'"):
        assert option in told
    assert "'-x-max': '10.0'" in told


def test_a_tool_that_left_out_epochs_is_refused(tmp_path: Path) -> None:
    counts = StanfordCounts(tmp_path / "words", tmp_path / "records", 0.0)
    tools = fake_tools(tmp_path, epochs=1)
    with pytest.raises(RuntimeError, match=r"after 1 of 15 epochs"):
        stanford_glove(tools, GloveTask(), counts, tmp_path / "v.txt", seed=1)


def test_the_table_has_a_row_for_each_length() -> None:
    rounds = [{f"{tool}/{dim}": {RATE: rate * dim} for dim in (100, 300)
               for tool, rate in (("embkit", 40.0), ("stanford", 2.0))}]  # fmt: skip
    lines = summary(ROWS, rounds)
    assert [(line["median"], line["verdict"]) for line in lines] == [(20.0, "pass")] * 2
