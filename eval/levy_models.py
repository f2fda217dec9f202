"""The models of the comparison of Levy et al. (2015), each from its knobs."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from embkit.corpus import EncodedCorpus
    from embkit.counts.cooccurrence import Cooccurrence
    from embkit.embeddings import Embeddings
    from embkit.sparse import SparseEmbeddings

KNOBS = ("window", "dynamic", "subsample", "negatives", "smoothing", "eig", "combine")
# The knobs that each method has. GloVe's dynamic window weighs a distance d by 1 / d.
KNOBS_OF = {
    "ppmi": ("window", "dynamic", "subsample", "negatives", "smoothing"),
    "svd": KNOBS,
    "sgns": ("window", "dynamic", "subsample", "negatives", "smoothing", "combine"),
    "glove": ("window", "dynamic", "subsample", "combine"),
}
AFTERWARDS = ("eig", "combine")  # what is chosen when the model is there


@dataclass(frozen=True)
class Model:
    """One model of the tables: a method, its knobs and its seed."""

    method: str
    knobs: tuple[tuple[str, Any], ...]
    seed: int

    @property
    def training(self) -> Model:
        """The same without what can be chosen after training: models with one work."""
        kept = tuple(pair for pair in self.knobs if pair[0] not in AFTERWARDS)
        return dataclasses.replace(self, knobs=kept)

    @property
    def label(self) -> str:
        """The knobs in a few words, without the seed."""
        return " ".join(f"{name}={value}" for name, value in self.knobs)


@dataclass(frozen=True)
class Study:
    """What the configuration file says of all models."""

    dim: int
    threads: int
    sgns: Mapping[str, Any]
    glove: Mapping[str, Any]


def models_of(run: Mapping[str, Any], seeds: list[int]) -> Iterator[Model]:
    """Yield each model of one [[runs]] table."""
    lists = [run[name] if isinstance(run[name], list) else [run[name]] for name in KNOBS]
    for method in run["methods"]:
        seen: dict[Model, None] = {}
        for values in itertools.product(*lists):
            knobs = dict(zip(KNOBS, values, strict=True))
            own = tuple((name, knobs[name]) for name in KNOBS_OF[method])
            is_random = method in ("sgns", "glove") or knobs["subsample"] > 0
            for seed in seeds if is_random else seeds[:1]:
                seen[Model(method, own, seed)] = None
        yield from seen


def counts_of(model: Model, corpus: EncodedCorpus, threads: int) -> Cooccurrence:
    """Count co-occurrences with the model's window."""
    from embkit.config import CooccurrenceConfig
    from embkit.counts.cooccurrence import cooccur

    knobs = dict(model.knobs)
    dynamic = "harmonic" if model.method == "glove" else "dynamic"
    config = CooccurrenceConfig(
        window=knobs["window"],
        weighting=dynamic if knobs["dynamic"] else "flat",  # type: ignore[arg-type]
        subsample=knobs["subsample"],
        min_count=1,  # the corpus has no other words
        threads=threads,
        seed=model.seed,
    )
    return cooccur(corpus, config)


def train(
    group: list[Model], corpus: EncodedCorpus, study: Study
) -> Iterator[tuple[Model, Embeddings | SparseEmbeddings]]:
    """Train once what differs only in what is chosen afterwards; yield each model's vectors."""
    first = group[0]
    if first.method == "ppmi":
        yield first, _ppmi(first, corpus, study)
        return
    from embkit.embeddings import Embeddings

    parts = _svd if first.method == "svd" else _sgns if first.method == "sgns" else _glove
    words, contexts, values = parts(first, corpus, study)
    for model in group:
        knobs = dict(model.knobs)
        eig = knobs.get("eig", 0.0)
        rows = words * (values**eig).astype(np.float32)
        if knobs["combine"] == "w+c":
            rows = rows + contexts * (values ** (1 - eig)).astype(np.float32)
        yield model, Embeddings(corpus.vocabulary, rows)


def _ppmi(model: Model, corpus: EncodedCorpus, study: Study) -> SparseEmbeddings:
    from embkit.config import PpmiConfig
    from embkit.counts.ppmi import train_ppmi

    counts, knobs = counts_of(model, corpus, study.threads), dict(model.knobs)
    config = PpmiConfig(smoothing=knobs["smoothing"], negatives=knobs["negatives"])
    return train_ppmi(counts.matrix, counts.vocabulary, config)


def _svd(model: Model, corpus: EncodedCorpus, study: Study) -> tuple[Any, Any, Any]:
    from embkit.counts.ppmi import ppmi_matrix
    from embkit.counts.svd import truncated_svd

    counts, knobs = counts_of(model, corpus, study.threads), dict(model.knobs)
    matrix = ppmi_matrix(
        counts.matrix, smoothing=knobs["smoothing"], negatives=knobs["negatives"]
    )
    found = truncated_svd(matrix, study.dim, threads=study.threads)
    return found.left, found.right, found.values


def _sgns(model: Model, corpus: EncodedCorpus, study: Study) -> tuple[Any, Any, Any]:
    import embkit

    knobs = dict(model.knobs)
    vectors = embkit.train(
        "sgns",
        corpus,
        dim=study.dim,
        window=knobs["window"],
        dynamic_window=knobs["dynamic"],
        subsample=knobs["subsample"],
        negatives=knobs["negatives"],
        smoothing=knobs["smoothing"],
        min_count=1,
        keep_output=True,
        threads=study.threads,
        seed=model.seed,
        **study.sgns,
    )
    return vectors.vectors, vectors.output, np.ones(study.dim)


def _glove(model: Model, corpus: EncodedCorpus, study: Study) -> tuple[Any, Any, Any]:
    from embkit.config import GloveConfig
    from embkit.training.glove import train_glove

    counts = counts_of(model, corpus, study.threads)
    config = GloveConfig(
        dim=study.dim,
        combine="w",
        keep_output=True,
        threads=study.threads,
        seed=model.seed,
        **study.glove,
    )
    vectors = train_glove(counts.matrix, counts.vocabulary, config)
    return vectors.vectors, vectors.output, np.ones(study.dim)


def key_of(model: Model, study: Study, digest: str) -> dict[str, Any]:
    """Return what a stored result depends on."""
    options = {"sgns": study.sgns, "glove": study.glove}.get(model.method, {})
    return {**asdict(model), "dim": study.dim, "options": dict(options), "corpus": digest}
