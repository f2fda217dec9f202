"""The test of equivalence: what it calls equal, and the differences it is put to."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from eval.threads_equal import differences, two_one_sided_tests


def test_no_difference_with_little_noise_is_equal() -> None:
    found = two_one_sided_tests([0.1, -0.1, 0.05, -0.05], margin=1)
    assert found.equal
    assert found.low < 0 < found.high


def test_noise_alone_is_not_enough_to_be_equal() -> None:
    assert not two_one_sided_tests([3, -3, 2.5, -2.5], margin=1).equal


@pytest.mark.parametrize("shift", [-1.2, 1.2])
def test_a_difference_beyond_the_margin_is_not_equal(shift: float) -> None:
    assert not two_one_sided_tests([shift + d for d in (0.1, -0.1, 0.05)], margin=1).equal


def test_equal_means_that_the_90_percent_interval_lies_within_the_margins() -> None:
    values = np.random.default_rng(1).normal(0.4, 0.6, 10)
    low, high = stats.t.interval(0.9, 9, values.mean(), stats.sem(values))
    found = two_one_sided_tests(list(values), margin=1)
    np.testing.assert_allclose((found.low, found.high), (low, high))
    for margin in (max(-low, high) * 0.999, max(-low, high) * 1.001):
        assert two_one_sided_tests(list(values), margin).equal == (
            -margin < low and high < margin
        )


def test_runs_are_compared_with_one_thread_of_the_same_seed() -> None:
    found = {
        (1, 1): {"similarity": 50.0, "loss": 2.0}, (2, 1): {"similarity": 50.5, "loss": 2.02},
        (1, 2): {"similarity": 60.0, "loss": 4.0}, (2, 2): {"similarity": 59.0, "loss": 3.96},
    }  # fmt: skip
    got = differences(found, 2, [1, 2])
    assert got["similarity"] == [0.5, -1.0]
    np.testing.assert_allclose(got["loss"], [1, -1])
