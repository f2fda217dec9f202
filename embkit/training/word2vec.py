"""Skip-gram and CBOW with negative sampling or hierarchical softmax."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from embkit._native import core
from embkit._version import __version__
from embkit.config import CbowConfig, Word2VecConfig
from embkit.corpus import EncodedCorpus
from embkit.device import available_threads, parse_device
from embkit.embeddings import Embeddings
from embkit.errors import CorpusError, DivergenceError
from embkit.training.checkpoint import Checkpoints, State, saving_at_the_end
from embkit.training.cuda import CudaWord2Vec, settle_device
from embkit.training.estimate import refuse_too_large
from embkit.training.initial import InitialRows
from embkit.training.nce import sampled_normalizer
from embkit.training.progress import Callback, Reporter

BLOCK_TOKENS = 8192
"""Tokens that a thread takes at a time, fewer where the corpus is small or each much work."""
BLOCK_WORK = 1 << 27
"""Elements of rows that a block changes at most, about: an interruption waits for its end."""
COPY_ROWS: bool | None = None
"""Whether threads keep copies of rows that are used often; None: where it pays."""

LOST = 100
"""Mean loss of a decision, in nats, that only a run that has diverged comes to; it begins with
0.7, or 30 where noise-contrastive scores are probabilities."""


def train_word2vec(
    corpus: EncodedCorpus,
    config: Word2VecConfig,
    *,
    progress: bool = False,
    log: str | Path | None = None,
    callback: Callback | None = None,
    memory: int | None = None,
    initial: InitialRows | None = None,
    checkpoints: Checkpoints | None = None,
) -> Embeddings:
    """Train skip-gram or CBOW vectors (Mikolov et al. 2013), as word2vec.c defines them.

    With one thread the same corpus, options and SIMD level give the same bytes. Several
    threads update the rows without locks (Hogwild, Niu et al. 2011), so that runs differ.

    Parameters
    ----------
    corpus : EncodedCorpus
        What `embkit.corpus.encode` returns.
    config : SkipGramConfig or CbowConfig
        The options.
    progress : bool
        Show a bar on standard error.
    log : path, optional
        File that gets a line of JSON for each report.
    callback : callable, optional
        Called about twice a second with a `TrainingProgress`.
    memory : int, optional
        Bytes that the matrices may take; 80% of what is available when left out.
    initial : InitialRows, optional
        Vectors to begin with, and output vectors where they have them (ns). The learning rate
        falls over the epochs of this run as in any other.
    checkpoints : Checkpoints, optional
        Where to go on from, and where to keep what is needed to go on.

    Returns
    -------
    Embeddings
        Rows in the order of the vocabulary.

    Raises
    ------
    CorpusError
        If the vocabulary has fewer than two words.
    CudaError
        If the GPU that was asked for cannot be used, or refuses something.
    DivergenceError
        If the loss or a row stops being finite, or the loss is beyond what can be learnt from.
    ResourceError
        If the matrices would take more than ``memory``.

    Examples
    --------
    >>> from embkit.config import SkipGramConfig, VocabularyConfig
    >>> from embkit.corpus import encode
    >>> corpus = encode([["a", "b", "c"]] * 50, config=VocabularyConfig(min_count=1))
    >>> train_word2vec(corpus, SkipGramConfig(dim=10, min_count=1, threads=1)).vectors.shape
    (3, 10)
    """
    config = settle_device(config)
    num_words = len(corpus.vocabulary)
    if num_words < 2:
        raise CorpusError(_too_few_words(corpus, config))
    what = f"a model of {num_words} words x {config.dim}"
    refuse_too_large(what, config, corpus.vocabulary, memory_needed, memory)
    trainer = Word2VecTrainer(corpus, config, initial)
    if checkpoints is not None:
        checkpoints.restore(trainer)
    num_tokens = corpus.num_tokens
    with Reporter(
        num_tokens * config.epochs, num_tokens, progress=progress, log=log, callback=callback
    ) as reporter:
        reporter.go_on_from(*trainer.model.progress())
        trainer.train(reporter, checkpoints)
    return trainer.finish()


def _too_few_words(corpus: EncodedCorpus, config: Word2VecConfig) -> str:
    num_words = len(corpus.vocabulary)
    told = f"training needs at least 2 words, the vocabulary has {num_words}"
    if corpus.given_vocabulary:
        return told
    kept = f"min_count={config.min_count}"
    kept += "" if config.max_vocab is None else f", max_vocab={config.max_vocab}"
    read = f"read {corpus.num_tokens_read} tokens, {corpus.num_types_read} types"
    return f"{told}: {read}, of which {kept} leaves {num_words}"


class Word2VecTrainer:
    """A run of skip-gram or CBOW that can be interrupted between blocks of tokens."""

    def __init__(
        self,
        corpus: EncodedCorpus,
        config: Word2VecConfig,
        initial: InitialRows | None = None,
    ) -> None:
        self.corpus = corpus
        self.config = config
        self.threads = config.threads or available_threads()
        self.normalizer: dict[str, float] | None = None
        counts = corpus.vocabulary.counts
        assert counts is not None  # an encoded corpus always has them
        self.init_from: dict[str, Any] | None = None
        first_epoch = 0 if initial is None else initial.facts.epochs_before
        settings = _core_options(config, corpus, self.threads, first_epoch)
        self.model: core.Word2Vec | CudaWord2Vec
        if parse_device(config.device).kind == "cuda":
            self.model = CudaWord2Vec(config, settings, corpus)
        else:
            self.model = core.Word2Vec(settings, corpus.ids, corpus.sentence_offsets, counts)
        if initial is not None:
            output = self.model.view(True) if config.loss != "hs" else None  # tree nodes
            self.init_from = initial.put_into(corpus.vocabulary, self.model.view(False), output)

    def state(self) -> State | None:
        """Return the state; its matrices are those that training goes on to change."""
        if not self.model.is_consistent():
            return None
        tensors = {"input": self.model.view(False), "output": self.model.view(True)}
        return State(self.model.counters(), tensors)

    def restore(self, state: State) -> None:
        """Go on from a state of a run with the same corpus, options and SIMD level.

        Raises
        ------
        ValueError
            If it cannot be such a state.
        """
        views = {"input": self.model.view(False), "output": self.model.view(True)}
        state.copy_into(views, self.model.counters())
        self.model.restore(dict(state.counters))

    def train(self, reporter: Reporter, checkpoints: Checkpoints | None = None) -> None:
        """Train to the end, with checkpoints on the way and at an interruption."""

        def report() -> bool:
            reporter.update(*self.model.progress())
            if self.init_from is None:  # vectors given may have a long way to come back
                self._refuse_lost(reporter.last_loss)
            return checkpoints is not None and checkpoints.is_due()

        try:
            with saving_at_the_end(checkpoints, self):
                while not self.model.train(self.threads, report):
                    if checkpoints is not None:
                        self._refuse_infinite_rows()
                        checkpoints.begin_save(self)
                self._refuse_infinite_rows()
                self._refuse_lost(self._final_loss())
        except DivergenceError as error:
            raise DivergenceError(
                f"training diverged ({error}): learning_rate must be lower, "
                f"got {self.config.learning_rate}"
            ) from None
        self.normalizer = self._sampled_normalizer()
        mean = self.normalizer["mean"] if self.normalizer else None
        reporter.update(*self.model.progress(), last=True, normalizer=mean)

    def _sampled_normalizer(self) -> dict[str, float] | None:
        if self.config.loss != "nce":
            return None
        rows = self.model.view(False), self.model.view(True)  # their padding is 0
        log_normalizer = self.model.counters()["log_normalizer"]
        return sampled_normalizer(self.config, self.corpus, rows, log_normalizer)

    def _refuse_infinite_rows(self) -> None:
        if not self.model.rows_are_finite():
            raise DivergenceError("a row is not finite")

    def _refuse_lost(self, loss: float | None) -> None:
        decisions = _decisions(self.config, len(self.corpus.vocabulary))
        if loss is not None and loss > LOST * decisions:
            raise DivergenceError(f"the mean loss of a pair is {loss:.3g}")

    def _final_loss(self) -> float | None:
        """Return the mean loss of a pair of the last epoch, None where none was measured."""
        counters = self.model.counters()
        pairs = counters["last_pairs"]
        return counters["last_loss"] / pairs if pairs else None

    def finish(self) -> Embeddings:
        """Return the vectors; the trainer is empty of them afterwards."""
        provenance = {
            "method": method_name(self.config),
            "config": {**asdict(self.config), "threads": self.threads},
            "corpus": self.corpus.provenance(),
            "simd": core.simd_level(),
            **self._device(),
            **({} if self.init_from is None else {"init_from": self.init_from}),
            "final_loss": self._final_loss(),
            "embkit": __version__,
        }
        if self.normalizer is not None:
            provenance["normalizer"] = self.normalizer
        return _collect(self.model, self.corpus, self.config, provenance)

    def _device(self) -> dict[str, str]:
        if isinstance(self.model, CudaWord2Vec):
            return {"device": self.model.device["name"]}
        return {}


def method_name(config: Word2VecConfig) -> str:
    """Return the name under which the command line trains this model."""
    return "cbow" if isinstance(config, CbowConfig) else "skipgram"


def memory_needed(config: Word2VecConfig, num_words: int) -> int:
    """Return the bytes of the two matrices in training, rows padded to 64 bytes."""
    return 2 * num_words * ((config.dim + 15) // 16 * 64)


def block_tokens(config: Word2VecConfig, threads: int, num_tokens: int, num_words: int) -> int:
    """Return how many tokens a thread takes at a time.

    It follows from what a run is alone: a checkpoint counts blocks, and a resumed run's must
    be the same.
    """
    contexts = config.window + 1 if config.dynamic_window else 2 * config.window
    targets = _decisions(config, num_words)
    if config.loss != "hs" and config.negative_sharing == "block":
        targets = 1 + config.block_negatives
    pairs = contexts + targets if isinstance(config, CbowConfig) else contexts * targets
    most = min(BLOCK_TOKENS, max(1024, num_tokens // (16 * threads)))
    return max(1, min(most, BLOCK_WORK // (pairs * config.dim)))


def _decisions(config: Word2VecConfig, num_words: int) -> int:
    """Return how many decisions a pair's loss sums: its words, or about a code's length."""
    if config.loss == "hs":
        return max(num_words - 1, 1).bit_length()
    return 1 + config.negatives


def _core_options(
    config: Word2VecConfig, corpus: EncodedCorpus, threads: int, first_epoch: int
) -> dict[str, Any]:
    return {
        "is_cbow": isinstance(config, CbowConfig),
        "is_hierarchical": config.loss == "hs",
        "is_noise_contrastive": config.loss == "nce",
        "learn_normalizer": config.loss == "nce" and config.normalizer == "learnt",
        "unigram_bias": config.bias == "unigram",
        "share_negatives": config.negative_sharing != "pair" or config.loss == "hs",
        "sum_contexts": getattr(config, "context_combination", "mean") == "sum",
        "dynamic_window": config.dynamic_window,
        "paper_subsampling": config.subsample_formula == "paper",
        "dim": config.dim,
        "window": config.window,
        "negatives": config.negatives,
        "block_size": config.block_size if config.negative_sharing == "block" else 0,
        "block_negatives": config.block_negatives,
        "smoothing": config.smoothing,
        "subsample": config.subsample,
        "learning_rate": config.learning_rate,
        "epochs": config.epochs,
        "first_epoch": first_epoch,
        "seed": config.seed,
        "block_tokens": block_tokens(
            config, threads, corpus.num_tokens, len(corpus.vocabulary)
        ),
        "copy_rows": COPY_ROWS,
    }


def _collect(
    model: core.Word2Vec | CudaWord2Vec,
    corpus: EncodedCorpus,
    config: Word2VecConfig,
    provenance: dict[str, Any],
) -> Embeddings:
    vectors = model.take_input()
    output = None
    if config.keep_output or config.combine == "w+c":
        output = model.take_output()
    if config.combine == "w+c" and output is not None:
        vectors += output
    return Embeddings(
        corpus.vocabulary,
        vectors,
        output=output if config.keep_output else None,
        provenance=provenance,
    )
