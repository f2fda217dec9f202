"""Truncated singular value decomposition of the PPMI matrix: dense vectors from counts."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from embkit._version import __version__
from embkit.backend import open_backend
from embkit.checks import check_at_least
from embkit.config import SvdConfig
from embkit.counts.krylov import TruncatedSvd, block_krylov
from embkit.counts.panels import largest_entries, open_engine, signs_of
from embkit.counts.ppmi import (
    check_counts,
    check_memory,
    check_not_empty,
    normalized,
    ppmi_matrix,
)
from embkit.device import available_threads
from embkit.embeddings import Embeddings
from embkit.errors import CorpusError, ResourceError
from embkit.progress import work_bar

if TYPE_CHECKING:
    from scipy.sparse import csr_array

    from embkit.vocabulary import Vocabulary

_log = logging.getLogger("embkit")

# Columns of a Krylov step for each dimension wanted: in 20 steps the basis is 3.2 times as
# wide as the result, where a flat spectrum's last values are right to a percent. (In 18 steps a
# similarity score moved by 0.7 points.)
_BLOCK_SHARE = 0.16
_LEAST_BLOCK = 8


def train_svd(
    counts: csr_array[Any, tuple[int, int]],
    vocabulary: Vocabulary,
    config: SvdConfig | None = None,
    *,
    counted: Mapping[str, Any] | None = None,
    progress: bool = False,
    memory: int | None = None,
) -> Embeddings:
    """Factorise the PPMI matrix of co-occurrence counts (Levy, Goldberg and Dagan 2015).

    With U S V^T the best approximation of rank ``dim``, word vectors are U S^p and context
    vectors V S^(1 - p), so that their products are those of the approximation for any p
    (``eig``). Each component's sign is such that the entry of U of largest size is positive.
    The same counts, options, and machine give the same bytes for any number of threads.

    Parameters
    ----------
    counts : scipy.sparse.csr_array, shape (num_words, num_words)
        Rows are words, columns are contexts.
    vocabulary : Vocabulary
        The words in row order.
    config : SvdConfig, optional
        The options; those of counting tell how the counts were made.
    counted : mapping, optional
        What the provenance says of the counts.
    progress : bool
        Show a bar on standard error.
    memory : int, optional
        Bytes that the PPMI matrix, and the solver's, may take.

    Returns
    -------
    Embeddings
        Its provenance has the singular values and the solver's residual.

    Raises
    ------
    CorpusError
        If there are no counts, fewer words than dimensions, or no entry is left.
    ResourceError
        If the work would take more than ``memory``.
    ValueError
        If the shape does not fit the words, or an entry is no count: its place is named.

    Examples
    --------
    >>> from embkit.config import CooccurrenceConfig
    >>> from embkit.counts.cooccurrence import cooccur
    >>> text = [["the", "cat", "purrs"], ["the", "dog", "barks"]] * 9
    >>> seen = cooccur(text, CooccurrenceConfig(window=2, min_count=1))
    >>> v = train_svd(seen.matrix, seen.vocabulary, SvdConfig(dim=2, min_count=1, threads=1))
    >>> v.most_similar("cat", topn=1)[0][0]
    'dog'
    """
    config = config or SvdConfig()
    check_counts(counts, len(vocabulary))
    check_memory(counts, memory)
    if config.dim > len(vocabulary):
        raise CorpusError(
            f"dim must be at most the number of words ({len(vocabulary)}), got {config.dim}"
        )
    warn_of(config)
    matrix = ppmi_matrix(counts, smoothing=config.smoothing, negatives=config.negatives)
    check_not_empty(matrix)
    found = truncated_svd(
        matrix,
        config.dim,
        solver=config.solver,
        iterations=config.iterations,
        device=config.device,
        threads=config.threads,
        seed=config.seed,
        progress=progress,
        memory=memory,
    )
    words = found.left * (found.values**config.eig).astype(np.float32)
    contexts = found.right * (found.values ** (1 - config.eig)).astype(np.float32)
    rows = words + contexts if config.combine == "w+c" else words
    provenance = {
        "method": "svd",
        "config": {**asdict(config), "threads": config.threads or available_threads()},
        **dict(counted or {}),
        "singular_values": found.values.tolist(),
        "residual": found.residual,
        "embkit": __version__,
    }
    return Embeddings(
        vocabulary,
        normalized(rows, config.normalization),
        output=contexts if config.keep_output else None,
        provenance=provenance,
    )


def warn_of(config: SvdConfig) -> None:
    """Log a warning, with the reason, for each choice that the literature advises against."""
    if config.eig >= 1:
        _log.warning(
            "eig=%g weights components by their whole singular values, so the few largest "
            "decide every similarity; 0.5 and 0 score up to 15 points better (Levy et al. "
            "2015, practical recommendations)",
            config.eig,
        )
    if config.negatives > 1:
        _log.warning(
            "negatives=%d shifts PPMI before SVD: the shift turns more cells to 0, and SVD "
            "takes every 0 for a value observed; Levy et al. (2015, practical recommendations) "
            "advise against it",
            config.negatives,
        )


def truncated_svd(
    matrix: csr_array[Any, tuple[int, int]],
    dim: int,
    *,
    solver: str = "randomized",
    iterations: int = SvdConfig.iterations,
    device: str = "cpu",
    threads: int | None = None,
    seed: int = 1,
    progress: bool = False,
    memory: int | None = None,
) -> TruncatedSvd:
    """Return the leading singular triplets of a sparse matrix; no dense one of its shape.

    Parameters
    ----------
    matrix : scipy.sparse.csr_array of float32, shape (num_rows, num_columns)
    dim : int
        Triplets wanted, at most as many as there are rows and columns.
    solver : {"randomized", "lanczos"}
        Block Krylov iteration, or SciPy's ``svds`` (ARPACK, to full precision).
    iterations : int
        Steps of the randomized solver.
    device : str
        Where the randomized solver works: cpu, cuda, cuda:N or auto.
    threads : int, optional
        All cores when left out; the result is the same for any number.
    seed : int
        Of the start columns.
    progress : bool
        Show a bar on standard error.
    memory : int, optional
        Bytes that the solver may take.

    Raises
    ------
    ResourceError
        If it would take more than ``memory``.
    ValueError
        If an option is not as said above.

    Examples
    --------
    >>> from scipy.sparse import csr_array
    >>> found = truncated_svd(csr_array(np.diag([3.0, 1.0, 2.0]).astype(np.float32)), 2)
    >>> found.values.round(3)
    array([3., 2.])
    """
    check_at_least("dim", dim, 1)
    if dim > min(matrix.shape):
        raise ValueError(f"dim must be at most {min(matrix.shape)}, got {dim}")
    if solver == "lanczos":
        return _lanczos(matrix, dim, seed)
    if solver != "randomized":
        raise ValueError(f"solver must be one of randomized, lanczos, got {solver!r}")
    threads = threads or available_threads()
    block = min(max(_LEAST_BLOCK, math.ceil(dim * _BLOCK_SHARE)), dim)
    basis = min(max(block * iterations, dim + block), matrix.shape[1])
    needed = _check_memory(matrix, dim, basis, memory)
    with (
        work_bar(progress, "factorising", "column") as update,
        open_backend(device).telling(needed),
        open_engine(matrix, device, threads) as engine,
    ):
        return block_krylov(
            engine, matrix.shape, dim, block=block, basis=basis, seed=seed, progress=update
        )


def _check_memory(
    matrix: csr_array[Any, tuple[int, int]], dim: int, basis: int, memory: int | None
) -> int:
    """Return the bytes that the solver takes; raise where ``memory`` does not allow them."""
    rows, columns = matrix.shape
    needed = 8 * matrix.nnz + 4 * columns * basis + 12 * max(rows, columns) * dim
    if memory is not None and needed > memory:
        raise ResourceError(
            f"a basis of {columns} x {basis} and the matrix need {needed / 2**20:.0f} MiB, "
            f"memory allows {memory / 2**20:.0f} MiB: lower dim or max_vocab"
        )
    return needed


def _lanczos(matrix: csr_array[Any, tuple[int, int]], dim: int, seed: int) -> TruncatedSvd:
    """Use SciPy's ARPACK in double precision; for a full decomposition, LAPACK."""
    import scipy.linalg
    from scipy.sparse.linalg import svds

    doubles = matrix.astype(np.float64)
    if dim == min(matrix.shape):
        left, values, right = scipy.linalg.svd(doubles.toarray(), full_matrices=False)
    else:
        start = np.random.default_rng(seed).standard_normal(min(matrix.shape))
        left, values, right = svds(doubles, k=dim, v0=start)
    order = np.argsort(-values, kind="stable")
    left, values, right = left[:, order], values[order], right[order].T
    inverse = np.divide(1, values, out=np.zeros_like(values), where=values > 0)
    errors = np.linalg.norm(doubles.T @ left - right * values, axis=0) * inverse
    signs = signs_of(largest_entries(left.astype(np.float32)))
    left, right = (part.astype(np.float32) * signs for part in (left, right))
    return TruncatedSvd(left, values, right, float(errors.max()))
