"""Readers of similarity, categorisation, outlier and association sets."""

from __future__ import annotations

import ast
import json
import logging
import math
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from embkit.errors import FormatError
from embkit.evaluation.defects import check_similarity, without_tags
from embkit.evaluation.rows import (
    WORD_BYTES,
    Row,
    Table,
    lines_of,
    read_table,
    read_text,
    rows_of,
)
from embkit.evaluation.sets import (
    CategorizationSet,
    OutlierGroup,
    OutlierSet,
    SimilaritySet,
    WeatSet,
    WeatTest,
)
from embkit.memory import ByteBudget

_log = logging.getLogger(__name__)
_LIST_BYTES = 320  # that the parser of Python's lists takes for a letter of one, at most
_JSON_BYTES = 64  # likewise that of JSON
PathLike = str | os.PathLike[str]

_SIMILARITY_COLUMNS = (
    ("word1", "w1", "source"),
    ("word2", "w2", "target"),
    ("similarity", "score", "humanmean", "simlex999", "human", "mean", "rating", "gold"),
)
_CATEGORY_COLUMNS = (("category", "class", "label"), ("word",))
_OUTLIER_COLUMNS = (("category", "name", "cluster"), ("words",), ("outliers",))


def set_name(path: PathLike, name: str | None) -> str:
    """Return the name of a set: the one given, else the file's without its ending."""
    return name if name is not None else Path(path).name.partition(".")[0]


def warned(path: PathLike, notes: Iterable[str]) -> tuple[str, ...]:
    """Log each note as a warning about the file, and return them."""
    notes = tuple(notes)
    for note in notes:
        _log.warning("%s: %s", os.fspath(path), note)
    return notes


def read_similarity(
    path: PathLike, *, columns: Sequence[str] | None = None, name: str | None = None
) -> SimilaritySet:
    r"""Read pairs of words with human scores.

    Fields are parted by tabs, commas, semicolons or blanks; ``#`` begins a comment. A header
    that names the columns tells where they are, in any order (word1, word2, and similarity,
    score, human or the like); without one they are the first, the second and the third,
    the fourth where the third holds a part of speech, as in SimVerb-3500.

    Parameters
    ----------
    path : str or path
        The file; gzip, bzip2, xz and zstd are told by content.
    columns : three of str, optional
        The columns of both words and the score: names out of the header, or numbers from 1.
    name : str, optional
        Name of the set; the file's when left out.

    Raises
    ------
    FormatError
        If a row has not the others' number of fields, a score is not a number, the file
        is empty or not UTF-8, or it is another set than its name says.

    Examples
    --------
    >>> path = getfixture("tmp_path") / "mine.tsv"
    >>> _ = path.write_text("tiger\tcat\t7.35\nking\tcabbage\t0.23\n")
    >>> read_similarity(path).pairs
    (('tiger', 'cat'), ('king', 'cabbage'))
    """
    table, positions = read_table(path, _SIMILARITY_COLUMNS, columns=columns)
    if positions is None:
        table, positions = _place_scores(table)
    rows = table.select(positions)
    pairs = tuple((row.fields[0], row.fields[1]) for row in rows)
    scores = np.array([_score(table.path, row) for row in rows])
    name = set_name(path, name)
    pairs, tagged = without_tags(pairs)
    notes = warned(path, (*tagged, *check_similarity(path, name, pairs, scores)))
    return SimilaritySet(name, pairs, scores, os.fspath(path), notes)


def _is_number(text: str) -> bool:
    try:
        return "_" not in text and math.isfinite(float(text))
    except ValueError:
        return False


def _score(path: str, row: Row) -> float:
    if not _is_number(row.fields[2]):
        reason = f"the score must be a number, got {row.fields[2]!r}"
        raise FormatError(path, row.line, None, reason)
    return float(row.fields[2])


def _place_scores(table: Table) -> tuple[Table, list[int]]:
    """Find the score of a table whose header, if it has one, names no known column."""
    rows = table.rows

    def score_column(row: Row) -> int | None:
        numeric = (i for i in (2, 3) if i < len(row.fields) and _is_number(row.fields[i]))
        return next(numeric, None)

    if score_column(rows[0]) is None and len(rows) > 1 and score_column(rows[1]) is not None:
        table, rows = Table(table.path, rows[0].fields, rows[1:]), rows[1:]
    column = score_column(rows[0])
    if column is None and _is_number(rows[0].fields[0]):
        reason = "the score stands in the first column: name the columns"
        raise FormatError(table.path, rows[0].line, None, reason)
    return table, [0, 1, 2 if column is None else column]


def read_categorization(
    path: PathLike, *, columns: Sequence[str] | None = None, name: str | None = None
) -> CategorizationSet:
    """Read words with their gold categories: the category first, unless a header tells.

    Parameters
    ----------
    path, name
        As in `read_similarity`.
    columns : two of str, optional
        The columns of category and word: names out of the header, or numbers from 1.

    Raises
    ------
    FormatError
        If the file is malformed, or has fewer than two categories.
    """
    table, positions = read_table(path, _CATEGORY_COLUMNS, columns=columns)
    positions = positions or [0, 1]
    kept = tuple(row for row in table.rows if row.fields[positions[1] :][:1] != ("",))
    empty = len(table.rows) - len(kept)
    if not kept:
        raise FormatError(path, table.rows[0].line, None, "no row has a word")
    rows = Table(table.path, table.header, kept).select(positions)
    categories = tuple(row.fields[0] for row in rows)
    if len(set(categories)) < 2:
        reason = f"categories must be at least 2, got {len(set(categories))}"
        raise FormatError(path, None, None, reason)
    notes = warned(path, [f"left out {empty} rows without a word"] if empty else [])
    words = tuple(row.fields[1] for row in rows)
    return CategorizationSet(set_name(path, name), words, categories, os.fspath(path), notes)


def read_outliers(path: PathLike, *, name: str | None = None) -> OutlierSet:
    """Read clusters with outliers.

    A table of category, words and outliers, the words parted by blanks or written as a list
    of Python; or a folder with one file for each cluster, its words above a blank line and
    the outliers below, as 8-8-8 is published (Camacho-Collados and Navigli 2016).

    Raises
    ------
    FormatError
        If a cluster has fewer than three words, or no outlier, or the file is malformed.
    """
    dropped = 0
    budget = ByteBudget()
    if Path(path).is_dir():
        groups = [_read_cluster(file, budget) for file in sorted(Path(path).glob("*.txt"))]
        if not groups:
            raise FormatError(path, None, None, "the folder has no .txt file")
    else:
        table, positions = read_table(path, _OUTLIER_COLUMNS)
        groups = []
        for row in table.select(positions or [0, 1, 2]):
            listed = [_words(table.path, row, field, budget) for field in row.fields[1:]]
            words, outliers = (tuple(filter(None, some)) for some in listed)
            dropped += sum(map(len, listed)) - len(words) - len(outliers)
            groups.append((row.line, OutlierGroup(row.fields[0], words, outliers)))
    notes = [f"left out {dropped} empty words"] if dropped else []
    for line, group in groups:
        if len(group.words) < 3 or not group.outliers:
            reason = f"{group.name!r}: words must be at least 3, outliers at least 1"
            raise FormatError(path, line, None, reason)
    found = tuple(group for _, group in groups)
    return OutlierSet(set_name(path, name), found, os.fspath(path), warned(path, notes))


def _words(path: str, row: Row, text: str, budget: ByteBudget) -> Sequence[str]:
    """Return the words of a field, among them the empty ones of a list."""
    if not text.startswith("["):
        budget.charge(path, row.line, WORD_BYTES * (text.count(" ") + 1))
        return text.split()
    budget.check(path, row.line, _LIST_BYTES * len(text))
    budget.charge(path, row.line, WORD_BYTES * (text.count(",") + 1))
    try:
        listed = ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        listed = None
    if not isinstance(listed, list) or not all(isinstance(word, str) for word in listed):
        raise FormatError(path, row.line, None, f"need a list of words, got {text[:60]!r}")
    return listed


def _read_cluster(path: Path, budget: ByteBudget) -> tuple[int | None, OutlierGroup]:
    text = read_text(path, budget)
    budget.charge(path, None, 3 * WORD_BYTES * (text.count("\n") + text.count("\r") + 1))
    text = "\n".join(lines_of(text)).strip()
    parts = [part.split("\n") for part in text.split("\n\n") if part.strip()]
    if len(parts) != 2:
        reason = f"need the words, a blank line and the outliers, got {len(parts)} parts"
        raise FormatError(path, None, None, reason)
    words, outliers = (tuple(word.strip() for word in part if word.strip()) for part in parts)
    return None, OutlierGroup(path.stem, words, outliers)


def read_weat(path: PathLike, *, name: str | None = None) -> WeatSet:
    """Read association tests (Caliskan, Bryson and Narayanan 2017).

    A table of test, role, category and word, where the role is X or Y for targets and A or B
    for attributes; or the JSON of one test with ``targ1``, ``targ2``, ``attr1`` and ``attr2``,
    each a ``category`` with its ``examples``.

    Raises
    ------
    FormatError
        If a role is none of these, a test lacks one, or the file is malformed.
    """
    budget = ByteBudget()
    text = read_text(path, budget)
    if text.lstrip().startswith("{"):
        budget.check(path, None, _JSON_BYTES * len(text))
        tests = [_weat_of_json(path, text, set_name(path, name))]
    else:
        table = Table(os.fspath(path), None, tuple(rows_of(path, text, budget)))
        tests = _weat_of_rows(path, table.select([0, 1, 2, 3]))
    return WeatSet(set_name(path, name), tuple(tests), os.fspath(path))


def _weat_of_rows(path: PathLike, rows: Sequence[Row]) -> list[WeatTest]:
    roles: dict[str, dict[str, tuple[str, list[str]]]] = {}
    for row in rows:
        test, role, category, word = row.fields
        if role not in "XYAB" or len(role) != 1:
            raise FormatError(path, row.line, None, f"role must be X, Y, A or B, got {role!r}")
        _, words = roles.setdefault(test, {}).setdefault(role, (category, []))
        words.append(word)
    return [_weat_test(path, test, parts) for test, parts in roles.items()]


def _weat_of_json(path: PathLike, text: str, name: str) -> WeatTest:
    keys = {"targ1": "X", "targ2": "Y", "attr1": "A", "attr2": "B"}
    try:
        fields = json.loads(text)
        parts = {
            role: (str(fields[key]["category"]), [str(w) for w in fields[key]["examples"]])
            for key, role in keys.items()
        }
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        line = error.lineno if isinstance(error, json.JSONDecodeError) else None
        raise FormatError(path, line, None, f"not the JSON of a test: {error!r}") from None
    return _weat_test(path, name, parts)


def _weat_test(
    path: PathLike, name: str, parts: Mapping[str, tuple[str, Sequence[str]]]
) -> WeatTest:
    missing = [role for role in "XYAB" if role not in parts or not parts[role][1]]
    if missing:
        raise FormatError(path, None, None, f"{name!r} has no words in role {missing[0]}")
    x_name, y_name, a_name, b_name = (parts[role][0] for role in "XYAB")
    x, y, a, b = (tuple(parts[role][1]) for role in "XYAB")
    return WeatTest(name, x_name, y_name, a_name, b_name, x, y, a, b)


def read_translations(path: PathLike) -> dict[str, tuple[str, ...]]:
    """Read a word list with translations: in further columns or lines, or parted by ``/``.

    Words without a translation are left out, with a warning.

    Raises
    ------
    FormatError
        If no word has a translation, or the file is empty or not UTF-8.
    """
    found: dict[str, list[str]] = {}
    budget = ByteBudget()
    rows = rows_of(path, read_text(path, budget), budget)
    for row in rows:
        parts = (part.strip() for field in row.fields[1:] for part in field.split("/"))
        words = [part for part in parts if part]
        if words and row.fields[0]:
            budget.charge(path, row.line, 2 * WORD_BYTES * len(words))
            if (known := found.setdefault(row.fields[0], words)) is not words:
                known += words
    if not found:
        raise FormatError(path, rows[0].line, None, "need a word and its translations")
    lacking = sum(not any(row.fields[1:]) or not row.fields[0] for row in rows)
    warned(path, [f"left out {lacking} rows without a translation"] if lacking else [])
    return {word: tuple(dict.fromkeys(others)) for word, others in found.items()}
