"""FULL-W2V on the same card, at its own settings: what it trains in a second, and how well.

The program is the user's own build of https://github.com/tlranda/FULL-W2V; embkit is trained
with the same options. FULL-W2V's windows are fixed and run on over the ends of lines, and the
last rows of each of its sentences are lost: so words a second stand beside both quality tables.
"""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import Any

from eval.gpu_training import MIN_COUNT, Check, Put, Settings, encoded, scores_of, train

OPTIONS: dict[str, Any] = {
    "dim": 128,
    "window": 3,
    "negatives": 5,
    "subsample": 1e-3,
    "epochs": 5,
}
RATE = re.compile(r"Overall Words Per Second:\s*([0-9.]+)")
SECONDS = 80.0


def find_program(given: Path) -> Path:
    """Return the program: what was given, or the one in the folder that was given.

    Raises
    ------
    FileNotFoundError
        If there is none.
    """
    if given.is_file():
        return given
    for path in sorted(given.glob("FULL-W2V*")):
        if path.is_file() and os.access(path, os.X_OK):
            return path
    raise FileNotFoundError(f"--full-w2v must be a program or hold FULL-W2V*, got {given.name}")


def run_full_w2v(program: Path, settings: Settings, output: Path) -> float:
    """Train its vectors into ``output``; return its words per second of training alone.

    Raises
    ------
    RuntimeError
        If it fails, or tells no rate.
    """
    options: dict[str, Any] = {
        **{"train": settings.text, "output": output, "binary": 1, "debug": 0},
        **{"size": OPTIONS["dim"], "window": OPTIONS["window"], "iter": OPTIONS["epochs"]},
        **{"negative": OPTIONS["negatives"], "sample": OPTIONS["subsample"]},
        **{"min-count": 1 if settings.small else MIN_COUNT, "threads": os.cpu_count()},
    }
    flags = [part for name, value in options.items() for part in (f"-{name}", str(value))]
    done = subprocess.run(
        [str(program.resolve()), *flags], capture_output=True, text=True, timeout=SECONDS
    )
    found = RATE.search(done.stdout)
    if done.returncode != 0 or found is None:
        last = (done.stdout + done.stderr)[-400:]
        raise RuntimeError(f"{program.name} failed ({done.returncode}): {last!r}")
    return float(found[1])


def measure_full_w2v(settings: Settings, given: Path | None, check: Check, put: Put) -> None:
    """Train both on the corpus; tell both rates, their quotient and both tables."""
    if given is None:
        put(skipped="no --full-w2v")
        return
    import embkit

    output = settings.work / "full-w2v.bin"
    rate = run_full_w2v(find_program(given), settings, output)
    put(options={**OPTIONS, "dynamic_window": False}, full_w2v_words_per_second=rate)
    check()
    theirs = embkit.load(output)
    corpus = encoded(settings)
    ours, rates = train(corpus, check, device="cuda", dynamic_window=False, **OPTIONS)
    put(embkit_rates=rates, times_faster=(rates["words_per_second"] or 0) / rate)
    put(scores=scores_of(settings, {"embkit": ours, "full_w2v": theirs}))
