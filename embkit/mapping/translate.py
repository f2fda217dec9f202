"""The translations of words out of two mapped spaces."""

from __future__ import annotations

from collections.abc import Sequence

from embkit.checks import Oov, check_at_least
from embkit.embeddings import Embeddings
from embkit.retrieval import RetrievalMethod, Retriever


def translate(
    source: Embeddings,
    target: Embeddings,
    words: Sequence[str],
    *,
    topn: int = 5,
    retrieval: RetrievalMethod = "csls",
    oov: Oov = "raise",
    device: str = "cpu",
) -> dict[str, list[tuple[str, float]]]:
    """Return the best translations of each word, with their scores.

    Parameters
    ----------
    source, target : Embeddings
        Both in one space, as `Mapping.apply` brings them.
    words : list of str
        Words of the source.
    topn : int
        Translations per word.
    retrieval : {"nn", "csls", "inverted-softmax", "margin"}
        How candidates are scored; see `embkit.retrieval.Retriever`.
    oov : {"raise", "skip", "zero", "subword"}
        What to do with words that have no vector, as for `Embeddings.lookup`.
    device : str
        Where products are computed: cpu, cuda, cuda:N or auto.

    Returns
    -------
    dict of str to list of (str, float)
        The target words of each word, the best first.

    Raises
    ------
    KeyError
        If a word has no vector and ``oov`` says so.
    ValueError
        If the dims differ, or an option is not allowed.

    Examples
    --------
    >>> en = Embeddings.from_words({"dog": [1.0, 0.1], "cat": [0.1, 1.0]})
    >>> de = Embeddings.from_words({"Katze": [0.0, 1.0], "Hund": [1.0, 0.0]})
    >>> [(word, best[0][0]) for word, best in translate(en, de, ["dog", "cat"]).items()]
    [('dog', 'Hund'), ('cat', 'Katze')]
    """
    if isinstance(words, str | bytes):
        raise ValueError(f"words must be a list of words, got {words!r}")
    check_at_least("topn", topn, 1)
    known = [word for word in words if word in source] if oov == "skip" else list(words)
    retriever = Retriever(source.vectors, target.vectors, method=retrieval, device=device)
    found = retriever.search(source.lookup(known, oov=oov), topn)
    return {
        word: [(target.words[row], score) for row, score in found.pairs(i)]
        for i, word in enumerate(known)
    }
