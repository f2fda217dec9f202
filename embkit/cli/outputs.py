"""Outputs are reserved before the work: what cannot be written later is refused now."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from embkit.cli.options import CommonOptions
from embkit.errors import OutputError, OutputExistsError
from embkit.output import locked, remove_orphans, stream_number, temporary_name


@contextlib.contextmanager
def reserved_output(
    path: Path, *, overwrite: bool, inputs: Iterable[Path] = ()
) -> Iterator[None]:
    """Make sure that ``path`` can be written when the work is done, and hold it meanwhile.

    Raises
    ------
    OutputExistsError
        If it exists and is not to be overwritten.
    OutputError
        If its folder does not exist.
    LockedError
        If another run holds it.
    OSError
        If its folder refuses a new file.
    ValueError
        If it is one of the inputs.
    """
    is_standard = stream_number(str(path)) is not None  # as an input - is another stream
    if not is_standard and any(_is_same(path, source) for source in inputs):
        raise ValueError(f"output must not be an input, got {path}")
    if is_stream(path):
        yield
        return
    if not overwrite and any(file.is_file() for file in _targets(path)):
        raise OutputExistsError(f"output {path} exists; --overwrite replaces it")
    target = Path(os.path.realpath(path))  # a link keeps its place
    if not target.name:
        raise ValueError(f"output must be a file or a folder in another, got {path}")
    if not target.parent.is_dir():
        raise OutputError(errno.ENOENT, "the output's folder does not exist", str(path))
    _try_writing(path)
    lock = target.with_name(f".{target.name}.lock")  # hidden: a folder with texts may hold it
    with locked(lock, f"output {path}"):
        for replaced in (target, *_targets(target)):
            remove_orphans(replaced)
        yield


def inputs_of(sources: Iterable[str], *others: Path | None) -> list[Path]:
    """Return what a command reads: its texts, in folders and globs one by one, and more."""
    from embkit.corpus.sources import expand

    texts = [Path(name) for source in sources for name in expand(source)]
    return [*texts, *(other for other in others if other is not None)]


def check_log(log: Path | None, *others: Path) -> None:
    """Make sure that no lines are added to an input or an output.

    Raises
    ------
    ValueError
        If ``log`` is one of the others, or no file's name.
    """
    if log is not None and str(log) == "-":
        raise ValueError("log must be a file, got - (/dev/stdout is standard output)")
    if log is None or is_stream(log):
        return
    if any(_is_same(log, other) for other in others):
        raise ValueError(f"log must not be an input or the output, got {log}")


def check_apart(run: Path, output: Path) -> None:
    """Make sure that the folder of a run and its output do not get into each other.

    Raises
    ------
    ValueError
        If they are the same, or one is within the other.
    """
    if is_stream(output):
        return
    one, other = (Path(os.path.realpath(path)) for path in (run, output))
    pairs = [(one, above) for above in (other, *other.parents)]
    pairs += [(other, above) for above in one.parents]
    if any(_is_same(*pair) for pair in pairs):
        raise ValueError(
            "run and output must be different, and neither in the other, "
            f"got {run} and {output}"
        )


def check_holds_output(path: Path, name: str) -> None:
    """Make sure that an output can hold output vectors, which are to be kept.

    Raises
    ------
    ValueError
        If its format, which ``name`` is of, has no place for them.
    """
    if name not in ("directory", "safetensors", "npz"):
        raise ValueError(
            "keep_output needs a folder, a .safetensors or a .npz file as its output, "
            f"got {path}"
        )


def check_distinct(paths: Iterable[Path]) -> None:
    """Make sure that no output would replace another one, or be mixed with it.

    Raises
    ------
    ValueError
        If a file or a standard stream is named twice.
    """
    seen: list[Path] = []
    for path in paths:
        if any(_is_same_output(path, other) for other in seen):
            raise ValueError(f"outputs must be different files, got {path} twice")
        seen.append(path)


def _is_same_output(one: Path, other: Path) -> bool:
    numbers = [stream_number(str(path)) for path in (one, other)]
    if numbers != [None, None]:
        return numbers[0] == numbers[1]
    return not is_stream(one) and _is_same(one, other)  # of a device each may have its part


def _is_same(one: Path, other: Path) -> bool:
    if one.exists() and other.exists():
        return one.samefile(other)
    return os.path.realpath(one) == os.path.realpath(other)


def try_space(path: Path, num_bytes: int) -> None:
    """Make sure that so many bytes fit beside an output, by having them allocated for a moment.

    Raises
    ------
    OSError
        If they do not; where the file system cannot tell, nothing.
    """
    if is_stream(path) or num_bytes < 1 or not hasattr(os, "posix_fallocate"):
        return
    probe = temporary_name(_targets(path)[0])
    try:
        with contextlib.ExitStack() as stack:
            file = stack.enter_context(probe.open("xb"))
            stack.callback(probe.unlink, missing_ok=True)
            os.posix_fallocate(file.fileno(), 0, num_bytes)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.EOPNOTSUPP, errno.ENODEV, errno.ENOSYS):
            error.filename = str(path)
            raise


def is_stream(path: Path) -> bool:
    """Tell whether ``path`` is written to as it is: standard output, a pipe, a device."""
    is_other = path.exists() and not path.is_file() and not path.is_dir()
    return stream_number(str(path)) is not None or is_other


def tells_json(common: CommonOptions, *outputs: Path) -> bool:
    """Tell whether to print JSON: asked for, and no output goes to standard output itself."""
    return common.json and not any(stream_number(str(output)) == 1 for output in outputs)


def _targets(path: Path) -> list[Path]:
    """Return the files that a temporary one may stand beside, the main one first."""
    path = Path(os.path.realpath(path))
    if not path.is_dir():
        return [path]
    from embkit.formats.safetensors_header import CARD_NAME, FILE_NAME

    return [path / FILE_NAME, path / CARD_NAME]


def _try_writing(path: Path) -> None:
    probe = temporary_name(_targets(path)[0])
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        descriptor = os.open(probe, flags, 0o600)
    except FileNotFoundError:  # a folder of the system's own, or one that went meanwhile
        raise OutputError(
            errno.ENOENT, "the output's folder takes no new file", str(path)
        ) from None
    except OSError as error:
        error.filename = str(path)
        raise
    try:
        os.close(descriptor)
    except OSError as error:
        error.filename = str(path)
        raise
    finally:
        probe.unlink(missing_ok=True)
