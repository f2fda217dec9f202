"""Counts in place of a corpus, as the commands that train on counts take them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING

from embkit.cli.loading import given_vocabulary, require_input
from embkit.cli.options import CountsRunOptions
from embkit.cli.own_files import kind_of
from embkit.config import CooccurrenceConfig

if TYPE_CHECKING:
    from embkit.counts.cooccurrence import Cooccurrence


def check_source(
    sources: Sequence[str], run: CountsRunOptions, config: CooccurrenceConfig
) -> None:
    """Make sure that there is a corpus or a file of counts, and options for either alone.

    Raises
    ------
    FileNotFoundError
        If there are no such counts.
    ValueError
        If there is neither, or both, or an option of counting beside counts that are made.
    """
    if run.cooccurrence is None:
        if not sources:
            raise ValueError(
                "corpus must be given: a text file, a folder, a glob, or -; or --cooccurrence"
            )
        if kind_of(Path(sources[0])) == "counts":
            raise ValueError(f"corpus must be text, got counts: --cooccurrence {sources[0]}")
        return
    require_input(run.cooccurrence)
    if sources:
        raise ValueError(f"corpus must be left out with --cooccurrence, got {sources[0]}")
    for name, is_given in (("cache", run.cache), ("invalid", run.invalid != "error")):
        if is_given:
            raise ValueError(f"{name} must be left out with --cooccurrence: no text is read")
    default = type(config)()
    for option in fields(CooccurrenceConfig):
        name = option.name
        if name in ("threads", "seed") or getattr(config, name) == getattr(default, name):
            continue
        raise ValueError(f"{name} must be left out with --cooccurrence: the counts are made")


def load_given_counts(path: Path, vocabulary: Path | None) -> Cooccurrence:
    """Load a file of counts, with the words of another file where it has none itself.

    Raises
    ------
    FormatError
        If the content of a file is wrong.
    ValueError
        If words are given for counts that have their own.
    """
    from embkit.counts.files import is_own_form, load_counts

    if vocabulary is not None and is_own_form(path):
        raise ValueError(f"vocabulary must be left out with {path}, which has its own words")
    return load_counts(path, given_vocabulary(vocabulary))
