r"""Measure everything on an NVIDIA GPU in one command of under ten minutes.

Builds embkit with its GPU part where that is missing, runs the tests that need a GPU (also
under compute-sanitizer where there is one), measures the ceilings of row access, the training
speed on a corpus repeated to 100 million tokens, and the quality beside the CPU trainer's. Each
section stands alone: what fails or finds no time left is recorded as such, and the record is
written after every section::

    python -m eval.gpu --corpus en.txt.xz --data DATA --work DIR [--minutes 9.5] \
        [--sections build,tests,sanitizer,ceilings,speed,quality]
"""

from __future__ import annotations

import argparse
import importlib
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from eval.gpu_training import Settings, measure_ceilings, measure_quality, measure_speed
from eval.record import ROOT, run_record, save_record

LAST_LINES = 15


class Clock:
    """The time that is left."""

    def __init__(self, minutes: float) -> None:
        self._end = time.monotonic() + 60 * minutes

    def left(self) -> float:
        """Return the seconds left."""
        return self._end - time.monotonic()

    def check(self, *_: object) -> None:
        """Raise TimeoutError when there are none; also a training's callback."""
        if self.left() <= 0:
            raise TimeoutError("no time left")


def run_command(command: list[str], clock: Clock, **environment: str) -> dict[str, Any]:
    """Run a command in the repository; return its exit code, seconds and last lines."""
    clock.check()
    start = time.monotonic()
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=os.environ | environment,
        timeout=clock.left(),
        capture_output=True,
        text=True,
    )
    lines = (done.stdout + done.stderr).splitlines()
    seconds = round(time.monotonic() - start, 1)
    return {"exit_code": done.returncode, "seconds": seconds, "output": lines[-LAST_LINES:]}


def ask_driver() -> dict[str, str]:
    """Return what nvidia-smi says of the first GPU, nothing where it is missing."""
    names = ("name", "driver_version", "compute_cap", "memory.total", "clocks.max.sm")
    command = ["nvidia-smi", f"--query-gpu={','.join(names)}", "--format=csv,noheader"]
    if shutil.which("nvidia-smi") is None:
        return {}
    done = subprocess.run(command, capture_output=True, text=True)
    first = done.stdout.partition("\n")[0].split(", ")
    return dict(zip(names, first, strict=True)) if len(first) == len(names) else {}


def build(clock: Clock) -> dict[str, Any]:
    """Build both extensions where they are missing, for this GPU alone; say what it is."""
    facts: dict[str, Any] = {"driver": ask_driver()}
    try:
        _cuda()
    except (ImportError, RuntimeError):
        wanted = {"EMBKIT_CUDA": "1", "EMBKIT_BUILD_JOBS": str(os.cpu_count() or 1)}
        if capability := facts["driver"].get("compute_cap"):
            wanted["EMBKIT_CUDA_ARCHITECTURES"] = capability
        command = [sys.executable, "setup.py", "-q", "build_clib", "build_ext", "--inplace"]
        facts["build"] = run_command(command, clock, **wanted)
        for name in [name for name in sys.modules if name.partition(".")[0] == "embkit"]:
            del sys.modules[name]
        importlib.invalidate_caches()
    return {**facts, "devices": _cuda().devices(), "versions": _cuda().versions()}


def _cuda() -> Any:  # noqa: ANN401  (a module that may not be built yet)
    from embkit import _native

    return _native.cuda()


def run_tests(clock: Clock, *wrapper: str) -> dict[str, Any]:
    """Run the tests that need a GPU; one that fails makes the section fail."""
    command = [*wrapper, sys.executable, "-m", "pytest", "-q", "-m", "cuda", "tests"]
    result = run_command([*command, "-p", "no:cacheprovider"], clock)
    counts = re.findall(r"(\d+) (passed|failed|skipped|error)", " ".join(result["output"]))
    return {**result, **{what: int(number) for number, what in counts}}


def sanitize(clock: Clock) -> dict[str, Any]:
    """Run the same tests under compute-sanitizer's check of memory."""
    if shutil.which("compute-sanitizer") is None:
        return {"skipped": "compute-sanitizer is not on the PATH"}
    wrapper = ["compute-sanitizer", "--tool", "memcheck", "--error-exitcode", "9"]
    return run_tests(clock, *wrapper, "--target-processes", "all")


def sections(settings: Settings) -> dict[str, Callable[[Clock], dict[str, Any]]]:
    """Return what can be measured, in the order in which it is."""
    return {
        "build": build,
        "tests": run_tests,
        "ceilings": lambda clock: measure_ceilings(settings, clock.check),
        "speed": lambda clock: measure_speed(settings, clock.check),
        "quality": lambda clock: measure_quality(settings, clock.check),
        "sanitizer": sanitize,
    }


def run_section(work: Callable[[Clock], dict[str, Any]], clock: Clock) -> dict[str, Any]:
    """Do one section, and record how it failed if it does."""
    start = time.monotonic()
    try:
        clock.check()
        result = work(clock)
    except (Exception, SystemExit) as error:
        result = {"error": f"{type(error).__name__}: {error}"}
    return {**result, "section_seconds": round(time.monotonic() - start, 1)}


def main(arguments: list[str] | None = None) -> int:
    """Parse, measure section by section, write the record after each."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    for name in ("corpus", "data", "work"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=9.5)
    parser.add_argument("--tokens", type=int, default=100_000_000)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--small", action="store_true", help="tiny sizes, to try the program")
    parser.add_argument("--sections", default="build,tests,ceilings,speed,quality,sanitizer")
    parser.add_argument("--output", type=Path, default=Path("eval/results/gpu.json"))
    given = parser.parse_args(arguments)
    given.work.mkdir(parents=True, exist_ok=True)
    clock = Clock(given.minutes)
    settings = Settings(
        *(given.corpus, given.data, given.work, given.tokens, given.seeds, given.small)
    )
    done: dict[str, Any] = {}
    for name, work in sections(settings).items():
        if name in given.sections.split(","):
            done[name] = run_section(work, clock)
            save_record(run_record(seed=None, config=vars(given), metrics=done), given.output)
            print(f"{name}: {done[name]}", flush=True)
    return int(any("error" in result or result.get("exit_code") for result in done.values()))


if __name__ == "__main__":
    sys.exit(main())
