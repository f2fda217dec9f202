"""How counting co-occurrences divides a limited memory."""

from __future__ import annotations

from dataclasses import dataclass

from embkit.errors import ResourceError

_RECORD = 12  # bytes of an entry, in memory and in a run
_PIECE_TOKENS = 8192
_MOST_CHUNK = 1 << 31  # tokens; places in a chunk have 32 bits
_MOST_ENTRIES = 1 << 20
_MOST_RECORDS = 1 << 16
_FEWEST_RECORDS = 64


@dataclass(frozen=True)
class Plan:
    """What the core holds at once; the names are those of its options."""

    threads: int
    chunk_tokens: int
    piece_tokens: int
    block_entries: int
    run_records: int


@dataclass(frozen=True)
class Task:
    """What is to be counted."""

    num_tokens: int
    num_ids: int
    num_rows: int
    window: int


def plan_counting(task: Task, *, threads: int, memory: int) -> Plan:
    """Choose the sizes of all buffers so that together they fit ``memory`` bytes.

    Fewer threads are used where each would have too little.

    Raises
    ------
    ResourceError
        If even one thread would need more.

    Examples
    --------
    >>> plan_counting(Task(10**6, 10**4, 10**4, 5), threads=2, memory=10**7).chunk_tokens
    606208
    """
    for fewer in range(threads, 0, -1):
        plan = _plan(task, fewer, memory)
        if plan is not None:
            return plan
    needed = memory
    while _plan(task, 1, needed) is None:
        needed += max(needed // 8, 1024)
    raise ResourceError(
        f"counting {task.num_rows} words in {task.num_tokens} tokens needs "
        f"{needed / 2**20:.1f} MiB, memory allows {memory / 2**20:.1f} MiB: raise min_count or "
        "memory"
    )


def _plan(task: Task, threads: int, memory: int) -> Plan | None:
    rows, window = task.num_rows, task.window
    usual = max(_PIECE_TOKENS, 8 * window)
    piece = min(usual, max(256, 4 * window, memory // (320 * threads)))
    entries = min(_MOST_ENTRIES, max(1, memory // (8 * _RECORD * threads)))
    common = 16 * task.num_ids + 20 * rows
    sums = 8 * rows + 4 * rows + rows // 4
    block = _RECORD * max(entries, rows) + 4 * rows
    worker = sums + block + 4 * rows + 32 * (piece + 2 * window) + _RECORD * 4096
    left = memory - common - threads * worker
    per_token = 8 + 4 * (piece + 2 * window) / piece
    pieces = min(int(left / per_token) // piece, _MOST_CHUNK // (piece + 2 * window))
    if pieces < 1:
        return None
    chunk = pieces * piece
    runs = -(-task.num_tokens // chunk)
    records = left // (threads * runs * _RECORD)
    if runs > 1 and records < _FEWEST_RECORDS:
        return None
    return Plan(threads, chunk, piece, entries, min(records, _MOST_RECORDS))
