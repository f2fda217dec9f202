"""fastText models: vectors equal to fastText's, and what else is read."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from embkit import formats
from embkit.cli import main
from embkit.embeddings import Embeddings
from embkit.errors import FormatError, ResourceError
from embkit.formats import safetensors_dir
from embkit.formats.fasttext import read_embeddings
from embkit.formats.safetensors_writer import save_directory
from embkit.formats.sniff import sniff
from embkit.subwords import Subwords
from tests.fasttext_files import HEADER, Model, fnv1a, ngrams, read

GOLDENS = Path(__file__).parent / "goldens" / "fasttext"


def vector_of(embeddings: Embeddings, word: bytes) -> np.ndarray[Any, np.dtype[np.float32]]:
    if word in embeddings:
        return embeddings[word]
    assert embeddings.subwords is not None
    return embeddings.subwords.vector(word)


@pytest.mark.parametrize("name", ["skipgram", "cbow", "supervised"])
def test_vectors_are_fasttexts_to_the_last_bit(name: str) -> None:
    embeddings = read_embeddings(GOLDENS / f"{name}.bin")
    checked = 0
    for line in (GOLDENS / f"{name}.vectors").read_bytes().splitlines():
        word, *values = line.split(b" ")
        if embeddings.subwords is None and word not in embeddings:
            continue
        expected = np.array(values, np.float32)
        np.testing.assert_array_equal(vector_of(embeddings, word), expected, repr(word))
        checked += 1
    assert checked == (20 if embeddings.subwords else 11)


def test_hash_sign_extends_bytes() -> None:
    rule = Subwords(np.zeros((2**20, 1), np.float32), minn=3, maxn=3, bucket=2**20)
    assert rule.rows("ü").tolist() == [fnv1a("<ü>".encode()) % 2**20]
    assert rule.rows("ü").tolist() != [0x1505 % 2**20]


@pytest.mark.parametrize(("minn", "maxn"), [(1, 1), (1, 3), (3, 6), (2, 2), (5, 40)])
def test_ngrams_are_those_of_the_slow_version(minn: int, maxn: int) -> None:
    rule = Subwords(np.zeros((999, 1), np.float32), minn=minn, maxn=maxn, bucket=999)
    for word in ["", "a", "the", "straße", "日本語", "<>", "a b", "\U0001f600e\u0301"]:
        expected = [fnv1a(ngram.encode()) % 999 for ngram in ngrams(word, minn, maxn)]
        assert sorted(rule.rows(word).tolist()) == sorted(expected), word


def test_word_vectors_are_means_of_rows(tmp_path: Path) -> None:
    model = Model()
    embeddings = read(tmp_path, model.to_bytes())
    assert [word.encode() for word in embeddings.words] == model.words
    assert embeddings.counts is not None
    assert embeddings.counts.tolist() == [100, 99, 98, 97, 96, 95]
    for word in [*model.words, b"unseen", "größe".encode(), b"x"]:
        np.testing.assert_allclose(vector_of(embeddings, word), model.vector(word), rtol=1e-5)


@pytest.mark.parametrize("labels", [[], [b"__label__x"]])
def test_models_from_before_the_magic_number_are_read(
    tmp_path: Path, labels: list[bytes]
) -> None:
    model = Model(versioned=False, labels=labels)
    content = model.to_bytes()
    assert sniff(content, "model.bin") == "fasttext-binary"
    embeddings = read(tmp_path, content)
    assert embeddings.provenance["format"] == "fastText before version 11"
    assert embeddings.counts is not None
    assert embeddings.counts.tolist() == [100, 99, 98, 97, 96, 95]
    for word in [*model.words, b"unseen", "größe".encode()]:  # </s> has n-grams in these
        np.testing.assert_allclose(vector_of(embeddings, word), model.vector(word), rtol=1e-5)


def test_pruned_models_use_only_the_kept_rows(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    kept = [(int(value), row) for row, value in enumerate(rng.permutation(30)[:12])]
    matrix = rng.normal(size=(6 + 12, 4)).astype(np.float32)
    model = Model(kept=kept, input=matrix)
    embeddings = read(tmp_path, model.to_bytes())
    for word in [*model.words, b"unseen", b"other"]:
        np.testing.assert_allclose(vector_of(embeddings, word), model.vector(word), rtol=1e-5)


def test_a_model_pruned_to_nothing_has_no_subwords(tmp_path: Path) -> None:
    matrix = np.ones((6, 4), np.float32)
    assert read(tmp_path, Model(kept=[], input=matrix).to_bytes()).subwords is None


def test_supervised_models_leave_out_their_labels(tmp_path: Path) -> None:
    model = Model(labels=[b"__label__yes", b"__label__no"])
    model.header["model"] = 3
    embeddings = read(tmp_path, model.to_bytes())
    assert len(embeddings) == len(model.words)
    assert embeddings.provenance["num_labels_left_out"] == 2


@pytest.mark.parametrize(("kind", "has_subwords"), [(1, True), (2, True), (3, False)])
def test_supervised_models_of_version_11_have_no_subwords(
    tmp_path: Path, kind: int, has_subwords: bool
) -> None:
    model = Model(labels=[b"__label__yes"] if kind == 3 else [])
    model.header |= {"version": 11, "model": kind}
    embeddings = read(tmp_path, model.to_bytes())
    assert (embeddings.subwords is not None) == has_subwords
    expected = model.vector(b"the") if has_subwords else model.input[0]
    np.testing.assert_allclose(embeddings["the"], expected, rtol=1e-5)


@pytest.mark.parametrize("fields", [{"maxn": 0}, {"minn": 5, "maxn": 4}, {"bucket": 0}])
def test_models_without_ngrams_have_no_subwords(tmp_path: Path, fields: dict[str, int]) -> None:
    model = Model(header={name: value for name, (_, value) in HEADER.items()} | fields)
    embeddings = read(tmp_path, model.to_bytes())
    assert embeddings.subwords is None
    np.testing.assert_array_equal(embeddings.vectors, model.input[:6])


def test_compressed_files_and_thread_counts_give_the_same_vectors(tmp_path: Path) -> None:
    plain = read_embeddings(GOLDENS / "skipgram.bin", threads=1)
    packed = read(tmp_path, gzip.compress((GOLDENS / "skipgram.bin").read_bytes()), threads=3)
    np.testing.assert_array_equal(plain.vectors, packed.vectors)
    np.testing.assert_array_equal(vector_of(plain, b"new"), vector_of(packed, b"new"))


def test_limit_keeps_the_first_words() -> None:
    whole = read_embeddings(GOLDENS / "skipgram.bin")
    part = read_embeddings(GOLDENS / "skipgram.bin", limit=3)
    assert part.words == whole.words[:3]
    np.testing.assert_array_equal(part.vectors, whole.vectors[:3])
    np.testing.assert_array_equal(vector_of(part, b"new"), vector_of(whole, b"new"))


def test_subword_rows_stay_mapped() -> None:
    subwords = read_embeddings(GOLDENS / "skipgram.bin").subwords
    assert subwords is not None
    assert not subwords.vectors.flags.owndata
    assert not subwords.vectors.flags.writeable


def test_gensim_reads_the_same_vectors(tmp_path: Path) -> None:
    fasttext = pytest.importorskip("gensim.models.fasttext")
    from gensim.test.utils import datapath

    names = ["crime-and-punishment.bin", "toy-model.bin", "lee_fasttext_new.bin"]
    for path in [*map(datapath, names), GOLDENS / "skipgram.bin", GOLDENS / "cbow.bin"]:
        theirs = fasttext.load_facebook_vectors(str(path))
        ours = read_embeddings(path)
        assert ours.words == theirs.index_to_key
        # gensim gives </s> n-grams, which fastText does not
        rows = [row for row, word in enumerate(ours.words) if word != "</s>"]
        np.testing.assert_allclose(
            ours.vectors[rows], theirs.vectors[rows], rtol=2e-5, atol=1e-7
        )
        if ours.subwords is None:
            continue
        for word in ["ungesehen", "größer", "наказания", "日本語"]:
            np.testing.assert_allclose(
                vector_of(ours, word.encode()), theirs[word], rtol=2e-5, atol=1e-7
            )


@pytest.mark.parametrize("options", [{"sg": 1}, {"hs": 1, "negative": 0}, {"bucket": 0}])
def test_models_that_gensim_writes_are_read(tmp_path: Path, options: dict[str, int]) -> None:
    fasttext = pytest.importorskip("gensim.models.fasttext")
    sentences = [["кот", "the", "straße", "cat"], ["猫", "the", "кот", "naïve"]] * 5
    settings = {"vector_size": 6, "min_count": 1, "epochs": 1, "bucket": 50, "workers": 1}
    model = fasttext.FastText(sentences, **{**settings, **options})
    path = tmp_path / "gensim.bin"
    fasttext.save_facebook_model(model, str(path))
    ours = read_embeddings(path)
    assert ours.words == model.wv.index_to_key
    np.testing.assert_allclose(ours.vectors, model.wv.vectors, rtol=1e-5, atol=1e-7)
    assert (ours.subwords is None) == (options.get("bucket") == 0)
    if ours.subwords is not None:
        np.testing.assert_allclose(
            ours.subwords.vector("котик"), model.wv["котик"], rtol=1e-5, atol=1e-7
        )


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("limit", [255, 256, 257, 600])
def test_more_words_than_a_thread_takes_at_a_time(
    tmp_path: Path, threads: int, limit: int
) -> None:
    words = [b"w%d" % row for row in range(600)]
    model = Model(words=words)
    path = tmp_path / "model.bin"
    path.write_bytes(model.to_bytes())
    embeddings = read_embeddings(path, limit=limit, threads=threads)
    expected = np.array([model.vector(word) for word in words[:limit]])
    np.testing.assert_allclose(embeddings.vectors, expected, rtol=1e-5, atol=1e-6)
    model.input[limit - 1, 3] = np.inf
    path.write_bytes(model.to_bytes())
    with pytest.raises(FormatError) as caught:
        read_embeddings(path, limit=limit, threads=threads)
    assert caught.value.reason == f"the vector of word {limit - 1} is not finite"
    assert caught.value.offset == model.offsets["input"] + (limit - 1) * 16


@pytest.mark.parametrize(
    "options",
    [{"minn": 0}, {"minn": 5}, {"bucket": 0}, {"bucket": 9}, {"kept": [(1, 0), (1, 1)]}],
)
def test_subwords_check_their_options(options: dict[str, Any]) -> None:
    settings = {"minn": 3, "maxn": 4, "bucket": 10, **options}
    with pytest.raises(ValueError, match="must"):
        Subwords(np.zeros((10, 2), np.float32), **settings)


def test_subword_vectors_that_are_not_finite_are_an_error() -> None:
    subwords = Subwords(np.full((3, 2), np.nan, np.float32), minn=3, maxn=3, bucket=3)
    with pytest.raises(ValueError, match="finite"):
        subwords.vector("word")


def test_subwords_are_kept_in_the_saved_form(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    model = Model(kept=[(3, 0), (17, 1)], input=rng.normal(size=(8, 4)).astype(np.float32))
    path = tmp_path / "pruned.bin"
    path.write_bytes(model.to_bytes())
    for source in (GOLDENS / "skipgram.bin", GOLDENS / "cbow.bin", path):
        embeddings = read_embeddings(source)
        save_directory(embeddings, tmp_path / source.stem)
        back = safetensors_dir.read_embeddings(tmp_path / source.stem, verify=True)
        assert back.provenance == embeddings.provenance
        np.testing.assert_array_equal(back.vectors, embeddings.vectors)
        assert (back.subwords is None) == (embeddings.subwords is None)
        if back.subwords is not None:
            for word in (b"unseen", b"other", b"der", "größe".encode()):
                np.testing.assert_array_equal(
                    vector_of(back, word), vector_of(embeddings, word)
                )


def test_left_out_labels_are_reported(caplog: pytest.LogCaptureFixture) -> None:
    path = GOLDENS / "supervised.bin"
    report = formats.inspect(path)
    assert (report.format, report.num_words, report.dim) == ("fasttext-binary", 19, 5)
    assert report.oddities == {"labels_left_out": 3}
    assert report.details["holds"] == ["counts", "subwords"]
    formats.load(path)
    assert "3 labels left out" in caplog.text


def test_formats_that_drop_subwords_say_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    embeddings = formats.load(GOLDENS / "skipgram.bin")
    formats.save(embeddings, tmp_path / "model")
    assert caplog.text == ""
    assert formats.load(tmp_path / "model").subwords is not None
    formats.save(embeddings, tmp_path / "vectors.npz")
    assert "subwords are not kept in npz" in caplog.text


def test_queries_of_the_command_line_know_unseen_words(
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = str(GOLDENS / "skipgram.bin")
    for query in (
        ["neighbors", path, "größer", "-n", "2"],
        ["similarity", path, "größer", "the"],
        ["analogy", path, "größer", "the", "cat"],
    ):
        assert main(["query", *query, "--json"]) == 0
        assert json.loads(capsys.readouterr().out)


@pytest.mark.parametrize("minn", [0, 1, 2])
def test_ngrams_may_be_of_one_character(tmp_path: Path, minn: int) -> None:
    model = Model()
    model.header |= {"minn": minn, "maxn": 2}
    embeddings = read(tmp_path, model.to_bytes())
    for word in [*model.words, b"unseen", "größe".encode()]:
        np.testing.assert_allclose(vector_of(embeddings, word), model.vector(word), rtol=1e-5)


@pytest.mark.parametrize("limit", [1, 5, 6, 7])
def test_vectors_may_take_as_much_memory_as_is_allowed(tmp_path: Path, limit: int) -> None:
    path, model = tmp_path / "model.bin", Model()
    path.write_bytes(model.to_bytes())
    rows = min(limit, 6)
    embeddings = read_embeddings(path, limit=limit, memory=16 * rows)
    assert embeddings.words == [word.decode() for word in model.words[:rows]]
    assert embeddings.counts is not None
    assert embeddings.counts.tolist() == list(range(100, 100 - rows, -1))
    with pytest.raises(ResourceError):
        read_embeddings(path, limit=limit, memory=16 * rows - 1)


def test_provenance_names_what_the_model_was_made_with(tmp_path: Path) -> None:
    model = Model(labels=[b"__label__a"])
    model.header |= {"model": 3, "minn": 0, "maxn": 0}
    provenance = read(tmp_path, model.to_bytes()).provenance
    assert provenance["format"] == "fastText version 12"
    assert (provenance["num_tokens"], provenance["num_labels_left_out"]) == (1000, 1)
    assert "num_labels_left_out" not in read(tmp_path, Model().to_bytes()).provenance
