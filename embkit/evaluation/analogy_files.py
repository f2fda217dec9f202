"""Readers of analogy sets: word2vec's form, tables, and BATS's folder of pairs."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from itertools import permutations
from pathlib import Path

from embkit.errors import FormatError
from embkit.evaluation.readers import PathLike, set_name, warned
from embkit.evaluation.rows import (
    LONG_LINE,
    WORD_BYTES,
    Row,
    Table,
    fields_of,
    lines_of,
    read_text,
    rows_of,
)
from embkit.evaluation.sets import AnalogyQuestion, AnalogySet
from embkit.memory import ByteBudget

_HEADER = (("type", "section", "category"), ("word1", "a"), ("word2", "b"), ("word3", "c"))
_SECTION = re.compile(r"(?:^|[\r\n]):")
_QUESTION_BYTES = 192  # beside its words
_ANSWER = ("target", "word4", "d", "answers")


def read_analogies(path: PathLike, *, name: str | None = None) -> AnalogySet:
    r"""Read analogy questions.

    Told by content: word2vec's form, where ``: section`` stands above lines of four words; a
    table of section, a, b, c, d; a table of section, x, y, whose pairs combine to questions
    within their section; or a folder of files with pairs, as BATS has them (Gladkova, Drozd
    and Matsuoka 2016), each file a section. Several accepted answers are parted by ``/``.

    Parameters
    ----------
    path : str or path
        The file, or BATS's folder.
    name : str, optional
        Name of the set; the file's when left out.

    Raises
    ------
    FormatError
        If a question stands above the first section, a line has another number of words
        than four, or the file is empty or not UTF-8.

    Examples
    --------
    >>> path = getfixture("tmp_path") / "questions.txt"
    >>> _ = path.write_text(": capitals\nAthens Greece Oslo Norway\n")
    >>> read_analogies(path).questions[0].answers
    ('Norway',)
    """
    budget = ByteBudget()
    notes: Sequence[str] = ()
    if Path(path).is_dir():
        questions = _read_folder(Path(path), budget)
    elif _SECTION.search(text := read_text(path, budget)):
        questions = list(_sectioned(path, text, budget))
    else:
        questions = _read_table(path, text, budget)
    if not questions:
        raise FormatError(path, None, None, "no question")
    return AnalogySet(
        set_name(path, name), tuple(questions), os.fspath(path), warned(path, notes)
    )


def _answers(text: str) -> tuple[str, ...]:
    return tuple(part for part in text.split("/") if part) or (text,)


def _sectioned(path: PathLike, text: str, budget: ByteBudget) -> Iterator[AnalogyQuestion]:
    section = None
    for number, line in enumerate(lines_of(text), 1):
        if len(line) > LONG_LINE:
            budget.check(path, number, WORD_BYTES * len(line))
        words = fields_of(line)
        if line.startswith(":"):
            section = line[1:].strip()
            budget.charge(path, number, WORD_BYTES + len(section))
            if not section:
                raise FormatError(path, number, None, "the section has no name")
        elif words:
            if section is None:
                raise FormatError(path, number, None, "a question before the first section")
            if len(words) != 4:
                raise FormatError(path, number, None, f"need 4 words, got {len(words)}")
            a, b, c, d = words
            num_words = 4 + d.count("/")
            num_bytes = _QUESTION_BYTES + WORD_BYTES * num_words + 2 * len(line)
            budget.charge(path, number, num_bytes)
            yield AnalogyQuestion(section, a, b, c, _answers(d))


def _read_table(path: PathLike, text: str, budget: ByteBudget) -> list[AnalogyQuestion]:
    rows = rows_of(path, text, budget)
    table = Table(os.fspath(path), rows[0].fields, tuple(rows[1:]))
    positions = table.find([*_HEADER, _ANSWER])
    if positions is None:
        table = Table(table.path, None, tuple(rows))
        width = len(rows[0].fields)
        if width not in (3, 5):
            reason = (
                "a table must have 5 columns (section, a, b, c, d) or 3 (section, x, y), got "
                f"{width}; word2vec's form needs a line ': section' first"
            )
            raise FormatError(path, rows[0].line, None, reason)
        positions = list(range(width))
    elif len(rows) == 1:
        raise FormatError(path, rows[0].line, None, "no row below the header")
    selected = table.select(positions)
    for row in selected:
        budget.charge(path, row.line, WORD_BYTES * row.fields[-1].count("/"))
    if len(positions) == 3:
        return _combined(path, selected, budget)
    return [_question(row) for row in selected]


def _question(row: Row) -> AnalogyQuestion:
    section, a, b, c, d = row.fields
    return AnalogyQuestion(section, a, b, c, _answers(d))


def _combined(path: PathLike, rows: Sequence[Row], budget: ByteBudget) -> list[AnalogyQuestion]:
    """Combine every two pairs of a section, in both orders."""
    sections: dict[str, list[tuple[str, tuple[str, ...]]]] = {}
    for row in rows:
        section = sections.setdefault(row.fields[0], [])
        budget.charge(path, row.line, 2 * len(section) * _QUESTION_BYTES)
        section.append((row.fields[1], _answers(row.fields[2])))
    return [
        AnalogyQuestion(section, a, b[0], c, answers)
        for section, pairs in sections.items()
        for (a, b), (c, answers) in permutations(pairs, 2)
    ]


def _read_folder(folder: Path, budget: ByteBudget) -> list[AnalogyQuestion]:
    """Read BATS: ``CATEGORY/SECTION.txt`` with a word and its answers on each line."""
    files = sorted(folder.rglob("*.txt"))
    questions = []
    for file in files:
        section = file.relative_to(folder).with_suffix("").as_posix()
        rows = []
        for row in rows_of(file, read_text(file, budget), budget):
            if len(row.fields) != 2 or not all(row.fields):
                reason = f"need a word and its answers, got {len(row.fields)} fields"
                raise FormatError(file, row.line, None, reason)
            budget.charge(file, row.line, WORD_BYTES * row.fields[1].count("/"))
            rows.append(Row(row.line, (section, *row.fields)))
        questions += _combined(file, rows, budget)
    return questions
