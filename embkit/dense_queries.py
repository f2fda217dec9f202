"""The questions as vectors answer them whose every number is stored."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from embkit.checks import Oov, check_whole
from embkit.errors import NotFiniteError
from embkit.neighbors import Doubles, Metric, row_norms, top_k
from embkit.queries import Queries
from embkit.terms import Term, Terms, checked_vector, unit_vectors
from embkit.word_rows import Answers, Matrix, Rows


class DenseQueries(Queries):
    """What :class:`embkit.Embeddings` adds to the questions: rows in one matrix."""

    vectors: Matrix

    @cached_property
    def norms(self) -> Doubles:
        """Euclidean length of each row, computed at the first use."""
        return row_norms(self.vectors)

    def _raw(self, terms: Terms, oov: Oov) -> tuple[Doubles, NDArray[np.bool_]]:
        words = [term for term in terms if isinstance(term, str | bytes)]
        found = self.lookup(words, oov="zero" if oov == "skip" else oov)
        self._check_finite(words, found)
        missing = self.vocabulary.ids_of(words) < 0
        vectors = np.empty((len(terms), self.vectors.shape[1]))
        known = np.ones(len(terms), np.bool_)
        position = 0
        for i, term in enumerate(terms):
            if isinstance(term, str | bytes):
                vectors[i] = found[position]
                known[i] = not (oov == "skip" and missing[position])
                position += 1
            else:
                vectors[i] = checked_vector(term, vectors.shape[1])
        return vectors, known

    def _check_finite(self, words: Sequence[str | bytes], found: Matrix) -> None:
        """Raise NotFiniteError at a row that cannot be asked about: mapped files hold any."""
        bad = np.flatnonzero(~np.isfinite(found).all(axis=1))
        if bad.size:
            row = self.vocabulary.ids_of([words[bad[0]]])[0]
            raise NotFiniteError(f"vectors must be finite, got NaN or inf in row {row}")

    def _to_units(self, rows: Rows) -> Rows:
        return unit_vectors(rows)

    def _row_products(self, left: Rows, right: Rows) -> Doubles:
        products: Doubles = np.einsum("ij,ij->i", left, right)
        return products

    def _search(
        self,
        queries: Sequence[Rows],
        known: NDArray[np.bool_],
        exclude: Sequence[Sequence[Term]] | None,
        topn: int,
        restrict_vocab: int | None,
        metric: Metric,
    ) -> list[Answers]:
        check_whole("topn", topn)
        asked = np.flatnonzero(known)
        rows = None if exclude is None else [self._rows_of(exclude[i]) for i in asked.tolist()]
        terms = queries[0] if metric == "cosine" else np.stack(queries, 1)
        found = top_k(
            terms[asked],
            self.vectors,
            topn,
            metric=metric,
            exclude=rows,
            restrict_vocab=restrict_vocab,
            norms=self.norms,
        )
        answers: list[Answers] = [[] for _ in range(len(known))]
        for i, query in enumerate(asked):
            answers[query] = [(self.vocabulary[row], score) for row, score in found.pairs(i)]
        return answers
