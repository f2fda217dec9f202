"""Normalisation steps: what they leave, fitted once and applied in a stream."""

from __future__ import annotations

import numpy as np
import pytest

from embkit.mapping.normalize import Matrix, apply_steps, fit_steps
from tests.spaces import cloud


@pytest.fixture
def rows() -> Matrix:
    return cloud(5000, 120, seed=1).astype(np.float32)


def test_unit_brings_rows_to_unit_length_and_leaves_zeros() -> None:
    rows = np.array([[3, 4], [0, 0], [1e-30, 0], [3e38, 3e38]], np.float32)
    done = apply_steps(rows, fit_steps(rows, "unit"))
    np.testing.assert_allclose(np.linalg.norm(done, axis=1), [1, 0, 1, 1], rtol=1e-6)


def test_center_takes_the_mean_of_all_rows_off(rows: Matrix) -> None:
    done = apply_steps(rows, fit_steps(rows, "center"))
    np.testing.assert_allclose(done.mean(axis=0, dtype=np.float64), 0, atol=1e-6)


def test_unit_center_unit_equals_its_formula(rows: Matrix) -> None:
    wide = rows.astype(np.float64)
    wide /= np.linalg.norm(wide, axis=1, keepdims=True)
    wide -= wide.mean(0)
    wide /= np.linalg.norm(wide, axis=1, keepdims=True)
    done = apply_steps(rows, fit_steps(rows, "unit,center,unit"))
    np.testing.assert_allclose(done, wide, atol=2e-6)


def test_iterative_rows_have_unit_length_and_a_smaller_mean_than_one_round(
    rows: Matrix,
) -> None:
    once = apply_steps(rows, fit_steps(rows, "unit,center,unit"))
    five = apply_steps(rows, fit_steps(rows, "iterative"))
    np.testing.assert_allclose(np.linalg.norm(five, axis=1), 1, rtol=1e-5)
    assert np.linalg.norm(five.mean(0)) < np.linalg.norm(once.mean(0)) / 10


def test_all_but_the_top_removes_the_first_principal_direction(rows: Matrix) -> None:
    steps = fit_steps(rows, "all-but-the-top")
    centred = rows - rows.mean(0, dtype=np.float64)
    first = np.linalg.svd(centred, full_matrices=False)[2][0]
    assert steps[1].statistic is not None
    assert steps[1].statistic.shape == (1, 120)
    expected = centred - np.outer(centred @ first, first)
    np.testing.assert_allclose(apply_steps(rows, steps), expected, atol=1e-4)


@pytest.mark.parametrize("names", ["none", "unit,center,unit", "iterative", "all-but-the-top"])
def test_new_rows_are_normalised_as_the_old_ones_were(rows: Matrix, names: str) -> None:
    steps = fit_steps(rows, names)
    np.testing.assert_allclose(
        apply_steps(rows[77:79], steps), apply_steps(rows, steps)[77:79], atol=1e-6
    )


def test_the_input_stays_as_it_is(rows: Matrix) -> None:
    rows.flags.writeable = False
    assert not np.shares_memory(apply_steps(rows, ()), rows)


def test_wrong_names_and_widths_are_refused(rows: Matrix) -> None:
    with pytest.raises(ValueError, match=r"normalization must be one of none, unit.*'units'"):
        fit_steps(rows, "center,units")
    with pytest.raises(ValueError, match="vectors must have 120 columns"):
        apply_steps(rows[:, :3], fit_steps(rows, "center"))


def test_all_but_the_top_takes_out_a_hundredth_of_the_directions() -> None:
    wide = np.random.default_rng(8).standard_normal((300, 250)).astype(np.float32)
    (_, removed) = fit_steps(wide, "all-but-the-top")
    assert removed.statistic is not None
    assert removed.statistic.shape == (2, 250)
    centered = wide - wide.mean(0, dtype=np.float64)
    expected = np.linalg.svd(centered, full_matrices=False)[2][:2]
    np.testing.assert_allclose(
        np.abs(np.sum(removed.statistic * expected, axis=1)), 1, atol=1e-4
    )
