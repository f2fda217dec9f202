"""fastText models: vectors equal to fastText's, and no field of a file believed unchecked."""

from __future__ import annotations

import gzip
import json
import random
import re
import time
import tracemalloc
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from embkit import formats
from embkit.cli import main
from embkit.embeddings import Embeddings
from embkit.errors import FormatError, ResourceError
from embkit.formats import safetensors_dir
from embkit.formats.fasttext import parse, read_embeddings
from embkit.formats.safetensors_writer import save_directory
from embkit.subwords import Subwords
from tests.attacks.fasttext_fields import ATTACKS
from tests.fasttext_files import HEADER, Model, fnv1a, ngrams

GOLDENS = Path(__file__).parent / "goldens" / "fasttext"


def read(tmp_path: Path, data: bytes, *, threads: int | None = None) -> Embeddings:
    path = tmp_path / "model.bin"
    path.write_bytes(data)
    return read_embeddings(path, threads=threads)


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


def assert_refused_quickly(tmp_path: Path, data: bytes) -> FormatError:
    tracemalloc.start()
    start = time.perf_counter()
    with pytest.raises(FormatError) as caught:
        read(tmp_path, data)
    seconds = time.perf_counter() - start
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert seconds < 1
    assert peak < 4 << 20
    assert caught.value.path.endswith("model.bin")
    return caught.value


@pytest.mark.parametrize("case", ATTACKS)
def test_hostile_fields_are_refused(tmp_path: Path, case: str) -> None:
    content, reason = ATTACKS[case]
    error = assert_refused_quickly(tmp_path, content)
    assert re.search(reason, error.reason)
    assert error.offset is not None
    assert 0 <= error.offset <= len(content)


def refusal(model: Model, cut: int | None = None) -> FormatError:
    with pytest.raises(FormatError) as caught:
        parse(np.frombuffer(model.to_bytes()[:cut], np.uint8), "model.bin")
    return caught.value


MOST = 2**31 - 1
FAULTS: list[tuple[Mapping[str, float], str, str]] = [
    ({"magic": 1}, "magic", "not a fastText model: the magic number is wrong"),
    ({"version": 10}, "version", "fastText version must be 11 or 12, got 10"),
    ({"version": 13}, "version", "fastText version must be 11 or 12, got 13"),
    ({"dim": 0}, "dim", f"dim must be from 1 to {MOST}, got 0"),
    *(
        ({name: -1}, name, f"{name} must be from 0 to {MOST}, got -1")
        for name in ("ws", "epoch", "minCount", "neg", "wordNgrams", "bucket", "minn", "maxn")
    ),
    ({"loss": 0}, "loss", "loss must be from 1 to 4, got 0"),
    ({"loss": 5}, "loss", "loss must be from 1 to 4, got 5"),
    ({"model": 0}, "model", "model must be from 1 to 3, got 0"),
    ({"model": 4}, "model", "model must be from 1 to 3, got 4"),
    ({"t": float("nan")}, "t", "t must be finite"),
    ({"size": -1}, "size", f"the number of entries must be from 0 to {MOST}, got -1"),
    ({"nwords": -1}, "nwords", f"the number of words must be from 0 to {MOST}, got -1"),
    ({"nlabels": -1}, "nlabels", f"the number of labels must be from 0 to {MOST}, got -1"),
    ({"size": 7}, "size", "a dictionary of 7 entries cannot have 6 words and 0 labels"),
    ({"nwords": 7}, "size", "a dictionary of 6 entries cannot have 7 words and 0 labels"),
    ({"nlabels": 1}, "size", "a dictionary of 6 entries cannot have 6 words and 1 labels"),
    (
        {"size": 200, "nwords": 200},
        "size",
        "a dictionary of 200 entries does not fit the file",
    ),
    ({"ntokens": -1}, "ntokens", f"the number of tokens must be from 0 to {2**63 - 1}, got -1"),
    (
        {"pruneidx_size": -2},
        "pruneidx_size",
        f"the prune index's size must be from -1 to {MOST}, got -2",
    ),
    (
        {"pruneidx_size": 400},
        "quant",
        "a prune index of 400 entries does not fit the file",
    ),
    ({"count2": -1}, "count2", f"a count must be from 0 to {2**63 - 1}, got -1"),
    ({"type2": 1}, "type2", "an entry's kind must be 0"),
    (
        {"quant": 2},
        "quant",
        "the input's quantisation flag must be from 0 to 1, got 2",
    ),
    ({"quant": 1}, "quant", "quantised fastText models (.ftz) are not supported"),
    ({"input_rows": 35}, "input_rows", "the input matrix must be 36 x 4, got 35 x 4"),
    ({"input_dim": 5}, "input_rows", "the input matrix must be 36 x 4, got 36 x 5"),
    ({"qout": 2}, "qout", "the output's quantisation flag must be from 0 to 1, got 2"),
    ({"output_rows": 5}, "output_rows", "the output matrix must be 6 x 4, got 5 x 4"),
    ({"output_dim": 3}, "output_rows", "the output matrix must be 6 x 4, got 6 x 3"),
]


@pytest.mark.parametrize(("fields", "place", "reason"), FAULTS)
def test_a_fault_is_told_with_its_byte(
    fields: Mapping[str, float], place: str, reason: str
) -> None:
    model = Model(fields=fields)
    error = refusal(model)
    assert (error.offset, error.reason) == (model.offsets[place], reason)


@pytest.mark.parametrize(
    "fields",
    [
        {"version": 11},
        *({name: value} for name in ("ws", "epoch", "minCount", "neg") for value in (0, MOST)),
        *({name: value} for name in ("wordNgrams", "lrUpdateRate") for value in (0, MOST)),
        *({"loss": value} for value in (1, 2, 3, 4)),
        *({"model": value} for value in (1, 2)),
        *({"ntokens": value, "count0": value} for value in (0, 2**63 - 1)),
        {"minn": 0, "qout": 1, "t": 0.0},
    ],
)
def test_every_value_that_a_field_may_have_is_read(fields: dict[str, float]) -> None:
    model = Model(fields=fields)
    embeddings = parse(np.frombuffer(model.to_bytes(), np.uint8), "model.bin")
    assert embeddings.words == [word.decode() for word in model.words]
    assert embeddings.counts is not None
    assert embeddings.counts[0] == fields.get("count0", 100)


NAMES = {
    **{name: name for name in HEADER},
    "magic": "the magic number",
    "version": "the version",
    "size": "the number of entries",
    "nwords": "the number of words",
    "nlabels": "the number of labels",
    "ntokens": "the number of tokens",
    "pruneidx_size": "the prune index's size",
    "hash": "a pruned hash value",
    "row": "a pruned row",
    "word": "a word",
    "count": "a count",
    "type": "an entry's kind",
    "quant": "the input's quantisation flag",
    "input_rows": "the input matrix",
    "input_dim": "the input matrix",
    "input": "the input matrix",
    "qout": "the output's quantisation flag",
    "output_rows": "the output matrix",
    "output_dim": "the output matrix",
    "output": "the output matrix",
}


def test_every_truncation_names_the_field_that_it_cut() -> None:
    model = Model(kept=[(3, 0)], input=np.zeros((7, 4), np.float32))
    size = len(model.to_bytes())
    entries = model.offsets["word0"]
    for cut in range(size):
        error = refusal(model, cut)
        field = max((at, name) for name, at in model.offsets.items() if at <= cut)[1]
        begin = model.offsets[field]
        if field in ("input", "output"):
            begin = model.offsets[f"{field}_rows"]
        if entries <= cut < entries + 6 * 11:
            reason = "a dictionary of 6 entries does not fit the file"
            begin = model.offsets["size"]
        elif model.offsets["hash0"] <= cut < model.offsets["quant"]:
            reason = "a prune index of 1 entries does not fit the file"
            begin = model.offsets["hash0"]
        else:
            reason = f"the file ends inside {NAMES[field.rstrip('0123456789')]}"
        assert (error.offset, error.reason) == (begin, reason), cut


@pytest.mark.parametrize(("first", "second"), [(0, 1), (1, 4), (3, 5)])
def test_equal_words_are_told_by_their_rows(first: int, second: int) -> None:
    words = [b"a", b"b", b"c", b"d", b"e", b"f"]
    words[second] = words[first]
    error = refusal(Model(words=words))
    assert error.reason == f"words {first} and {second} of the dictionary are the same"
    assert error.offset == 0


def test_a_word_of_a_mebibyte_is_the_longest() -> None:
    header = {name: value for name, (_, value) in HEADER.items()} | {"maxn": 0}
    word = b"x" * (1 << 20)
    model = Model(header=header, words=[b"a", word])
    embeddings = parse(np.frombuffer(model.to_bytes(), np.uint8), "model.bin")
    assert embeddings.words[1] == word.decode()
    model = Model(header=header, words=[b"a", word + b"x"])
    error = refusal(model)
    assert (error.offset, error.reason) == (
        model.offsets["word1"],
        "a word is longer than 1 MiB",
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


def test_large_consistent_sizes_are_refused(tmp_path: Path) -> None:
    for rows in (2**31 - 7, 2**30):  # every field agrees: only the file is too short
        fields = {"bucket": rows, "input_rows": rows + 6, "dim": 2**31 - 1}
        fields |= {"input_dim": 2**31 - 1}
        assert_refused_quickly(tmp_path, Model(fields=fields).to_bytes())
    counts = {"size": 2**31 - 1, "nwords": 2**31 - 1}
    assert_refused_quickly(tmp_path, Model(fields=counts).to_bytes())


@pytest.mark.parametrize(
    ("kept", "place", "reason"),
    [
        ([(0, 0), (0, 1)], "hash0", "the prune index has a hash value twice"),
        ([(2, 0), (1, 1), (2, 2)], "hash0", "the prune index has a hash value twice"),
        ([(30, 0), (1, 1)], "hash0", "the prune index points outside of its rows"),
        ([(29, 1), (1, 2)], "hash1", "the prune index points outside of its rows"),
        ([(1, 0), (-1, 0)], "hash1", f"a pruned hash value must be from 0 to {MOST}, got -1"),
        ([(1, -1)], "row0", f"a pruned row must be from 0 to {MOST}, got -1"),
    ],
)
def test_prune_indexes_must_map_to_rows(
    kept: list[tuple[int, int]], place: str, reason: str
) -> None:
    model = Model(kept=kept, input=np.zeros((6 + len(kept), 4), np.float32))
    error = refusal(model)
    assert (error.offset, error.reason) == (model.offsets[place], reason)


def test_trailing_bytes_are_refused(tmp_path: Path) -> None:
    content = Model().to_bytes()
    error = assert_refused_quickly(tmp_path, content + b"\0")
    assert (error.offset, error.reason) == (len(content), "1 bytes follow the model")


@pytest.mark.parametrize("words", [[b"a", b"b", b"a"], [b"a", b""]])
def test_words_must_differ_and_not_be_empty(tmp_path: Path, words: list[bytes]) -> None:
    assert_refused_quickly(tmp_path, Model(words=words).to_bytes())


def test_words_over_a_mebibyte_are_refused(tmp_path: Path) -> None:
    assert_refused_quickly(tmp_path, Model(words=[b"x" * ((1 << 20) + 1)]).to_bytes())


def test_work_beyond_the_file_is_refused(tmp_path: Path) -> None:
    header = {name: value for name, (_, value) in HEADER.items()} | {"maxn": 2**31 - 1}
    model = Model(header=header, words=[bytes([65 + i]) * 100_000 for i in range(5)])
    assert "n-grams" in assert_refused_quickly(tmp_path, model.to_bytes()).reason


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_values_that_are_not_finite_are_refused(tmp_path: Path, value: float) -> None:
    model = Model()
    model.input[2, 1] = value
    error = assert_refused_quickly(tmp_path, model.to_bytes())
    assert "word 2" in error.reason
    assert error.offset == model.offsets["input"] + 2 * 16


def test_quantised_models_are_named(tmp_path: Path) -> None:
    error = assert_refused_quickly(tmp_path, Model(fields={"quant": 1}).to_bytes())
    assert "quantised" in error.reason


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    assert_refused_quickly(tmp_path, b"")


def test_mutations_are_read_or_refused() -> None:
    model = Model(kept=[(3, 0)], input=np.ones((7, 4), np.float32))
    original = np.frombuffer(model.to_bytes(), np.uint8)
    rng = random.Random(7)
    outcomes = set()
    for _ in range(3000):
        data = original.copy()
        for _ in range(rng.randint(1, 4)):
            position = rng.randrange(len(data))
            data[position] = rng.choice([0, 1, 127, 128, 255, rng.randrange(256)])
        try:
            embeddings = parse(data, "model.bin", threads=1)
            outcomes.add("read")
            assert np.isfinite(embeddings.vectors).all()
        except FormatError:
            outcomes.add("refused")
    assert outcomes == {"read", "refused"}


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


def test_a_dictionary_without_words_is_refused(tmp_path: Path) -> None:
    model = Model(words=[], input=np.zeros((30, 4), np.float32))
    error = assert_refused_quickly(tmp_path, model.to_bytes())
    assert "the dictionary has no words" in error.reason
    assert error.offset == model.offsets["size"]


def test_work_is_limited_by_the_size_of_the_file(tmp_path: Path) -> None:
    """At most 2^30 additions and 2^10 of each byte, of which a character makes dim each."""
    header = {name: value for name, (_, value) in HEADER.items()} | {"maxn": 2**31 - 1}

    def content(length: int) -> bytes:
        return Model(header=header, words=[b"a", b"x" * length]).to_bytes()

    rest = len(content(1)) - 1
    length = 16_300
    while 4 * (3 * 3 + (length + 2) ** 2) <= ((rest + length) << 10) + (1 << 30):
        length += 1
    path = tmp_path / "model.bin"
    path.write_bytes(content(length - 1))
    assert len(formats.load(path, limit=1)) == 1
    assert "n-grams" in assert_refused_quickly(tmp_path, content(length)).reason


@pytest.mark.parametrize("size", [(64 << 20) - 1, 64 << 20])
def test_a_small_file_that_inflates_to_a_huge_one_is_refused(tmp_path: Path, size: int) -> None:
    path, model = tmp_path / "model.bin.gz", Model().to_bytes()
    path.write_bytes(gzip.compress(model + bytes(size - len(model)), 1))
    if size == 64 << 20:  # 128 MiB are asked for next
        with pytest.raises(ResourceError, match=f"above the limit of {(128 << 20) - 1}"):
            read_embeddings(path, memory=(128 << 20) - 1)
    with pytest.raises(FormatError, match=f"{size - len(model)} bytes follow the model"):
        read_embeddings(path, memory=128 << 20)


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


def test_memory_is_asked_for_again_as_a_file_inflates(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("embkit.formats.fasttext._BLOCK", 1 << 10)
    path, model = tmp_path / "model.bin.gz", Model().to_bytes()
    path.write_bytes(gzip.compress(model + bytes((128 << 10) - len(model))))
    with pytest.raises(ResourceError, match=f"{256 << 10} bytes or more"):
        read_embeddings(path, memory=(256 << 10) - 1)
    with pytest.raises(FormatError, match="bytes follow the model"):
        read_embeddings(path, memory=256 << 10)
