"""Files that embkit writes and that hold no vectors: maps and co-occurrence counts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from embkit.errors import FormatError

if TYPE_CHECKING:
    from embkit.counts.cooccurrence import Cooccurrence
    from embkit.mapping import Mapping


def kind_of(path: Path) -> Literal["map", "counts"] | None:
    """Tell maps and counts from each other and from everything else by what they say."""
    from embkit.formats.safetensors_dir import kind_without_vectors
    from embkit.formats.safetensors_header import read_header
    from embkit.streams import open_file

    if not path.is_file():
        return None
    try:
        with open_file(path) as stream:
            return kind_without_vectors(read_header(stream, path))
    except FormatError:
        return None


def inspect_own(path: Path) -> dict[str, Any] | None:
    """Return what a map or counts are, each byte of them checked; None of anything else."""
    kind = kind_of(path)
    if kind == "map":
        from embkit.mapping import Mapping

        return _of_map(path, Mapping.open(path))
    if kind == "counts":
        from embkit.counts.cooccurrence import Cooccurrence

        return _of_counts(path, Cooccurrence.open(path, verify=True))
    return None


def _of_map(path: Path, fitted: Mapping) -> dict[str, Any]:
    return {
        "path": str(path),
        "format": "map",
        "method": fitted.method,
        "source_dim": len(fitted.source_map),
        "target_dim": len(fitted.target_map),
        "dim": fitted.dim,
        "statistics": fitted.statistics,
        "provenance": fitted.provenance,
    }


def _of_counts(path: Path, counts: Cooccurrence) -> dict[str, Any]:
    return {
        "path": str(path),
        "format": "counts",
        "num_words": len(counts.vocabulary),
        "num_pairs": len(counts.values),
        "provenance": counts.provenance,
    }
