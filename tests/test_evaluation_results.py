"""Results: plain data, tables, never NaN; spaces: dense, sparse and mappings alike."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.sparse

from embkit.embeddings import Embeddings
from embkit.evaluation.results import Estimate, Interval, Result, plain
from embkit.evaluation.spaces import Case, as_space, find_rows


@dataclass(frozen=True)
class Sample(Result):
    """One of each kind of field."""

    name: str
    score: Estimate
    values: np.ndarray[Any, np.dtype[np.float64]] = field(repr=False)
    path: Path = Path("a/b.tsv")


def sample(value: float | None) -> Sample:
    return Sample("<b>", Estimate(value, reason="none known"), np.ones(3))


def test_a_result_becomes_json_a_frame_and_a_table() -> None:
    result = sample(0.5)
    values = result.to_dict()
    assert json.loads(json.dumps(values)) == values
    assert values["score"]["value"] == 0.5
    assert values["path"] == str(Path("a/b.tsv"))
    assert "values" not in values  # repr=False: not for printing
    assert result.to_pandas().to_dict("records") == [{"name": "<b>", "path": values["path"]}]
    assert "&lt;b&gt;" in result._repr_html_()


def test_an_undefined_figure_is_null_and_never_nan() -> None:
    assert sample(None).to_dict()["score"]["value"] is None
    with pytest.raises(ValueError, match="must be None with a reason, got nan"):
        sample(float("nan")).to_dict()
    with pytest.raises(ValueError, match="got inf"):
        plain({"x": [np.float32(np.inf)]})


def test_estimates_print_their_interval_or_reason() -> None:
    assert str(Estimate(0.5, Interval(0.4, 0.6, "Wilson"))) == "0.500 [0.400, 0.600]"
    assert str(Estimate(None, reason="constant")) == "undefined: constant"


WORDS = ["us", "US", "Rome", "iron", "IBM"]


@pytest.mark.parametrize(
    ("case", "expected"),
    [
        ("exact", [1, -1, 2, -1, -1, -1]),
        ("lower", [0, -1, -1, 3, -1, -1]),
        ("fold", [0, 2, 2, 3, 4, -1]),
        ("fallback", [1, 2, 2, 3, 4, -1]),
    ],
)
def test_each_case_policy_finds_its_rows(case: Case, expected: list[int]) -> None:
    space = as_space(Embeddings.from_words(WORDS, np.eye(5)))
    asked = ["US", "rome", "Rome", "Iron", "ibm", "unknown"]
    assert find_rows(space, asked, case).tolist() == expected
    assert find_rows(space, asked, case, limit=2).tolist() == [
        row if row < 2 else -1 for row in expected
    ]


@pytest.mark.parametrize(
    ("case", "expected"),
    [
        ("exact", [-1, -1, -1, 2]),
        ("lower", [-1, -1, -1, 2]),
        ("fold", [-1, -1, -1, 2]),
        ("fallback", [0, 1, -1, 2]),
    ],
)
def test_several_words_are_also_found_joined(case: Case, expected: list[int]) -> None:
    words = ["star_wars", "World_War_II", "ice cream", "ice_cream"]
    space = as_space(Embeddings.from_words(words, np.eye(4)))
    asked = ["Star Wars", "World War II", "Star  Trek", "ice cream"]
    assert find_rows(space, asked, case).tolist() == expected
    few = [row if row < 2 else -1 for row in expected]
    assert find_rows(space, asked, case, limit=2).tolist() == few


def test_dense_sparse_and_mapping_agree() -> None:
    rng = np.random.default_rng(5)
    rows = (rng.random((6, 9)) * (rng.random((6, 9)) < 0.5)).astype(np.float32)
    rows[3] = 0
    words = list("abcdef")

    @dataclass(frozen=True)
    class Sparse:
        """As little as sparse embeddings must have."""

        words: list[str]
        matrix: Any

    spaces = [
        as_space(Embeddings.from_words(words, rows)),
        as_space(dict(zip(words, rows, strict=True))),
        as_space(Sparse(words, scipy.sparse.csr_matrix(rows))),
    ]
    left, right = np.arange(6), np.array([1, 2, 0, 4, 3, 5])
    dense = spaces[0]
    assert dense.cosines(left, right)[[2, 3]].tolist() == pytest.approx(
        [dense.cosines(right, left)[2], 0.0]
    )
    for space in spaces[1:]:
        assert len(space) == 6
        assert space.ids_of(["b", "?"]).tolist() == [1, -1]
        np.testing.assert_allclose(space.norms, dense.norms, rtol=1e-12)
        np.testing.assert_allclose(space.cosines(left, right), dense.cosines(left, right))
        np.testing.assert_allclose(
            space.products(space.units(left), slice(1, 5)),
            dense.products(dense.units(left), slice(1, 5)),
        )
        for unit in (False, True):
            np.testing.assert_allclose(
                space.mean_vector(unit=unit), dense.mean_vector(unit=unit)
            )


def test_only_vectors_are_taken() -> None:
    with pytest.raises(TypeError, match="got int"):
        as_space(3)  # type: ignore[arg-type]
    space = as_space({"a": [1.0]})
    assert as_space(space) is space
    with pytest.raises(ValueError, match="case must be one of"):
        find_rows(space, ["a"], "upper")  # type: ignore[arg-type]
