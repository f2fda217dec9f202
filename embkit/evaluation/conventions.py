"""The rules by which other tools count, so that their numbers can be reproduced.

Each was read in the tool's source: gensim 4.4 ``KeyedVectors.evaluate_word_pairs`` and
``evaluate_word_analogies``, word2vec's ``compute-accuracy.c``, hyperwords' ``ws_eval.py`` and
``analogy_eval.py`` (Python 3 fork), VecMap's ``eval_similarity.py`` and ``eval_analogy.py``,
MUSE's ``wordsim.py``, ``evaluate.py`` and ``analogy.py`` of word-embeddings-benchmarks (web),
vecto's ``similarity.py``. The options a user gives win over a convention's.

What is not reproduced: vecto prints -1 for a correlation of at most two pairs; hyperwords hands
SciPy the human scores as text, which some versions of SciPy rank by spelling.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from embkit.evaluation.options import UnknownWords
from embkit.evaluation.spaces import Case

GENSIM_VOCABULARY = 300_000
GENSIM_CANDIDATES = 5


@dataclass(frozen=True)
class SimilarityRules:
    """How a tool treats the pairs of a similarity set.

    Attributes
    ----------
    oov
        "first" gives an unknown word the vector of the first row, an accident of vecto's.
    single_words
        Drop pairs with a blank in a word before counting anything.
    """

    oov: UnknownWords | Literal["first"] = "skip"
    case: Case = "fallback"
    restrict_vocab: int | None = None
    single_words: bool = False


SIMILARITY_RULES: dict[str, SimilarityRules] = {
    "embkit": SimilarityRules(),
    "gensim": SimilarityRules(case="fold", restrict_vocab=GENSIM_VOCABULARY),
    "hyperwords": SimilarityRules(oov="zero", case="lower"),
    "vecmap": SimilarityRules(case="exact"),
    "muse": SimilarityRules(case="lower", single_words=True),
    "web": SimilarityRules(oov="mean", case="exact"),
    "vecto": SimilarityRules(oov="first", case="lower"),
}


@dataclass(frozen=True)
class AnalogyRules:
    """How a tool asks and counts analogy questions.

    Attributes
    ----------
    oov
        For a question with an unknown word: leave it out, count it as wrong, or ask it with
        the mean vector ("mean") or the vector of the first row ("first") for that word.
    excluded
        What the score of an excluded row becomes: never chosen (None), or a figure that can
        still be the best where all others are lower.
    epsilon, smoothing
        3CosMul is (s(b) + smoothing)(s(c) + smoothing) / (s(a) + epsilon).
    shifted_sum
        3CosAdd of similarities shifted to [0, 1]: matters only beside ``excluded``.
    positive
        An answer must score above 0.
    folded_answers
        Answers are compared regardless of case, so any case variant of the right word will do.
    excluded_variants
        Case variants of the question's words are left out too, among so many best rows.
    total
        Accuracy over all questions, or the mean of the sections' accuracies.
    semantic
        Which sections are semantic; "by name" knows Google's and BATS's.
    asks_third
        The question is a : b = ? : d, answered by c.
    ascii_fold
        Upper case is that of the letters a to z alone.
    """

    oov: Literal["skip", "wrong", "mean", "first"] = "skip"
    case: Case = "fallback"
    restrict_vocab: int | None = None
    excluded: float | None = None
    epsilon: float = 0.001
    smoothing: float = 0.0
    shifted_sum: bool = False
    positive: bool = False
    folded_answers: bool = False
    excluded_variants: int = 0
    asks_third: bool = False
    ascii_fold: bool = False
    total: Literal["micro", "macro"] = "micro"
    semantic: Literal["first five", "not gram", "by name"] = "by name"


ANALOGY_RULES: dict[str, AnalogyRules] = {
    "embkit": AnalogyRules(),
    "word2vec": AnalogyRules(
        case="fold",
        positive=True,
        folded_answers=True,
        ascii_fold=True,
        semantic="first five",
    ),
    "gensim": AnalogyRules(
        case="fold",
        restrict_vocab=GENSIM_VOCABULARY,
        folded_answers=True,
        excluded_variants=GENSIM_CANDIDATES,
    ),
    "hyperwords": AnalogyRules(
        oov="first", case="lower", excluded=0.0, epsilon=0.01, shifted_sum=True
    ),
    "vecmap": AnalogyRules(case="exact", excluded=-1.0, semantic="not gram"),
    "muse": AnalogyRules(case="lower", asks_third=True, total="macro"),
    "web": AnalogyRules(oov="mean", case="exact", epsilon=1e-5, smoothing=1e-5),
}
