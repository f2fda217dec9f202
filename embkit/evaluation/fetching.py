"""Bringing data sets into their folder: from the network, or from a file of the user's."""

from __future__ import annotations

import shutil
from pathlib import Path

from embkit.errors import DownloadError
from embkit.evaluation.named import read_file
from embkit.evaluation.readers import read_translations
from embkit.evaluation.registry import by_hand, check_file, data_folder, find_entry
from embkit.output import OutputFile


def fetch(name: str, *, progress: bool = False) -> Path:
    """Bring a set into the folder of data sets, checked by its sha256, and return its path.

    Raises
    ------
    DownloadError
        If it cannot be had: no network, another answer than the file, a wrong checksum.
    OSError
        If the folder cannot be written to.
    ValueError
        If the name is unknown, or the set must be had by hand.
    """
    entry = find_entry(name)
    if entry.url is None:
        raise ValueError(f"data set {entry.name} cannot be fetched: {by_hand(entry)}")
    import pooch

    pooch.get_logger().setLevel("WARNING")
    folder = data_folder()
    known = None if entry.sha256 is None else f"sha256:{entry.sha256}"
    place = pooch.create(
        folder, base_url="", registry={entry.file: known}, urls={entry.file: entry.url}
    )
    downloader = pooch.HTTPDownloader(progressbar=progress, timeout=30)
    try:
        return Path(place.fetch(entry.file, downloader=downloader))
    except ValueError as error:
        raise DownloadError(f"{entry.name}: {entry.url}: {error}") from error
    except OSError as error:
        if not type(error).__module__.startswith(("requests", "urllib3")):
            raise
        raise DownloadError(f"{entry.name}: {entry.url}: {_first_cause(error)}") from error


def _first_cause(error: BaseException) -> str:
    """Return the innermost reason of a failed request, on one line."""
    reason: object = error
    while isinstance(reason, BaseException) and reason.args:
        inner = getattr(reason, "reason", None) or reason.args[0]
        if inner is reason or not isinstance(inner, BaseException):
            break
        reason = inner
    text = " ".join(str(reason).split())
    return f"cannot be reached ({text})" if isinstance(reason, BaseException) else text


def import_file(name: str, source: Path, *, overwrite: bool = False) -> Path:
    """Put a file or folder that the user has into the folder of data sets; return its path.

    Raises
    ------
    FormatError
        If it is not the set of the registry, or malformed.
    OutputExistsError
        If the set is there and ``overwrite`` is false.
    ValueError
        If the name is unknown.
    """
    entry = find_entry(name)
    check_file(entry, source)
    if entry.kind == "translations":
        read_translations(source)
    else:
        known = entry.columns if entry.kind in ("similarity", "categorization") else None
        read_file(entry.kind, source, columns=known if source.is_file() else None)
    target = data_folder() / entry.file
    files = [source] if source.is_file() else sorted(source.rglob("*.txt"))
    for file in files:
        path = target if source.is_file() else target / file.relative_to(source)
        path.parent.mkdir(parents=True, exist_ok=True)
        with OutputFile(path, overwrite=overwrite) as out, file.open("rb") as stream:
            shutil.copyfileobj(stream, out)
    return target
