"""What a run trains: begun now, or gone on with from its folder."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from embkit.checks import check_choice
from embkit.config import VocabularyConfig
from embkit.corpus import EncodedCorpus
from embkit.counts.cooccurrence import Cooccurrence
from embkit.device import available_threads
from embkit.embeddings import Embeddings
from embkit.training.initial import InitialRows
from embkit.training.methods import METHODS, make_config
from embkit.training.run import (
    METHODS_THAT_GO_FURTHER,
    RunFolder,
    identity_of,
    read_initial,
    read_source,
)


@dataclass(frozen=True)
class Work:
    """What is to be trained, on what, from where."""

    method: str
    config: VocabularyConfig
    source: EncodedCorpus | Cooccurrence
    initial: InitialRows | None = None

    def run(self, reports: dict[str, Any], **more: Any) -> Embeddings:  # noqa: ANN401
        """Train, and return what came out; ``more`` goes to the method's function."""
        method = METHODS[self.method]
        run = method.run if isinstance(self.source, EncodedCorpus) else method.run_on_counts
        if run is None:
            raise ValueError(f"corpus must be text for {self.method}, got counts")
        if self.initial is not None:
            more["initial"] = self.initial
        return run(self.source, self.config, **more, **reports)

    def run_in(
        self,
        folder: RunFolder,
        reports: dict[str, Any],
        keep_run: bool,
        *,
        goes_further: bool = False,
    ) -> Embeddings:
        """Train in a run's folder, which is removed after success unless it is to be kept."""
        config = self.config
        if getattr(config, "threads", 1) is None:
            config = dataclasses.replace(config, threads=available_threads())  # type: ignore[call-arg]
        if reports["log"] is None:
            reports = {**reports, "log": folder.log}
        identity = identity_of(self.method, config, self.source, self.initial)
        begun = folder.begun(identity, self.source, self.initial, goes_further=goes_further)
        with begun as checkpoints:
            work = dataclasses.replace(self, config=config)
            vectors = work.run(reports, checkpoints=checkpoints)
        if not keep_run:
            folder.remove()
        return vectors


def open_run(content: Mapping[str, Any], folder: Path, epochs: int | None = None) -> Work:
    """Return what the run in ``folder`` trains, where ``content`` is what ``run.json`` says.

    Raises
    ------
    FormatError
        If the corpus, the counts or the rows that the run began with are damaged.
    ValueError
        If the method, an option or ``epochs`` is none that a run can have.
    """
    identity = content["identity"]
    method = identity["method"]
    check_choice("method", method, tuple(METHODS))
    fixed = dict(METHODS[method].fixed)
    options = {name: value for name, value in identity["config"].items() if name not in fixed}
    if epochs is not None:
        _check_epochs(method, epochs, options["epochs"])
        options["epochs"] = epochs
    config = make_config(method, options)
    source = read_source(folder, identity)
    return Work(method, config, source, read_initial(folder, identity))


def _check_epochs(method: str, epochs: int, before: int) -> None:
    if method not in METHODS_THAT_GO_FURTHER:
        raise ValueError(
            f"epochs must be left out for {method}, whose learning rate falls to the end of "
            "its epochs; init_from trains its vectors further"
        )
    if epochs < before:
        raise ValueError(f"epochs must be at least {before}, those of the run, got {epochs}")
