"""Rows that a run begins with in place of random ones: vectors from elsewhere, by word."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embkit import formats
from embkit._native import core
from embkit.checks import MOST
from embkit.device import available_threads
from embkit.embeddings import Embeddings
from embkit.errors import CorpusError, FormatError, NotFiniteError
from embkit.training.checkpoint import State, read_checkpoint, write_checkpoint
from embkit.vocabulary import Vocabulary

_MARK = {"kind": "embkit initial rows"}


@dataclass(frozen=True)
class InitialFacts:
    """What a run tells of the vectors that it began with."""

    source: str
    """Name of the file, "Embeddings" for an object."""
    digest: str
    """128 bits of the words and rows that were taken."""
    epochs_before: int
    """Epochs that they were trained for, where embkit trained them; the draws go on after
    those, so that none is repeated."""


@dataclass(frozen=True, eq=False)
class InitialRows:
    """Words of other vectors that a corpus has too, and their rows."""

    vocabulary: Vocabulary
    vectors: NDArray[np.float32]
    """Shape (num_found, dim)."""
    output: NDArray[np.float32] | None
    """The same of the output (context) rows, where the vectors have them."""
    facts: InitialFacts

    def identity(self) -> dict[str, Any]:
        """Return what the result of a run depends on."""
        told = asdict(self.facts)
        return {name: told[name] for name in ("digest", "epochs_before")}

    def put_into(
        self,
        vocabulary: Vocabulary,
        rows: NDArray[np.float32],
        output: NDArray[np.float32] | None,
    ) -> dict[str, Any]:
        """Set the rows of a model whose words are among ours; return what is told of that.

        Parameters
        ----------
        vocabulary : Vocabulary
            The model's words, in row order.
        rows, output : array of float32, shape (num_words, at least dim)
            Its rows in place, perhaps padded; ``output`` is None where output rows are not
            those of words.
        """
        words = (self.vocabulary.bytes_of(row) for row in range(len(self.vocabulary)))
        places = vocabulary.ids_of(words)
        is_found, dim = places >= 0, self.vectors.shape[1]
        rows[places[is_found], :dim] = self.vectors[is_found]
        has_output = output is not None and self.output is not None
        if output is not None and self.output is not None:
            output[places[is_found], :dim] = self.output[is_found]
        return {
            **asdict(self.facts),
            "num_found": int(is_found.sum()),
            "num_words": len(vocabulary),
            "has_output": has_output,
        }


def find_initial_rows(
    source: str | Path | Embeddings, vocabulary: Vocabulary, dim: int
) -> InitialRows:
    """Look up a corpus's words in other vectors.

    Parameters
    ----------
    source : path or Embeddings
        A file of any format that `embkit.load` reads, or vectors.
    vocabulary : Vocabulary
        The words of the corpus.
    dim : int
        Length of the run's vectors.

    Returns
    -------
    InitialRows
        At least one word.

    Raises
    ------
    FormatError
        If the content of the file is wrong.
    OSError
        If the file cannot be read.
    CorpusError
        If the vectors have none of the words.
    NotFiniteError
        If a row of theirs is not finite.
    ValueError
        If they are sparse, or of another length.

    Examples
    --------
    >>> vectors = Embeddings.from_words(["cat", "gnu"], [[1.0, 2.0], [3.0, 4.0]])
    >>> found = find_initial_rows(vectors, Vocabulary.from_words(["the", "cat"]), dim=2)
    >>> list(found.vocabulary), found.vectors.tolist()
    (['cat'], [[1.0, 2.0]])
    """
    vectors, name = _loaded(source, dim)
    ids = vectors.vocabulary.ids_of(vocabulary.bytes_of(row) for row in range(len(vocabulary)))
    ids = ids[ids >= 0]
    if not len(ids):
        raise CorpusError(f"init_from must have words of the corpus, {name} has none of them")
    rows, output = vectors.vectors[ids], None
    if vectors.output is not None and len(vectors.output) == len(vectors):
        output = vectors.output[ids]
    if not np.isfinite(rows).all() or not (output is None or np.isfinite(output).all()):
        raise NotFiniteError(f"init_from must have finite vectors, {name} has others")
    words = Vocabulary.from_words(vectors.vocabulary.bytes_of(int(row)) for row in ids)
    digest = _digest(words, rows, output)
    facts = InitialFacts(name, digest, _epochs_of(vectors.provenance))
    return InitialRows(words, rows, output, facts)


def check_initial(source: str | Path | Embeddings, dim: int) -> None:
    """Look at the first of the vectors before the work; raises as `find_initial_rows` does.

    A pipe is left alone, which can be read only once.
    """
    if not isinstance(source, str | Path) or Path(source).is_file() or Path(source).is_dir():
        _loaded(source, dim, limit=1)


def _loaded(
    source: str | Path | Embeddings, dim: int, *, limit: int | None = None
) -> tuple[Embeddings, str]:
    """Return vectors of the right kind and length, and the name that messages give them."""
    vectors: object = source
    name = "Embeddings"
    if isinstance(source, str | Path):
        vectors, name = formats.load(source, limit=limit), Path(source).name
    if not isinstance(vectors, Embeddings):
        found = type(vectors).__name__
        raise ValueError(f"init_from must be dense vectors, got {found}")
    if vectors.dim != dim:
        raise ValueError(f"dim must be {vectors.dim}, as that of {name}, got {dim}")
    return vectors, name


def _digest(words: Vocabulary, *matrices: NDArray[np.float32] | None) -> str:
    arrays = [words.data, words.offsets, *(m for m in matrices if m is not None)]
    threads = available_threads()
    digests = "".join(core.digest(np.ascontiguousarray(a), threads=threads) for a in arrays)
    return core.digest(np.frombuffer(digests.encode(), np.uint8), threads=1)


def _epochs_of(provenance: Mapping[str, Any]) -> int:
    """Return for how many epochs embkit trained vectors; their provenance may say anything."""
    config, before = provenance.get("config"), provenance.get("init_from")
    own = config.get("epochs") if isinstance(config, Mapping) else None
    earlier = before.get("epochs_before") if isinstance(before, Mapping) else 0
    if "embkit" not in provenance or type(own) is not int or type(earlier) is not int:
        return 0
    epochs = own + earlier
    return epochs if 0 <= epochs <= MOST["epochs"] * 1000 else 0


def save_initial(rows: InitialRows, path: Path) -> None:
    """Write the rows into a run's folder.

    Raises
    ------
    OSError
        If they cannot be written.
    """
    tensors: dict[str, NDArray[Any]] = {
        "word_offsets": rows.vocabulary.offsets,
        "vectors": rows.vectors,
        **({} if rows.output is None else {"output": rows.output}),
        "words": rows.vocabulary.data,
    }
    write_checkpoint(path, State(asdict(rows.facts), tensors), _MARK)


def load_initial(path: Path) -> InitialRows:
    """Map the rows that `save_initial` wrote.

    Raises
    ------
    FormatError
        If they are damaged, or the file is another.
    OSError
        If it cannot be read.
    """
    state, mark = read_checkpoint(path)
    if mark != _MARK:
        raise FormatError(path, None, 8, "it does not hold the rows that a run began with")
    try:
        _check_kept(state.counters, state.tensors)
    except ValueError as error:
        reason = f"its parts do not fit together: {error}"
        raise FormatError(path, None, 8, reason) from None
    tensors, facts = state.tensors, InitialFacts(**state.counters)
    words = Vocabulary(tensors["words"], tensors["word_offsets"])
    return InitialRows(words, tensors["vectors"], tensors.get("output"), facts)


def _check_kept(told: Mapping[str, Any], tensors: Mapping[str, NDArray[Any]]) -> None:
    types = {name: type(value) for name, value in told.items()}
    if types != {"source": str, "digest": str, "epochs_before": int}:
        raise ValueError("what it tells of the vectors is of another kind")
    kinds = {name: (array.dtype.str, array.ndim) for name, array in tensors.items()}
    wanted = {"word_offsets": ("<u8", 1), "vectors": ("<f4", 2), "words": ("|u1", 1)}
    if kinds != {**wanted, **({"output": ("<f4", 2)} if "output" in kinds else {})}:
        raise ValueError(f"its tensors must be {', '.join(wanted)} and perhaps output")
    vectors, offsets = tensors["vectors"], tensors["word_offsets"]
    if tensors.get("output", vectors).shape != vectors.shape:
        raise ValueError("output must have the shape of vectors")
    ends = (0, len(tensors["words"]))
    if len(offsets) != len(vectors) + 1 or (offsets[0], offsets[-1]) != ends:
        raise ValueError("each row must have a word")
    if (offsets[1:] < offsets[:-1]).any():
        raise ValueError("word_offsets must not descend")
