"""word2vec binary: the bytes of gensim and word2vec.c, read whole or refused."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embkit import formats
from embkit.embeddings import Embeddings
from embkit.errors import FormatError
from tests.examples import examples


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "vectors.bin"


def packed(rows: list[tuple[bytes, list[float]]], newline: bytes = b"") -> bytes:
    body = b"".join(
        word + b" " + struct.pack(f"<{len(values)}f", *values) + newline
        for word, values in rows
    )
    return b"%d %d\n" % (len(rows), len(rows[0][1])) + body


GOLDENS = Path(__file__).parent / "goldens" / "word2vec"

ROWS = [(b"the", [1.0, -2.5]), (b"cat", [0.5, 4.0]), (b"\xc3", [0.0, 0.0])]


@pytest.mark.parametrize("newline", [b"", b"\n"])
def test_reads_rows_with_and_without_newlines(path: Path, newline: bytes) -> None:
    path.write_bytes(packed(ROWS, newline))
    embeddings = formats.load(path)
    assert [embeddings.vocabulary.bytes_of(i) for i in range(3)] == [word for word, _ in ROWS]
    assert embeddings.vectors.tolist() == [values for _, values in ROWS]
    report = formats.inspect(path)
    assert report.format == "word2vec-binary"
    assert report.details["newline_after_rows"] == bool(newline)
    assert report.oddities == {"words_not_utf8": 1, "zero_vectors": 1}


@pytest.mark.parametrize("newline", [b"", b"\n"])
def test_a_single_row_is_read(path: Path, newline: bytes) -> None:
    path.write_bytes(packed(ROWS[:1], newline))
    assert formats.load(path).words == ["the"]


def test_the_first_of_duplicates_wins(path: Path) -> None:
    path.write_bytes(packed([*ROWS, (b"the", [9.0, 9.0]), (b"dog", [7.0, 8.0])]))
    embeddings = formats.load(path)
    assert embeddings.words == ["the", "cat", "\udcc3", "dog"]
    assert embeddings.vectors.tolist() == [[1, -2.5], [0.5, 4], [0, 0], [7, 8]]
    assert formats.inspect(path).oddities["duplicate_words"] == 1


@pytest.mark.parametrize("newline", [b"", b"\n"])
def test_every_truncation_is_an_error(path: Path, newline: bytes) -> None:
    content = packed(ROWS[:2], newline)
    for size in range(len(content) - len(newline)):
        path.write_bytes(content[:size])
        with pytest.raises(FormatError):
            formats.load(path)


def test_lenient_keeps_the_rows_before_the_cut(path: Path) -> None:
    path.write_bytes(packed(ROWS)[:-3])
    embeddings = formats.load(path, lenient=True)
    assert embeddings.words == ["the", "cat"]
    assert embeddings.vectors.tolist() == [[1, -2.5], [0.5, 4]]
    assert "inside row 3 of the 3" in formats.inspect(path).problems[0]


def test_lenient_leaves_out_rows_that_are_not_finite(path: Path) -> None:
    path.write_bytes(packed([ROWS[0], (b"bad", [1.0, float("nan")]), ROWS[1]]))
    assert formats.load(path, lenient=True).words == ["the", "cat"]
    report = formats.inspect(path)
    assert report.oddities == {"skipped_rows": 1}
    assert "row 2 ('bad') holds a number that is not finite" in report.problems[0]


def test_limit_reads_no_further(path: Path) -> None:
    content = packed(ROWS)
    path.write_bytes(content[:-8] + struct.pack("<2f", float("nan"), 1))
    assert formats.load(path, limit=2).words == ["the", "cat"]
    assert formats.inspect(path).num_words == 2


def test_rows_larger_than_a_buffer_are_read(path: Path) -> None:
    vectors = np.arange(5 * 100_000, dtype=np.float32).reshape(5, -1)
    embeddings = Embeddings.from_words(list("abcde"), vectors)
    formats.save(embeddings, path)
    np.testing.assert_array_equal(formats.load(path).vectors, vectors)


def test_bytes_equal_gensims(tmp_path: Path) -> None:
    keyedvectors = pytest.importorskip("gensim.models.keyedvectors")
    rng = np.random.default_rng(2)
    words = [f"wört{i}" for i in range(300)]
    vectors = rng.standard_normal((300, 11)).astype(np.float32)
    theirs = keyedvectors.KeyedVectors(11)
    theirs.add_vectors(words, vectors)
    theirs.save_word2vec_format(tmp_path / "theirs.bin", binary=True)
    formats.save(Embeddings.from_words(words, vectors), tmp_path / "ours.bin")
    assert (tmp_path / "ours.bin").read_bytes() == (tmp_path / "theirs.bin").read_bytes()
    again = keyedvectors.KeyedVectors.load_word2vec_format(tmp_path / "ours.bin", binary=True)
    np.testing.assert_array_equal(again.vectors, vectors)


def test_newlines_end_rows_where_they_are_asked_for(path: Path) -> None:
    embeddings = Embeddings.from_words([word for word, _ in ROWS], [row for _, row in ROWS])
    formats.save(embeddings, path, format="word2vec-binary-newlines")
    assert path.read_bytes() == packed(ROWS, b"\n")


def test_bytes_equal_a_file_of_word2vec_c(path: Path) -> None:
    golden = GOLDENS / "vectors.bin"
    read = formats.load(golden)
    assert (len(read), read.dim, read.words[0]) == (83, 5, "</s>")
    formats.save(read, path, format="word2vec-binary-newlines")
    assert path.read_bytes() == golden.read_bytes()
    text = formats.load(GOLDENS / "vectors.txt")  # six decimals of the same numbers
    assert text.words == read.words
    decimals = [[f"{value:f}" for value in row] for row in read.vectors.tolist()]
    np.testing.assert_array_equal(text.vectors, np.array(decimals, np.float32))


@pytest.mark.parametrize("word", ["new york", "", "a\nb"])
def test_a_word_that_binary_cannot_hold_is_refused(path: Path, word: str) -> None:
    with pytest.raises(ValueError, match="cannot be written"):
        formats.save(Embeddings.from_words([word], [[1.0]]), path)
    assert not path.exists()


WORD = st.binary(min_size=1, max_size=8).filter(lambda word: not set(word) & set(b" \n"))


@settings(max_examples=examples(60))
@given(
    st.lists(WORD, min_size=1, max_size=12, unique=True),
    st.integers(2, 6),
    st.randoms(use_true_random=False),
    st.booleans(),
)
def test_anything_written_is_read_back_bit_by_bit(
    tmp_path_factory: pytest.TempPathFactory,
    words: list[bytes],
    dim: int,
    random: object,
    newline: bool,
) -> None:
    seed = random.getrandbits(32)  # type: ignore[attr-defined]
    bits = np.random.default_rng(seed).integers(0, 2**32, (len(words), dim), np.uint32)
    bits[(bits & 0x7F800000) == 0x7F800000] = 0x80000000
    path = tmp_path_factory.mktemp("binary") / "v.bin"
    name = "word2vec-binary-newlines" if newline else "word2vec-binary"
    formats.save(Embeddings.from_words(words, bits.view(np.float32)), path, format=name)
    embeddings = formats.load(path)
    assert [embeddings.vocabulary.bytes_of(i) for i in range(len(words))] == words
    assert embeddings.vectors.tobytes() == bits.tobytes()


LARGE = np.random.default_rng(1).standard_normal((30_000, 100)).astype(np.float32)
"""12 MB: several batches, each of which several threads share."""


def large(*, first: bytes = b"w", spoilt: dict[int, float] | None = None) -> bytes:
    numbers = LARGE.copy()
    for row, value in (spoilt or {}).items():
        numbers[row, row % 100] = value
    rows = (first + b"%d " % i + row.tobytes() for i, row in enumerate(numbers))
    return b"%d %d\n" % LARGE.shape + b"".join(rows)


def test_a_file_of_many_batches_is_read_as_it_was_written(path: Path) -> None:
    path.write_bytes(large())
    embeddings = formats.load(path)
    assert embeddings.words == [f"w{i}" for i in range(len(LARGE))]
    np.testing.assert_array_equal(embeddings.vectors, LARGE)


def test_the_first_of_several_faults_in_many_batches_is_told(path: Path) -> None:
    content = large(spoilt={25_000: np.nan, 24_321: np.inf})
    path.write_bytes(content[:-3])
    with pytest.raises(FormatError, match=r"row 24322 \('w24321'\) .* not finite") as raised:
        formats.load(path)
    assert raised.value.offset == content.index(b"w24321 ")


def test_what_is_left_of_many_batches_closes_up(path: Path) -> None:
    spoilt = dict.fromkeys((0, 1, 9_999, 20_000, 29_999), np.nan)
    path.write_bytes(large(spoilt=spoilt))
    embeddings = formats.load(path, lenient=True)
    kept = [i for i in range(len(LARGE)) if i not in spoilt]
    assert embeddings.words == [f"w{i}" for i in kept]
    np.testing.assert_array_equal(embeddings.vectors, LARGE[kept])
    assert embeddings.provenance["oddities"]["skipped_rows"] == len(spoilt)


def test_duplicates_in_many_batches_keep_the_first(path: Path) -> None:
    content = large()
    for later in (b"w17777", b"w29998"):
        content = content.replace(later + b" ", b"w11111 ", 1)
    path.write_bytes(content)
    embeddings = formats.load(path)
    kept = [i for i in range(len(LARGE)) if i not in (17_777, 29_998)]
    assert embeddings.words == [f"w{i}" for i in kept]
    np.testing.assert_array_equal(embeddings.vectors, LARGE[kept])


@pytest.mark.parametrize("dim", [*range(1, 10), 16, 17])
@pytest.mark.parametrize("spoilt", [np.nan, -np.nan, np.inf, -np.inf])
def test_no_place_in_a_row_hides_a_number_that_is_not_finite(
    path: Path, dim: int, spoilt: float
) -> None:
    largest = [float(np.finfo(np.float32).max)] * dim
    for place in range(dim):
        bad = largest.copy()
        bad[place] = spoilt
        path.write_bytes(packed([(b"good", largest), (b"bad", bad)]))
        with pytest.raises(FormatError, match=r"row 2 \('bad'\) .* not finite"):
            formats.load(path)
    path.write_bytes(packed([(b"good", largest)]))
    assert formats.load(path).vectors.tolist() == [largest]


@pytest.mark.parametrize("dim", [*range(1, 10), 16, 17])
def test_only_rows_of_zeros_count_as_zero_vectors(path: Path, dim: int) -> None:
    least = float(np.finfo(np.float32).smallest_subnormal)
    rows = [(b"zero", [0.0] * dim), (b"minus", [-0.0] * dim)]
    rows += [(b"w%d" % i, [least * (i == j) for j in range(dim)]) for i in range(dim)]
    path.write_bytes(packed(rows))
    embeddings = formats.load(path)
    assert embeddings.provenance["oddities"] == {"zero_vectors": 2}
    assert np.signbit(embeddings.vectors[1]).all()


def test_a_matrix_that_grows_under_way_holds_every_row(tmp_path: Path) -> None:
    path = tmp_path / "v.gz"  # its length says nothing of the rows
    path.write_bytes(gzip.compress(large(), compresslevel=0))
    embeddings = formats.load(path)
    assert embeddings.words == [f"w{i}" for i in range(len(LARGE))]
    np.testing.assert_array_equal(embeddings.vectors, LARGE)


@pytest.mark.parametrize("lenient", [False, True])
def test_words_are_found_by_the_readers_own_index(path: Path, lenient: bool) -> None:
    content = large(spoilt={3: np.nan} if lenient else None)
    path.write_bytes(content.replace(b"w17777 ", b"w11111 ", 1))
    vocabulary = formats.load(path, lenient=lenient).vocabulary
    assert vocabulary._index is not None
    assert vocabulary.ids_of(vocabulary).tolist() == list(range(len(vocabulary)))
    assert "w17777" not in vocabulary
    assert ("w3" in vocabulary) != lenient
    assert vocabulary.num_duplicates == 0


def test_rows_whose_bytes_are_all_letters_are_still_binary(tmp_path: Path) -> None:
    letters = np.frombuffer(b"abcd efg", np.float32)
    path = tmp_path / "v"
    path.write_bytes(b"1 2\ncat " + letters.tobytes())
    assert (formats.load(path)["cat"] == letters).all()
    path.write_bytes(b"1 2\ncat 0.5 x.25\n")  # of the same length, but with a number in it
    with pytest.raises(FormatError, match=r"x\.25"):
        formats.load(path)
