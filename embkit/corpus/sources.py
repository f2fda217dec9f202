"""Where text comes from: files, folders, patterns, pipes and standard input."""

from __future__ import annotations

import contextlib
import errno
import glob
import os
import select
import stat
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias

from embkit.compression import detect_compression
from embkit.errors import CorpusError, FormatError
from embkit.streams import naming, open_input

PathLike: TypeAlias = "str | os.PathLike[str]"
Reader: TypeAlias = "int | Callable[[memoryview], int | None]"
Signature: TypeAlias = "tuple[int, int, int, int]"

STDIN = "-"
_HEAD = 10  # bytes that tell every compression
_POLL_MILLISECONDS = 100
_RUN_HEAD = 4096  # bytes of run.json in which its mark is
RUN_MARK = b'"format": "embkit run"'
"""What tells the folder of a run, which is no text."""


def signature_of(status: os.stat_result) -> Signature:
    """Return what changes when a file is written to or replaced."""
    return (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)


@dataclass(frozen=True)
class InputFile:
    """A file as it was found, before any work."""

    path: str
    status: os.stat_result

    @property
    def is_regular(self) -> bool:
        """Tell whether it can be read again, and has a size."""
        return self.path != STDIN and stat.S_ISREG(self.status.st_mode)

    def check_unchanged(self, descriptor: int | None = None) -> None:
        """Raise FormatError unless the file, open or by its name, is as it was found."""
        found = signature_of(self.status)
        with contextlib.suppress(FileNotFoundError):
            if signature_of(os.stat(descriptor or self.path)) == found:  # noqa: PTH116
                return
        raise FormatError(self.path, None, None, "the file changed while it was read")


@dataclass(frozen=True)
class FileSources:
    """Input files in the order of reading; read once, by ``open_all``."""

    files: Sequence[InputFile]
    _pipes: dict[str, BinaryIO] = field(default_factory=dict)

    @property
    def total_bytes(self) -> int | None:
        """Bytes to read, where all files are plain and regular."""
        sizes = [
            file.status.st_size
            for file in self.files
            if file.is_regular and _compression_of(file.path) is None
        ]
        return sum(sizes) if len(sizes) == len(self.files) else None

    def open_pipes(self, stack: ExitStack) -> None:
        """Open what may block, on the calling thread, so that Ctrl-C is heard."""
        for file in self.files:
            if not file.is_regular:
                self._pipes[file.path] = stack.enter_context(open_input(file.path))

    def open_all(self) -> Generator[tuple[bytes, Reader], None, None]:
        """Yield each file's name and open reader; the one before is closed by then."""
        for file in self.files:
            name = os.fsencode("<stdin>" if file.path == STDIN else file.path)
            if not file.is_regular:
                yield name, _pipe_reader(self._pipes.pop(file.path))
            elif _compression_of(file.path) is None:
                with Path(file.path).open("rb", buffering=0) as plain:
                    file.check_unchanged(plain.fileno())
                    yield name, plain.fileno()
                    file.check_unchanged(plain.fileno())
            else:
                with open_input(file.path) as stream:
                    yield name, stream.readinto  # type: ignore[attr-defined]
            if file.is_regular:
                file.check_unchanged()


def _status_of(path: str) -> os.stat_result:
    return os.fstat(0) if path == STDIN else os.stat(path)  # noqa: PTH116


def _compression_of(path: str) -> str | None:
    with Path(path).open("rb", buffering=0) as file, naming(path):
        return detect_compression(file.read(_HEAD))


def _pipe_reader(stream: BinaryIO) -> Callable[[memoryview], int | None]:
    raw: Any = stream.raw  # type: ignore[attr-defined]
    poll = select.poll()
    poll.register(raw.fileno(), select.POLLIN)

    def readinto(buffer: memoryview) -> int | None:
        # None, where nothing has come, lets the core see that it is to stop.
        return raw.readinto(buffer) if poll.poll(_POLL_MILLISECONDS) else None

    return readinto


def listed_paths(source: Any) -> Any:  # noqa: ANN401  (as encode takes it)
    """Return an iterable of paths as their list; of anything else what can be read once."""
    if isinstance(source, str | os.PathLike | list | tuple) or not isinstance(source, Iterable):
        return source
    entries = iter(source)
    for first in entries:
        entries = chain([first], entries)
        return list(entries) if isinstance(first, os.PathLike) else entries
    return entries


def find_files(source: PathLike | Sequence[PathLike]) -> FileSources:
    """Find the files that ``source`` names and check that each can be read.

    Raises
    ------
    OSError
        If a file is missing or may not be read.
    FormatError
        If a file is a device.
    CorpusError
        If a folder holds no file.
    TypeError
        If something else stands among the files.
    ValueError
        If an input that can be read only once is given twice, or a name is empty.
    """
    if isinstance(source, str | os.PathLike):
        try:
            files = [_checked(path) for path in expand(os.fspath(source))]
        except OSError as error:
            if error.errno != errno.ENAMETOOLONG:
                raise
            hint = "File name too long; if this is the text, split it into lists of tokens"
            raise OSError(error.errno, hint, f"{os.fspath(source)[:40]}...") from None
    else:
        for place, entry in enumerate(source, 1):
            if not isinstance(entry, str | os.PathLike):
                what = f"got {type(entry).__name__} as entry {place} of a list of files"
                raise TypeError(f"a corpus must be files or lists of tokens, not both, {what}")
        try:
            files = [_checked(path) for entry in source for path in expand(os.fspath(entry))]
        except FileNotFoundError as error:
            hint = "No such file; if these are sentences, it looks like you passed strings"
            raise FileNotFoundError(errno.ENOENT, hint, error.filename) from None
    pipes = Counter(file.path for file in files if not file.is_regular)
    for path, times in pipes.items():
        if times > 1:
            raise ValueError(f"{path} must be given once, since it is read once, got {times}")
    return FileSources(files)


def expand(path: str) -> list[str]:
    """Return the files that a file, folder, glob or ``-`` stands for, as they are read."""
    if not path:
        raise ValueError("a corpus must be a file, a folder, a glob or -, got ''")
    if path in (STDIN, "/dev/stdin"):
        return [STDIN]
    if Path(path).is_dir():
        found = _files_below(path)
        if not found:
            raise CorpusError(f"{path}: the folder holds no file that is not hidden")
        return found
    if os.path.lexists(path) or not glob.has_magic(path):
        return [path]
    found = sorted(name for name in glob.glob(path, recursive=True) if _is_text(Path(name)))  # noqa: PTH207
    if not found:
        raise FileNotFoundError(errno.ENOENT, "No file matches the pattern", path)
    return found


def _files_below(folder: str) -> list[str]:
    found = []
    for parent, folders, files in os.walk(folder):
        folders[:] = [
            name
            for name in folders
            if not (name.startswith(".") or _holds_run(Path(parent) / name))
        ]
        paths = (Path(parent) / name for name in files if not name.startswith("."))
        found += [str(path) for path in paths if path.is_file()]
    return sorted(found)


def _holds_run(folder: Path) -> bool:
    """Tell whether a folder is that of a run, whose output stands among the texts."""
    with contextlib.suppress(OSError), (folder / "run.json").open("rb") as file:
        return RUN_MARK in file.read(_RUN_HEAD)
    return False


def _is_text(path: Path) -> bool:
    return path.is_file() and not _holds_run(path.parent)


def _checked(path: str) -> InputFile:
    status = _status_of(path)
    if path != STDIN:
        if stat.S_ISCHR(status.st_mode) or stat.S_ISBLK(status.st_mode):
            raise FormatError(path, None, None, "this is a device, not a file")
        if not os.access(path, os.R_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)
    return InputFile(path, status)
