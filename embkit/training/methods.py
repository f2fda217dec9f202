"""One table from a training method's name to its options and its functions."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, cast

from embkit.checks import check_choice, option_hint
from embkit.config import (
    CbowConfig,
    GloveConfig,
    PpmiConfig,
    SkipGramConfig,
    SvdConfig,
    VocabularyConfig,
)
from embkit.counts.on_text import ppmi_on_counts, ppmi_on_text, svd_on_counts, svd_on_text
from embkit.embeddings import Embeddings
from embkit.peers import ADVICE, peer_names
from embkit.training.glove_counts import train_glove_on_text, train_on_counts
from embkit.training.word2vec import train_word2vec


@dataclass(frozen=True)
class Method:
    """A trainer as `train` and the command line know it."""

    summary: str
    config: type[VocabularyConfig]
    run: Callable[..., Embeddings]
    fixed: tuple[tuple[str, object], ...] = ()
    """Options that the method's name settles."""
    has_checkpoints: bool = False
    """Whether it takes ``checkpoints``, and so can train in a run's folder, and ``initial``."""
    run_on_counts: Callable[..., Embeddings] | None = None
    """The same from co-occurrence counts that were made before."""


METHODS: dict[str, Method] = {
    "sgns": Method(
        "Skip-gram with negative sampling.",
        SkipGramConfig,
        train_word2vec,
        (("loss", "ns"),),
        has_checkpoints=True,
    ),
    "skipgram": Method("Skip-gram.", SkipGramConfig, train_word2vec, has_checkpoints=True),
    "nce": Method(
        "Skip-gram with noise-contrastive estimation.",
        SkipGramConfig,
        train_word2vec,
        (("loss", "nce"),),
        has_checkpoints=True,
    ),
    "cbow": Method(
        "Continuous bag of words.", CbowConfig, train_word2vec, has_checkpoints=True
    ),
    "glove": Method(
        "Global vectors from counts.",
        GloveConfig,
        train_glove_on_text,
        has_checkpoints=True,
        run_on_counts=train_on_counts,
    ),
    "ppmi": Method(
        "Sparse vectors of mutual information.",
        PpmiConfig,
        cast("Callable[..., Embeddings]", ppmi_on_text),  # they answer the same questions
        run_on_counts=cast("Callable[..., Embeddings]", ppmi_on_counts),
    ),
    "svd": Method(
        "Singular vectors of mutual information.",
        SvdConfig,
        svd_on_text,
        run_on_counts=svd_on_counts,
    ),
}


def make_config(
    method: str, options: dict[str, Any], arguments: Iterable[str] = ()
) -> VocabularyConfig:
    """Build the configuration of a method, refusing options that it does not have.

    ``arguments`` are those of the caller, one of which may have been meant.

    Raises
    ------
    ValueError
        If the method, an option or a value is not allowed.
    """
    check_choice("method", method, tuple(METHODS))
    options_of = {name: _options(known) for name, known in METHODS.items()}
    allowed = options_of[method]
    for name in options:
        if name not in allowed:
            peer = name.replace("_", "-")
            ours = peer_names(method).get(peer, "").replace("-", "_")
            told = option_hint(name, method, options_of, arguments)
            told = f", which is called {ours} here" if ours in allowed else told
            told = f": {ADVICE[peer]}" if peer in ADVICE else told
            raise ValueError(
                f"options of {method} must be among {', '.join(allowed)}, got {name}{told}"
            )
    chosen = METHODS[method]
    fixed: dict[str, Any] = dict(chosen.fixed)
    return chosen.config(**fixed, **options)


def _options(method: Method) -> list[str]:
    """Return the options that a method's name does not settle."""
    fixed = dict(method.fixed)
    return [f.name for f in dataclasses.fields(method.config) if f.name not in fixed]
