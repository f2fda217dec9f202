"""Phrases: word2phrase's rule by a slow reference, optimal joins by trying all, the files."""

from __future__ import annotations

import gzip
import json
import math
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embkit.cli import main
from embkit.config import PhraseConfig, VocabularyConfig
from embkit.corpus import encode, sources
from embkit.errors import FormatError, OutputExistsError
from embkit.phrases import (
    PhrasePass,
    PhraseTable,
    apply,
    join_text,
    learn_phrases,
    load_phrases,
)
from embkit.phrases import learn as learning

Lines = list[list[str]]
Pair = tuple[str, str]


def some_lines(num_lines: int = 300, seed: int = 1) -> Lines:
    """Lines of Zipf's words with planted phrases of two, three and four words."""
    rng = np.random.default_rng(seed)
    shares = 1 / np.arange(1, 61)
    planted = (["new", "york"], ["new", "york", "city"], ["a1", "b1", "c1", "d1"])
    lines = []
    for _ in range(num_lines):
        words = [f"w{i}" for i in rng.choice(60, rng.integers(0, 12), p=shares / shares.sum())]
        if rng.random() < 0.4:
            at = rng.integers(0, len(words) + 1)
            words[at:at] = planted[rng.integers(3)]
        lines.append(words)
    return lines


def pair_scores(lines: Lines, config: PhraseConfig) -> dict[Pair, float]:
    """Return the score of each pair that is frequent enough."""
    words = Counter(word for line in lines for word in line)
    streams = [[word for line in lines for word in line]] if config.across_lines else lines
    pairs = Counter(pair for stream in streams for pair in pairwise(stream))
    total, scores = words.total(), {}
    for (a, b), count in pairs.items():
        if min(words[a], words[b], count) < config.min_count:
            continue
        if config.scoring == "word2phrase":
            f = np.float32
            single = f(count - config.min_count) / f(words[a]) / f(words[b]) * f(total)
            score = float(single)
        else:
            joint = count / total
            score = math.log(joint / (words[a] / total * words[b] / total)) / -math.log(joint)
        scores[a, b] = score
    return scores


def join_greedily(line: list[str], chosen: dict[Pair, float]) -> list[str]:
    joined, is_free = line[:1], True
    for word, following in pairwise(line):
        is_free = not (is_free and (word, following) in chosen)
        if is_free:
            joined.append(following)
        else:
            joined[-1] += "_" + following
    return joined


def join_best(line: list[str], chosen: dict[Pair, float]) -> float:
    """Return the greatest sum of scores, by trying everything."""
    if len(line) < 2:
        return 0.0
    rest = join_best(line[1:], chosen)
    score = chosen.get((line[0], line[1]))
    return rest if score is None else max(rest, score + join_best(line[2:], chosen))


def reference(lines: Lines, config: PhraseConfig) -> tuple[list[dict[Pair, float]], Lines]:
    passes = []
    for threshold in config.thresholds:
        scores = pair_scores(lines, config)
        passes.append({pair: s for pair, s in scores.items() if s > np.float32(threshold)})
        lines = [join_greedily(line, passes[-1]) for line in lines]
    return passes, lines


def passes_of(table: PhraseTable) -> list[dict[Pair, float]]:
    return [
        {(a.decode(), b.decode()): s for a, b, s in zip(p.left, p.right, p.scores, strict=True)}
        for p in table.passes
    ]


@pytest.mark.parametrize("scoring", ["word2phrase", "npmi"])
@pytest.mark.parametrize("across_lines", [True, False])
@pytest.mark.parametrize("num_passes", [1, 2, 3])
def test_equals_the_slow_rule(scoring: Any, across_lines: bool, num_passes: int) -> None:
    threshold = 3.0 if scoring == "word2phrase" else 0.3
    config = PhraseConfig(
        scoring=scoring,
        thresholds=(threshold,) * num_passes,
        min_count=4,
        across_lines=across_lines,
    )
    lines = some_lines()
    passes, joined = reference(lines, config)
    table = learn_phrases(lines, config)
    assert [p.keys() for p in passes_of(table)] == [p.keys() for p in passes]
    for found, expected in zip(passes_of(table), passes, strict=True):
        for pair, score in expected.items():
            assert found[pair] == pytest.approx(score, rel=1e-6 if scoring == "npmi" else 0)
    assert [table.segment(line) for line in lines] == joined
    if num_passes > 1:
        assert any("new_york_city" in line for line in joined)
        assert any("a1_b1_c1_d1" in line for line in joined)


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("memory", [150_000, None])
@pytest.mark.parametrize("at_once", [7, 10**6])
def test_threads_memory_and_blocks_change_nothing(
    monkeypatch: pytest.MonkeyPatch, threads: int, memory: int | None, at_once: int
) -> None:
    config = PhraseConfig(thresholds=(3, 2), min_count=3, threads=threads)
    lines = some_lines()
    expected = learn_phrases(lines, PhraseConfig(thresholds=(3, 2), min_count=3, threads=2))
    monkeypatch.setattr(learning, "_AT_ONCE", at_once)
    assert learn_phrases(lines, config, memory=memory).passes == expected.passes


TABLE_SCORES = st.dictionaries(
    st.tuples(st.sampled_from("abc"), st.sampled_from("abc")), st.integers(1, 9), max_size=9
)


@settings(deadline=None)
@given(scores=TABLE_SCORES, line=st.lists(st.sampled_from("abcx"), max_size=10))
def test_optimal_segmentation_has_the_greatest_sum(
    scores: dict[Pair, int], line: list[str]
) -> None:
    config = PhraseConfig(segmentation="optimal")
    left, right = ([pair[side].encode() for pair in scores] for side in (0, 1))
    values = [float(score) for score in scores.values()]
    pairs = PhrasePass(left, right, [1] * len(values), values)
    units = PhraseTable(config, (pairs,)).segment(line)
    chosen = [unit.split("_") for unit in units if "_" in unit]
    total = sum(scores[left, right] for left, right in chosen)
    assert total == join_best(line, {pair: float(s) for pair, s in scores.items()})
    assert "_".join(units).split("_") == line or line == []


def test_optimal_and_greedy_differ_where_pairs_overlap() -> None:
    pairs = PhrasePass([b"a", b"b"], [b"b", b"c"], [9, 9], [1.0, 5.0])
    greedy = PhraseTable(PhraseConfig(), (pairs,))
    optimal = PhraseTable(PhraseConfig(segmentation="optimal"), (pairs,))
    assert greedy.segment(["a", "b", "c"]) == ["a_b", "c"]
    assert optimal.segment(["a", "b", "c"]) == ["a", "b_c"]


def test_an_encoded_corpus_must_be_whole() -> None:
    lines = some_lines()
    config = PhraseConfig(thresholds=(3,), min_count=4)
    whole = encode(lines, config=VocabularyConfig(min_count=1))
    assert learn_phrases(whole, config).passes == learn_phrases(lines, config).passes
    with pytest.raises(ValueError, match="all its words"):
        learn_phrases(encode(lines, config=VocabularyConfig(min_count=5)), config)


def test_a_corpus_without_pairs_gives_an_empty_table(tmp_path: Path) -> None:
    table = learn_phrases([["a", "b"], ["c"]])
    assert len(table) == 0
    table.save(tmp_path / "table")
    assert load_phrases(tmp_path / "table").segment(["a", "b"]) == ["a", "b"]


@pytest.mark.parametrize("block", [1, 5, 1 << 20])
@pytest.mark.parametrize(
    "write", [Path.write_bytes, lambda p, b: p.write_bytes(gzip.compress(b))]
)
def test_a_text_is_joined_line_by_line(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    block: int,
    write: Callable[[Path, bytes], int],
) -> None:
    monkeypatch.setattr("embkit.phrases.apply._BLOCK_BYTES", block)
    pairs = PhrasePass([b"new", b"new_york"], [b"york", b"city"], [9, 9], [2.0, 1.0])
    table = PhraseTable(PhraseConfig(delimiter="_"), (pairs, pairs))
    write(tmp_path / "text", b"\xef\xbb\xbfnew york\r\n\n a\tnew  york\x0bcity \xff\nnew\nyork")
    join_text(table, tmp_path / "text", tmp_path / "joined", threads=2)
    expected = b"new_york\n\na new_york_city \xff\nnew\nyork\n"
    assert (tmp_path / "joined").read_bytes() == expected
    with pytest.raises(OutputExistsError):
        join_text(table, tmp_path / "text", tmp_path / "joined")


def test_text_that_changes_while_it_is_joined_or_is_utf_16_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = PhraseTable(PhraseConfig(), (PhrasePass([b"new"], [b"york"], [9], [200.5]),))
    text, joined = tmp_path / "text", tmp_path / "joined"
    text.write_bytes("new york\n".encode("utf-16"))
    with pytest.raises(FormatError, match=r"text:1: this looks like UTF-16"):
        join_text(table, text, joined)
    whole_lines = apply._whole_lines

    def changed(path: str) -> Iterator[bytes]:
        yield from whole_lines(path)
        text.write_bytes(b"york new new\n")

    monkeypatch.setattr(apply, "_whole_lines", changed)
    text.write_bytes(b"new york\n")
    with pytest.raises(FormatError, match=r"text: the file changed while it was read"):
        join_text(table, text, joined)
    assert not joined.exists()


def test_sizes_of_files_are_asked_for_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(apply, "_BLOCK_BYTES", 9)
    table = PhraseTable(PhraseConfig(), (PhrasePass([b"new"], [b"york"], [9], [200.5]),))
    (tmp_path / "text").write_bytes(b"new york\n" * 50)
    opened: list[str] = []
    monkeypatch.setattr(sources, "_compression_of", opened.append)
    join_text(table, tmp_path / "text", tmp_path / "joined", progress=True)
    assert len(opened) == 1  # not for each block, and of each file


def test_a_saved_table_does_the_same(tmp_path: Path) -> None:
    config = PhraseConfig(thresholds=(3, 2), min_count=3, delimiter="~", scoring="word2phrase")
    lines = some_lines()
    table = learn_phrases(lines, config)
    table.save(tmp_path / "table")
    again = load_phrases(tmp_path / "table")
    assert again.passes == table.passes
    assert (again.config.delimiter, again.config.thresholds) == ("~", (3.0, 2.0))
    assert [again.segment(line) for line in lines] == [table.segment(line) for line in lines]
    with pytest.raises(OutputExistsError):
        table.save(tmp_path / "table")


@pytest.mark.parametrize(
    ("change", "line", "reason"),
    [
        ((b"# embkit phrases 1", b"hello"), 1, "must begin with"),
        ((b"# scoring", b"# colour"), 2, "expected an option"),
        ((b"# min_count 3", b"# min_count 0"), 8, "options are not valid"),
        ((b"1\tnew\tyork", b"7\tnew\tyork"), 9, "a line must be pass"),
        ((b"1\tnew\tyork", b"1\tnew york"), 9, "a line must be pass"),
        ((b"\t4.5\n", b"\tnan\n"), 9, "a score must be finite"),
        ((b"\t4.5\n", b"\t4.5\n1\tnew\tyork\t9\t4.5\n"), 10, "must stand once"),
    ],
)
def test_a_broken_table_is_refused_by_its_line(
    tmp_path: Path, change: tuple[bytes, bytes], line: int, reason: str
) -> None:
    pairs = PhrasePass([b"new"], [b"york"], [9], [4.5])
    path = tmp_path / "table"
    PhraseTable(PhraseConfig(min_count=3), (pairs,)).save(path)
    path.write_bytes(path.read_bytes().replace(*change))
    with pytest.raises(FormatError, match=re.escape(reason)) as caught:
        load_phrases(path)
    assert caught.value.line == line


def run(*arguments: str | Path) -> int:
    return main([str(argument) for argument in arguments])


def test_the_commands_find_and_join(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text, table, joined = (tmp_path / name for name in ("text", "table.tsv", "joined"))
    lines = some_lines()
    text.write_text("".join(" ".join(line) + "\n" for line in lines))
    options: Sequence[str] = (
        *("--min-count", "4", "--json"),
        *("--thresholds", "3", "--thresholds", "2"),
    )
    assert run("phrases", "learn", text, "--output", table, *options) == 0
    config = PhraseConfig(min_count=4, thresholds=(3, 2))
    passes, expected = reference(lines, config)
    told = json.loads(capsys.readouterr().out)
    assert told["passes"] == [len(pairs) for pairs in passes]
    assert run("phrases", "apply", table, text, "--output", joined, "-q") == 0
    assert [line.split() for line in joined.read_text().split("\n")[:-1]] == expected
    assert run("phrases", "apply", table, text, "--output", joined) == 2
    assert run("phrases", "apply", tmp_path / "absent", text, "--output", tmp_path / "x") == 2
    assert run("phrases", "apply", text, text, "--output", tmp_path / "x") == 3
    assert run("phrases", "learn", "--output", tmp_path / "x") == 2


@pytest.mark.parametrize(
    "options",
    [
        {"thresholds": (-1,)},
        {"thresholds": (1,), "scoring": "npmi"},
        {"delimiter": ""},
        {"delimiter": "a b"},
        {"min_count": 0},
    ],
)
def test_options_out_of_range_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(options))):
        PhraseConfig(**options)
