"""Numbers beyond 31 and 32 bits: by counters that begin high, and by files with holes.

What needs gigabytes of memory or minutes runs where EMBKIT_LARGE is set (`make large`).
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

import embkit
from embkit import formats
from embkit.config import SkipGramConfig
from embkit.corpus import EncodedCorpus, encode
from embkit.formats.safetensors_header import build_header
from embkit.training.word2vec import Word2VecTrainer
from embkit.vocabulary import Vocabulary
from tests.models import random_sentences

large = pytest.mark.skipif(
    "EMBKIT_LARGE" not in os.environ, reason="EMBKIT_LARGE is not set: takes gigabytes"
)


def trainer(corpus: EncodedCorpus, epochs: int) -> Word2VecTrainer:
    config = SkipGramConfig(dim=8, min_count=1, epochs=epochs, threads=1)
    return Word2VecTrainer(corpus, config)


def go_to(run: Word2VecTrainer, *, block: int, tokens: int) -> None:
    run.model.restore({**run.model.counters(), "next_block": block, "tokens": tokens})


@pytest.mark.parametrize("bits", [31, 32])
def test_training_goes_on_past_so_many_tokens(bits: int) -> None:
    corpus = encode(
        random_sentences(60, [900] * 10, seed=3), config=SkipGramConfig(min_count=1)
    )
    size = len(corpus.ids)
    epochs = 2 * ((1 << bits) // size)
    probe = trainer(corpus, 1)
    probe.model.train(1, lambda: False)
    blocks = probe.model.counters()["next_block"]
    run = trainer(corpus, epochs)
    before = run.model.view(False).copy()
    epoch = (1 << bits) // size - 1  # the last that begins below the edge
    go_to(run, block=epoch * blocks, tokens=epoch * size)
    assert not run.model.train(1, lambda: False, 3 * blocks)
    found = run.model.counters()
    assert found["tokens"] == (epoch + 3) * size > 1 << bits
    assert found["next_block"] == (epoch + 3) * blocks
    rate = SkipGramConfig().learning_rate * (1 - (epoch + 3) / epochs)
    assert found["learning_rate"] == pytest.approx(rate, rel=1e-3)
    assert np.isfinite(run.model.view(False)).all()
    assert not np.array_equal(before, run.model.view(False))


ROWS, DIM = 2200, 1_000_000


def test_a_mapped_matrix_has_more_than_2_31_elements(tmp_path: Path) -> None:
    words = b"".join(b"w%04d" % row for row in range(ROWS))
    offsets = np.arange(ROWS + 1, dtype="<u8") * 5
    shape = (ROWS, DIM)
    tensors = {
        "word_offsets": offsets,
        "input": np.lib.stride_tricks.as_strided(np.zeros(1, "<f4"), shape, (0, 0)),
        "words": np.frombuffer(words, np.uint8),
    }
    header = build_header(tensors, {"format": "embkit", "format_version": "1"})
    path = tmp_path / "v.safetensors"
    end = len(header) + offsets.nbytes + 4 * ROWS * DIM
    with path.open("wb") as file:
        file.write(header + offsets.tobytes())
        file.seek(end - 4 * DIM)  # the hole before takes no space
        file.write(np.arange(DIM, dtype="<f4").tobytes() + words)
    assert ROWS * DIM > 1 << 31
    vectors = embkit.load(path)
    assert vectors.vectors.shape == shape
    assert vectors["w2199"][-3:].tolist() == [DIM - 3, DIM - 2, DIM - 1]
    assert not vectors["w2198"].any()
    assert vectors.vectors.reshape(-1)[(1 << 31) + 5] == 0


@large
def test_binary_files_of_more_than_4_gib_are_written_and_read(tmp_path: Path) -> None:
    rows, dim = 1_100_000, 1000
    matrix = np.memmap(tmp_path / "rows", np.float32, "w+", shape=(rows, dim))
    matrix[-1] = np.arange(dim)
    words = [f"w{row}" for row in range(rows)]
    formats.save(embkit.Embeddings.from_words(words, matrix), tmp_path / "v.bin")
    assert (tmp_path / "v.bin").stat().st_size > 1 << 32
    read = formats.load(tmp_path / "v.bin")
    np.testing.assert_array_equal(read[words[-1]], np.arange(dim))
    assert len(read) == rows


@large
def test_a_corpus_of_more_than_2_31_tokens_is_trained_to_its_end(tmp_path: Path) -> None:
    size = (1 << 31) + 5000
    ids = np.memmap(tmp_path / "ids", np.uint32, "w+", shape=(size,))
    ids[-5000:] = np.arange(5000) % 10
    counts = np.bincount(ids[-5000:], minlength=10)
    counts[0] += size - 5000
    vocabulary = Vocabulary.from_words([f"w{i}" for i in range(10)], counts.tolist())
    bounds = np.array([0, size - 5000, size], np.uint64)
    corpus = EncodedCorpus(ids, bounds, vocabulary, size, 10, 2, 0, 0, 0, "", ())
    run = trainer(corpus, 1)
    run.model.train(1, lambda: False, 1)
    block = run.model.counters()["tokens"]
    first = (size - 5000) // block
    go_to(run, block=first, tokens=first * block)
    assert run.model.train(1, lambda: False)
    assert run.model.counters()["tokens"] == size
    assert np.isfinite(run.model.view(False)).all()
