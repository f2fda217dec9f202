"""The folder of a run: all that is needed to go on after an interruption.

It holds ``run.json`` (what the run is), ``corpus`` (the encoded text) or ``counts``, the rows
that it began with where they were given (``initial.safetensors``), ``log.jsonl`` and the
checkpoints. ``run.json`` is written last, so that a folder with one is complete.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeAlias

from embkit._native import core
from embkit._version import __version__
from embkit.checks import check_positive
from embkit.corpus import EncodedCorpus
from embkit.corpus.kept import load_corpus, save_corpus
from embkit.counts.cooccurrence import Cooccurrence
from embkit.errors import FormatError, OutputError
from embkit.output import OutputFile, locked, sync_folder
from embkit.training.checkpoint import Checkpoints
from embkit.training.glove_counts import COUNTS_NAME
from embkit.training.initial import InitialRows, load_initial, save_initial

FORMAT = "embkit run"
VERSION = 2  # 1 counted blocks of another size
METHODS_THAT_GO_FURTHER = {"glove"}
"""Methods whose first epochs are the same whatever the number of epochs."""
RunSource: TypeAlias = EncodedCorpus | Cooccurrence
EVERY = 600.0
"""Seconds between two checkpoints when nothing is said."""
_INITIAL = "initial.safetensors"
_NAMES = (
    *("run.json", "corpus", COUNTS_NAME, _INITIAL, "log.jsonl", "lock"),
    *("checkpoint-*.safetensors", ".*.part"),
)


@dataclass(frozen=True)
class RunFolder:
    """A run's folder, which need not exist yet."""

    path: Path
    checkpoint_every: float = EVERY
    """Seconds between two checkpoints."""
    output: Mapping[str, Any] | None = None
    """What the command line wants to know when it goes on."""
    checkpoint_at_end: bool = False
    """Also make a checkpoint when the training is done, to train on from there."""

    def __post_init__(self) -> None:
        check_positive("checkpoint_every", self.checkpoint_every)

    @property
    def log(self) -> Path:
        """The file that gets the reports, where no other is given."""
        return self.path / "log.jsonl"

    def is_begun(self) -> bool:
        """Tell whether there is a run to go on with."""
        return (self.path / "run.json").exists()

    @contextlib.contextmanager
    def begun(
        self,
        identity: dict[str, Any],
        source: RunSource,
        initial: InitialRows | None = None,
        *,
        goes_further: bool = False,
    ) -> Iterator[Checkpoints]:
        """Make the folder, or go on in it if it holds the same run, and hold it meanwhile.

        With ``goes_further`` the run in it may have fewer epochs.

        Raises
        ------
        LockedError
            If another process is at this run.
        OSError
            If the folder cannot be written.
        ValueError
            If the folder holds another run, or something else.
        """
        self._make()
        with self._held():
            if not self.is_begun():
                self._write(identity, source, initial)
            elif goes_further:
                refuse_differences(_without_epochs(self._identity()), _without_epochs(identity))
                self._describe(identity)
            else:
                refuse_differences(self._identity(), identity)
            checkpoints = self._checkpoints(identity)
            try:
                yield checkpoints
            finally:
                checkpoints.finish()

    def _identity(self) -> dict[str, Any]:
        return dict(read_run(self.path)["identity"])

    def _checkpoints(self, identity: dict[str, Any]) -> Checkpoints:
        if METHODS_THAT_GO_FURTHER & {identity["method"]}:
            identity = _without_epochs(identity)
        every, at_end = self.checkpoint_every, self.checkpoint_at_end
        return Checkpoints(self.path, identity, every, at_end=at_end)

    def check(self) -> None:
        """Make sure, before the text is read, that the folder can be made or gone on in.

        Raises
        ------
        OSError
            If it cannot be made or written to.
        ValueError
            If it holds something else.
        """
        parent = self.path.absolute().parent
        if not parent.is_dir():
            raise OutputError(
                errno.ENOENT, "the folder above the run's does not exist", str(self.path)
            )
        if self.path.exists() and not self.is_begun():
            ours = {path for name in _NAMES for path in self.path.glob(name)}
            if not self.path.is_dir() or set(self.path.iterdir()) - ours:
                raise ValueError(f"run must be a new folder or one of a run, got {self.path}")
        if not os.access(self.path if self.path.exists() else parent, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(self.path))

    def _make(self) -> None:
        self.check()
        self.path.mkdir(exist_ok=True)
        sync_folder(self.path.absolute().parent)

    @contextlib.contextmanager
    def _held(self) -> Iterator[None]:
        with locked(self.path / "lock", f"run {self.path}"):
            for orphan in self.path.glob(".*.part"):
                orphan.unlink()
            yield

    def _write(
        self, identity: dict[str, Any], source: RunSource, initial: InitialRows | None
    ) -> None:
        for old in (*self._checkpoints(identity).files(), self.path / COUNTS_NAME):
            old.unlink(missing_ok=True)
        if isinstance(source, EncodedCorpus):
            save_corpus(source, self.path / "corpus")
        else:
            source.save(self.path / COUNTS_NAME, overwrite=True)
        if initial is not None:
            save_initial(initial, self.path / _INITIAL)
        self._describe(identity)

    def _describe(self, identity: dict[str, Any]) -> None:
        content = {
            "format": FORMAT,
            "format_version": VERSION,
            "identity": identity,
            "checkpoint_every": self.checkpoint_every,
            "output": self.output,
        }
        with OutputFile(self.path / "run.json", overwrite=True) as stream:
            stream.write(json.dumps(content, indent=2).encode() + b"\n")

    def remove(self) -> None:
        """Remove the run's files, and the folder if nothing else is in it."""
        names = ["run.json", *(name for name in _NAMES if name not in ("run.json", "lock"))]
        for path in (path for name in names for path in self.path.glob(name)):
            path.unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            self.path.rmdir()


def identity_of(
    method: str, config: object, source: RunSource, initial: InitialRows | None = None
) -> dict[str, Any]:
    """Return all that a run's result depends on; ``config`` names the number of threads."""
    is_text = isinstance(source, EncodedCorpus)
    kept = {"digest": source.digest, "num_words": len(source.vocabulary)}
    identity = {
        "method": method,
        "config": asdict(config),  # type: ignore[call-overload]
        "corpus" if is_text else "counts": kept,
        **({} if initial is None else {"init_from": initial.identity()}),
        "simd": core.simd_level(),
        "embkit": __version__,
    }
    plain: dict[str, Any] = json.loads(json.dumps(identity))
    return plain


def _without_epochs(identity: Mapping[str, Any]) -> dict[str, Any]:
    config = {name: value for name, value in identity["config"].items() if name != "epochs"}
    return {**identity, "config": config}


def read_run(folder: Path) -> dict[str, Any]:
    """Return what ``run.json`` says.

    Raises
    ------
    FileNotFoundError
        If the folder holds no run that had begun to train.
    FormatError
        If the file is not one of ours.
    """
    path = folder / "run.json"
    try:
        content = json.loads(path.read_bytes())
    except (ValueError, RecursionError):
        content = None
    match content:
        case {
            "format": found,
            "format_version": version,
            "identity": {"method": str(), "config": dict(), "simd": str(), "embkit": str()},
            "checkpoint_every": int() | float(),
            "output": output,
        } if (found, version) == (FORMAT, VERSION) and _is_output(output):
            told = content["identity"]
            sources = [told[name] for name in ("corpus", "counts") if name in told]
            if len(sources) == 1 and _is_source(sources[0]):
                return dict(content)
    raise FormatError(path, None, None, f"it must be an {FORMAT} of version {VERSION}")


def _is_source(told: object) -> bool:
    return isinstance(told, dict) and isinstance(told.get("digest"), str)


def _is_output(told: object) -> bool:
    return told is None or (isinstance(told, dict) and isinstance(told.get("path", ""), str))


def read_source(folder: Path, identity: Mapping[str, Any]) -> RunSource:
    """Map the corpus or the counts of a run.

    Raises
    ------
    FormatError
        If they are damaged.
    """
    if "corpus" in identity:
        return load_corpus(folder / "corpus", identity["corpus"]["digest"])
    counts = Cooccurrence.open(folder / COUNTS_NAME, verify=True)
    if counts.digest != identity["counts"]["digest"]:
        raise FormatError(folder / COUNTS_NAME, None, None, "it holds another run's counts")
    return counts


def read_initial(folder: Path, identity: Mapping[str, Any]) -> InitialRows | None:
    """Map the rows that a run began with, None where they were random.

    Raises
    ------
    FormatError
        If they are damaged.
    """
    return load_initial(folder / _INITIAL) if "init_from" in identity else None


def refuse_differences(run: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """Raise ValueError with every difference between a run and what is asked for now.

    Examples
    --------
    >>> refuse_differences({"config": {"dim": 5, "seed": 1}}, {"config": {"dim": 7, "seed": 1}})
    Traceback (most recent call last):
        ...
    ValueError: the run must be the same to go on: dim is 5 in it, 7 now
    """
    then, wanted = _flat(run), _flat(now)
    names = dict.fromkeys([*then, *wanted])
    different = [
        f"{name} is {then.get(name)} in it, {wanted.get(name)} now"
        for name in names
        if then.get(name) != wanted.get(name)
    ]
    if then.get("simd") != wanted.get("simd"):
        different.append(f"EMBKIT_SIMD={then.get('simd')} chooses the run's")
    if different:
        raise ValueError(f"the run must be the same to go on: {', '.join(different)}")


def _flat(identity: Mapping[str, Any]) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in identity.items():
        if name in ("corpus", "counts", "init_from"):
            flat |= {f"{name} {part}": item for part, item in value.items()}
        elif isinstance(value, Mapping):
            flat |= value
        else:
            flat[name] = value
    return flat
