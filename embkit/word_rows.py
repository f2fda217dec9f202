"""Words with a row each: what dense and sparse ones have in common."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from embkit.checks import Oov
from embkit.neighbors import Doubles, Metric
from embkit.notebook import facts_table
from embkit.terms import Term, Terms
from embkit.vocabulary import Vocabulary

Answers: TypeAlias = list[tuple[str, float]]
"""Words with their scores, best first."""

Matrix: TypeAlias = NDArray[np.float32]

Rows: TypeAlias = Any
"""Vectors, one per row: an array of float64, or a sparse matrix of SciPy's."""


class WordRows:
    """Words with a row each; dense and sparse rows differ in the first methods."""

    vocabulary: Vocabulary
    provenance: dict[str, Any]

    # What dense and sparse rows do each in their own way.

    def lookup(self, words: Iterable[str | bytes], *, oov: Oov = "raise") -> Rows:
        """Return a matrix with the vector of each word."""
        raise NotImplementedError

    def _raw(self, terms: Terms, oov: Oov) -> tuple[Rows, NDArray[np.bool_]]:
        """Return vectors as they are, float64, and which terms are not skipped.

        Those skipped are zero.
        """
        raise NotImplementedError

    def _to_units(self, rows: Rows) -> Rows:
        """Return each row at unit length; zero stays zero."""
        raise NotImplementedError

    def _row_products(self, left: Rows, right: Rows) -> Doubles:
        """Return the product of each row with its counterpart."""
        raise NotImplementedError

    def _search(
        self,
        queries: Sequence[Rows],
        known: NDArray[np.bool_],
        exclude: Sequence[Sequence[Term]] | None,
        topn: int,
        restrict_vocab: int | None,
        metric: Metric,
    ) -> list[Answers]:
        """Return the answers to each query, none to those that are not known.

        ``queries`` has the matrices of the metric's terms, each with a row per query.
        """
        raise NotImplementedError

    def _facts(self) -> dict[str, object]:
        """Return what notebooks show of the vectors themselves."""
        raise NotImplementedError

    # What their vocabulary alone tells.

    @property
    def counts(self) -> NDArray[np.int64] | None:
        """Occurrences of each word in the corpus, where known."""
        return self.vocabulary.counts

    @cached_property
    def words(self) -> list[str]:
        """The words in row order."""
        return list(self.vocabulary)

    def __len__(self) -> int:
        return len(self.vocabulary)

    def __iter__(self) -> Iterator[str]:
        return iter(self.words)

    def __contains__(self, word: object) -> bool:
        return word in self.vocabulary

    def _repr_html_(self) -> str:
        """Return a table for notebooks: size, parts, provenance, the first words."""
        first = [self.vocabulary.bytes_of(row) for row in range(min(8, len(self)))]
        facts: dict[str, object] = {
            "words": f"{len(self):,}",
            **self._facts(),
            **{str(name): value for name, value in self.provenance.items()},
            "first words": b" ".join(first).decode(errors="replace"),
        }
        return facts_table(type(self).__name__, facts)
