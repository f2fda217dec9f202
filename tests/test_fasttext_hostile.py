"""fastText models: no field of a file is believed unchecked."""

from __future__ import annotations

import gzip
import random
import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from embkit import formats
from embkit._native import core
from embkit.errors import FormatError, ResourceError
from embkit.formats.fasttext import parse, read_embeddings
from tests.attacks.fasttext_fields import ATTACKS
from tests.fasttext_files import HEADER, Model, read
from tests.refusals import quick_refusal


def assert_refused_quickly(tmp_path: Path, data: bytes) -> FormatError:
    error = quick_refusal(lambda: read(tmp_path, data), memory=4 << 20)
    assert error.path.endswith("model.bin")
    return error


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


def test_every_truncation_of_a_model_without_a_version_is_refused() -> None:
    content = Model(versioned=False).to_bytes()
    for cut in range(len(content)):
        with pytest.raises(FormatError):
            parse(np.frombuffer(content[:cut], np.uint8), "model.bin")


@pytest.mark.parametrize(
    ("field", "value", "known"),
    [
        *((name, -1, False) for name in HEADER if name not in ("magic", "version")),
        *(("dim", value, 1 <= value <= 2**16) for value in (0, 1, 2**16, 2**16 + 1)),
        *(("loss", value, 1 <= value <= 3) for value in (0, 1, 3, 4)),
        *(("model", value, 1 <= value <= 3) for value in (0, 1, 3, 4)),
        *(("t", value, 0 <= value <= 1) for value in (0.0, 1.0, 1.5, float("nan"))),
        *(("size", value, value == 6) for value in (5, 6, 7)),
        *(("nwords", value, value == 6) for value in (0, 6, 2**31 - 1)),
        ("nlabels", -1, False),
    ],
)
def test_a_model_without_a_version_is_known_by_fields_that_agree(
    field: str, value: float, known: bool
) -> None:
    head = Model(versioned=False, fields={field: value}).to_bytes()[:100]
    assert core.is_fasttext(head) is known
    assert not core.is_fasttext(head[:67])
    if not known:
        with pytest.raises(FormatError, match="not a fastText model"):
            parse(np.frombuffer(head, np.uint8), "model.bin")


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


@pytest.mark.parametrize(
    ("words", "place", "reason"),
    [
        ([b"a", b"b", b"a"], "magic", "words 0 and 2 of the dictionary are the same"),
        ([b"a", b""], "word1", "a word is empty"),
    ],
)
def test_words_must_differ_and_not_be_empty(
    tmp_path: Path, words: list[bytes], place: str, reason: str
) -> None:
    model = Model(words=words)
    error = assert_refused_quickly(tmp_path, model.to_bytes())
    assert (error.offset, error.reason) == (model.offsets[place], reason)


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
