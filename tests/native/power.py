"""What a disk may hold when the power goes: every prefix of a run's log of calls is replayed.

Three disks are tried after each call. On the first only what was synced is there: bytes by the
sync of their file, names by that of their folder. On the second all names are there at once,
and files hold the bytes that were synced; on the third they have their full length, zeros in
place of what was not synced. Each must hold the old output or the new one, no checkpoint that
is torn, and a run that goes on to the bytes of an undisturbed one.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.native.fault_cases import CASES, contents, is_old_or_new, is_whole, output_in
from tests.native.forks import main_in_fork, with_faults
from tests.native.rooms import problem_at_the_end, torn_checkpoints

Tree = dict[str, bytes]


@dataclass(eq=False)
class Inode:
    """A file, however many names it has."""

    data: bytearray = field(default_factory=bytearray)
    synced: bytes = b""


class Disk:
    """The files below a folder, as a log of calls changes them."""

    def __init__(self, room: Path) -> None:
        self.names: dict[str, Inode] = {}
        self.folders = {str(room)}
        for path in room.rglob("*"):
            if path.is_dir():
                self.folders.add(str(path))
            else:
                data = path.read_bytes()
                self.names[str(path)] = Inode(bytearray(data), data)
        self.synced_names = dict(self.names)
        self.synced_folders = set(self.folders)
        self.open_files: dict[str, Inode] = {}
        self.origin = ""

    def apply(self, line: str, data: memoryview) -> int:
        """Do what a line of the log says; return how many bytes of the data it used."""
        call, _, rest = line.partition(" ")
        if call == "data":
            offset, size, path = rest.split(" ", 2)
            self._write(self._opened(path), int(offset), data[: int(size)])
            return int(size)
        if call == "truncate":
            size, path = rest.split(" ", 1)
            del self._opened(path).data[int(size) :]
        elif call == "from":
            self.origin = rest
        else:
            self._apply_to_name(call, rest)
        return 0

    def _opened(self, path: str) -> Inode:
        return self.open_files.get(path) or self.names[path]

    def _write(self, file: Inode, offset: int, data: memoryview) -> None:
        if len(file.data) < offset:
            file.data.extend(bytes(offset - len(file.data)))
        file.data[offset : offset + len(data)] = data

    def _apply_to_name(self, call: str, path: str) -> None:
        if call == "open" and path.endswith("/(unnamed)"):
            self.open_files[path] = Inode()  # which no loss of power leaves behind
        elif call == "open":
            self.open_files[path] = self.names.setdefault(path, Inode())
        elif call == "empty":
            self._opened(path).data.clear()
        elif call == "fsync" and path in self.folders:
            self._sync_folder(path)
        elif call == "fsync":
            file = self._opened(path)
            file.synced = bytes(file.data)
        elif call in ("rename", "link"):
            self.names[path] = self.names[self.origin]
            if call == "rename":
                del self.names[self.origin]
        elif call == "unlink":
            del self.names[path]
        elif call == "mkdir":
            self.folders.add(path)
        elif call == "rmdir":
            self.folders.discard(path)

    def _sync_folder(self, folder: str) -> None:
        inside = {path for path in {*self.names, *self.synced_names} if _is_in(path, folder)}
        for path in inside:
            if path in self.names:
                self.synced_names[path] = self.names[path]
            else:
                self.synced_names.pop(path, None)
        below = {path for path in self.synced_folders if _is_in(path, folder)}
        self.synced_folders -= below - self.folders
        self.synced_folders |= {path for path in self.folders if _is_in(path, folder)}

    def after_the_cut(self) -> Iterator[tuple[str, Tree]]:
        """Yield what may be there, with a word for why."""
        kept = {os.path.dirname(path) for path in self.synced_names}  # noqa: PTH120
        assert kept <= self.folders | self.synced_folders
        yield (
            "synced",
            {
                path: file.synced
                for path, file in self.synced_names.items()
                if os.path.dirname(path) in self.synced_folders  # noqa: PTH120
            },
        )
        yield "names", {path: file.synced for path, file in self.names.items()}
        yield (
            "zeros",
            {
                path: file.synced.ljust(len(file.data), b"\0")
                for path, file in self.names.items()
            },
        )


def _is_in(path: str, folder: str) -> bool:
    return os.path.dirname(path) == folder  # noqa: PTH120


def record(work: Path, name: str) -> tuple[Disk, list[str], bytes]:
    """Run a case undisturbed; return the disk before, the log of its calls and their data."""
    room = work / "rooms" / f"{name}-power"
    shutil.rmtree(room, ignore_errors=True)
    shutil.copytree(work / "old" / name, room)
    disk = Disk(room)
    files = {kind: room.with_name(f"{room.name}.{kind}") for kind in ("log", "data")}
    for path in files.values():
        path.unlink(missing_ok=True)
    variables = {"FAULT_ROOT": str(room), "FAULT_KIND": "none"}
    variables |= {f"FAULT_{kind.upper()}": str(path) for kind, path in files.items()}
    begin = with_faults(variables, pausing=CASES[name].has_run)
    ended = main_in_fork(work, room, CASES[name].arguments, before=begin)
    if ended.code:
        raise RuntimeError(f"{name} fails undisturbed: {ended}")
    lines = files["log"].read_text(errors="surrogateescape").splitlines()
    return disk, lines, files["data"].read_bytes()


def cut_everywhere(work: Path, name: str) -> dict[str, Any]:
    """Cut the power after each call of a case; return how often, and what was wrong."""
    disk, lines, data = record(work, name)
    room = work / "rooms" / f"{name}-power"
    figures = {"calls": len(lines), "disks": 0, "different": 0}
    problems: list[str] = []
    tried: set[bytes] = set()
    left = memoryview(data)
    for number, line in enumerate(lines):
        left = left[disk.apply(line, left) :]
        for why, tree in disk.after_the_cut():
            figures["disks"] += 1
            key = _key(tree)
            if key in tried:
                continue
            tried.add(key)
            problem = find_problem(work, room, name, tree)
            problems += [f"{name} power {number} ({line}) {why}: {problem}"] if problem else []
    figures["different"] = len(tried)
    if set(disk.names) != {str(room / path) for path in contents(work / "new" / name)}:
        problems.append(f"{name} power: the log does not lead to the files of the run")
    return {**figures, "wrong": problems}


def _key(tree: Tree) -> bytes:
    digest = hashlib.sha256()
    for path, data in sorted(tree.items()):
        digest.update(path.encode("utf-8", "surrogateescape") + b"\0" + data)
    return digest.digest()


def find_problem(work: Path, room: Path, name: str, tree: Tree) -> str | None:
    """Put files on the disk, go on, and tell what is wrong."""
    shutil.rmtree(room)
    room.mkdir()
    for path, data in tree.items():
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_bytes(data)
    case = CASES[name]
    now = _visible(output_in(contents(room)))
    old, new = (_visible(output_in(contents(work / f / name))) for f in ("old", "new"))
    if not is_old_or_new(now, old, new, case=case) and not is_whole(room, work / "new" / name):
        return f"neither the old output nor the new one: {sorted(now)}"
    if not case.has_run:
        return None
    if torn := torn_checkpoints(room / "run"):
        return f"not whole: {torn}"
    return problem_at_the_end(work, room, name)


def _visible(files: Tree) -> Tree:
    """Leave out what the next run removes: temporary files, locks, tables not shown."""
    told = b"".join(data for path, data in files.items() if path.endswith(".pbtxt"))
    return {
        path: data
        for path, data in files.items()
        if not Path(path).name.startswith(".")
        and (not path.endswith(".tsv") or not told or Path(path).name.encode() in told)
    }
