"""A fitted map between two spaces: both matrices, the normalisation, and how it was made."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from embkit.checks import check_choice
from embkit.embeddings import Embeddings
from embkit.errors import FormatError
from embkit.formats.checks import blocks, check_finite, checksum, first_not_finite
from embkit.formats.safetensors_header import (
    Header,
    build_header,
    parse_json,
    read_header,
    to_json,
)
from embkit.mapping.normalize import Matrix, Step, apply_steps, bring_to_unit_length
from embkit.output import OutputFile
from embkit.streams import open_file

Side = Literal["source", "target"]

FORMAT = "embkit-mapping"
FORMAT_VERSION = 1
_BLOCK_NUMBERS = 1 << 20
_STEP_NAMES = ("unit", "center", "remove")


@dataclass(frozen=True, eq=False, repr=False)
class Mapping:
    """Maps from two embedding spaces into a common one.

    Attributes
    ----------
    source_map, target_map : array of float32, shapes (source_dim, k), (target_dim, k)
        Applied to normalised rows as ``rows @ map``.
    source_steps, target_steps : tuple of Step
        Each side's normalisation, with the statistics fitted on its whole vocabulary.
    method : str
        The method that fitted it.
    statistics : dict
        What the fit tells of itself: pairs used and unused, singular values, loss...
    provenance : dict
        Configuration, version, and where both spaces came from.

    Examples
    --------
    >>> turn = np.array([[0, 1], [-1, 0]], np.float32)
    >>> mapping = Mapping(turn, np.eye(2, dtype=np.float32), method="orthogonal")
    >>> mapping.map_source(np.array([[1, 0]], np.float32))
    array([[0., 1.]], dtype=float32)
    """

    source_map: Matrix
    target_map: Matrix
    source_steps: tuple[Step, ...] = ()
    target_steps: tuple[Step, ...] = ()
    method: str = "given"
    statistics: dict[str, Any] = field(default_factory=dict)
    provenance: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("source_map", "target_map"):
            matrix = np.array(getattr(self, name), np.float32, order="C")
            if matrix.ndim != 2 or 0 in matrix.shape:
                raise ValueError(f"{name} must be a matrix, got shape {matrix.shape}")
            check_finite(name, matrix)
            matrix.flags.writeable = False
            object.__setattr__(self, name, matrix)
        if self.source_map.shape[1] != self.target_map.shape[1]:
            raise ValueError(
                "source_map and target_map must have as many columns as each other, "
                f"got {self.source_map.shape[1]} and {self.target_map.shape[1]}"
            )

    def __repr__(self) -> str:
        sides = " and ".join(str(len(side)) for side in (self.source_map, self.target_map))
        told = self.statistics.get("verdict")
        verdict = f", verdict {told.get('judgement')}" if isinstance(told, dict) else ""
        return f"Mapping({sides} dimensions to {self.dim}, {self.method}{verdict})"

    @property
    def dim(self) -> int:
        """Dimensions of the common space."""
        return int(self.source_map.shape[1])

    def width(self, side: Side) -> int:
        """Return how many dimensions the vectors of a side have."""
        return len(self._side(side)[0])

    def misfit(self, side: Side, dim: int) -> str | None:
        """Return what to tell of a side's vectors that the map cannot take, None if it can."""
        if dim == self.width(side):
            return None
        return f"the map takes {side} vectors of {self.width(side)} dimensions, got {dim}"

    def map_source(self, matrix: Matrix, *, unit: bool = False) -> Matrix:
        """Return rows of the source space in the common space.

        Parameters
        ----------
        matrix : array of float32, shape (num_rows, source_dim)
            Rows as trained: they are normalised as the map demands.
        unit : bool
            Bring the mapped rows to unit length.

        Returns
        -------
        array of float32, shape (num_rows, k)

        Raises
        ------
        ValueError
            If the rows are not of the map's width.
        """
        return self.map_rows(matrix, "source", unit=unit)

    def map_target(self, matrix: Matrix, *, unit: bool = False) -> Matrix:
        """Return rows of the target space in the common space; see ``map_source``."""
        return self.map_rows(matrix, "target", unit=unit)

    def map_rows(self, matrix: Matrix, side: Side, *, unit: bool = False) -> Matrix:
        """Return rows of a side in the common space; see ``map_source``."""
        projection, steps = self._side(side)
        rows = np.asarray(matrix)
        if rows.ndim != 2 or rows.shape[1] != len(projection):
            raise ValueError(
                f"{side} rows must have shape (num_rows, {len(projection)}), got {rows.shape}"
            )
        mapped = np.empty((len(rows), self.dim), np.float32)
        step = max(1, _BLOCK_NUMBERS // len(projection))
        for start in range(0, len(rows), step):
            block = mapped[start : start + step]
            np.matmul(apply_steps(rows[start : start + step], steps), projection, out=block)
            if unit:
                bring_to_unit_length(block)
        return mapped

    def apply(self, embeddings: Embeddings, side: Side, *, unit: bool = False) -> Embeddings:
        """Return all of a side's words with their rows in the common space.

        Raises
        ------
        ValueError
            If the vectors are not of the map's width.
        """
        provenance = {**embeddings.provenance, "mapping": self.told_of(side)}
        rows = self.map_rows(embeddings.vectors, side, unit=unit)
        return Embeddings(embeddings.vocabulary, rows, provenance=provenance)

    def told_of(self, side: Side) -> dict[str, Any]:
        """Return what mapped vectors say of the map in their provenance."""
        return {"method": self.method, "side": side, "dim": self.dim}

    def _side(self, side: Side) -> tuple[Matrix, tuple[Step, ...]]:
        check_choice("side", side, ("source", "target"))
        if side == "source":
            return self.source_map, self.source_steps
        return self.target_map, self.target_steps

    def save(self, path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
        """Save to one file: safetensors, with everything else as JSON in its metadata.

        Raises
        ------
        OutputExistsError
            If the file exists and ``overwrite`` is false.
        OSError
            If it cannot be written.
        ValueError
            If statistics or provenance cannot be expressed as JSON.

        Examples
        --------
        >>> path = getfixture("tmp_path") / "de-en.map"
        >>> Mapping(np.eye(2), np.eye(2), method="given").save(path)
        >>> Mapping.open(path).dim
        2
        """
        tensors = _tensors_of(self)
        sums = {name: checksum(array) for name, array in tensors.items()}
        metadata = {
            "format": FORMAT,
            "format_version": str(FORMAT_VERSION),
            "method": self.method,
            "source_steps": to_json({"steps": [step.name for step in self.source_steps]}),
            "target_steps": to_json({"steps": [step.name for step in self.target_steps]}),
            "statistics": to_json(self.statistics),
            "provenance": to_json(self.provenance),
            "crc32": to_json(sums),
        }
        with OutputFile(path, overwrite=overwrite) as stream:
            stream.write(build_header(tensors, metadata))
            for array in tensors.values():
                for block in blocks(array):
                    stream.write(block)

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> Mapping:
        """Read a saved map; every byte of it is checked.

        Raises
        ------
        FormatError
            If the file is not such a map, is damaged, or was written in a newer format.
        OSError
            If it cannot be opened.
        """
        file = Path(path)
        with open_file(file) as stream:
            if stream.read(9)[8:] != b"{":
                raise FormatError(file, None, 0, "this is not a mapping of embkit")
            stream.seek(0)
            header = read_header(stream, file)
            _check_format(file, header)
            content = np.fromfile(stream, np.uint8)
        metadata, tensors = header.metadata, _read_tensors(file, header, content)
        told = {
            name: _parse(file, metadata, name)
            for name in ("source_steps", "target_steps", "statistics", "provenance")
        }
        try:
            return cls(
                tensors["source_map"],
                tensors["target_map"],
                _steps(told["source_steps"], "source", tensors),
                _steps(told["target_steps"], "target", tensors),
                metadata.get("method", "given"),
                told["statistics"],
                told["provenance"],
            )
        except (KeyError, ValueError) as error:
            raise FormatError(
                file, None, 8, f"its parts do not fit together: {error}"
            ) from None


def _tensors_of(mapping: Mapping) -> dict[str, NDArray[Any]]:
    tensors: dict[str, NDArray[Any]] = {
        "source_map": mapping.source_map,
        "target_map": mapping.target_map,
    }
    sides = {"source": mapping.source_steps, "target": mapping.target_steps}
    for side, steps in sides.items():
        for i, step in enumerate(steps):
            if step.statistic is not None:
                tensors[f"{side}_step_{i}"] = np.ascontiguousarray(step.statistic, np.float32)
    return tensors


def _steps(
    told: dict[str, Any], side: str, tensors: dict[str, NDArray[Any]]
) -> tuple[Step, ...]:
    names = told.get("steps", [])
    if not isinstance(names, list) or not all(name in _STEP_NAMES for name in names):
        raise ValueError(f"{side}_steps must be among {', '.join(_STEP_NAMES)}")
    dim = len(tensors[f"{side}_map"])
    steps = []
    for i, name in enumerate(names):
        statistic = None if name == "unit" else tensors[f"{side}_step_{i}"]
        ndim = 1 if name == "center" else 2
        if statistic is not None and (statistic.ndim != ndim or statistic.shape[-1] != dim):
            raise ValueError(f"{side}_step_{i} must have {dim} columns, got {statistic.shape}")
        steps.append(Step(name, statistic))
    return tuple(steps)


def _check_format(path: Path, header: Header) -> None:
    kind, version = header.metadata.get("format"), header.metadata.get("format_version", "")
    if kind != FORMAT:
        what = "vectors" if kind == "embkit" else "something else"
        raise FormatError(path, None, 8, f"this holds {what}, not a mapping of embkit")
    if not version.isascii() or not version.isdigit() or len(version) > 9:
        reason = f"format_version must be a number from 1, got {version[:20]!r}"
        raise FormatError(path, None, 8, reason)
    if int(version) > FORMAT_VERSION:
        reason = f"format version {version} is newer than this embkit reads"
        raise FormatError(path, None, 8, f"{reason}: pip install --upgrade embkit")
    if not header.is_intact():
        reason = "the header was changed after it was written: its checksum differs"
        raise FormatError(path, None, 8, reason)


def _read_tensors(
    path: Path, header: Header, content: NDArray[np.uint8]
) -> dict[str, NDArray[Any]]:
    sums = _parse(path, header.metadata, "crc32")
    start = len(header.data)
    found: dict[str, NDArray[Any]] = {}
    for name, tensor in header.tensors.items():
        if tensor.dtype != "F32":
            raise FormatError(path, None, tensor.begin, f"tensor {name!r} must be F32")
        array = content[tensor.begin - start : tensor.end - start].view("<f4")
        found[name] = array.reshape(tensor.shape)
        if sums.get(name) != checksum(array):
            reason = f"tensor {name!r} is damaged: its checksum differs"
            raise FormatError(path, None, tensor.begin, reason)
        if first_not_finite(np.atleast_2d(found[name])) is not None:
            raise FormatError(path, None, tensor.begin, f"tensor {name!r} is not finite")
    return found


def _parse(path: Path, metadata: dict[str, str], name: str) -> dict[str, Any]:
    try:
        return parse_json(metadata.get(name, "{}").encode("utf-8"))
    except ValueError as error:
        raise FormatError(path, None, 8, f"its {name} is not valid: {error}") from None
