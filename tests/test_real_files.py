"""Vector files that other tools wrote and people passed on, read as others read them."""

from __future__ import annotations

import importlib.util
import lzma
import os
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from embkit import formats
from embkit.errors import FormatError

# Of gensim's test data: format, words, dim. Mostly small; of 2016 to 2022.
GENSIM = {
    "EN.1-10.cbow1_wind5_hs0_neg10_size300_smpl1e-05.txt": ("word2vec-text", 20, 300),
    "IT.1-10.cbow1_wind5_hs0_neg10_size300_smpl1e-05.txt": ("word2vec-text", 20, 300),
    "crime-and-punishment.vec": ("word2vec-text", 291, 5),
    "high_precision.kv.txt": ("word2vec-text", 2, 2),
    "lee_fasttext.vec": ("word2vec-text", 1762, 10),
    "pang_lee_polarity_fasttext.vec": ("word2vec-text", 1694, 100),
    "toy-model.vec": ("word2vec-text", 22, 5),
    "word2vec_pre_kv_c": ("word2vec-text", 1750, 10),
    "w2v_keyedvectors_load_test.modeldata": ("word2vec-text", 2, 3),
    "test_glove.txt": ("glove-text", 76, 50),
    "euclidean_vectors.bin": ("word2vec-binary", 2747, 10),
    "high_precision.kv.bin": ("word2vec-binary", 2, 2),
    "poincare_vectors.bin": ("word2vec-binary", 1182, 10),
    "crime-and-punishment.bin": ("fasttext-binary", 291, 5),
    "lee_fasttext_new.bin": ("fasttext-binary", 1763, 10),
    "pang_lee_polarity_fasttext.bin": ("fasttext-binary", 1694, 100),
    "toy-model.bin": ("fasttext-binary", 22, 5),
    # Of before fastText's models had a magic number; the first is not UTF-8.
    "cp852_fasttext.bin": ("fasttext-binary", 171, 2),
    "lee_fasttext.bin": ("fasttext-binary", 1762, 10),
    "non_ascii_fasttext.bin": ("fasttext-binary", 171, 2),
}
SUPERVISED = ("pang_lee_polarity_fasttext.bin",)  # gensim does not read such models
SHARED = {
    "cca-en-sample.40d.vec.xz": (10_000, 40),
    "googlenews-top1000.300d.vec.xz": (1000, 300),
}
needs_gensim = pytest.mark.skipif(
    importlib.util.find_spec("gensim") is None,
    reason="gensim, whose files these are, is absent",
)


def _gensim_file(name: str) -> Path:
    from gensim.test.utils import datapath

    path = Path(datapath(name))
    if not path.exists():
        pytest.skip(f"this gensim came without {name}")
    return path


def _read_with_gensim(kind: str, path: Path) -> tuple[list[str], NDArray[np.float32]]:
    from gensim.models import KeyedVectors
    from gensim.models.fasttext import load_facebook_vectors

    if kind == "fasttext-binary":
        vectors = load_facebook_vectors(str(path), encoding=_encoding(path))
    else:
        options = {"binary": kind == "word2vec-binary", "no_header": kind == "glove-text"}
        vectors = KeyedVectors.load_word2vec_format(
            str(path), unicode_errors="replace", **options
        )
    return vectors.index_to_key, vectors.vectors


def _encoding(path: Path) -> str:
    return "cp852" if path.name.startswith("cp852") else "utf-8"


@needs_gensim
@pytest.mark.filterwarnings("ignore::ResourceWarning")  # gensim leaves files open
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("name", GENSIM)
def test_files_of_other_tools_load(name: str) -> None:
    kind, num_words, dim = GENSIM[name]
    path = _gensim_file(name)
    report = formats.inspect(path)
    assert (report.format, report.num_words, report.dim) == (kind, num_words, dim)
    embeddings = formats.load(path)
    if name in SUPERVISED:
        return
    words, vectors = _read_with_gensim(kind, path)
    own = [word.encode(errors="surrogateescape") for word in embeddings.words]
    assert [word.decode(_encoding(path), errors="replace") for word in own] == words
    # gensim gives </s> n-grams, which fastText has not done since version 11.
    rows = [row for row, word in enumerate(words) if word != "</s>"]
    if _encoding(path) != "utf-8":  # and hashes n-grams of other bytes than those in the file
        rows = [row for row in rows if words[row].isascii()]
    np.testing.assert_allclose(embeddings.vectors[rows], vectors[rows], rtol=1e-6, atol=2e-7)


@needs_gensim
@pytest.mark.parametrize(
    ("model", "text"),
    [
        ("lee_fasttext.bin", "lee_fasttext.vec"),
        ("crime-and-punishment.bin", "crime-and-punishment.vec"),
        ("toy-model.bin", "toy-model.vec"),
        ("pang_lee_polarity_fasttext.bin", "pang_lee_polarity_fasttext.vec"),
    ],
)
def test_models_have_the_vectors_that_fasttext_wrote_beside_them(model: str, text: str) -> None:
    ours, theirs = formats.load(_gensim_file(model)), formats.load(_gensim_file(text))
    assert ours.vocabulary.data.tobytes() == theirs.vocabulary.data.tobytes()
    np.testing.assert_allclose(ours.vectors, theirs.vectors, rtol=1e-4, atol=6e-5)


@needs_gensim
def test_a_model_whose_word_is_empty_is_told() -> None:
    # fastText made it of pre-trained vectors whose header stated more rows than there were.
    with pytest.raises(FormatError, match="a word is empty"):
        formats.load(_gensim_file("toy-model-pretrained.bin"))


@pytest.mark.skipif("EMBKIT_TEST_DATA" not in os.environ, reason="EMBKIT_TEST_DATA is not set")
@pytest.mark.parametrize("name", SHARED)
def test_compressed_vectors_load(name: str) -> None:
    embeddings = formats.load(Path(os.environ["EMBKIT_TEST_DATA"]) / "vectors" / name)
    assert (len(embeddings), embeddings.dim) == SHARED[name]
    assert np.isfinite(embeddings.vectors).all()
    with lzma.open(Path(os.environ["EMBKIT_TEST_DATA"]) / "vectors" / name) as lines:
        next(lines)
        word, *values = next(lines).split()
    assert word.decode() == embeddings.words[0]
    np.testing.assert_array_equal(embeddings.vectors[0], np.array(values, np.float32))
