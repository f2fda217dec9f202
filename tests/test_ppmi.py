"""PPMI: the definition in probabilities, shift and smoothing, refusals with the place."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csr_array

from embkit.config import PpmiConfig
from embkit.counts import ppmi
from embkit.counts.ppmi import ppmi_matrix, train_ppmi
from embkit.errors import CorpusError, ResourceError
from embkit.vocabulary import Vocabulary
from tests.reference_counts import dense_ppmi, random_counts


@pytest.mark.parametrize("negatives", [1, 2, 5])
@pytest.mark.parametrize("smoothing", [0.0, 0.5, 0.75, 1.0])
def test_equals_its_definition(smoothing: float, negatives: int) -> None:
    counts = random_counts(60, 0.5, seed=1)
    found = ppmi_matrix(counts, smoothing=smoothing, negatives=negatives)
    expected = dense_ppmi(counts.toarray(), smoothing, negatives)
    assert found.dtype == np.float32
    assert (found.data > 0).all()
    np.testing.assert_allclose(found.toarray(), expected, rtol=1e-6, atol=1e-6)


def test_is_the_same_in_blocks_of_any_size(monkeypatch: pytest.MonkeyPatch) -> None:
    counts = random_counts(50, 0.5, seed=2)
    whole = ppmi_matrix(counts)
    monkeypatch.setattr(ppmi, "_BLOCK_ENTRIES", 7)
    np.testing.assert_array_equal(ppmi_matrix(counts).toarray(), whole.toarray())


def test_smoothing_lowers_the_values_of_rare_contexts() -> None:
    counts = csr_array(np.array([[50.0, 10.0, 1.0], [50.0, 1.0, 0.0], [9.0, 0.0, 2.0]]))
    plain, smooth = ppmi_matrix(counts).toarray(), ppmi_matrix(counts, smoothing=0.75).toarray()
    assert 0 < smooth[2, 2] < plain[2, 2]


def words(count: int) -> Vocabulary:
    return Vocabulary.from_words([f"w{i}" for i in range(count)])


def test_normalization_gives_unit_rows_or_columns() -> None:
    counts, vocabulary = random_counts(40, 0.5, seed=3), words(40)
    for kind, axis in (("row", 1), ("column", 0), ("both", 1)):
        config = PpmiConfig(normalization=kind)  # type: ignore[arg-type]
        lengths = np.linalg.norm(
            train_ppmi(counts, vocabulary, config).matrix.toarray(), axis=axis
        )
        np.testing.assert_allclose(lengths[lengths > 0], 1, atol=1e-6)


def test_refuses_counts_that_are_none_and_names_the_place() -> None:
    good = np.array([[1.0, 2.0], [2.0, 0.0]])
    for value in (-1.0, np.nan, np.inf):
        counts = csr_array(good)
        counts.data[2] = value
        with pytest.raises(ValueError, match=r"row 1, entry 2: a count must be finite"):
            train_ppmi(counts, words(2))
    counts = csr_array(good)
    counts.indices[1] = 2
    with pytest.raises(ValueError, match=r"row 0, entry 1: a word id must be below 2, got 2"):
        train_ppmi(counts, words(2))


def test_refuses_matrices_without_entries_or_of_other_shape() -> None:
    with pytest.raises(CorpusError, match="got an empty matrix"):
        train_ppmi(csr_array((3, 3)), words(3))
    with pytest.raises(ValueError, match=r"each of 3 words, got shape \(2, 2\)"):
        train_ppmi(csr_array(np.ones((2, 2))), words(3))
    with pytest.raises(CorpusError, match="PPMI is empty"):
        train_ppmi(csr_array(np.ones((2, 2))), words(2), PpmiConfig(smoothing=1))


def test_refuses_work_that_does_not_fit_the_memory() -> None:
    counts = random_counts(40, 0.5, seed=3)
    train_ppmi(counts, words(40), memory=1 << 20)
    with pytest.raises(ResourceError, match="memory allows 0 MiB: lower window"):
        train_ppmi(counts, words(40), memory=1000)


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ({"negatives": 0}, "negatives must be at least 1, got 0"),
        ({"smoothing": -0.5}, "smoothing must be at least 0, got -0.5"),
        ({"normalization": "l2"}, "normalization must be one of none, row, column, both"),
    ],
)
def test_options_are_checked(option: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        PpmiConfig(**option)  # type: ignore[arg-type]
