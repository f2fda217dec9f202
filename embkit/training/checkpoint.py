"""Checkpoints: what a trainer needs to go on, in files that are whole or absent.

A checkpoint is one safetensors file. Its header holds a checksum of itself and one of each
tensor, so that any flipped bit and any truncation is seen.
"""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from embkit.errors import DivergenceError, FormatError
from embkit.file_arrays import map_array
from embkit.formats.checks import blocks, checksum
from embkit.formats.safetensors_header import (
    ITEM_DTYPES,
    Header,
    build_header,
    parse_json,
    read_header,
    to_json,
)
from embkit.output import OutputFile
from embkit.streams import open_file
from embkit.training.background import InBackground

FORMAT = "embkit checkpoint"
VERSION = "1"
KEPT = 2
"""Checkpoints of a run on disk: the last one, and the one before, should it be damaged."""

_WORTH_TELLING = 1 << 26
"""Bytes of a checkpoint that someone who waits for the end would notice."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class State:
    """A trainer between two blocks of its work."""

    counters: Mapping[str, Any]
    """How far it is, as JSON can hold it."""
    tensors: Mapping[str, NDArray[Any]]
    """Its arrays, contiguous; those of a trainer may be the ones that it works on."""

    def copy_into(
        self, arrays: Mapping[str, NDArray[Any]], counters: Mapping[str, Any]
    ) -> None:
        """Set a trainer's own arrays to these, if its counters have the same names.

        Raises
        ------
        ValueError
            If it is another trainer's state.
        """
        shapes = {name: array.shape for name, array in arrays.items()}
        if {name: array.shape for name, array in self.tensors.items()} != shapes:
            raise ValueError(f"a state of this run must have matrices of {shapes}")
        if set(self.counters) != set(counters):
            raise ValueError(f"a state of this run must have the counters {sorted(counters)}")
        for name, array in arrays.items():
            array[...] = self.tensors[name]


class Resumable(Protocol):
    """A trainer that checkpoints can be made of."""

    def state(self) -> State | None:
        """Return the state, or None where the trainer was stopped in the midst of a block."""

    def restore(self, state: State) -> None:
        """Go on from a state of the same run."""


def write_checkpoint(path: Path, state: State, identity: Mapping[str, Any]) -> None:
    """Write a checkpoint of the run that ``identity`` describes.

    Raises
    ------
    OSError
        If it cannot be written; there is no file of this name then.
    """
    _written(path, state, identity).commit()


def _written(path: Path, state: State, identity: Mapping[str, Any]) -> OutputFile:
    """Write a checkpoint that is not yet in its place, nor safe on the disk.

    The checksums are added up while the tensors are written; the header, which holds them and
    stands before, comes last.
    """
    tensors = state.tensors
    metadata = {
        "format": FORMAT,
        "format_version": VERSION,
        "identity": to_json(identity),
        "counters": to_json(state.counters),
    }
    widest = metadata | {"crc32": to_json(dict.fromkeys(tensors, 0xFFFFFFFF))}
    room = len(build_header(tensors, widest))
    output = OutputFile(path, overwrite=True)
    with contextlib.ExitStack() as discarded:
        stream = discarded.enter_context(output)
        sums = InBackground(lambda: {name: checksum(array) for name, array in tensors.items()})
        discarded.callback(sums.wait)  # or it would read what the trainer frees meanwhile
        stream.write(bytes(room))
        for array in tensors.values():
            for block in blocks(array):
                stream.write(block)
        stream.seek(0)
        metadata["crc32"] = to_json(sums.result())
        stream.write(build_header(tensors, metadata, room=room))
        stream.flush()
        discarded.pop_all()
    return output


def read_checkpoint(path: Path) -> tuple[State, dict[str, Any]]:
    """Map a checkpoint; return the state and the identity of its run.

    Raises
    ------
    FormatError
        If it is no checkpoint, or not as it was written.
    """
    with open_file(path) as stream:
        header = read_header(stream, path)
        _check_metadata(header, path)
        file = map_array(stream, np.uint8, name=path)
    sums, counters, identity = (
        _parse(header, path, name) for name in ("crc32", "counters", "identity")
    )
    tensors = {name: tensor.view(file) for name, tensor in header.tensors.items()}
    for name, array in tensors.items():
        if sums.get(name) != checksum(array):
            reason = f"tensor {name!r} is damaged: its checksum differs"
            raise FormatError(path, None, header.tensors[name].begin, reason)
    return State(counters, tensors), identity


def _parse(header: Header, path: Path, name: str) -> dict[str, Any]:
    try:
        return parse_json(header.metadata.get(name, "").encode("utf-8"))
    except ValueError as error:
        raise FormatError(path, None, 8, f"its {name} is not valid: {error}") from None


def _check_metadata(header: Header, path: Path) -> None:
    metadata = header.metadata
    if metadata.get("format") != FORMAT:
        raise FormatError(path, None, 8, "it is not a checkpoint")
    if not header.is_intact():
        raise FormatError(path, None, 8, "the header was changed after it was written")
    if metadata.get("format_version") != VERSION:
        found = metadata.get("format_version", "none")[:20]
        raise FormatError(path, None, 8, f"format_version must be {VERSION}, got {found!r}")
    for name, tensor in header.tensors.items():
        if tensor.dtype not in ITEM_DTYPES:
            reason = f"tensor {name!r} has the unknown dtype {tensor.dtype}"
            raise FormatError(path, None, tensor.begin, reason)


class Checkpoints:
    """The checkpoints of one run, numbered, in the run's folder.

    Parameters
    ----------
    folder : Path
        Where they are.
    identity : mapping
        What the run is; a checkpoint of another one is refused.
    every : float
        Seconds between two checkpoints.
    at_end : bool
        Whether one is made when the training is done.
    """

    def __init__(
        self, folder: Path, identity: Mapping[str, Any], every: float, *, at_end: bool = False
    ) -> None:
        self.folder = folder
        self.at_end = at_end
        self._identity = dict(identity)
        self._every = every
        self._damaged: set[Path] = set()
        self._last_time = time.monotonic()
        self._pending: InBackground[None] | None = None

    def files(self) -> list[Path]:
        """Return the files, the newest first."""
        found = self.folder.glob("checkpoint-*.safetensors")
        return sorted((path for path in found if _number(path) > 0), key=_number, reverse=True)

    def restore(self, trainer: Resumable) -> bool:
        """Set a trainer to the last checkpoint that is whole; False where there is none.

        Raises
        ------
        FormatError
            If every checkpoint is damaged.
        ValueError
            If they are of another run.
        """
        files = self.files()
        for path in files:
            try:
                state, identity = read_checkpoint(path)
            except FormatError as error:
                if path == files[-1]:
                    raise
                logger.warning("%s: the checkpoint before it is used", error)
                self._damaged.add(path)
                continue
            if identity != self._identity:
                raise ValueError(f"{path} must be a checkpoint of this run, got another's")
            trainer.restore(state)
            return True
        return False

    def is_due(self) -> bool:
        """Tell whether it is time for the next checkpoint, and the last one is on the disk."""
        if self._pending is not None and not self._pending.is_done():
            return False
        return time.monotonic() - self._last_time >= self._every

    def save(self, trainer: Resumable) -> None:
        """Write a checkpoint, and remove all others but the whole one before.

        One that cannot be written is reported; the run goes on, and the older ones stay.
        """
        self.begin_save(trainer)
        self.finish()

    def begin_save(self, trainer: Resumable) -> None:
        """Do the same, but wait neither for the disk nor for the removal: see `finish`.

        The trainer may go on: what it holds has been handed to the system.
        """
        self.finish()
        state = trainer.state()
        if state is None:
            logger.warning("stopped within a block: the checkpoint before stays the last one")
            return
        files = self.files()
        number = _number(files[0]) + 1 if files else 1
        whole = [path for path in files if path not in self._damaged]
        stale = set(files) - set(whole[: KEPT - 1])
        path = self.folder / f"checkpoint-{number:06d}.safetensors"
        with _reported():
            output = _written(path, state, self._identity)
            self._pending = InBackground(lambda: _put_in_place(output, stale))
        self._last_time = time.monotonic()

    def finish(self) -> None:
        """Wait until the checkpoint that was begun is on the disk, or reported."""
        if (pending := self._pending) is not None:
            pending.wait()  # which an interruption may end
            self._pending = None
            pending.result()


def _put_in_place(output: OutputFile, stale: Iterable[Path]) -> None:
    with _reported():
        output.commit()
        for old in stale:
            old.unlink(missing_ok=True)


@contextlib.contextmanager
def _reported() -> Iterator[None]:
    """Report a checkpoint that cannot be written: the training is worth more."""
    try:
        yield
    except OSError as error:
        logger.warning("no checkpoint: %s: %s", error.filename, error.strerror)


@contextlib.contextmanager
def saving_at_the_end(checkpoints: Checkpoints | None, trainer: Resumable) -> Iterator[None]:
    """Save a checkpoint where the training within is interrupted, but not where it diverged."""
    try:
        yield
    except DivergenceError:
        raise
    except BaseException:
        if checkpoints is not None:
            _tell_what_takes_time(trainer)
            checkpoints.save(trainer)
        raise
    if checkpoints is not None and checkpoints.at_end:
        checkpoints.save(trainer)


def _tell_what_takes_time(trainer: Resumable) -> None:
    state = trainer.state()
    size = 0 if state is None else sum(array.nbytes for array in state.tensors.values())
    if size >= _WORTH_TELLING:
        logger.warning("interrupted: a checkpoint of %d MiB is written", size >> 20)


def _number(path: Path) -> int:
    digits = path.stem.removeprefix("checkpoint-")
    return int(digits) if digits.isdecimal() else 0
