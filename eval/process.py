"""A command as a process of its own, with its time and memory."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

Metrics = dict[str, float]
POLLED = 0.01  # seconds


def anonymous_bytes(process: int) -> int:
    """Return the memory of a process that no file backs; 0 where the system does not tell."""
    try:
        status = Path(f"/proc/{process}/status").read_text(encoding="utf-8")
    except OSError:
        return 0
    lines = [line for line in status.splitlines() if line.startswith("RssAnon")]
    return int(lines[0].split()[1]) << 10 if lines else 0


def peak_bytes(usage: resource.struct_rusage) -> int:
    """Return the most memory that was resident at a time: macOS counts it in bytes."""
    return usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def run_measured(command: list[str], work: Path, stdin: Path, stdout: Path) -> Metrics:
    """Run a command; return seconds, CPU seconds and peak memory (MiB).

    Raises
    ------
    subprocess.CalledProcessError
        If it fails.
    """
    start, peak = time.perf_counter(), 0
    with stdin.open("rb") as source, stdout.open("wb") as target:
        streams: dict[str, Any] = {"stdin": source, "stdout": target}
        process = subprocess.Popen(command, cwd=work, **streams, stderr=subprocess.DEVNULL)
        while True:
            peak = max(peak, anonymous_bytes(process.pid))
            ended, status, usage = os.wait4(process.pid, os.WNOHANG)
            if ended:
                break
            time.sleep(POLLED)
    seconds = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return {
        "seconds": seconds,
        "cpu_seconds": usage.ru_utime + usage.ru_stime,
        "anonymous_mib": peak / 2**20,
        "resident_mib": peak_bytes(usage) / 2**20,
    }
