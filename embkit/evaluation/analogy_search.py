"""The best answers to many analogy questions at once, over the whole vocabulary."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np

from embkit._native import core
from embkit.backend import open_backend
from embkit.blas import one_blas_thread
from embkit.device import available_threads
from embkit.evaluation.analogy_tiles import Tiles
from embkit.evaluation.spaces import Doubles, Ids, Space

_BLOCK_PRODUCTS = 1 << 22  # of double precision: 32 MB
_SCORINGS = {
    "3CosAdd": "add",
    "3CosMul": "mul",
    "PairDirection": "direction",
    "only-b": "only_b",
}


@dataclass(frozen=True)
class Search:
    """Questions in terms of vectors, and what must not be answered.

    Attributes
    ----------
    terms : matrix, shape (num_terms, dim)
        The different vectors that the questions are made of.
    questions : array of int64, shape (num_questions, 3)
        The terms a, b and c of "a is to b as c is to ...".
    excluded : list of arrays of int64, one per question
        Rows that are no answer.
    methods : sequence of str
        Out of "3CosAdd", "3CosMul", "PairDirection", "only-b".
    epsilon, smoothing : float
        Of 3CosMul.
    limit : int
        Only the first so many rows are candidates.
    threads : int or None
    device : str
        Where dense vectors are scored.
    """

    terms: Any
    questions: Ids
    excluded: Sequence[Ids]
    methods: Sequence[str]
    epsilon: float
    smoothing: float
    limit: int
    threads: int | None = None
    device: str = "cpu"


def best_rows(space: Space, search: Search) -> tuple[Ids, Doubles]:
    """Return the best row of each question by each method, and its score.

    The products of the different terms with the vocabulary are computed once, block by block,
    in double precision, and shared by all questions and methods. Of scores that are equal but
    for rounding the first row is taken. With sparse vectors, whose cosines are not negative,
    3CosMul uses them as they are; else shifted to [0, 1] (Levy and Goldberg 2014).

    Returns
    -------
    rows : array of int64, shape (num_methods, num_questions)
        -1 where there is no candidate.
    scores : array of float64, same shape

    Raises
    ------
    CudaError
        If a GPU was asked for and cannot be used.
    ResourceError
        If it has no memory for the smallest tile.
    """
    backend, directions = open_backend(search.device), _directions(search)
    if backend.is_gpu and not space.is_sparse:
        return Tiles(backend, space, search, directions).best()
    threads = search.threads or available_threads()
    offsets = np.zeros(len(search.questions) + 1, np.int64)
    np.cumsum([len(rows) for rows in search.excluded], out=offsets[1:])
    excluded = np.concatenate([np.zeros(0, np.int64), *map(np.sort, search.excluded)])
    num_terms = search.terms.shape[0]
    scan = core.AnalogyScan(
        np.ascontiguousarray(search.questions, np.int64),
        directions,
        offsets,
        excluded.astype(np.int64),
        num_terms=num_terms,
        scorings=[_SCORINGS[method] for method in search.methods],
        epsilon=search.epsilon,
        smoothing=search.smoothing,
        shifted=not space.is_sparse,
    )
    size = max(256, min(4096, _BLOCK_PRODUCTS // max(1, num_terms)))
    squares = (space.norms[: search.limit] > 0).astype(np.float64)
    with one_blas_thread(), ThreadPoolExecutor(threads) as pool:
        for start in range(0, search.limit if num_terms else 0, size):
            rows = slice(start, min(start + size, search.limit))
            products = _products(space, search.terms, rows, pool, threads)
            scan.update(products, squares[rows], threads=threads)
    return scan.result()


def _products(
    space: Space,
    terms: Any,  # noqa: ANN401
    rows: slice,
    pool: ThreadPoolExecutor,
    threads: int,
) -> Doubles:
    """Return the products of terms and rows, the terms shared out to threads."""
    found = np.empty((terms.shape[0], rows.stop - rows.start))
    bounds = [terms.shape[0] * part // threads for part in range(threads + 1)]

    def multiply(part: int) -> None:
        some = slice(bounds[part], bounds[part + 1])
        if some.start < some.stop:
            found[some] = space.products(terms[some], rows)

    list(pool.map(multiply, range(threads)))
    return found


def _directions(search: Search) -> Doubles:
    """Return (b - a) . c, |c|^2 and 1 / |b - a| of each question, for PairDirection."""
    directions = np.zeros((len(search.questions), 3))
    if "PairDirection" not in search.methods:
        return directions
    terms = search.terms
    gram = terms @ terms.T
    gram = gram.toarray() if hasattr(gram, "toarray") else np.asarray(gram)
    a, b, c = search.questions.T
    lengths = np.sqrt(np.maximum(gram[a, a] + gram[b, b] - 2 * gram[a, b], 0))
    directions[:, 0] = gram[b, c] - gram[a, c]
    directions[:, 1] = gram[c, c]
    np.divide(1, lengths, out=directions[:, 2], where=lengths > 1e-12)
    return directions
