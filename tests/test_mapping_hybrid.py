"""Hybrid: mutual nearest neighbours of a first space as the seeds."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import embkit
from embkit.mapping import Mapping, SeedDictionary
from embkit.mapping.config import HybridConfig
from embkit.mapping.hybrid import first_dim, mutual_neighbors
from tests.spaces import cloud, pairs, planted, precision_at_1, random_rotation, space


def test_kept_pairs_are_the_mutual_neighbours_of_brute_force() -> None:
    source = cloud(200, 5, seed=1).astype(np.float32)
    target = cloud(150, 5, seed=2).astype(np.float32)
    units = [
        r / np.linalg.norm(r.astype(np.float64), axis=1)[:, None] for r in (source, target)
    ]
    cosines = units[0] @ units[1].T
    for frequent, threshold in ((None, 0.0), (80, 0.0), (200, 0.005)):
        best = np.sort(cosines, axis=1)[:, ::-1]
        expected = [
            (i, int(cosines[i].argmax()))
            for i in range(frequent or 200)
            if cosines[:, cosines[i].argmax()].argmax() == i
            and (threshold == 0 or best[i, 0] - best[i, 1] > threshold)
        ]
        rows = mutual_neighbors(source, target, frequent=frequent, threshold=threshold)
        assert list(zip(rows[0].tolist(), rows[1].tolist(), strict=True)) == expected
        np.testing.assert_allclose(rows[2], cosines[rows[0], rows[1]], rtol=1e-6)


def test_precision_of_the_pairs_rises_with_the_threshold() -> None:
    source, target, turn = planted(1500, 8, seed=3, noise=0.35)
    mapped = (source.vectors @ turn).astype(np.float32)
    right = []
    for threshold in (0.0, 0.003, 0.01):
        rows, columns, _ = mutual_neighbors(mapped, target.vectors, threshold=threshold)
        assert len(rows) > 50
        right.append(float((rows == columns).mean()))
    assert right[0] < right[1] < right[2]


def test_a_dictionary_makes_the_first_space() -> None:
    source, target, _ = planted(500, 10, seed=4, noise=0.05)
    mapping = embkit.map(source, target, method="hybrid", dictionary=pairs(40))
    assert mapping.statistics["seed_pairs"] > 300
    found = precision_at_1(
        mapping.map_source(source.vectors).astype(np.float64),
        mapping.map_target(target.vectors).astype(np.float64),
    )
    assert found > 0.95


def test_weights_shape_the_first_space_and_the_ridge_the_map() -> None:
    source, target, _ = planted(300, 8, seed=6, noise=0.05)
    wrong = [(f"s{i}", f"t{299 - i}", 1e-6) for i in range(100, 200)]
    seeds = SeedDictionary([*((s, t, 1.0) for s, t in pairs(40)), *wrong])
    options: dict[str, Any] = {"method": "hybrid", "dictionary": seeds}
    found = [
        embkit.map(source, target, weights=weights, **options).statistics["mean_seed_cosine"]
        for weights in (True, False)
    ]
    assert found[0] > found[1] + 0.01
    plain, shrunk = (
        embkit.map(source, target, weights=True, ridge=ridge, **options).source_map
        for ridge in (0.0, 1e4)
    )
    assert np.linalg.norm(shrunk) < 0.1 * np.linalg.norm(plain)


def test_a_saved_map_or_shared_vectors_may_be_the_first_space(tmp_path: Path) -> None:
    source, target, _ = planted(300, 6, seed=5)
    first = embkit.map(source, target, dictionary=pairs(20))
    first.save(tmp_path / "first.map")
    embkit.save(first.apply(source, "source"), tmp_path / "s.bin")
    embkit.save(first.apply(target, "target"), tmp_path / "t.bin")
    by_map = embkit.map(source, target, method="hybrid", first=str(tmp_path / "first.map"))
    by_vectors = embkit.map(
        source,
        target,
        method="hybrid",
        first_source=str(tmp_path / "s.bin"),
        first_target=str(tmp_path / "t.bin"),
    )
    np.testing.assert_allclose(by_map.source_map, by_vectors.source_map, atol=1e-5)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "dictionary, first, or first_source and first_target must be given"),
        ({"first_source": "a"}, "first_source and first_target must be given together"),
        ({"dictionary": pairs(20), "threshold": 1.9}, "no mutual neighbours exceed"),
    ],
)
def test_what_is_missing_is_told(options: dict[str, object], message: str) -> None:
    source, target, _ = planted(60, 4, seed=6)
    with pytest.raises(ValueError, match=message):
        embkit.map(source, target, method="hybrid", **options)  # type: ignore[arg-type]


def test_pairs_of_a_first_space_alone_confirm_nothing(tmp_path: Path) -> None:
    rows = np.random.default_rng(1).standard_normal((2, 2000, 20)) * np.linspace(2, 0.3, 20)
    spaces = [space(side, name) for side, name in zip(rows, "st", strict=True)]
    turn = random_rotation(20, seed=3).astype(np.float32)
    Mapping(turn, np.eye(20, dtype=np.float32)).save(tmp_path / "any.map")
    mapping = embkit.map(*spaces, method="hybrid", first=str(tmp_path / "any.map"))
    verdict = mapping.statistics["verdict"]
    assert verdict["figures"]["held_out"] > 0.2  # which a dictionary's pairs would be good by
    assert verdict["judgement"] == "doubtful"
    assert "first space" in verdict["reasons"][-1]


def test_a_first_space_without_a_word_or_in_a_pipe_has_no_dim(tmp_path: Path) -> None:
    (tmp_path / "none.txt").write_text("0 8\n")
    os.mkfifo(tmp_path / "pipe")
    files = [str(tmp_path / name) for name in ("none.txt", "pipe")]
    config = HybridConfig(first_source=files[0], first_target=files[1])
    assert first_dim(config) == 0  # nor does it wait for someone to write
