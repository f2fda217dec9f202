"""SVD: the best approximation, orthonormal factors, the same for any threads, fixed signs."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
import pytest
from scipy.sparse import csr_array

from embkit.config import SvdConfig
from embkit.counts.ppmi import ppmi_matrix
from embkit.counts.svd import train_svd, truncated_svd
from embkit.errors import CorpusError, ResourceError
from embkit.vocabulary import Vocabulary
from tests.reference_counts import dense_ppmi, random_counts

SOLVERS = ["randomized", "lanczos"]


@pytest.fixture(scope="module")
def counts() -> Any:
    return random_counts(200, 0.6, seed=1)


@pytest.fixture(scope="module")
def matrix(counts: Any) -> Any:
    return ppmi_matrix(counts, smoothing=0.75)


def words(count: int) -> Vocabulary:
    return Vocabulary.from_words([f"w{i}" for i in range(count)])


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("dim", [1, 5, 40])
def test_product_is_the_best_approximation_of_its_rank(
    matrix: Any, solver: str, dim: int
) -> None:
    found = truncated_svd(matrix, dim, solver=solver)
    left, values, right = np.linalg.svd(matrix.toarray().astype(np.float64))
    best = left[:, :dim] * values[:dim] @ right[:dim]
    np.testing.assert_allclose(found.values, values[:dim], rtol=1e-5)
    np.testing.assert_allclose(
        (found.left * found.values) @ found.right.T, best, atol=2e-4 * values[0]
    )
    assert found.residual < 1e-2


@pytest.mark.parametrize("solver", SOLVERS)
def test_factors_are_orthonormal_and_their_signs_fixed(matrix: Any, solver: str) -> None:
    found = truncated_svd(matrix, 30, solver=solver)
    np.testing.assert_allclose(found.left.T @ found.left, np.eye(30), atol=1e-5)
    np.testing.assert_allclose(found.right.T @ found.right, np.eye(30), atol=1e-5)
    assert (found.left[np.abs(found.left).argmax(0), np.arange(30)] > 0).all()


def test_solvers_agree_up_to_rotation(matrix: Any) -> None:
    one, other = (truncated_svd(matrix, 20, solver=solver) for solver in SOLVERS)
    grams = [found.left * found.values for found in (one, other)]
    scale = other.values[0] ** 2
    np.testing.assert_allclose(grams[0] @ grams[0].T, grams[1] @ grams[1].T, atol=1e-4 * scale)


def test_bits_are_the_same_for_any_number_of_threads(matrix: Any) -> None:
    once = truncated_svd(matrix, 25, threads=1)
    for threads in (2, 5):
        again = truncated_svd(matrix, 25, threads=threads)
        assert (again.left == once.left).all()
        assert (again.right == once.right).all()
        assert (again.values == once.values).all()


def test_other_seeds_give_the_same_components(matrix: Any) -> None:
    one, other = (truncated_svd(matrix, 10, seed=seed, iterations=40) for seed in (1, 2))
    np.testing.assert_allclose(one.left, other.left, atol=1e-3)


def test_residual_falls_with_iterations() -> None:
    rng = np.random.default_rng(5)
    flat = csr_array(rng.standard_normal((400, 300)).astype(np.float32))
    residuals = [truncated_svd(flat, 20, iterations=n).residual for n in (2, 6, 20)]
    assert residuals[0] > 2 * residuals[1] > 4 * residuals[2]
    exact = np.linalg.svd(flat.toarray(), compute_uv=False)
    rough = truncated_svd(flat, 20, iterations=6)
    nearest = np.abs(rough.values[:, None] - exact).min(axis=1)
    assert (nearest <= 1.01 * rough.residual * rough.values).all()


@pytest.mark.parametrize("iterations", [3, 8])
def test_residual_is_that_of_the_triplets(matrix: Any, iterations: int) -> None:
    found = truncated_svd(matrix, 20, iterations=iterations)
    errors = matrix.T.astype(np.float64) @ found.left - found.right * found.values
    direct = (np.linalg.norm(errors, axis=0) / found.values).max()
    assert found.residual == pytest.approx(direct, rel=1e-2)


@pytest.mark.parametrize("largest", [30.0, 300.0, 3000.0, 30000.0])
def test_values_far_above_the_others_leave_the_factors_orthonormal(largest: float) -> None:
    rng = np.random.default_rng(6)
    left, right = (np.linalg.qr(rng.standard_normal((400, 200)))[0] for _ in range(2))
    values = np.concatenate([[largest, largest / 2], np.linspace(10, 1, 198)])
    dense = (left * values) @ right.T
    found = truncated_svd(csr_array(dense.astype(np.float32)), 30, iterations=20)
    np.testing.assert_allclose(found.values[:2], values[:2], rtol=1e-5)
    np.testing.assert_allclose(found.left.T @ found.left, np.eye(30), atol=1e-5)
    np.testing.assert_allclose(found.right.T @ found.right, np.eye(30), atol=1e-5)
    # Beyond the root of float32's precision the small values drown, and the residual tells.
    errors = np.abs(found.values - values[:30]) / values[:30]
    assert errors.max() < (1e-5 if largest < 1000 else 0.5)
    assert found.residual < 0.01 if largest < 1000 else found.residual > 0.1


@pytest.mark.parametrize("shape", [(30, 12), (12, 30)])
def test_matrices_need_not_be_square(shape: tuple[int, int]) -> None:
    dense = np.random.default_rng(3).standard_normal(shape).astype(np.float32)
    found = truncated_svd(csr_array(dense), 12)
    np.testing.assert_allclose((found.left * found.values) @ found.right.T, dense, atol=1e-4)


def test_equal_singular_values_are_all_found() -> None:
    found = truncated_svd(csr_array(np.eye(60, dtype=np.float32)), 40, iterations=2)
    np.testing.assert_allclose(found.values, 1, atol=1e-5)
    np.testing.assert_allclose(found.left.T @ found.left, np.eye(40), atol=1e-5)


def test_values_beyond_the_rank_are_zero_with_zero_columns() -> None:
    rng = np.random.default_rng(4)
    low = rng.standard_normal((40, 3)) @ rng.standard_normal((3, 40))
    found = truncated_svd(csr_array(low.astype(np.float32)), 6)
    assert (found.values[3:] == 0).all()
    assert (found.left[:, 3:] == 0).all()
    np.testing.assert_allclose((found.left * found.values) @ found.right.T, low, atol=1e-4)


@pytest.mark.parametrize("eig", [0.0, 0.5, 1.0])
def test_word_and_context_vectors_multiply_to_the_approximation(
    counts: Any, eig: float, caplog: pytest.LogCaptureFixture
) -> None:
    config = SvdConfig(dim=30, eig=eig, keep_output=True, smoothing=0.75)
    found = train_svd(counts, words(200), config)
    left, values, right = np.linalg.svd(dense_ppmi(counts.toarray(), 0.75))
    assert found.output is not None
    best = left[:, :30] * values[:30] @ right[:30]
    np.testing.assert_allclose(found.vectors @ found.output.T, best, atol=2e-4 * values[0])
    gram = (left[:, :30] * values[:30] ** (2 * eig)) @ left[:, :30].T
    np.testing.assert_allclose(
        found.vectors @ found.vectors.T, gram, atol=1e-3 * values[0] ** (2 * eig)
    )
    assert ("eig=1" in caplog.text) == (eig == 1)


def test_sum_with_the_context_vectors(counts: Any) -> None:
    plain = train_svd(counts, words(200), SvdConfig(dim=10, keep_output=True))
    both = train_svd(counts, words(200), SvdConfig(dim=10, combine="w+c"))
    assert plain.output is not None
    np.testing.assert_array_equal(both.vectors, plain.vectors + plain.output)


def test_normalization_gives_unit_rows_or_columns(counts: Any) -> None:
    for kind, axis in (("row", 1), ("column", 0), ("both", 1)):
        config = SvdConfig(dim=10, normalization=kind)  # type: ignore[arg-type]
        lengths = np.linalg.norm(train_svd(counts, words(200), config).vectors, axis=axis)
        np.testing.assert_allclose(lengths[lengths > 0], 1, atol=1e-5)


def test_warns_of_what_the_literature_advises_against(
    counts: Any, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "embkit"):
        train_svd(counts, words(200), SvdConfig(dim=5))
        assert not caplog.records
        train_svd(counts, words(200), SvdConfig(dim=5, eig=1, negatives=5))
    assert [record.args is not None for record in caplog.records] == [True, True]
    assert "eig=1 weights components by their whole singular values" in caplog.text
    assert "negatives=5 shifts PPMI before SVD" in caplog.text
    assert caplog.text.count("practical recommendations") == 2


def test_refuses_more_dimensions_than_words(counts: Any) -> None:
    with pytest.raises(CorpusError, match=r"number of words \(200\), got 300"):
        train_svd(counts, words(200), SvdConfig(dim=300))
    with pytest.raises(ValueError, match="dim must be at most 3, got 4"):
        truncated_svd(csr_array(np.eye(3, dtype=np.float32)), 4)


def test_refuses_an_empty_matrix(counts: Any) -> None:
    with pytest.raises(CorpusError, match="PPMI is empty"):
        train_svd(counts, words(200), SvdConfig(dim=5, negatives=1000))


def test_refuses_work_that_does_not_fit_the_memory(matrix: Any) -> None:
    with pytest.raises(ResourceError, match="memory allows 0 MiB"):
        truncated_svd(matrix, 50, memory=1000)


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ({"eig": -1.0}, "eig must be at least 0, got -1.0"),
        ({"solver": "power"}, "solver must be one of randomized, lanczos, got 'power'"),
        ({"device": "tpu"}, "device must be one of auto, cpu, cuda, cuda:N, got 'tpu'"),
        ({"iterations": 1}, "iterations must be at least 2, got 1"),
        ({"solver": "lanczos", "device": "cuda"}, "device must be cpu with solver lanczos"),
    ],
)
def test_options_are_checked(option: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SvdConfig(**option)  # type: ignore[arg-type]
