"""The option names of word2vec, fastText, GloVe and gensim, understood where embkit trains."""

from __future__ import annotations

from collections.abc import Sequence

from embkit.cli.terminal import note

# The peer's name without dashes -> embkit's option. Names that agree (dim, window, threads,
# epochs, output) stand here too, because word2vec and fastText write them with one dash.
PEER_NAMES = {
    "size": "dim",
    "vector-size": "dim",
    "vector_size": "dim",
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
    "max_final_vocab": "max-vocab",
}

GLOVE_NAMES = {**PEER_NAMES, "alpha": "exponent"}
"""As GloVe's own tool has them, where ``alpha`` is no learning rate."""


def translate_peer_options(tokens: Sequence[str], *, quiet: bool = False) -> list[str]:
    """Return the command line with peers' option names replaced by embkit's.

    Each replacement is told on stderr. Only ``embkit train`` translates, and nothing after
    ``--``.

    Examples
    --------
    >>> translate_peer_options(["train", "sgns", "a.txt", "-size", "50"], quiet=True)
    ['train', 'sgns', 'a.txt', '--dim', '50']
    """
    if not tokens or tokens[0] != "train":
        return list(tokens)
    end = tokens.index("--") if "--" in tokens else len(tokens)
    names = GLOVE_NAMES if "glove" in tokens[1:2] else PEER_NAMES
    translated = list(tokens)
    for position, token in enumerate(tokens[:end]):
        given, equals, value = token.partition("=")
        name = names.get(given.lstrip("-"))
        if name is None or not given.startswith("-") or given == f"--{name}":
            continue
        translated[position] = f"--{name}{equals}{value}"
        note(f"note: {given} is called --{name} here", quiet=quiet)
    return translated
