"""Output files that are whole or absent: written beside, checked, and renamed into place."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import platform
import re
import secrets
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

from embkit.errors import LockedError, OutputError, OutputExistsError

_STREAMS = {"-": 1, "/dev/stdout": 1, "/dev/stderr": 2}
_NUMBERED_STREAM = re.compile(r"(?:/dev|/proc/self)/fd/([0-9]{1,9})")


class OutputFile:
    """One output, replaced atomically: readers see the old file or the new one, whole.

    Open it before the work starts, so that a missing or read-only folder, or an output that
    must not be overwritten, is found first. The bytes go to a temporary file in the same
    folder; leaving the ``with`` block flushes, syncs and renames it, and an exception
    removes it and leaves the old file as it was. A symbolic link keeps its place: its target is
    replaced. Pipes, devices and ``-`` (standard output) are written to directly.

    Parameters
    ----------
    path : str or path
        The output.
    overwrite : bool
        Replace an existing file, keeping its mode.

    Raises
    ------
    OutputExistsError
        If the file exists and ``overwrite`` is false.
    OutputError
        If the folder does not exist.
    OSError
        If the folder is not writable, or the disk is full.

    Examples
    --------
    >>> path = getfixture("tmp_path") / "words.txt"
    >>> with OutputFile(path) as stream:
    ...     _ = stream.write(b"the cat")
    >>> path.read_bytes()
    b'the cat'
    """

    def __init__(self, path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
        self.path = os.fspath(path)
        self.overwrite = overwrite
        self._temporary: Path | None = None  # none when the output is streamed to
        self._old_mode: int | None = None
        if (descriptor := stream_number(self.path)) is not None:
            self.stream = _open_descriptor(descriptor, self.path)
            return
        status = _stat(self.path)
        if status is not None and stat.S_ISDIR(status.st_mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), self.path)
        if status is not None and not stat.S_ISREG(status.st_mode):
            self.stream = Path(self.path).open("wb")  # noqa: SIM115
            return
        if status is not None:
            if not overwrite:
                raise exists_error(self.path)
            self._old_mode = stat.S_IMODE(status.st_mode)
        self._target = Path(os.path.realpath(self.path))
        self._temporary = temporary_name(self._target)
        self.stream = self._create(self._temporary)

    def _create(self, temporary: Path) -> BinaryIO:
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            descriptor = os.open(temporary, flags, 0o600)
        except FileNotFoundError:
            raise OutputError(
                errno.ENOENT, "the output's folder does not exist", self.path
            ) from None
        except OSError as error:
            error.filename = self.path
            raise
        with contextlib.suppress(OSError):  # says that it is in use; some systems have no locks
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        try:
            return os.fdopen(descriptor, "wb", 1 << 20)
        except BaseException:  # no memory for the buffer; fdopen has closed the descriptor
            temporary.unlink()
            raise

    @property
    def is_streamed(self) -> bool:
        """Whether the output is a pipe, a device or standard output: it cannot be mapped."""
        return self._temporary is None

    def commit(self) -> None:
        """Put the new file in place. The stream is closed.

        Raises
        ------
        OSError
            If anything fails to reach the disk; the old file is then as it was.
        OutputExistsError
            If the file appeared meanwhile and ``overwrite`` is false.
        """
        try:
            self.stream.flush()
            if self._temporary is not None:
                mode = self._old_mode if self._old_mode is not None else 0o666 & ~_umask()
                os.fchmod(self.stream.fileno(), mode)
                _sync_file(self.stream.fileno())
            self.stream.close()
            if self._temporary is not None:
                self._put_in_place(self._temporary)
        except BaseException as error:
            self.discard()
            if isinstance(error, OSError) and error.filename is None:
                error.filename = self.path
            raise

    def _put_in_place(self, temporary: Path) -> None:
        if self.overwrite:
            temporary.replace(self._target)
        else:
            _rename_new(temporary, self._target, self.path)
        self._temporary = None
        sync_folder(self._target.parent)

    def discard(self) -> None:
        """Remove what was written; the old file stays as it was."""
        with contextlib.suppress(OSError):
            self.stream.close()
        if self._temporary is not None:
            self._temporary.unlink(missing_ok=True)
            self._temporary = None

    def __enter__(self) -> BinaryIO:
        return self.stream

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            self.commit()
            return
        self.discard()
        if isinstance(error, OSError) and error.filename is None:
            error.filename = self.path  # a failed write does not know its file


def temporary_folder() -> str:
    """Return where files without a name go that the work needs: TMPDIR, or the system's.

    Raises
    ------
    OutputError
        If no folder for them can be written.
    """
    import tempfile

    try:
        return tempfile.gettempdir()
    except FileNotFoundError as error:
        reason = "no folder for temporary files can be written; TMPDIR names one"
        raise OutputError(errno.ENOENT, reason, os.environ.get("TMPDIR", "/tmp")) from error


def temporary_name(target: Path) -> Path:
    """Return a new name beside a file, for what is to take its place."""
    return target.with_name(f".{target.name[:40]}.{secrets.token_hex(8)}.part")


def remove_orphans(target: Path) -> None:
    """Remove what processes that were killed left beside a file instead of its new content."""
    pattern = re.compile(rf"\.{re.escape(target.name[:40])}\.[0-9a-f]{{16}}\.part")
    for path in target.parent.glob(".*.part"):
        if not pattern.fullmatch(path.name):
            continue
        with contextlib.suppress(OSError):  # in use, or gone meanwhile
            descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                path.unlink()
            finally:
                os.close(descriptor)


def exists_error(path: str) -> OutputExistsError:
    """Return the error for an output that exists and was not to be overwritten."""
    return OutputExistsError(f"{path} exists: overwrite must be given to replace it")


def stream_number(path: str) -> int | None:
    """Return the number of the open stream that a name means, None where it means a file.

    Examples
    --------
    >>> stream_number("-"), stream_number("/dev/fd/63"), stream_number("model")
    (1, 63, None)
    """
    found = _NUMBERED_STREAM.fullmatch(path)
    return int(found[1]) if found else _STREAMS.get(path)


def _open_descriptor(number: int, name: str) -> BinaryIO:
    """Write on where an open stream is: what it holds already stays."""
    sys.stdout.flush()
    try:
        return open(number, "wb", closefd=False)
    except OSError as error:
        error.filename = name
        raise


def _stat(path: str) -> os.stat_result | None:
    with contextlib.suppress(FileNotFoundError):
        return Path(path).stat()
    return None


def _umask() -> int:
    umask = os.umask(0o077)  # strict, should another thread create a file meanwhile
    os.umask(umask)
    return umask


def _rename_new(temporary: Path, target: Path, shown: str) -> None:
    try:
        os.link(temporary, target)  # unlike a rename, fails if the target has appeared
    except FileExistsError:
        raise exists_error(shown) from None
    except OSError:  # a file system without hard links
        if target.exists():
            raise exists_error(shown) from None
        temporary.rename(target)
    else:
        temporary.unlink()


def _sync_file(descriptor: int) -> None:
    """Have the disk keep a file; on macOS fsync alone leaves it in the disk's own memory."""
    os.fsync(descriptor)
    if (full_sync := getattr(fcntl, "F_FULLFSYNC", None)) is None:
        return
    try:
        fcntl.fcntl(descriptor, full_sync)
    except OSError as error:
        if error.errno not in (errno.ENOTSUP, errno.EINVAL, errno.ENOTTY):
            raise  # these say that the file system does not have it


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable, where the system can."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        with contextlib.suppress(OSError):  # some network file systems refuse
            os.fsync(descriptor)
    finally:
        with contextlib.suppress(OSError):  # nothing was written through it
            os.close(descriptor)


def check_folder(folder: Path) -> None:
    """Raise if a folder that gets outputs neither is there nor can be made.

    Raises
    ------
    NotADirectoryError
        If it is a file.
    OutputError
        If the folder above it does not exist.
    """
    if folder.exists() and not folder.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, "not a folder", str(folder))
    if not folder.absolute().parent.is_dir():
        raise OutputError(errno.ENOENT, "the output's folder does not exist", str(folder))


@contextlib.contextmanager
def made_folder(folder: Path) -> Iterator[None]:
    """Make a folder where there is none; one made here goes again if nothing gets into it.

    Raises
    ------
    OSError
        If it cannot be made; as `check_folder`.
    """
    check_folder(folder)
    is_new = not folder.exists()
    folder.mkdir(exist_ok=True)
    try:
        if is_new:
            sync_folder(folder.absolute().parent)
        yield
    finally:
        if is_new:
            with contextlib.suppress(OSError):  # it is not empty
                folder.rmdir()


# What a lock file of ours holds: nothing when it is new, zeros after some losses of power.
_SIGNED = re.compile(rb"process \d+ on .*|\0*", re.DOTALL)
_NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL)


@contextlib.contextmanager
def locked(name: Path, held: str) -> Iterator[None]:
    """Hold a lock file; the system lets go of it when the process ends in any way.

    Some network file systems have no locks; there it only tells who writes.

    Raises
    ------
    FileExistsError
        If someone else's file has the name.
    LockedError
        If another process has it; ``held`` is what the message calls the thing locked.
    OSError
        If the file cannot be made.
    """
    descriptor = _hold(name, held)
    try:
        yield
    finally:
        name.unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # what it said is of no use any more
            os.close(descriptor)


def _hold(name: Path, held: str) -> int:
    """Return the descriptor of a lock file that this process has signed and holds."""
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    while True:
        descriptor = os.open(name, flags, 0o644)
        try:
            _lock(descriptor, held)
            if _is_open(name, descriptor):
                _sign(descriptor, name)
                return descriptor
        except BaseException as error:
            os.close(descriptor)
            if isinstance(error, OSError):
                error.filename = str(name)
            raise
        os.close(descriptor)  # the last holder has removed this very file meanwhile


def _lock(descriptor: int, held: str) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.read(descriptor, 200).decode("utf-8", "replace") or "another run"
        raise LockedError(f"{held} is being written by {holder}") from None
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise


def _is_open(name: Path, descriptor: int) -> bool:
    """Tell whether an open file still has its name."""
    try:
        return os.path.samestat(os.fstat(descriptor), name.stat())
    except FileNotFoundError:
        return False


def _sign(descriptor: int, name: Path) -> None:
    """Write into a lock file who holds it, unless it is a file of someone else's."""
    if not _SIGNED.fullmatch(os.read(descriptor, 200)):
        reason = "this file is no lock of embkit's, and has the name of one"
        raise FileExistsError(errno.EEXIST, reason)
    try:
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"process {os.getpid()} on {platform.node()}".encode(), 0)
    except OSError:
        name.unlink(missing_ok=True)
        raise
