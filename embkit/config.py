"""Training options: the one place where their names and defaults live.

The command line, the bindings and the saved metadata are all derived from these fields;
nothing else repeats a default.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from functools import cache
from typing import Literal, get_args, get_origin, get_type_hints

from embkit.checks import (
    MOST,
    check_at_least,
    check_at_most,
    check_choice,
    check_positive,
    check_range,
    check_seed,
    check_threads,
    check_whole,
    plain_value,
)
from embkit.device import parse_device

CUDA_MOST = {
    "dim": 1_024,
    "window": 15,
    "negatives": 32,
    "block_size": 2**20,
    "block_negatives": 128,
}
"""Largest values of options on a GPU."""
_OF_NOISE = ("negatives", "smoothing", "negative_sharing")
_OF_BLOCKS = ("block_size", "block_negatives")
_OF_NCE = ("normalizer", "bias")


@cache  # as types that are text are evaluated, which shows among the audited events
def _choices(config: type[object]) -> dict[str, tuple[str, ...]]:
    """Return what each option may be that is one of several words, by its type."""
    hints = get_type_hints(config).items()
    return {name: get_args(hint) for name, hint in hints if get_origin(hint) is Literal}


@dataclass(frozen=True, kw_only=True)
class VocabularyConfig:
    """Which words of a corpus become rows."""

    min_count: int = 5
    """Leave out words seen fewer times than this."""
    max_vocab: int | None = None
    """Keep at most this many words, the most frequent ones."""
    unicode_form: Literal["none", "nfc", "nfkc"] = "none"
    """Bring the text into a normal form of Unicode: composed letters (nfc), or also letters
    for their variants and blanks for no-break and wide ones (nfkc)."""
    max_input_bytes: int | None = None
    """Stop with an error where the text, decompressed, has more bytes than this; on the command
    line also as 500M or 4G."""

    def __post_init__(self) -> None:
        choices = _choices(type(self))  # type: ignore[arg-type]  # a class has its own hash
        for option in fields(self):
            value = plain_value(option.name, str(option.type), getattr(self, option.name))
            object.__setattr__(self, option.name, value)
            if option.name in choices:
                check_choice(option.name, value, choices[option.name])
            if value is not None and option.name in MOST:
                check_at_most(option.name, getattr(self, option.name), MOST[option.name])
        check_at_least("min_count", self.min_count, 1)
        if self.max_vocab is not None:
            check_at_least("max_vocab", self.max_vocab, 1)
        if self.max_input_bytes is not None:
            check_whole("max_input_bytes", self.max_input_bytes)

    def encoding(self) -> VocabularyConfig:
        """Return which words a corpus must be encoded with for this configuration."""
        names = (option.name for option in fields(VocabularyConfig))
        return VocabularyConfig(**{name: getattr(self, name) for name in names})


@dataclass(frozen=True, kw_only=True)
class Word2VecConfig(VocabularyConfig):
    """Options that skip-gram and CBOW share; the defaults are word2vec's."""

    loss: Literal["ns", "hs", "nce"] = "ns"
    """Negative sampling (ns), hierarchical softmax over a Huffman tree (hs), or
    noise-contrastive estimation, whose scores are log probabilities (nce)."""
    dim: int = 100
    """Length of a vector."""
    window: int = 5
    """Words to each side of the centre."""
    dynamic_window: bool = True
    """Draw each centre's window uniformly from 1 to ``window``; otherwise always ``window``."""
    negatives: int = 5
    """Noise words per positive one, drawn so that a word may come twice (ns, nce; Mnih and Teh
    2012 take 25 for nce)."""
    smoothing: float = 0.75
    """Exponent of the counts in the noise distribution (ns, nce)."""
    negative_sharing: Literal["window", "pair", "block"] = "window"
    """Draw noise words once per centre (window), anew for each pair as word2vec.c (pair), or
    once for all centres among block_size tokens (block)."""
    block_size: int = 256
    """Tokens of the text whose centres share noise words (negative_sharing block)."""
    block_negatives: int = 64
    """Noise words of such a block; each counts negatives / block_negatives (block)."""
    normalizer: Literal["fixed", "learnt"] = "fixed"
    """Take every context's normaliser Z as 1, which training brings about (fixed), or learn
    one log Z for all of them (learnt) (nce)."""
    bias: Literal["unigram", "none"] = "unigram"
    """Add the logarithm of a word's frequency to its score, so that vectors need not learn
    it, or nothing (nce)."""
    subsample: float = 1e-3
    """Frequency above which words are thinned out; 0 keeps every token."""
    subsample_formula: Literal["word2vec", "paper"] = "word2vec"
    """Keep with sqrt(t/f) + t/f (word2vec.c) or with sqrt(t/f) (Mikolov et al. 2013)."""
    learning_rate: float = 0.025
    """Rate at the start; it falls linearly to a ten-thousandth of itself."""
    epochs: int = 5
    """Passes over the corpus."""
    threads: int | None = None
    """Worker threads; all cores the process may use when left out. Several update the vectors
    without locks (Hogwild), so that runs differ, and the learning rate falls with what all of
    them have trained; with one the same seed gives the same bytes."""
    seed: int = 1
    """Seed of every random draw."""
    keep_output: bool = False
    """Keep the output (context) vectors too."""
    combine: Literal["w", "w+c"] = "w"
    """Return the input vectors, or their sum with the output vectors (ns, nce)."""
    device: str = "cpu"
    """Where to train: cpu, cuda or cuda:N (a GPU; not for hs), or auto, a GPU where one can be
    used. The cpu unless said otherwise, so that a command does the same on every machine."""
    deterministic: bool = False
    """Give the same bytes on every run: on the cpu with one thread, on a GPU by adding up the
    updates of up to 1,024 tokens at a time in a fixed order, which is slower, and learns less
    where these hold the same few words many times."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("dim", "window", "negatives", "epochs", "block_size", "block_negatives"):
            check_at_least(name, getattr(self, name), 1)
        for name in ("smoothing", "subsample"):
            check_at_least(name, getattr(self, name), 0)
        check_positive("learning_rate", self.learning_rate)
        check_threads(self.threads)
        check_seed(self.seed)
        if self.combine == "w+c" and self.loss == "hs":
            raise ValueError(
                "combine must be w with loss hs (its output rows are tree nodes), got w+c"
            )
        self._check_used()
        self._check_device()

    def _check_used(self) -> None:
        """Refuse an option that would change nothing, rather than pass it over."""
        unused = dict.fromkeys(() if self.loss == "nce" else _OF_NCE, f"loss {self.loss}")
        if self.negative_sharing != "block":
            unused |= dict.fromkeys(_OF_BLOCKS, f"negative_sharing {self.negative_sharing}")
        if self.loss == "hs":
            unused |= dict.fromkeys((*_OF_NOISE, *_OF_BLOCKS), "loss hs")
        for option in fields(self):
            value = getattr(self, option.name)
            if option.name in unused and value != option.default:
                told = f"with {unused[option.name]}, got {value}"
                raise ValueError(f"{option.name} must be left out {told}")

    def _check_device(self) -> None:
        kind = parse_device(self.device).kind
        if kind == "cuda" and (refusal := self.cuda_refusal()) is not None:
            raise ValueError(refusal)
        if kind == "cpu" and self.deterministic:
            if self.threads not in (None, 1):
                raise ValueError(
                    f"threads must be 1 with deterministic on the cpu, got {self.threads}"
                )
            object.__setattr__(self, "threads", 1)

    def cuda_refusal(self) -> str | None:
        """Return why a GPU cannot train with these options, None if it can."""
        if self.loss == "hs":
            return f"device must be cpu with loss hs, got {self.device}"
        for name, most in CUDA_MOST.items():
            if getattr(self, name) > most:
                return f"{name} must be at most {most} on a GPU, got {getattr(self, name)}"
        served: tuple[str, ...] = ("window", "pair", "block")
        when = ""
        if self.deterministic or isinstance(self, CbowConfig):
            served, when = ("window",), " with deterministic" if self.deterministic else ""
        if self.negative_sharing not in served:
            return (
                f"negative_sharing must be {' or '.join(served)}{when} on a GPU, "
                f"got {self.negative_sharing}"
            )
        return None


@dataclass(frozen=True, kw_only=True)
class SkipGramConfig(Word2VecConfig):
    """Options of ``train("skipgram")``."""


@dataclass(frozen=True, kw_only=True)
class CbowConfig(Word2VecConfig):
    """Options of ``train("cbow")``."""

    learning_rate: float = 0.05
    """Rate at the start; it falls linearly to a ten-thousandth of itself."""
    context_combination: Literal["mean", "sum"] = "mean"
    """Predict the centre from the mean or from the sum of its context vectors."""
    negative_sharing: Literal["window", "block"] = "window"
    """Draw noise words once per centre (window), or once for all centres among block_size
    tokens (block)."""


@dataclass(frozen=True, kw_only=True)
class CooccurrenceConfig(VocabularyConfig):
    """How co-occurrences are counted."""

    window: int = 10
    """Words to each side of the centre."""
    weighting: Literal["dynamic", "harmonic", "flat"] = "harmonic"
    """Weight of a word at distance d: (window - d + 1) / window (dynamic, what word2vec's
    random windows give on average), 1 / d (harmonic, GloVe), or 1 (flat)."""
    sides: Literal["both", "left", "right"] = "both"
    """Where the contexts of a centre are (``-symmetric 0`` of GloVe's tool: right)."""
    subsample: float = 0.0
    """Frequency above which words are thinned out; 0 keeps every token."""
    subsample_formula: Literal["word2vec", "paper"] = "paper"
    """Keep with sqrt(t/f) + t/f (word2vec.c) or with sqrt(t/f) (Mikolov et al. 2013)."""
    subsampling: Literal["dirty", "clean"] = "dirty"
    """Thin out before windows are made, so that they reach further (dirty), or after, so that
    a token which is left out keeps its place (clean)."""
    rare_deletion: Literal["before", "after"] = "before"
    """Leave out words that are too rare before or after windows are made, in the same sense."""
    threads: int | None = None
    """Worker threads; all cores the process may use when left out."""
    seed: int = 1
    """Seed of every random draw."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_at_least("window", self.window, 1)
        check_at_least("subsample", self.subsample, 0)
        check_threads(self.threads)
        check_seed(self.seed)

    def encoding(self) -> VocabularyConfig:
        """Return which words a corpus must be encoded with: all where rare ones go later."""
        if self.rare_deletion == "after":
            return replace(super().encoding(), min_count=1, max_vocab=None)
        return super().encoding()

    def counting(self) -> CooccurrenceConfig:
        """Return the options of counting alone."""
        names = (option.name for option in fields(CooccurrenceConfig))
        return CooccurrenceConfig(**{name: getattr(self, name) for name in names})


@dataclass(frozen=True, kw_only=True)
class GloveConfig(CooccurrenceConfig):
    """Options of ``train("glove")``; the defaults are those of Stanford's tools.

    Exceptions are those that all trainers share: ``min_count`` is 5 (there 1), ``threads`` all
    cores (there 8), ``seed`` 1 (there the time). For how training differs see
    `embkit.training.glove.train_glove`.
    """

    window: int = 15
    """Words to each side of the centre."""
    dim: int = 50
    """Length of a vector."""
    x_max: float = 100.0
    """Count from which on a cell weighs 1."""
    exponent: float = 0.75
    """A cell of a smaller count x weighs (x / x_max) to this power (there: alpha)."""
    learning_rate: float = 0.05
    """Rate of the vectors before AdaGrad scales it down; that of the biases is 1."""
    clip: float = 100.0
    """No element of a gradient goes beyond this, to either side (there: grad-clip)."""
    epochs: int = 25
    """Passes over the cells."""
    combine: Literal["w+c", "w", "c"] = "w+c"
    """Return the sum of word and context vectors, or the one or the other."""
    keep_output: bool = False
    """Keep the context vectors too."""
    threads: int | None = None
    """Worker threads; all cores the process may use when left out. Counts do not depend on
    them; several train without locks (Hogwild), so that runs differ; with one the same seed
    gives the same bytes."""
    order: Literal["tiles", "full"] = "tiles"
    """Shuffle the cells within tiles whose rows fit a cache, and the tiles' parts among each
    other (tiles), or all cells (full), which is slower."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("dim", "epochs"):
            check_at_least(name, getattr(self, name), 1)
        for name in ("x_max", "learning_rate", "clip"):
            check_positive(name, getattr(self, name))
        check_at_least("exponent", self.exponent, 0)


@dataclass(frozen=True, kw_only=True)
class PpmiConfig(CooccurrenceConfig):
    """Options of ``train("ppmi")``; the names in brackets are those of Levy et al. (2015)."""

    window: int = 2
    """Words to each side of the centre (win)."""
    weighting: Literal["dynamic", "harmonic", "flat"] = "flat"
    """Weight of a word at distance d: (window - d + 1) / window (dynamic, dyn: what word2vec's
    random windows give on average), 1 / d (harmonic, GloVe), or 1 (flat)."""
    smoothing: float = 0.75
    """Exponent of the contexts' counts in their distribution (cds); 1 changes nothing."""
    negatives: int = 1
    """Shift the values down by the logarithm of this before negative ones go (neg)."""
    normalization: Literal["none", "row", "column", "both"] = "none"
    """Bring rows, columns, or columns and then rows, to unit length (nrm). Cosines take rows at
    unit length in any case."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_at_least("negatives", self.negatives, 1)
        check_at_least("smoothing", self.smoothing, 0)


@dataclass(frozen=True, kw_only=True)
class SvdConfig(PpmiConfig):
    """Options of ``train("svd")``: those of PPMI, and how its matrix is taken apart."""

    dim: int = 300
    """Length of a vector: singular values that are kept."""
    eig: float = 0.5
    """Power p of the singular values S in the word vectors U S^p; contexts get V S^(1-p)."""
    combine: Literal["w", "w+c"] = "w"
    """Return the word vectors, or their sum with the context vectors."""
    keep_output: bool = False
    """Keep the context vectors too."""
    normalization: Literal["none", "row", "column", "both"] = "none"
    """Bring rows, columns, or columns and then rows, of the vectors to unit length (nrm)."""
    solver: Literal["randomized", "lanczos"] = "randomized"
    """Block Krylov iteration from random columns on all threads (randomized), or SciPy's
    ARPACK to full precision, many times slower (lanczos)."""
    iterations: int = 20
    """Krylov steps of the randomized solver; more of them make its residual smaller."""
    device: str = "cpu"
    """Where the randomized solver works: cpu, cuda or cuda:N (through CuPy), or auto, a GPU
    where one can be used."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_at_least("dim", self.dim, 1)
        check_at_least("iterations", self.iterations, 2)
        check_at_least("eig", self.eig, 0)
        parse_device(self.device)
        if self.solver == "lanczos" and parse_device(self.device).kind == "cuda":
            raise ValueError(f"device must be cpu with solver lanczos, got {self.device}")


@dataclass(frozen=True, kw_only=True)
class PhraseConfig:
    """How phrases are found; the defaults are word2phrase's."""

    scoring: Literal["word2phrase", "npmi"] = "word2phrase"
    """Score of a pair: (c(ab) - min_count) / c(a) / c(b) * tokens (Mikolov et al. 2013), or
    normalised pointwise mutual information, from -1 to 1 (Bouma 2009)."""
    thresholds: tuple[float, ...] = ()
    """Join pairs that score more than this, one for each pass; a pass joins what those before
    it have joined, so that n passes find phrases of up to 2^n words. One pass with 100
    (word2phrase) or 0.5 (npmi) when left out."""
    min_count: int = 5
    """Leave out words, and pairs, seen fewer times than this."""
    delimiter: str = "_"
    """What stands between the words of a phrase."""
    segmentation: Literal["greedy", "optimal"] = "greedy"
    """Where pairs overlap, join the first one (greedy, word2phrase) or those with the greatest
    sum of scores in the line (optimal)."""
    across_lines: bool = True
    """Count pairs over the end of a line too, as word2phrase does; none is joined there."""
    threads: int | None = None
    """Worker threads; all cores the process may use when left out."""

    def __post_init__(self) -> None:
        check_choice("scoring", self.scoring, ("word2phrase", "npmi"))
        check_choice("segmentation", self.segmentation, ("greedy", "optimal"))
        for name in ("min_count", "across_lines", "threads"):
            kind = {option.name: str(option.type) for option in fields(self)}[name]
            object.__setattr__(self, name, plain_value(name, kind, getattr(self, name)))
        check_range("min_count", self.min_count, 1)
        check_threads(self.threads)
        if not self.delimiter or any(c in self.delimiter for c in " \t\n\r\v\f"):
            raise ValueError(f"delimiter must be a text without blanks, got {self.delimiter!r}")
        usual = 100.0 if self.scoring == "word2phrase" else 0.5
        thresholds = tuple(float(value) for value in self.thresholds) or (usual,)
        for value in thresholds:
            check_at_least("thresholds", value, 0 if self.scoring == "word2phrase" else -1)
            if self.scoring == "npmi" and value >= 1:  # no score is above that
                raise ValueError(f"thresholds must be below 1 for npmi, got {value}")
        object.__setattr__(self, "thresholds", thresholds)
