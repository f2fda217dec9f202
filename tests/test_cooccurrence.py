"""cooccur: what a brute-force Counter gives, for any threads, chunks and memory."""

from __future__ import annotations

import dataclasses
import re
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embkit.config import CooccurrenceConfig, VocabularyConfig
from embkit.corpus import EncodedCorpus, encode
from embkit.counts import cooccurrence, windows
from embkit.counts.cooccurrence import Cooccurrence, cooccur
from embkit.counts.plan import Plan, Task, plan_counting
from embkit.errors import CorpusError, FormatError, OutputExistsError, ResourceError
from embkit.formats.safetensors_header import read_header
from embkit.vocabulary import Vocabulary
from tests.cooccurrence_reference import count_pairs, dense, sentences_to_count
from tests.examples import examples

KEEP_ALL = VocabularyConfig(min_count=1)


def zipf_corpus(num_sentences: int = 60, num_words: int = 30, seed: int = 1) -> EncodedCorpus:
    rng = np.random.default_rng(seed)
    shares = 1 / np.arange(1, num_words + 1)
    words = [f"w{i}" for i in range(num_words)]
    lengths = rng.integers(1, 40, num_sentences)
    lengths[0] = 500  # longer than any piece
    return encode(
        [rng.choice(words, n, p=shares / shares.sum()).tolist() for n in lengths],
        config=KEEP_ALL,
    )


def check(counts: Cooccurrence, corpus: EncodedCorpus, config: CooccurrenceConfig) -> None:
    sums = count_pairs(sentences_to_count(corpus, config), config)
    expected = dense(sums, len(counts.vocabulary))
    np.testing.assert_allclose(counts.matrix.toarray(), expected, rtol=1e-8, atol=0)
    assert counts.num_entries == len(sums)


def same_bytes(a: Cooccurrence, b: Cooccurrence) -> bool:
    return all(
        getattr(a, name).tobytes() == getattr(b, name).tobytes()
        for name in ("row_begins", "columns", "values")
    )


@pytest.mark.parametrize("weighting", ["dynamic", "harmonic", "flat"])
@pytest.mark.parametrize("sides", ["both", "left", "right"])
@pytest.mark.parametrize("window", [1, 3, 60])
def test_equals_brute_force(weighting: Any, sides: Any, window: int) -> None:
    corpus = zipf_corpus()
    config = CooccurrenceConfig(window=window, weighting=weighting, sides=sides, min_count=1)
    check(cooccur(corpus, config), corpus, config)


def test_dynamic_weights_are_the_mean_over_all_radii() -> None:
    corpus = zipf_corpus()
    dynamic = cooccur(corpus, CooccurrenceConfig(window=4, weighting="dynamic", min_count=1))
    mean = np.zeros(dynamic.matrix.shape)
    for radius in range(1, 5):
        config = CooccurrenceConfig(window=radius, weighting="flat", min_count=1)
        mean += cooccur(corpus, config).matrix.toarray() / 4
    np.testing.assert_allclose(dynamic.matrix.toarray(), mean, rtol=1e-8)


@pytest.mark.parametrize("subsampling", ["dirty", "clean"])
@pytest.mark.parametrize("rare_deletion", ["before", "after"])
@pytest.mark.parametrize("formula", ["word2vec", "paper"])
def test_equals_brute_force_with_what_is_left_out(
    subsampling: Any, rare_deletion: Any, formula: Any
) -> None:
    corpus = zipf_corpus()
    config = CooccurrenceConfig(
        window=4,
        min_count=12,
        max_vocab=20,
        subsample=0.02,
        subsample_formula=formula,
        subsampling=subsampling,
        rare_deletion=rare_deletion,
    )
    check(cooccur(corpus, config), corpus, config)


@settings(max_examples=examples(40))
@given(
    threads=st.integers(1, 4),
    piece=st.integers(1, 300),
    pieces=st.integers(1, 5),
    entries=st.integers(1, 200),
    records=st.integers(1, 30),
    subsampling=st.sampled_from(["dirty", "clean"]),
    seed=st.integers(0, 3),
)
def test_bytes_are_the_same_for_any_division_of_the_work(
    threads: int,
    piece: int,
    pieces: int,
    entries: int,
    records: int,
    subsampling: Any,
    seed: int,
) -> None:
    corpus = zipf_corpus(seed=seed)
    config = CooccurrenceConfig(
        window=5, min_count=2, subsample=0.05, subsampling=subsampling, threads=1
    )
    plan = Plan(threads, piece * pieces, piece, entries, records)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cooccurrence, "plan_counting", lambda *_, **__: plan)
        divided = cooccur(corpus, config)
    assert same_bytes(divided, cooccur(corpus, config))


def test_bytes_are_the_same_for_any_memory() -> None:
    corpus = zipf_corpus(num_sentences=2000)
    config = CooccurrenceConfig(min_count=1, threads=2)
    whole = cooccur(corpus, config)
    task = Task(len(corpus.ids), 30, 30, config.window)
    chunks = set()
    for memory in (100_000, 150_000, 10**6, 10**8):
        chunks.add(plan_counting(task, threads=2, memory=memory).chunk_tokens < len(corpus.ids))
        assert same_bytes(cooccur(corpus, config, memory=memory), whole)
    assert chunks == {True, False}  # some of them did spill


def test_too_little_memory_is_refused() -> None:
    with pytest.raises(ResourceError, match=r"counting 30 words .* needs .* MiB, memory"):
        cooccur(zipf_corpus(), CooccurrenceConfig(min_count=1), memory=1000)


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("memory", [10**4, 10**5, 10**6, 10**9])
@pytest.mark.parametrize("window", [1, 10, 1000])
def test_a_plan_fits_its_memory(threads: int, memory: int, window: int) -> None:
    task = Task(10**7, 100, 90, window)
    try:
        plan = plan_counting(task, threads=threads, memory=memory)
    except ResourceError:
        assert memory < 10**6 or window == 1000
        return
    halo = plan.piece_tokens + 2 * window
    chunk = plan.chunk_tokens * 8 + plan.chunk_tokens // plan.piece_tokens * halo * 4
    runs = -(-task.num_tokens // plan.chunk_tokens)
    assert plan.threads * 32 * halo + chunk <= memory
    assert plan.threads * runs * plan.run_records * 12 <= memory
    assert plan.chunk_tokens % plan.piece_tokens == 0


@pytest.mark.parametrize("chunk", [10, 10_000])
def test_a_sum_beyond_63_bits_is_refused(monkeypatch: pytest.MonkeyPatch, chunk: int) -> None:
    monkeypatch.setattr(windows, "weights_of", lambda _: [2**62 - 1])
    plan = Plan(2, chunk, 5, 100, 100)
    monkeypatch.setattr(cooccurrence, "plan_counting", lambda *_, **__: plan)
    config = CooccurrenceConfig(window=1, min_count=1)
    twice = cooccur([["a", "b"], ["c", "d"], ["a", "b"]], config)
    assert twice.matrix.toarray()[0, 1] == float(2 * (2**62 - 1)) / 2**32
    with pytest.raises(CorpusError, match=r"must be below 2\^31, column [13]"):
        cooccur([["a", "b"]] * 3 + [["c", "d"]] * 4, config)


def test_the_matrix_shares_its_arrays_with_the_map() -> None:
    counts = cooccur(zipf_corpus(), CooccurrenceConfig(min_count=1))
    assert np.shares_memory(counts.matrix.data, counts.values)
    assert np.shares_memory(counts.matrix.indices, counts.columns)
    assert counts.matrix.indices.dtype == np.int32
    assert counts.matrix.dtype == np.float64
    assert not counts.values.flags.writeable


def test_nothing_to_count_is_refused() -> None:
    with pytest.raises(CorpusError, match="near each other"):
        cooccur([["a"], ["b"]], CooccurrenceConfig(min_count=1))
    with pytest.raises(CorpusError, match="min_count=9"):
        cooccur(encode([["a", "b"]], config=KEEP_ALL), CooccurrenceConfig(min_count=9))


def test_rare_words_cannot_keep_the_places_that_a_corpus_lacks() -> None:
    corpus = encode([["a", "b", "a"]], config=VocabularyConfig(min_count=2))
    config = CooccurrenceConfig(min_count=2, rare_deletion="after")
    with pytest.raises(ValueError, match="min_count=1"):
        cooccur(corpus, config)


def test_text_and_encoded_corpus_give_the_same(tmp_path: Path) -> None:
    text = tmp_path / "corpus.txt"
    text.write_text("a b c a\nb c d\n" * 20 + "rare a b\n")
    for rare_deletion in ("before", "after"):
        config = CooccurrenceConfig(min_count=2, window=2, rare_deletion=rare_deletion)
        from_text = cooccur(text, config)
        assert same_bytes(from_text, cooccur(encode(text, config=KEEP_ALL), config))
        assert list(from_text.vocabulary) == ["a", "b", "c", "d"]
        options = dataclasses.asdict(config)
        del options["threads"]
        assert from_text.provenance["config"] == options


def stop(*_: object) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize("memory", [200_000, 10**8])
def test_ctrl_c_ends_the_count_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, memory: int
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    corpus = zipf_corpus(2000)
    monkeypatch.setattr(cooccurrence, "work_bar", lambda *_: nullcontext(stop))
    with pytest.raises(KeyboardInterrupt):
        cooccur(corpus, CooccurrenceConfig(min_count=1), memory=memory, output=tmp_path / "x")
    assert list(tmp_path.iterdir()) == []


def test_counting_into_a_file_gives_the_bytes_of_save(tmp_path: Path) -> None:
    counts, path = saved(tmp_path)
    config = CooccurrenceConfig(min_count=1)
    counted = cooccur(zipf_corpus(), config, output=tmp_path / "direct", memory=150_000)
    assert (tmp_path / "direct").read_bytes() == path.read_bytes()
    assert same_bytes(counted, counts)
    with pytest.raises(OutputExistsError):
        cooccur(zipf_corpus(), config, output=tmp_path / "direct")
    cooccur(zipf_corpus(), config, output=tmp_path / "direct", overwrite=True)
    with pytest.raises(ValueError, match="output must be a file, got -"):
        cooccur(zipf_corpus(), config, output="-")


@pytest.mark.parametrize("rare_deletion", ["before", "after"])
def test_a_given_vocabulary_chooses_rows_and_their_order(rare_deletion: Any) -> None:
    text = [["a", "b", "c", "a"], ["b", "x", "c"]] * 3
    words = Vocabulary.from_words(["c", "a", "b", "absent"], counts=[6, 6, 6, 1])
    config = CooccurrenceConfig(
        window=1, weighting="flat", min_count=100, rare_deletion=rare_deletion
    )
    counts = cooccur(text, config, vocabulary=words)
    over_x = 3.0 if rare_deletion == "before" else 0.0
    expected = np.array(
        [[0, 3, 3 + over_x, 0], [3, 0, 3, 0], [3 + over_x, 3, 0, 0], [0, 0, 0, 0]]
    )
    np.testing.assert_array_equal(counts.matrix.toarray(), expected)
    assert list(counts.vocabulary) == ["c", "a", "b", "absent"]
    encoded = encode(text, config=KEEP_ALL)
    assert same_bytes(cooccur(encoded, config, vocabulary=words), counts)
    with pytest.raises(CorpusError, match="given vocabulary"):
        cooccur(text, config, vocabulary=Vocabulary.from_words(["zebra"]))


def saved(tmp_path: Path) -> tuple[Cooccurrence, Path]:
    counts = cooccur(zipf_corpus(), CooccurrenceConfig(min_count=1))
    counts.save(tmp_path / "counts")
    return counts, tmp_path / "counts"


def test_a_saved_file_is_mapped_as_it_was(tmp_path: Path) -> None:
    counts, path = saved(tmp_path)
    opened = Cooccurrence.open(path, verify=True)
    assert same_bytes(opened, counts)
    assert list(opened.vocabulary) == list(counts.vocabulary)
    assert opened.vocabulary.counts is not None
    assert opened.vocabulary.counts.tolist() == counts.vocabulary.counts.tolist()  # type: ignore[union-attr]
    assert opened.provenance == counts.provenance
    assert np.shares_memory(opened.matrix.data, opened.values)
    assert np.shares_memory(opened.matrix.indices, opened.columns)


def test_a_file_is_not_replaced_unless_asked(tmp_path: Path) -> None:
    counts, path = saved(tmp_path)
    with pytest.raises(OutputExistsError):
        counts.save(path)
    counts.save(path, overwrite=True)


@pytest.mark.parametrize("size", [0, 7, 100, -1, -1000])
def test_a_truncated_file_is_refused(tmp_path: Path, size: int) -> None:
    _, path = saved(tmp_path)
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(FormatError, match="counts: "):
        Cooccurrence.open(path)


@pytest.mark.parametrize(
    ("name", "entry", "value", "reason"),
    [
        ("values", 5, -1.0, "finite and above 0, got -1.0"),
        ("values", 5, np.nan, "finite and above 0, got nan"),
        ("values", 5, np.inf, "finite and above 0, got inf"),
        ("columns", 7, 30, "a word id must be below 30, got 30"),
        ("columns", 7, -1, "a word id must be below 30, got -1"),
        ("columns", 1, 0, "columns must rise within a row, got 0 after"),
        ("row_begins", 3, -1, "must not descend"),
        ("row_begins", 30, 10**6, "from 0 to the end"),
        ("word_offsets", 3, 10**6, "must not descend"),
    ],
)
def test_a_bad_entry_is_refused_at_its_byte(
    tmp_path: Path, name: str, entry: int, value: float, reason: str
) -> None:
    _, path = saved(tmp_path)
    with path.open("rb") as stream:
        tensor = read_header(stream, path).tensors[name]
    data = np.memmap(path, np.uint8, "r+")
    array = tensor.view(data)
    array[entry] = value
    data.flush()
    with pytest.raises(FormatError, match=re.escape(reason)) as caught:
        Cooccurrence.open(path)
    if name in ("values", "columns"):
        assert caught.value.offset == tensor.begin + entry * array.itemsize


def test_a_changed_value_is_found_by_verify(tmp_path: Path) -> None:
    _, path = saved(tmp_path)
    with path.open("rb") as stream:
        tensor = read_header(stream, path).tensors["values"]
    data = np.memmap(path, np.uint8, "r+")
    tensor.view(data)[0] += 1
    data.flush()
    Cooccurrence.open(path)
    with pytest.raises(FormatError, match="'values' is damaged"):
        Cooccurrence.open(path, verify=True)
