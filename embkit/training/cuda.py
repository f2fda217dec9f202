"""Skip-gram and CBOW on an NVIDIA GPU, behind the interface of the core's trainer."""

from __future__ import annotations

import contextlib
import dataclasses
import logging
from bisect import bisect_right
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embkit import _native
from embkit._native import core
from embkit.config import Word2VecConfig
from embkit.corpus import EncodedCorpus
from embkit.device import parse_device
from embkit.errors import CudaError, ResourceError
from embkit.training.nce import keep_probabilities

BATCH_TOKENS = 1024
"""Tokens at most whose updates the deterministic mode adds up before any is made."""
MOST_RESIDENT = 0
"""Ids that are held on the device at most; 0 for as many as fit."""
MAX_WARPS = 0
"""Warps that train at a time at most; 0 for as many as quality bears."""
MOST_WARPS = 2112
"""Warps that quality bears at most: each sees late what others learn. An H100 holds as many."""
MOST_OF_A_WORD = 25
"""Centres of one word that are trained from the same rows at most, on average and at the usual
rate: what they give to a row sums up, and steps that are too large diverge."""
SHARED_WORDS = 300
"""Most frequent words whose rows go back after every centre, not when they leave the window."""
PREFETCH = False
"""Whether a context's row is asked for one centre early; changes no result."""

_OUT_OF_MEMORY = 2  # CUDA's number

logger = logging.getLogger(__name__)


@contextlib.contextmanager
def _telling_memory(number: int, needed: int | None = None) -> Iterator[None]:
    """Let a GPU whose memory others have taken end in one line, with the matrices' bytes.

    A session tells what it lacks itself; this is for what goes before and after it.
    """
    try:
        yield
    except CudaError as error:
        if error.status != _OUT_OF_MEMORY:
            raise
        size = "" if needed is None else f"; two matrices need {needed / 2**20:.2f} MiB"
        raise ResourceError(
            f"cuda:{number} has too little memory ({error}){size}: end what else uses it, or "
            "use device cpu"
        ) from error


def bearable_centers(config: Word2VecConfig, counts: NDArray[np.int64]) -> int:
    """Return how many centres can be trained from the same rows, each as if it were alone.

    Examples
    --------
    >>> from embkit.config import SkipGramConfig
    >>> bearable_centers(SkipGramConfig(subsample=0), np.array([50, 30, 20]))
    50
    >>> faster = SkipGramConfig(subsample=0, learning_rate=0.05)
    >>> bearable_centers(faster, np.array([50, 30, 20]))
    25
    """
    kept = counts * keep_probabilities(vars(config), counts)
    usual = type(config).learning_rate
    most = MOST_OF_A_WORD * usual / config.learning_rate * kept.sum() / kept.max()
    return max(1, int(min(most, MOST_WARPS)))


def _block_refusal(config: Word2VecConfig, number: int, found: dict[str, Any]) -> str | None:
    """Return why a GPU has no room for a block's noise words, and what would fit; or None."""
    dim, window, count = config.dim, config.window, config.block_negatives
    needed, has = _native.cuda().block_shared_bytes, found["shared_bytes_per_block"]
    if config.negative_sharing != "block" or needed(dim, window, count) <= has:
        return None
    most = {
        "dim": bisect_right(range(1, dim), has, key=lambda d: needed(d, window, count)),
        "block_negatives": bisect_right(
            range(1, count), has, key=lambda n: needed(dim, window, n)
        ),
    }
    fitting = [f"{name} at most {value}" for name, value in most.items() if value > 0]
    return (
        f"negative_sharing must be window or pair on cuda:{number} ({found['name']}) with dim "
        f"{dim}, window {window} and block_negatives {count}, got block: its rows need "
        f"{needed(dim, window, count)} bytes of shared memory of {has}: use "
        + ", or ".join([*fitting, "device cpu"])
    )


def settle_device(config: Word2VecConfig) -> Word2VecConfig:
    """Return the configuration with a device that is there: ``cpu`` or ``cuda:N``.

    ``auto`` is the first GPU where one can be used for these options, else the processor, with
    a note that says why.

    Raises
    ------
    CudaError
        If a GPU was asked for and cannot be used.
    ResourceError
        If it has no memory left to begin with.
    ValueError
        If its shared memory is too small for noise words that a block shares.

    Examples
    --------
    >>> from embkit.config import SkipGramConfig
    >>> settle_device(SkipGramConfig(device="cpu")).device
    'cpu'
    """
    wanted = parse_device(config.device)
    if wanted.kind == "cpu":
        return config
    index = wanted.index or 0
    try:
        if wanted.kind == "auto" and (refusal := config.cuda_refusal()) is not None:
            raise CudaError(refusal)
        found = _native.cuda().use_device(index)
        if (refusal := _block_refusal(config, index, found)) is not None:
            raise (ValueError if wanted.kind == "cuda" else CudaError)(refusal)
    except CudaError as error:
        if wanted.kind == "cuda":
            with _telling_memory(index):
                raise
        logger.warning("device auto: training on the cpu, since %s", error)
        return dataclasses.replace(config, device="cpu")
    logger.info("training on cuda:%d, %s", index, found["name"])
    if config.negative_sharing == "block":
        logger.warning(
            "negative_sharing block: the quality of what a GPU trains so has not been measured"
        )
    return dataclasses.replace(config, device=f"cuda:{index}")


class CudaWord2Vec:
    """A model that trains on a GPU, with the methods of the core's ``Word2Vec``.

    The host keeps a model of the core's too: it makes the first rows and the words' tables,
    and what was trained is copied back into it when somebody asks for the rows.
    """

    def __init__(
        self, config: Word2VecConfig, options: dict[str, Any], corpus: EncodedCorpus
    ) -> None:
        counts = corpus.vocabulary.counts
        assert counts is not None  # an encoded corpus always has them
        self._host = core.Word2Vec(options, corpus.ids, corpus.sentence_offsets, counts)
        self._options = self._device_options(config, options, bearable_centers(config, counts))
        self._corpus = corpus
        self._number = parse_device(config.device).index or 0
        self._cuda = _native.cuda()
        with self._telling_memory():
            self.device = self._cuda.use_device(self._number)
        self._session: Any = None  # from the first step to the last, from the rows as they are
        self._is_stale = False  # the host's rows are older than the session's
        self._is_torn = False
        self._counters = self._host.counters()

    def _device_options(
        self, config: Word2VecConfig, options: dict[str, Any], bearable: int
    ) -> dict[str, Any]:
        return {
            **options,
            "negative_sharing": config.negative_sharing,
            "block_size": config.block_size,
            "loss_mask": self._host.loss_mask(),
            "batch_tokens": min(BATCH_TOKENS, bearable) if config.deterministic else 0,
            "most_resident": MOST_RESIDENT,
            "max_warps": MAX_WARPS or bearable,
            "shared_words": SHARED_WORDS,
            "prefetch": PREFETCH,
        }

    def _open(self) -> Any:  # noqa: ANN401  (the type is in a module that may be missing)
        rows = self._host.view(False), self._host.view(True)
        with self._telling_memory():
            session = self._cuda.Session(
                self._number,
                self._options,
                *(self._corpus.ids, self._corpus.sentence_offsets),
                self._host.tables(),
                *rows,
            )
            if self._counters["tokens"] > 0:
                session.restore(*rows, self._counters)
        return session

    def _telling_memory(self) -> contextlib.AbstractContextManager[None]:
        needed = self._host.view(False).nbytes + self._host.view(True).nbytes
        return _telling_memory(self._number, needed)

    def train(
        self,
        threads: int,
        on_progress: Callable[[], object],
        max_blocks: int = 0,
    ) -> bool:
        """Train on, and tell whether all is done; once on_progress returns True, pause.

        The device's memory is given back at the end, and where an exception ends this.

        Raises
        ------
        CudaError
            If the GPU refuses something.
        DivergenceError
            If a logit is not finite.
        ResourceError
            If the GPU has too little memory.
        """
        is_done = True
        try:
            if self._session is None:
                self._session = self._open()
            self._is_stale = True
            is_done = bool(self._session.train(on_progress))
        finally:
            if is_done:  # or an exception ends it
                self._close()
        return is_done

    def _close(self) -> None:
        try:
            if self._session is None or not self._session.is_consistent():
                self._is_torn = True
                return
            self._counters = self.counters()
            self._download()
        except (CudaError, ResourceError):
            self._is_torn = True
            raise
        finally:
            self._session = None

    def is_consistent(self) -> bool:
        """Tell whether the rows are those of whole steps, and can be had."""
        return not self._is_torn

    def counters(self) -> dict[str, Any]:
        """Return what a run needs to go on, beside the rows."""
        if self._session is None:
            return self._counters
        now = self._session.counters()
        return self._counters | {name: now[name] for name in now if name in self._counters}

    def restore(self, counters: dict[str, Any]) -> None:
        """Go on from counters, and from the rows in `view`."""
        self._host.restore(counters)
        self._counters = self._host.counters()

    def progress(self) -> tuple[int, float, int, float]:
        """Return tokens done, summed loss, pairs it is over, learning rate."""
        now = self.counters()
        return now["tokens"], now["loss"], now["num_pairs"], now["learning_rate"]

    def _download(self) -> None:
        if self._is_stale:
            with self._telling_memory():
                self._session.download(self._host.view(False), self._host.view(True))
            self._is_stale = False

    def view(self, is_output: bool) -> NDArray[np.float32]:
        """Return a matrix as it is now, padding included; changes count until training."""
        self._download()
        return self._host.view(is_output)

    def rows_are_finite(self) -> bool:
        """Tell whether all rows are finite."""
        self._download()
        return self._host.rows_are_finite()

    def take_input(self) -> NDArray[np.float32]:
        """Return the input rows; the model is empty of them afterwards."""
        return self._host.take_input()

    def take_output(self) -> NDArray[np.float32]:
        """Return the output rows; the model is empty of them afterwards."""
        return self._host.take_output()
