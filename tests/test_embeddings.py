"""Embeddings: lookup, comparison, neighbours, analogies."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest

import embkit
from embkit.embeddings import Embeddings


class SubwordsStub:
    """Gives every word the same vector."""

    def vector(self, word: str | bytes) -> np.ndarray:
        return np.full(2, len(word), np.float32)


@pytest.fixture
def toy() -> Embeddings:
    rows = np.array([[1, 0], [0.8, 0.6], [0, 0], [-1, 0]])
    return Embeddings.from_words(["king", "queen", "zero", "knave"], rows, counts=[9, 5, 2, 1])


def test_rows_are_neither_copied_nor_writable() -> None:
    rows = np.ones((2, 3), np.float32)
    v = Embeddings.from_words(["a", "b"], rows)
    assert np.shares_memory(v.vectors, rows)
    assert np.shares_memory(v["b"], rows)
    with pytest.raises(ValueError, match="read-only"):
        v["b"][0] = 7


def test_container_methods(toy: Embeddings) -> None:
    assert len(toy) == 4
    assert list(toy) == toy.words == ["king", "queen", "zero", "knave"]
    assert "king" in toy
    assert b"king" in toy
    assert "dog" not in toy
    assert toy.dim == 2
    assert toy.counts is not None
    assert toy.counts.tolist() == [9, 5, 2, 1]
    np.testing.assert_array_equal(np.asarray(toy), toy.vectors)
    np.testing.assert_array_equal(np.array(toy, dtype=np.float64), toy.vectors)


def test_words_may_be_any_bytes() -> None:
    v = Embeddings.from_words([b"\xff\xfe", "gr\u00fcn"], np.eye(2))
    assert b"\xff\xfe" in v
    assert v[v.words[0]].tolist() == [1, 0]
    assert v["gr\u00fcn".encode()].tolist() == [0, 1]


def test_unknown_word_is_a_key_error_that_names_it(toy: Embeddings) -> None:
    with pytest.raises(KeyError, match="'dog' is not among the 4 words"):
        toy["dog"]


@pytest.mark.parametrize(
    ("method", "package", "extra"),
    [("to_pandas", "pandas", "pandas"), ("to_gensim", "gensim", "demo")],
)
def test_a_package_that_is_missing_is_named_with_what_brings_it(
    method: str, package: str, extra: str, toy: Embeddings, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (package, f"{package}.models"):  # an earlier test may have imported it
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ImportError, match=rf"{package}: pip install 'embkit\[{extra}\]'"):
        getattr(toy, method)()


def test_what_is_no_vocabulary_or_matrix_is_named() -> None:
    words: Any = ["a", "b"]
    with pytest.raises(ValueError, match=r"vocabulary must be a Vocabulary, got list.*from_w"):
        Embeddings(words, [[1], [2]])
    with pytest.raises(ValueError, match="vectors must be rows of numbers, all of one length"):
        Embeddings.from_words(words, [[1, 2], [3]])
    with pytest.raises(ValueError, match="vectors must be rows of numbers"):
        Embeddings.from_words(words, [["x"], ["y"]])
    with pytest.raises(ValueError, match="vectors must be rows of numbers"):
        Embeddings.from_words(words, [[10**400], [1]])


def test_a_row_number_is_no_word(toy: Embeddings) -> None:
    for key in (0, [0], None, ["king", 1.5]):
        with pytest.raises(TypeError, match=r"a word must be str or bytes, got (int|N|float)"):
            toy[key]  # type: ignore[index]


def test_lookup_follows_oov(toy: Embeddings) -> None:
    words = ["king", "dog", "knave"]
    assert toy.lookup(words, oov="zero").tolist() == [[1, 0], [0, 0], [-1, 0]]
    assert toy.lookup(words, oov="skip").tolist() == [[1, 0], [-1, 0]]
    with pytest.raises(KeyError, match="'dog'"):
        toy.lookup(words)
    with pytest.raises(ValueError, match="no subwords"):
        toy.lookup(words, oov="subword")
    with pytest.raises(ValueError, match="oov must be one of"):
        toy.lookup(words, oov="nearest")  # type: ignore[arg-type]


def test_subwords_make_vectors_of_unknown_words() -> None:
    v = Embeddings.from_words(["ab"], [[1, 0]])
    v = Embeddings(v.vocabulary, v.vectors, subwords=SubwordsStub())  # type: ignore[arg-type]
    assert v["xyz"].tolist() == [3, 3]
    assert v[["ab", "xyz"]].tolist() == [[1, 0], [3, 3]]
    assert "xyz" not in v
    with pytest.raises(KeyError):
        v.lookup(["xyz"])


@pytest.mark.parametrize(
    ("vectors", "output", "message"),
    [
        (np.ones(2), None, "vectors must have 2 dimensions, got 1"),
        (np.ones((3, 2)), None, r"one row per word \(2\), got 3 rows"),
        (np.ones((2, 2)), np.ones((2, 3)), "output must have 2 columns, got 3"),
    ],
)
def test_wrong_shapes_are_refused(
    vectors: np.ndarray, output: np.ndarray | None, message: str
) -> None:
    vocabulary = Embeddings.from_words(["a", "b"], np.eye(2)).vocabulary
    with pytest.raises(ValueError, match=message):
        Embeddings(vocabulary, vectors, output=output)


def test_from_words_takes_a_mapping() -> None:
    v = Embeddings.from_words({"a": [1.0, 2.0], "b": [3.0, 4.0]})
    assert v["b"].tolist() == [3, 4]
    assert v.vectors.dtype == np.float32
    with pytest.raises(ValueError, match="left out"):
        Embeddings.from_words({"a": [1.0]}, [[1.0]])
    with pytest.raises(ValueError, match="must be given"):
        Embeddings.from_words(["a"])


def test_normalized_rows_have_unit_length_or_none(toy: Embeddings) -> None:
    scaled = Embeddings(toy.vocabulary, toy.vectors * 7, provenance={"method": "sgns"})
    unit = scaled.normalized()
    np.testing.assert_allclose(unit.norms, [1, 1, 0, 1], rtol=1e-6)
    assert unit.words == toy.words
    assert unit.provenance == {"method": "sgns", "normalized": True}
    assert scaled.norms[0] == 7


def test_norms_refuse_what_is_not_finite() -> None:
    v = Embeddings.from_words(["a"], [[np.nan]])
    with pytest.raises(ValueError, match="vectors must be finite"):
        _ = v.norms


def test_first_of_equal_words_wins() -> None:
    v = Embeddings.from_words(["a", "b", "a"], [[1], [2], [3]])
    assert v["a"].tolist() == [1]
    assert v.key_to_index == {"a": 0, "b": 1}


def test_pandas_frame_has_the_words_as_index(toy: Embeddings) -> None:
    pytest.importorskip("pandas", reason="pandas is not installed")
    frame = toy.to_pandas()
    np.testing.assert_array_equal(frame.loc["queen"], toy["queen"])
    assert frame.shape == (4, 2)


def test_repr_tells_size_and_origin(toy: Embeddings) -> None:
    assert repr(toy) == "Embeddings(4 words x 2, counts)"
    v = Embeddings(
        toy.vocabulary, toy.vectors, output=np.ones((1, 2)), provenance={"method": "cbow"}
    )
    assert repr(v) == "Embeddings(4 words x 2, counts, output, trained by cbow)"


def test_notebook_display_is_escaped() -> None:
    v = Embeddings.from_words(["<b>", b"\xff"], [[1], [2]])
    v = Embeddings(v.vocabulary, v.vectors, provenance={"corpus": "<script>"})
    shown = v._repr_html_()
    assert "<script>" not in shown
    assert "&lt;script&gt;" in shown
    assert "&lt;b&gt; \ufffd" in shown


def test_notebook_display_has_room_for_long_lists() -> None:
    values = [i / 4 for i in range(300)]
    v = Embeddings.from_words(["a"], [[1]])
    v = Embeddings(v.vocabulary, v.vectors, provenance={"singular_values": values})
    assert "2.0, 2.25, ... (300 in all)" in v._repr_html_()


IMPORTED = """
import sys
before = set(sys.modules)
import embkit
print(*({"numpy", "embkit._core"} & set(sys.modules)))
assert "Embeddings" in dir(embkit) and embkit.Embeddings and embkit.Vocabulary and embkit.errors
print(*sorted({name.split(".")[0] for name in set(sys.modules) - before}))
"""


def test_import_brings_in_nothing_but_numpy() -> None:
    command = [sys.executable, "-c", IMPORTED]
    shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    early, loaded = (line.split() for line in shown.splitlines())
    assert early == []  # the package's own import: not even NumPy
    assert "embkit" in loaded
    foreign = {name for name in loaded if name not in sys.stdlib_module_names}
    assert {name for name in foreign if not name.startswith("_")} <= {"embkit", "numpy"}


PARTS = """
import embkit
assert {"evaluation", "mapping"} <= {*dir(embkit)}
assert "evaluate_similarity" in dir(embkit.evaluation)
print(embkit.evaluation.evaluate_similarity.__name__, embkit.mapping.map_many.__name__)
"""


def test_parts_of_the_package_are_there_without_an_import_of_their_own() -> None:
    command = [sys.executable, "-c", PARTS]
    shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert shown.split() == ["evaluate_similarity", "map_many"]


def test_package_refuses_unknown_names() -> None:
    with pytest.raises(AttributeError, match="no attribute 'tarin'"):
        _ = embkit.tarin
