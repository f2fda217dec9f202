"""The list of mutants that do the same as the original is one of mutants that there are."""

from __future__ import annotations

import pytest

from tests.native.equivalent_mutants import EQUIVALENT
from tests.native.mutants import TESTS, mutants_of, sample


@pytest.mark.parametrize("file", EQUIVALENT)
def test_every_mutant_that_is_listed_exists(file: str) -> None:
    found = {(mutant.code, mutant.what) for mutant in mutants_of(file)}
    assert set(EQUIVALENT[file]) <= found


@pytest.mark.parametrize("file", TESTS)
def test_sample_is_of_different_mutants_and_always_the_same(file: str) -> None:
    drawn = sample(file, 8)
    assert len({mutant.key for mutant in drawn}) == 8
    assert drawn == sample(file, 8)
