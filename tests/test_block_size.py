"""How much a thread trains at a time: an interruption waits for it, whatever the options."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import embkit
from embkit.config import CbowConfig, GloveConfig, SkipGramConfig, Word2VecConfig
from embkit.training import TrainingProgress
from embkit.training.glove import CHUNK_CELLS, CHUNK_FLOATS, _core_options
from embkit.training.word2vec import BLOCK_TOKENS, BLOCK_WORK, block_tokens
from tests.models import random_sentences

LARGE = 10**9  # tokens
MOST_PAIRS = SkipGramConfig(
    dim=1000, window=10, negatives=20, negative_sharing="pair", dynamic_window=False
)


@pytest.mark.parametrize(
    "config",
    [SkipGramConfig(), SkipGramConfig(dim=300), SkipGramConfig(loss="hs"), CbowConfig(dim=500)],
)
def test_blocks_of_usual_options_are_as_large_as_the_text_lets_them(
    config: Word2VecConfig,
) -> None:
    assert block_tokens(config, 2, LARGE, 100_000) == BLOCK_TOKENS == 8192
    assert block_tokens(config, 2, 2 * 16 * 2000, 100_000) == 2000
    assert block_tokens(config, 2, 50, 100_000) == 1024


@pytest.mark.parametrize(
    ("config", "rows"),  # each context against each target, or each of them once
    [
        (SkipGramConfig(dim=1000, window=10, negatives=20), 11 * 21),
        (MOST_PAIRS, 20 * 21),
        (SkipGramConfig(dim=1000, window=10, loss="hs"), 11 * 17),
        (SkipGramConfig(dim=500, negative_sharing="block", block_negatives=200), 6 * 201),
        (CbowConfig(dim=5000, window=20, negatives=20), 21 + 21),
    ],
)
def test_blocks_of_much_work_have_fewer_tokens(config: Word2VecConfig, rows: int) -> None:
    tokens = block_tokens(config, 2, LARGE, 100_000)
    assert tokens * rows * config.dim <= BLOCK_WORK < (tokens + 1) * rows * config.dim
    assert block_tokens(config, 2, 50, 100_000) == min(tokens, 1024)


def test_a_block_has_a_token_at_least() -> None:
    config = SkipGramConfig(dim=65_536, window=1000, negatives=100)
    assert block_tokens(config, 1, LARGE, 100_000) == 1


def test_chunks_of_glove_have_fewer_cells_where_rows_are_long() -> None:
    cells = {dim: _core_options(GloveConfig(dim=dim), None) for dim in (50, 1000, 10_000)}
    assert cells[50]["chunk_cells"] == cells[1000]["chunk_cells"] == CHUNK_CELLS
    assert cells[10_000]["chunk_cells"] == CHUNK_FLOATS // (4 * 10_002)


def test_interruption_finds_the_end_of_a_block_however_much_work(tmp_path: Path) -> None:
    # With 8192 tokens a block would take seconds: longer than an interruption waits for it.
    text = random_sentences(200, [1000] * 200, seed=1)
    options: dict[str, Any] = {
        **{"dim": 1000, "window": 10, "negatives": 20, "negative_sharing": "pair"},
        **{"dynamic_window": False, "subsample": 0, "min_count": 1, "threads": 1},
    }

    def interrupt(_: TrainingProgress) -> None:
        raise KeyboardInterrupt

    folder = tmp_path / "run"
    with pytest.raises(KeyboardInterrupt):
        embkit.train("sgns", text, run=folder, callback=interrupt, **options)
    assert list(folder.glob("checkpoint-*"))
