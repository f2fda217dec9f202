"""The general five-step map between paired rows, and the maps that follow from it.

Normalised rows are whitened, rotated onto each other, re-weighted, de-whitened and cut
(Artetxe, Labaka and Agirre 2018, "Generalizing and improving bilingual word embedding mappings
with a multi-step framework"). Everything is computed in float64 from the rows' Gram matrices.
"""

from __future__ import annotations

import logging
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from embkit.backend import open_backend
from embkit.checks import check_at_least

Doubles = NDArray[np.float64]
Side = Literal["none", "source", "target"]

_log = logging.getLogger("embkit")
_MOST_CONDITION = 1e12  # of a Gram matrix, so 1e6 of the rows
_LEAST_BLOCK = 256  # rows that a GPU has to have room for
_RIDGE = 1e-8  # of the mean eigenvalue, added where the condition is worse


def paired_rows(
    source_rows: ArrayLike, target_rows: ArrayLike, weights: ArrayLike | None = None
) -> tuple[Doubles, Doubles]:
    """Return both sides in float64, each row times the root of its pair's weight.

    Raises
    ------
    ValueError
        If they are not finite matrices with as many rows as each other, or there are none.
    """
    x, z = np.array(source_rows, np.float64), np.array(target_rows, np.float64)
    if x.ndim != 2 or z.ndim != 2 or len(x) != len(z) or len(x) == 0:
        raise ValueError(f"rows must be paired, got shapes {x.shape} and {z.shape}")
    if not (np.isfinite(x).all() and np.isfinite(z).all()):
        raise ValueError("rows must be finite, got NaN or inf")
    if weights is not None:
        w = np.asarray(weights, np.float64)
        if w.shape != (len(x),) or not (np.isfinite(w).all() and (w >= 0).all()):
            raise ValueError("weights must be one number of at least 0 per pair")
        roots = np.sqrt(w)[:, None]
        x *= roots
        z *= roots
    return x, z


def rank_of(rows: ArrayLike) -> int:
    """Return the rank of a matrix of rows, from its Gram matrix.

    Examples
    --------
    >>> rank_of([[1, 2], [2, 4], [3, 6]])
    1
    """
    x = np.asarray(rows, np.float64)
    values = np.linalg.eigvalsh(x.T @ x if len(x) > x.shape[1] else x @ x.T)
    largest = float(values[-1]) if len(values) else 0.0
    return int((values > largest * len(values) * np.finfo(np.float64).eps).sum())


def products(left: Doubles, right: Doubles, device: str = "cpu") -> Doubles:
    """Return ``left.T @ right`` in float64, summed over the rows on a device.

    Parameters
    ----------
    left, right : array of float64, shapes (num_rows, m), (num_rows, n)
    device : str
        cpu, cuda, cuda:N or auto.

    Raises
    ------
    ResourceError
        If a GPU has no memory for the smallest block of rows.

    Examples
    --------
    >>> products(np.array([[1.0], [2.0]]), np.array([[3.0], [4.0]]))
    array([[11.]])
    """
    backend = open_backend(device)
    if not backend.is_gpu:
        return np.asarray(left.T @ right)
    width = left.shape[1] + right.shape[1]

    def sum_blocks(size: int) -> Doubles:
        total = backend.xp.zeros((left.shape[1], right.shape[1]))
        for start in range(0, len(left), size):
            block = [backend.asarray(side[start : start + size]) for side in (left, right)]
            total += block[0].T @ block[1]
        return backend.to_numpy(total)

    most = max(1, len(left))
    return backend.fitting(
        sum_blocks, most, lambda size: 8 * size * width, least=min(_LEAST_BLOCK, most)
    )


def fit_five_step(
    source_rows: ArrayLike,
    target_rows: ArrayLike,
    *,
    whiten: bool = True,
    shrinkage: float = 0.0,
    source_reweight: float = 0.5,
    target_reweight: float = 0.5,
    source_dewhiten: Side = "source",
    target_dewhiten: Side = "target",
    dim_reduction: int | None = None,
    weights: ArrayLike | None = None,
    device: str = "cpu",
) -> tuple[Doubles, Doubles, Doubles]:
    """Fit the five-step map to paired rows (Artetxe et al. 2018).

    Parameters
    ----------
    source_rows, target_rows : array, shapes (num_pairs, source_dim), (num_pairs, target_dim)
        Row ``i`` of one is the translation of row ``i`` of the other, both normalised.
    whiten : bool
        Decorrelate each side's rows first.
    shrinkage : float
        Share of the mean variance that is added to each direction's for the whitening, as a
        ridge: few pairs do not tell directions of little variance from noise.
    source_reweight, target_reweight : float
        Exponent of the singular values by which each side's components are multiplied.
    source_dewhiten, target_dewhiten : {"none", "source", "target"}
        Whose variances and correlations each side gets back.
    dim_reduction : int, optional
        Keep only this many components, the most similar ones.
    weights : array, shape (num_pairs,), optional
        How much each pair counts.
    device : str
        Where products of rows are computed; see `products`.

    Returns
    -------
    source_map, target_map : array, shapes (source_dim, k), (target_dim, k)
        The maps into the common space, applied as ``rows @ map``.
    values : array, shape (k,)
        The singular values of the rotation: the components' similarity.

    Raises
    ------
    ValueError
        If the rows are not paired or not finite, if there are fewer pairs than dimensions
        to whiten, or a side is to get back what was not taken.

    Examples
    --------
    >>> x = np.random.default_rng(1).standard_normal((50, 4))
    >>> source_map, target_map, values = fit_five_step(x, x @ np.diag([1, 2, 3, 4]))
    >>> values.round(6)
    array([1., 1., 1., 1.])
    """
    x, z = paired_rows(source_rows, target_rows, weights)
    _check_five_step(x, z, whiten, source_dewhiten, target_dewhiten)
    gram_x, gram_z, cross = (products(*both, device) for both in ((x, x), (z, z), (x, z)))
    check_at_least("shrinkage", shrinkage, 0)
    white_x, color_x = _whitening(gram_x, "source", whiten, shrinkage)
    white_z, color_z = _whitening(gram_z, "target", whiten, shrinkage)
    u, values, vt = np.linalg.svd(white_x @ cross @ white_z, full_matrices=False)
    v = vt.T
    colors = {"source": u.T @ color_x @ u, "target": v.T @ color_z @ v}
    source_map = (white_x @ u) * values**source_reweight
    target_map = (white_z @ v) * values**target_reweight
    if source_dewhiten != "none":
        source_map = source_map @ colors[source_dewhiten]
    if target_dewhiten != "none":
        target_map = target_map @ colors[target_dewhiten]
    if dim_reduction is not None:
        check_at_least("dim_reduction", dim_reduction, 1)
    k = slice(None, dim_reduction)
    return source_map[:, k], target_map[:, k], values[k]


def fit_orthogonal(
    source_rows: ArrayLike,
    target_rows: ArrayLike,
    *,
    weights: ArrayLike | None = None,
    device: str = "cpu",
) -> Doubles:
    """Find the rotation that best carries the source rows onto the target rows.

    Solves ``min ||source @ w - target||`` (Frobenius norm) over orthogonal ``w``: the
    Procrustes problem (Schoenemann 1966; for words Xing et al. 2015, Artetxe et al. 2016).
    A reflection is as legitimate as a rotation.

    Returns
    -------
    array, shape (dim, dim)
        Applied as ``rows @ w``.

    Raises
    ------
    ValueError
        If the rows are not paired, not finite, or of different dims.

    Examples
    --------
    >>> points = np.array([[1.0, 0.0], [0.0, 2.0]])
    >>> fit_orthogonal(points, points @ [[0, 1], [-1, 0]]).round(6) + 0.0
    array([[ 0.,  1.],
           [-1.,  0.]])
    """
    x, z = paired_rows(source_rows, target_rows, weights)
    if x.shape[1] != z.shape[1]:
        raise ValueError(
            "source and target must have one dim for an orthogonal map, "
            f"got {x.shape[1]} and {z.shape[1]}: linear and cca map between different ones"
        )
    u, _, vt = np.linalg.svd(products(x, z, device))
    rotation: Doubles = u @ vt
    return rotation


def fit_linear(
    source_rows: ArrayLike,
    target_rows: ArrayLike,
    *,
    ridge: float = 0.0,
    weights: ArrayLike | None = None,
    device: str = "cpu",
) -> Doubles:
    """Find the matrix with the least squares ``||source @ w - target||² + ridge ||w||²``.

    The closed form of Mikolov, Le and Sutskever (2013); of all solutions the smallest.

    Returns
    -------
    array, shape (source_dim, target_dim)
        Applied as ``rows @ w``.

    Raises
    ------
    ValueError
        If the rows are not paired or not finite, or ``ridge`` is below 0.

    Examples
    --------
    >>> fit_linear([[1.0, 0.0], [0.0, 2.0]], [[3.0], [4.0]])
    array([[3.],
           [2.]])
    """
    check_at_least("ridge", ridge, 0)
    x, z = paired_rows(source_rows, target_rows, weights)
    gram = products(x, x, device) + ridge * np.eye(x.shape[1])
    values = np.linalg.eigvalsh(gram)
    if values[0] <= values[-1] / _MOST_CONDITION:
        if ridge == 0:
            return np.asarray(np.linalg.lstsq(x, z, rcond=None)[0], np.float64)
        gram += _RIDGE * float(values.mean()) * np.eye(len(gram))
    from scipy.linalg import cho_factor, cho_solve

    return np.asarray(cho_solve(cho_factor(gram), products(x, z, device)), np.float64)


def fit_cca(
    source_rows: ArrayLike,
    target_rows: ArrayLike,
    *,
    dim: int | None = None,
    weights: ArrayLike | None = None,
    device: str = "cpu",
) -> tuple[Doubles, Doubles, Doubles]:
    """Find the directions of both sides that correlate most (Hotelling 1936).

    For words Faruqui and Dyer (2014). The rows are centred on the mean of the pairs.

    Parameters
    ----------
    source_rows, target_rows : array, shapes (num_pairs, source_dim), (num_pairs, target_dim)
    dim : int, optional
        Number of directions, all when left out.
    weights : array, shape (num_pairs,), optional
        How much each pair counts.
    device : str
        Where products of rows are computed; see `products`.

    Returns
    -------
    source_map, target_map : array, shapes (source_dim, dim), (target_dim, dim)
    correlations : array, shape (dim,)
        Falling; those of the mapped pairs.

    Raises
    ------
    ValueError
        As ``fit_five_step``.

    Examples
    --------
    >>> x = np.random.default_rng(1).standard_normal((50, 3))
    >>> fit_cca(x, x @ np.diag([1, 2, 3]))[2].round(6)
    array([1., 1., 1.])
    """
    x, z = paired_rows(source_rows, target_rows)
    shares = np.ones(len(x)) if weights is None else np.asarray(weights, np.float64)
    x -= np.average(x, axis=0, weights=shares)
    z -= np.average(z, axis=0, weights=shares)
    return fit_five_step(
        x,
        z,
        source_reweight=0,
        target_reweight=0,
        source_dewhiten="none",
        target_dewhiten="none",
        dim_reduction=dim,
        weights=weights,
        device=device,
    )


def _check_five_step(x: Doubles, z: Doubles, whiten: bool, *dewhitens: Side) -> None:
    most = max(x.shape[1], z.shape[1])
    if whiten and len(x) < most:
        raise ValueError(
            f"pairs must be at least {most}, the dim, to be whitened; got {len(x)} of rank "
            f"{rank_of(x)}: add pairs or use the method orthogonal"
        )
    check_dewhitening(whiten, *dewhitens)


def check_dewhitening(whiten: bool, *dewhitens: Side) -> None:
    """Raise ValueError if a side is to get back what is not taken from it."""
    if not whiten and any(side != "none" for side in dewhitens):
        raise ValueError("source_dewhiten and target_dewhiten must be none without whiten")


def _whitening(
    gram: Doubles, name: str, whiten: bool, shrinkage: float
) -> tuple[Doubles, Doubles]:
    """Return the Gram matrix, with its ridge, to the power of -1/2 and of 1/2."""
    if not whiten:
        return np.eye(len(gram)), np.eye(len(gram))
    values, vectors = np.linalg.eigh(gram)
    if values[-1] <= 0:
        raise ValueError(f"{name} rows must not all be zero, got {len(gram)} columns of zeros")
    values += shrinkage * values.mean()
    if values[0] <= values[-1] / _MOST_CONDITION:
        _log.info("the %s rows nearly lie in fewer dimensions: a ridge is added", name)
        values = np.maximum(values, 0) + _RIDGE * values.mean()
    roots = np.sqrt(values)
    return (vectors / roots) @ vectors.T, (vectors * roots) @ vectors.T
