"""Types of the native core, one section a binding file."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

# bind_analogy

class AnalogyScan:
    def __init__(
        self,
        questions: NDArray[np.int64],
        directions: NDArray[np.float64],
        offsets: NDArray[np.int64],
        excluded: NDArray[np.int64],
        *,
        num_terms: int,
        scorings: list[str],
        epsilon: float,
        smoothing: float,
        shifted: bool,
    ) -> None: ...
    def update(
        self, products: NDArray[np.float64], squares: NDArray[np.float64], *, threads: int
    ) -> None: ...
    def result(self) -> tuple[NDArray[np.int64], NDArray[np.float64]]: ...

# bind_cooccurrence

def keep_thresholds(
    counts: NDArray[np.int64], *, subsample: float, paper: bool
) -> NDArray[np.uint32]: ...
def count_cooccurrences(
    ids: NDArray[np.uint32],
    sentence_offsets: NDArray[np.uint64],
    options: dict[str, Any],
    files: dict[str, Any],
    *,
    progress: Callable[[int, int], object] | None,
) -> NDArray[np.int64]: ...

# bind_corpus

class EncodeOptions:
    def __init__(
        self,
        *,
        threads: int,
        read_on_caller: bool,
        invalid: str,
        min_count: int,
        max_words: int,
        words: WordIndex | None,
    ) -> None: ...

class EncodeFiles:
    def __init__(
        self, *, spills: list[int], ids: int, sentence_offsets: int, folder: bytes
    ) -> None: ...

class EncodedCorpus:
    def take_words(
        self,
    ) -> tuple[NDArray[np.uint8], NDArray[np.uint64], NDArray[np.int64]]: ...
    @property
    def top_words(self) -> list[tuple[bytes, int]]: ...
    @property
    def num_types(self) -> int: ...
    @property
    def num_ids(self) -> int: ...
    @property
    def num_sentences(self) -> int: ...
    @property
    def num_tokens(self) -> int: ...
    @property
    def num_lines(self) -> int: ...
    @property
    def num_crlf(self) -> int: ...
    @property
    def num_lone_cr(self) -> int: ...
    @property
    def num_invalid(self) -> int: ...
    @property
    def num_bytes(self) -> int: ...

def encode_text(
    sources: Iterator[tuple[bytes, int | Callable[[memoryview], int | None]]],
    options: EncodeOptions,
    files: EncodeFiles,
    *,
    block_bytes: int,
    progress: Callable[[int], None] | None,
) -> EncodedCorpus: ...
def encode_sentences(
    sentences: Iterator[Iterable[str | bytes]],
    name: str,
    options: EncodeOptions,
    files: EncodeFiles,
    *,
    block_bytes: int,
    progress: Callable[[int], None] | None,
) -> EncodedCorpus: ...

# bind_fasttext

class SubwordRule:
    def __init__(
        self, *, minn: int, maxn: int, bucket: int, kept: list[tuple[int, int]] | None
    ) -> None: ...
    def rows(self, word: bytes) -> NDArray[np.int64]: ...
    @property
    def minn(self) -> int: ...
    @property
    def maxn(self) -> int: ...
    @property
    def bucket(self) -> int: ...
    @property
    def has_ngrams(self) -> bool: ...
    @property
    def kept(self) -> list[tuple[int, int]] | None: ...

def is_fasttext(head: bytes) -> bool: ...

class FastTextModel:
    def __init__(self, path: str | bytes, file: NDArray[np.uint8]) -> None: ...
    def word_vectors(
        self,
        path: str | bytes,
        file: NDArray[np.uint8],
        *,
        rows: int,
        threads: int,
        lenient: bool,
    ) -> NDArray[np.float32]: ...
    @property
    def version(self) -> int: ...
    @property
    def dim(self) -> int: ...
    @property
    def num_labels(self) -> int: ...
    @property
    def num_tokens(self) -> int: ...
    @property
    def input_rows(self) -> int: ...
    @property
    def input_offset(self) -> int: ...
    @property
    def subwords(self) -> SubwordRule: ...
    @property
    def config(self) -> dict[str, object]: ...
    @property
    def words(self) -> NDArray[np.uint8]: ...
    @property
    def word_offsets(self) -> NDArray[np.uint64]: ...
    @property
    def counts(self) -> NDArray[np.int64]: ...

# bind_glove

def simd_glove(
    level: str,
    row_ids: NDArray[np.uint32],
    column_ids: NDArray[np.uint32],
    log_values: NDArray[np.float32],
    weights: NDArray[np.float32],
    rows: NDArray[np.float32],
    columns: NDArray[np.float32],
    learning_rate: float,
    bias_rate: float,
    clip: float,
) -> float: ...

class GloVe:
    def __init__(
        self,
        options: dict[str, Any],
        offsets: NDArray[np.int64],
        columns: NDArray[np.int32],
        values: NDArray[np.float64],
    ) -> None: ...
    def arrange(self, threads: int) -> None: ...
    def train_epoch(
        self, threads: int, on_progress: Callable[[], object], max_chunks: int = ...
    ) -> bool: ...
    def is_consistent(self) -> bool: ...
    def counters(self) -> dict[str, Any]: ...
    def restore(self, counters: dict[str, Any]) -> None: ...
    def view(self, contexts: bool) -> NDArray[np.float32]: ...
    def progress(self) -> tuple[int, float]: ...
    def rows(
        self, contexts: bool, squares: bool
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]: ...
    def rows_are_finite(self) -> bool: ...

# bind_induction

_InductionSide = tuple[NDArray[np.int64], NDArray[np.float32], NDArray[np.float32]]

class InductionPass:
    def __init__(
        self,
        source_levels: NDArray[np.float32],
        target_levels: NDArray[np.float32],
        *,
        neighborhood: int,
        keep_probability: float,
        seed: int,
        number: int,
        threads: int,
    ) -> None: ...
    def update(
        self, similarities: NDArray[np.float32], *, first_source: int, first_target: int
    ) -> None: ...
    def sources(self) -> _InductionSide: ...
    def targets(self) -> _InductionSide: ...

# bind_io

_Words = tuple[
    NDArray[np.uint8], NDArray[np.uint64], NDArray[np.float32], WordIndex, dict[str, Any]
]

def read_word2vec_text(
    stream: BinaryIO,
    path: bytes,
    *,
    size: int,
    memory: int,
    lenient: bool,
    limit: int,
    threads: int,
) -> _Words: ...
def read_word2vec_binary(
    stream: BinaryIO,
    path: bytes,
    *,
    size: int,
    memory: int,
    lenient: bool,
    limit: int,
    threads: int,
) -> _Words: ...
def format_text_rows(
    words: NDArray[np.uint8],
    offsets: NDArray[np.uint64],
    vectors: NDArray[np.float32],
    begin: int,
    end: int,
    *,
    threads: int,
) -> bytes: ...
def pack_binary_rows(
    words: NDArray[np.uint8],
    offsets: NDArray[np.uint64],
    vectors: NDArray[np.float32],
    begin: int,
    end: int,
    *,
    newline: bool,
) -> bytes: ...

# bind_linalg

def row_norms(rows: NDArray[np.float32], *, threads: int) -> NDArray[np.float64]: ...

class TopK:
    def __init__(
        self,
        terms: NDArray[np.float64],
        gains: NDArray[np.float64],
        bases: NDArray[np.float64],
        *,
        k: int,
        scoring: str,
        num_positive: int,
        epsilon: float,
        radius: float,
        reach: float,
        excluded_offsets: NDArray[np.int64],
        excluded: NDArray[np.int64],
    ) -> None: ...
    def update(
        self,
        products: NDArray[np.float32],
        rows: NDArray[np.float32],
        scales: NDArray[np.float64],
        screens: NDArray[np.float32],
        shifts: NDArray[np.float64],
        *,
        first_row: int,
        threads: int,
    ) -> None: ...
    def update_listed(
        self,
        listed: NDArray[np.int64],
        rows: NDArray[np.float32],
        scales: NDArray[np.float64],
        shifts: NDArray[np.float64],
        *,
        threads: int,
    ) -> None: ...
    def result(self) -> tuple[NDArray[np.int64], NDArray[np.float32]]: ...

# bind_phrases

_Pairs = tuple[NDArray[np.uint32], NDArray[np.uint32], NDArray[np.uint32], NDArray[np.float32]]

def join_ids(
    ids: NDArray[np.uint32], bounds: NDArray[np.uint64], pairs: _Pairs, *, optimal: bool
) -> tuple[NDArray[np.uint32], NDArray[np.uint64]]: ...

class PhraseJoiner:
    def __init__(
        self, words: WordIndex, passes: Sequence[_Pairs], *, optimal: bool, delimiter: bytes
    ) -> None: ...
    def segment(self, ids: NDArray[np.uint32]) -> NDArray[np.uint32]: ...
    def join(self, text: bytes) -> bytes: ...

# bind_resampling

def draw_resamples(items: int, *, seed: int, first: int, count: int) -> NDArray[np.float64]: ...
def resample_correlations(
    gold: NDArray[np.float64],
    predicted: NDArray[np.float64],
    *,
    seed: int,
    count: int,
    threads: int,
) -> NDArray[np.float64]: ...

# bind_sampling

def random_draws(seed: int, epoch: int, count: int, *, draw: int) -> NDArray[np.uint64]: ...

class AliasTable:
    def __init__(self, weights: NDArray[np.float64]) -> None: ...
    def sample(self, draws: NDArray[np.uint64]) -> NDArray[np.uint32]: ...
    def __len__(self) -> int: ...

class SharedMean:
    def __init__(self, value: float) -> None: ...
    def join(self, copy: float, count: float) -> float: ...

class HuffmanTree:
    def __init__(self, counts: NDArray[np.int64], ties: NDArray[np.uint64]) -> None: ...
    def path(self, word: int) -> tuple[NDArray[np.uint32], NDArray[np.uint8]]: ...
    @property
    def num_nodes(self) -> int: ...
    def __len__(self) -> int: ...

# bind_sparse

class SparseMatrix:
    def __init__(
        self,
        row_offsets: NDArray[np.int64],
        columns: NDArray[np.int32],
        values: NDArray[np.float32],
        *,
        num_columns: int,
    ) -> None: ...
    def multiply(self, dense: NDArray[np.float32], *, threads: int) -> NDArray[np.float32]: ...
    def multiply_into(
        self, dense: NDArray[np.float32], out: NDArray[np.float32], *, threads: int
    ) -> None: ...
    def transpose(self, *, threads: int) -> SparseMatrix: ...
    @property
    def row_offsets(self) -> NDArray[np.int64]: ...
    @property
    def columns(self) -> NDArray[np.int32]: ...
    @property
    def values(self) -> NDArray[np.float32]: ...
    @property
    def shape(self) -> tuple[int, int]: ...

# bind_text

def digest(array: NDArray[Any], *, threads: int) -> str: ...
def select_words(
    tables: Sequence[dict[bytes, int]], *, min_count: int, max_words: int
) -> tuple[NDArray[np.uint8], NDArray[np.uint64], NDArray[np.int64]]: ...

class WordIndex:
    def __init__(self, data: NDArray[np.uint8], offsets: NDArray[np.uint64]) -> None: ...
    def find(self, word: object) -> int: ...
    def find_all(self, words: Iterable[str | bytes]) -> NDArray[np.int64]: ...
    @property
    def num_duplicates(self) -> int: ...

# bind_word2vec

def compiler() -> str: ...
def simd_level() -> str: ...
def simd_levels() -> list[str]: ...
def simd_step(
    level: str,
    is_cbow: bool,
    inputs: NDArray[np.float32],
    outputs: NDArray[np.float32],
    input_rows: Sequence[int],
    output_rows: Sequence[int],
    labels: Sequence[int],
    learning_rate: float,
    scale: float,
    offsets: Sequence[float] = ...,
    weights: Sequence[float] = ...,
    offset: float = ...,
) -> NDArray[np.float32]: ...
def simd_exchange(
    level: str,
    shared: NDArray[np.float32],
    mine: NDArray[np.float32],
    base: NDArray[np.float32],
) -> NDArray[np.float32]: ...
def line_transfer_ns(num_threads: int) -> float: ...

class Word2Vec:
    def __init__(
        self,
        options: dict[str, Any],
        ids: NDArray[np.uint32],
        sentence_offsets: NDArray[np.uint64],
        counts: NDArray[np.int64],
    ) -> None: ...
    def train(
        self, threads: int, on_progress: Callable[[], object], max_blocks: int = ...
    ) -> bool: ...
    def is_consistent(self) -> bool: ...
    def counters(self) -> dict[str, Any]: ...
    def restore(self, counters: dict[str, Any]) -> None: ...
    def view(self, is_output: bool) -> NDArray[np.float32]: ...
    def tables(self) -> dict[str, Any]: ...
    def loss_mask(self) -> int: ...
    def progress(self) -> tuple[int, float, int, float]: ...
    def rows_are_finite(self) -> bool: ...
    def take_input(self) -> NDArray[np.float32]: ...
    def take_output(self) -> NDArray[np.float32]: ...
