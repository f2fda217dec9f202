"""Rooms, in which commands run: what is in them before, after, and once a run has gone on."""

from __future__ import annotations

import gzip
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path

from embkit.errors import FormatError
from embkit.training.checkpoint import read_checkpoint
from tests.models import random_sentences
from tests.native.fault_cases import (
    CASES,
    MAP,
    OPTIONAL,
    PHRASES,
    VECTORS,
    contents,
    how_to_finish,
    is_whole,
    other_inputs,
    output_in,
)
from tests.native.forks import main_in_fork
from tests.native.pausing import pause_and_count, pause_often


def prepare(work: Path, cases: Iterable[str]) -> None:
    """Make the inputs, and what is there before and after an undisturbed run of each case."""
    work.mkdir(parents=True, exist_ok=True)
    sentences = random_sentences(100, [20] * 600, seed=1)
    lines = "".join(" ".join(words) + "\n" for words in sentences)
    (work / "text").write_text(lines, encoding="utf-8")
    (work / "text.gz").write_bytes(gzip.compress(lines.encode()))
    (work / "other_text").write_text(lines[: len(lines) // 2], encoding="utf-8")
    pairs = "".join(f"{word} {word}\n" for word in sorted(set(lines.split())))
    (work / "dictionary").write_text(pairs, encoding="utf-8")
    _run(work, work, VECTORS)
    other = (*VECTORS[:2], "{other_text}", "--output", "{other_vectors}", *VECTORS[5:])
    for made in (other, (*MAP, "--output", "{map}"), PHRASES):
        _run(work, work, made)
    for name in cases:
        case = CASES[name]
        room = work / "old" / name
        for folder in (room, work / "new" / name):
            shutil.rmtree(folder, ignore_errors=True)
        room.mkdir(parents=True)
        (work / "scratch.bin").unlink(missing_ok=True)
        if case.is_new:
            pass
        elif case.has_run:
            _run(work, room, (*(case.begun or case.arguments), "--seed", "2"))
        else:
            _run(work, room, other_inputs(case.arguments), pausing=False)
        if case.begun:
            main_in_fork(work, room, case.begun, before=lambda: pause_often(3))
        shutil.copytree(room, work / "new" / name)
        _run(work, work / "new" / name, case.arguments, pausing=case.has_run)


def _run(work: Path, room: Path, arguments: Sequence[str], *, pausing: bool = True) -> None:
    before = pause_often if pausing else lambda: None  # GloVe's blocks are others with it
    ended = main_in_fork(work, room, arguments, before=before)
    if ended.code:
        raise RuntimeError(f"{arguments} fails undisturbed: {ended}")


def problem_at_the_end(work: Path, room: Path, name: str) -> str | None:
    """Go on with an interrupted run; tell in what the end differs from an undisturbed one."""
    case = CASES[name]
    new = output_in(contents(work / "new" / name))
    now = contents(room)
    counts = room.with_name(room.name + ".tokens")
    if not case.is_repeatable or output_in(now) != new or set(now) - set(new) - OPTIONAL:
        ended = main_in_fork(
            work, room, how_to_finish(room, case), before=lambda: pause_and_count(counts)
        )
        if ended.code:
            return f"it does not go on: exit code {ended.code}: {ended.errors[-1:]}"
        trained, wanted = map(int, counts.read_text().split())
        if trained != wanted:
            return f"{trained} tokens or cells were trained, not {wanted}"
    left = contents(room)
    if not is_whole(room, work / "new" / name):
        return "the run that went on has another result"
    extra = set(left) - set(new) - OPTIONAL
    return f"files are left: {sorted(extra)}" if extra else None


def torn_checkpoints(folder: Path) -> list[str]:
    """Return the names of checkpoints that are not as they were written."""
    torn = []
    for path in folder.glob("checkpoint-*.safetensors"):
        try:
            read_checkpoint(path)
        except FormatError:
            torn.append(path.name)
    return torn
