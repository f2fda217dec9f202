"""The core's random draws, alias table and Huffman tree: exact, well mixed and optimal."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from embkit._native import core
from tests import reference

Draws = NDArray[np.uint64]

# All seeds are fixed, so a test either always passes or never; the level only says how odd a
# statistic of good bits may look among the thousand that are computed here.
LEVEL = 1e-6


def assert_uniform(values: NDArray[np.int64], num_bins: int) -> None:
    assert stats.chisquare(np.bincount(values, minlength=num_bins)).pvalue > LEVEL


def zipf_counts(num_words: int) -> NDArray[np.int64]:
    return np.maximum(1, 200_000 // np.arange(1, num_words + 1)).astype(np.int64)


# ------------------------------------------------------------------ random draws


@pytest.mark.parametrize("seed", [0, 1, 12345, 2**63, 2**64 - 1])
@pytest.mark.parametrize("epoch", [0, 1, 99, 2**64 - 1])
@pytest.mark.parametrize("draw", [0, 1, 2, 7, 500])
def test_draws_equal_the_reference_bit_for_bit(seed: int, epoch: int, draw: int) -> None:
    expected = reference.random_draws(seed, epoch, np.arange(300), draw)
    np.testing.assert_array_equal(core.random_draws(seed, epoch, 300, draw=draw), expected)


def test_draws_are_the_published_splitmix64_sequence() -> None:
    # The first outputs of SplitMix64 from state 1234567, as published with the generator.
    state = np.uint64(1234567) + np.arange(1, 6, dtype=np.uint64) * reference.GOLDEN
    published = [
        6457827717110365317,
        3203168211198807973,
        9817491932198370423,
        4593380528125082431,
        16408922859458223821,
    ]
    assert reference.mix64(state).tolist() == published


def over_positions() -> Draws:
    return core.random_draws(1, 0, 1 << 18, draw=0)


def over_positions_of_a_later_draw() -> Draws:
    return core.random_draws(1, 3, 1 << 18, draw=5)


def over_draws() -> Draws:
    return np.stack(
        [core.random_draws(7, 0, 256, draw=draw) for draw in range(1024)], 1
    ).ravel()


def over_epochs() -> Draws:
    return np.stack(
        [core.random_draws(7, epoch, 64, draw=0) for epoch in range(4096)], 1
    ).ravel()


def over_seeds() -> Draws:
    return np.stack([core.random_draws(seed, 0, 64, draw=1) for seed in range(4096)], 1).ravel()


STREAMS = [over_positions, over_positions_of_a_later_draw, over_draws, over_epochs, over_seeds]
Stream = Callable[[], Draws]


@pytest.mark.parametrize("stream", STREAMS)
def test_every_byte_is_uniform(stream: Stream) -> None:
    values = stream().view(np.uint8).reshape(-1, 8)
    for byte in values.T:
        assert_uniform(byte.astype(np.int64), 256)


@pytest.mark.parametrize("stream", STREAMS)
def test_every_bit_is_fair(stream: Stream) -> None:
    bits = np.unpackbits(stream().view(np.uint8)).reshape(-1, 64)
    deviations = (bits.mean(0) - 0.5) * 2 * math.sqrt(len(bits))
    assert np.abs(deviations).max() < stats.norm.isf(LEVEL)


@pytest.mark.parametrize("stream", STREAMS)
def test_pairs_in_sequence_fill_the_square(stream: Stream) -> None:
    high = reference.below(stream(), 32)
    low = (stream() & np.uint64(31)).astype(np.int64)
    for lag in (1, 2, 3, 16):
        assert_uniform(high[:-lag] * 32 + high[lag:], 1024)
        assert_uniform(low[:-lag] * 32 + low[lag:], 1024)


@pytest.mark.parametrize("stream", STREAMS)
def test_no_serial_correlation(stream: Stream) -> None:
    values = reference.uniform(stream())
    limit = stats.norm.isf(LEVEL) / math.sqrt(len(values))
    for lag in (1, 2, 3, 5, 8, 64, 256, 1024):
        assert abs(np.corrcoef(values[:-lag], values[lag:])[0, 1]) < limit, lag


def test_draws_of_one_position_are_independent() -> None:
    # Keep, radius and negatives of a token are draws 0, 1, 2...: all pairs of the first eight.
    values = np.stack([core.random_draws(5, 2, 1 << 17, draw=draw) for draw in range(8)])
    correlations = np.corrcoef(reference.uniform(values)) - np.eye(8)
    assert np.abs(correlations).max() < stats.norm.isf(LEVEL) / math.sqrt(1 << 17)
    cells = reference.below(values, 16)
    for first in range(8):
        for second in range(first):
            assert_uniform(cells[first] * 16 + cells[second], 256)


@pytest.mark.parametrize("argument", ["seed", "epoch", "position", "draw"])
def test_one_flipped_bit_of_an_argument_flips_half_of_the_draw(argument: str) -> None:
    rng = np.random.default_rng(3)
    num_samples = 2000
    arguments = {
        "seed": rng.integers(0, 2**63, num_samples, np.uint64),
        "epoch": rng.integers(0, 1000, num_samples).astype(np.uint64),
        "position": rng.integers(0, 2**40, num_samples).astype(np.uint64),
        "draw": rng.integers(1, 100, num_samples).astype(np.uint64),
    }
    before = reference.random_draws(*arguments.values())
    for bit in range(0, 64, 3):
        flipped = {**arguments, argument: arguments[argument] ^ np.uint64(1 << bit)}
        changed = reference.random_draws(*flipped.values()) ^ before
        share = np.unpackbits(changed.view(np.uint8)).reshape(-1, 64).mean(0)
        assert abs(share.mean() - 0.5) < stats.norm.isf(LEVEL) / 2 / math.sqrt(64 * num_samples)
        assert np.abs(share - 0.5).max() < stats.norm.isf(LEVEL / 100) / 2 / math.sqrt(
            num_samples
        )


def test_a_million_draws_are_distinct() -> None:
    draws = np.concatenate(
        [core.random_draws(1, epoch, 50_000, draw=d) for epoch in range(2) for d in range(10)]
    )
    assert len(np.unique(draws)) == len(draws) == 1_000_000


def test_initial_rows_share_no_draw_with_an_epoch() -> None:
    rows = core.random_draws(1, reference.INITIAL_ROWS_EPOCH, 100_000, draw=0)
    tokens = [core.random_draws(1, epoch, 100_000, draw=0) for epoch in range(5)]
    assert not np.isin(rows, np.concatenate(tokens)).any()


def test_radius_gives_distance_d_the_weight_of_a_dynamic_window() -> None:
    draws = core.random_draws(11, 0, 400_000, draw=1)
    for window in (2, 5, 10):
        radius = 1 + reference.below(draws, window)
        assert radius.min() == 1
        assert radius.max() == window
        assert_uniform(radius - 1, window)
        for distance in range(1, window + 1):
            weight = (window - distance + 1) / window
            spread = math.sqrt(weight * (1 - weight) / len(draws))
            assert abs((radius >= distance).mean() - weight) <= stats.norm.isf(LEVEL) * spread


@pytest.mark.parametrize("formula", ["word2vec", "paper"])
def test_keep_rates_follow_the_formula(formula: str) -> None:
    counts, subsample = [500_000, 100_000, 20_000, 5_000, 1_000, 100], 1e-3
    keep = reference.keep_probabilities(counts, subsample, formula)
    chance = reference.uniform(core.random_draws(2, 0, sum(counts), draw=0))
    start = 0
    for count, probability in zip(counts, keep, strict=True):
        frequency = count / sum(counts)
        stated = math.sqrt(subsample / frequency)
        stated += subsample / frequency if formula == "word2vec" else 0
        assert probability == pytest.approx(stated, rel=1e-12)
        kept = int((chance[start : start + count] < probability).sum())
        start += count
        if probability >= 1:
            assert kept == count
        else:
            assert stats.binomtest(kept, count, probability).pvalue > LEVEL


def test_words_rarer_than_the_threshold_are_always_kept() -> None:
    assert (reference.keep_probabilities([5, 3, 1], 1.0, "paper") >= 1).all()
    assert (reference.keep_probabilities([10**9, 1], 0, "word2vec") == 1).all()


# ------------------------------------------------------------------ alias table


def recovered_slots(table: core.AliasTable) -> reference.AliasTable:
    """Read the table through its draws alone, each threshold by bisection."""
    size = len(table)
    slots = np.arange(size)
    high = (np.ceil(slots * (2.0**32 / size)).astype(np.uint64)) << np.uint64(32)
    alias = table.sample(high | np.uint64(2**32 - 1)).astype(np.int64)
    least, most = np.zeros(size, np.uint64), np.full(size, 2**32 - 1, np.uint64)
    while (least < most).any():  # the first low half that no longer draws the slot's own id
        middle = (least + most) >> np.uint64(1)
        own = table.sample(high | middle) == slots
        least = np.where(own & (least < most), middle + np.uint64(1), least)
        most = np.where(own, most, middle)
    return reference.AliasTable(least, alias)


@pytest.mark.parametrize("num_words", [1, 2, 3, 10, 1000, 20_000])
@pytest.mark.parametrize("smoothing", [0.0, 0.5, 0.75, 1.0])
def test_alias_slots_hold_the_smoothed_counts(num_words: int, smoothing: float) -> None:
    weights = np.array(reference.noise_weights(zipf_counts(num_words).tolist(), smoothing))
    chances = recovered_slots(core.AliasTable(weights)).probabilities()
    np.testing.assert_allclose(chances, weights / weights.sum(), rtol=0, atol=2**-31)


@pytest.mark.parametrize("num_words", [1, 2, 5, 100, 5000])
def test_alias_draws_equal_the_reference(num_words: int) -> None:
    counts = zipf_counts(num_words)
    weights = reference.noise_weights(counts.tolist(), 0.75)
    draws = core.random_draws(4, 1, 100_000, draw=2)
    np.testing.assert_array_equal(
        core.AliasTable(np.array(weights)).sample(draws),
        reference.alias_table(weights).sample(draws),
    )


def test_alias_draws_pass_chi_square() -> None:
    weights = np.array(reference.noise_weights(zipf_counts(500).tolist(), 0.75))
    draws = np.concatenate([core.random_draws(1, 0, 200_000, draw=d) for d in range(2, 7)])
    observed = np.bincount(core.AliasTable(weights).sample(draws), minlength=500)
    assert stats.chisquare(observed, weights / weights.sum() * len(draws)).pvalue > LEVEL


def test_words_without_weight_are_never_drawn() -> None:
    table = core.AliasTable(np.array([0.0, 3.0, 0.0, 1.0, 0.0]))
    drawn = table.sample(core.random_draws(1, 0, 100_000, draw=1))
    assert set(drawn.tolist()) == {1, 3}


@pytest.mark.parametrize("weights", [[], [0.0, 0.0], [1.0, -1.0], [np.nan], [np.inf, 1.0]])
def test_alias_table_refuses_what_is_no_distribution(weights: list[float]) -> None:
    with pytest.raises(ValueError, match=r"^weights must "):
        core.AliasTable(np.array(weights))


# ------------------------------------------------------------------ Huffman tree


def codes_of(counts: NDArray[np.int64]) -> list[str]:
    tree = core.HuffmanTree(counts, np.arange(len(counts), dtype=np.uint64))
    assert len(tree) == len(counts)
    assert tree.num_nodes == len(counts) - 1
    return ["".join(map(str, tree.path(word)[1].tolist())) for word in range(len(counts))]


def random_counts() -> list[NDArray[np.int64]]:
    rng = np.random.default_rng(9)
    drawn = [
        rng.integers(1, high, rng.integers(2, 120))
        for high in (2, 3, 10, 1000, 10**12)
        for _ in range(20)
    ]
    heavy = [np.ceil(rng.pareto(0.7, 300)).astype(np.int64) + 1 for _ in range(5)]
    return [*drawn, *heavy, zipf_counts(3000), np.ones(64, np.int64), np.array([1, 1])]


@pytest.mark.parametrize("counts", random_counts(), ids=lambda counts: f"{len(counts)}-words")
def test_huffman_code_is_optimal_and_prefix_free(counts: NDArray[np.int64]) -> None:
    codes = codes_of(counts)
    lengths = [len(code) for code in codes]
    weights = [int(count) for count in counts]
    cost = sum(length * count for length, count in zip(lengths, weights, strict=True))
    optimal = reference.huffman_lengths(weights)
    assert cost == sum(length * count for length, count in zip(optimal, weights, strict=True))

    assert sum(2 ** (max(lengths) - length) for length in lengths) == 2 ** max(lengths)  # Kraft
    ordered = sorted(codes)
    assert not any(b.startswith(a) for a, b in itertools.pairwise(ordered))

    entropy = stats.entropy(counts, base=2)
    assert entropy - 1e-9 <= cost / sum(weights) < entropy + 1


@pytest.mark.parametrize("counts", [zipf_counts(200), np.array([5, 1]), np.ones(37, np.int64)])
def test_huffman_paths_walk_one_tree_from_the_root(counts: NDArray[np.int64]) -> None:
    tree = core.HuffmanTree(counts, np.arange(len(counts), dtype=np.uint64))
    children: dict[tuple[int, int], tuple[str, int]] = {}
    root = int(tree.path(0)[0][0])
    for word in range(len(counts)):
        nodes, branches = tree.path(word)
        assert nodes[0] == root
        targets = [*(("node", int(node)) for node in nodes[1:]), ("word", word)]
        for node, branch, target in zip(nodes, branches, targets, strict=True):
            assert children.setdefault((int(node), int(branch)), target) == target
    # Every inner node has two children, and everything but the root is a child once.
    expected = {("word", word) for word in range(len(counts))}
    expected |= {("node", node) for node in range(len(counts) - 1) if node != root}
    assert len(children) == 2 * (len(counts) - 1)
    assert set(children.values()) == expected


def test_fibonacci_counts_make_ninety_levels() -> None:
    # The deepest tree there is: beyond the 40 of word2vec.c, and weights beyond 2^53.
    counts = [1, 1]
    while len(counts) < 90:
        counts.append(counts[-1] + counts[-2])
    lengths = [len(code) for code in codes_of(np.array(counts))]
    assert sorted(lengths) == [*range(1, 90), 89]
    assert lengths == sorted(lengths, reverse=True)


@pytest.mark.parametrize("counts", [[], [7], [3, 0], [3, -1], [2**62, 2**62]])
def test_huffman_tree_refuses_what_is_no_vocabulary(counts: list[int]) -> None:
    with pytest.raises(ValueError, match=r"from 2 to|at least 1|below 2\^63"):
        core.HuffmanTree(np.array(counts, np.int64), np.zeros(len(counts), np.uint64))
