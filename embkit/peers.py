"""The option names of word2vec, fastText, GloVe and gensim, and what they are called here."""

from __future__ import annotations

# The peer's name without dashes -> embkit's option. Names that agree (dim, window, threads,
# epochs, output) stand here too, because word2vec and fastText write them with one dash.
PEER_NAMES = {
    "size": "dim",
    "vector-size": "dim",
    "dim": "dim",
    "ws": "window",
    "window": "window",
    "window-size": "window",
    "neg": "negatives",
    "negative": "negatives",
    "minCount": "min-count",
    "min-count": "min-count",
    "iter": "epochs",
    "epoch": "epochs",
    "epochs": "epochs",
    "lr": "learning-rate",
    "alpha": "learning-rate",
    "eta": "learning-rate",
    "sample": "subsample",
    "thread": "threads",
    "threads": "threads",
    "workers": "threads",
    "output": "output",
    "x-max": "x-max",
    "grad-clip": "clip",
    "max-final-vocab": "max-vocab",
    "ns-exponent": "smoothing",
}

GLOVE_NAMES = {**PEER_NAMES, "alpha": "exponent"}
"""As GloVe's own tool has them, where ``alpha`` is no learning rate."""

TEXT_NAMES = ("train", "input", "corpus-file")
"""Options that name the text, which is an argument without a name here."""

_METHOD = "the method says so: sgns, skipgram or cbow"
_SUBWORDS = "vectors of subwords are read here, not trained"
ADVICE = {
    "cbow": _METHOD,
    "sg": _METHOD,
    "hs": "loss hs is hierarchical softmax",
    "binary": "the output's name tells: .bin is binary, .txt and .vec are text",
    "cbow-mean": "context_combination is mean or sum",
    "minn": _SUBWORDS,
    "maxn": _SUBWORDS,
    "bucket": _SUBWORDS,
}
"""What does the same as an option that has no name here, or that nothing does."""


def peer_names(method: str) -> dict[str, str]:
    """Return embkit's name of each option of other tools, where ``method`` has it.

    Examples
    --------
    >>> peer_names("sgns")["alpha"], peer_names("glove")["alpha"]
    ('learning-rate', 'exponent')
    """
    return GLOVE_NAMES if method == "glove" else PEER_NAMES
