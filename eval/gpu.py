r"""Measure everything on an NVIDIA GPU in one command of under ten minutes.

Builds embkit with its GPU part where that is missing, runs the tests that need a GPU, measures
the training speed on a corpus repeated to 100 million tokens, the ceilings of row access, the
quality beside the CPU trainer's, also with fewer warps at a time, FULL-W2V where its program is
given, and at last the tests under compute-sanitizer where there is one. Each section has a
process and a time of its own: what breaks, or finds no time left, is recorded as such and stops
no other. The record is written after every section, with what that had found by then::

    python -m eval.gpu --corpus en.txt.xz --data DATA --work DIR [--minutes 9.5] \
        [--full-w2v PROGRAM] [--sections build,tests,speed,ceilings,quality,...]
"""

from __future__ import annotations

import argparse
import importlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from eval.gpu_full_w2v import measure_full_w2v
from eval.gpu_section import Clock, Findings, Work, run_command, run_section
from eval.gpu_training import (
    Settings,
    measure_ceilings,
    measure_concurrency,
    measure_quality,
    measure_speed,
)
from eval.record import ROOT, run_record, save_record

# Sections in their order, with the most seconds that each may take.
SECTIONS = {
    "build": 240,
    "tests": 150,
    "speed": 150,
    "ceilings": 40,
    "quality": 150,
    "concurrency": 90,
    "full-w2v": 90,
    "sanitizer": 600,
}
SANITIZED = "batches_of_one and 100 or one_warp and 16 or one_block"
"""The tests that are run under compute-sanitizer, which takes up to a hundred times as long."""


def ask_driver() -> dict[str, str]:
    """Return what nvidia-smi says of the first GPU, nothing where it is missing."""
    names = ("name", "driver_version", "compute_cap", "memory.total", "clocks.max.sm")
    command = ["nvidia-smi", f"--query-gpu={','.join(names)}", "--format=csv,noheader"]
    if shutil.which("nvidia-smi") is None:
        return {}
    done = subprocess.run(command, capture_output=True, text=True)
    first = done.stdout.partition("\n")[0].split(", ")
    return dict(zip(names, first, strict=True)) if len(first) == len(names) else {}


def build(clock: Clock, found: Findings) -> None:
    """Build both extensions where they are missing, for this GPU alone; say what it is."""
    driver = ask_driver()
    found.put(driver=driver)
    try:
        _cuda()
    except (ImportError, RuntimeError):
        wanted = {"EMBKIT_CUDA": "1", "EMBKIT_BUILD_JOBS": str(os.cpu_count() or 1)}
        if capability := driver.get("compute_cap"):
            wanted["EMBKIT_CUDA_ARCHITECTURES"] = capability
        command = [sys.executable, "setup.py", "-q", "build_clib", "build_ext", "--inplace"]
        found.put(build=run_command(command, clock, **wanted))
        for name in [name for name in sys.modules if name.partition(".")[0] == "embkit"]:
            del sys.modules[name]
        importlib.invalidate_caches()
    found.put(doctor=run_command([sys.executable, "-m", "embkit", "doctor"], clock)["output"])
    found.put(devices=_cuda().devices(), versions=_cuda().versions())


def _cuda() -> Any:  # noqa: ANN401  (a module that may not be built yet)
    from embkit import _native

    return _native.cuda()


def run_tests(clock: Clock, *arguments: str, wrapper: tuple[str, ...] = ()) -> dict[str, Any]:
    """Run the tests that need a GPU; return their numbers, and how the command ended."""
    all_tests = sorted((ROOT / "tests").glob("test_*.py"))
    files = [str(path) for path in all_tests if "mark.cuda" in path.read_text()]
    command = [*wrapper, sys.executable, "-m", "pytest", "-v", "-m", "cuda", *files]
    command += ["-p", "no:cacheprovider", "-W", "default", *arguments]
    # A warning of a package that happens to be installed here is no failure of a kernel.
    result = run_command(command, clock, PYTEST_DISABLE_PLUGIN_AUTOLOAD="1")
    counts = re.findall(r"(\d+) (passed|failed|skipped|error)", " ".join(result["output"]))
    return {**result, **{what: int(number) for number, what in counts}}


def find_sanitizer() -> str | None:
    """Return compute-sanitizer: from the PATH, or beside the compiler that setup.py finds."""
    homes = [os.environ.get("CUDA_HOME"), os.environ.get("CUDA_PATH"), "/usr/local/cuda"]
    folders = [os.environ.get("PATH", os.defpath), *(f"{home}/bin" for home in homes if home)]
    return shutil.which("compute-sanitizer", path=os.pathsep.join(folders))


def sanitize(clock: Clock, found: Findings) -> None:
    """Run some of them under compute-sanitizer, first for faults of memory, then for races."""
    program = find_sanitizer()
    if program is None:
        found.put(skipped="compute-sanitizer is neither on the PATH nor in CUDA's folder")
        return
    worst = 0
    for tool, share in (("memcheck", 2), ("racecheck", 1)):
        wrapper = (program, "--tool", tool, "--error-exitcode", "9")
        part = clock.part(clock.left() / share)
        result = run_tests(part, "-k", SANITIZED, wrapper=wrapper)
        worst = max(worst, result["exit_code"], key=abs)  # a signal's is negative
        found.put(**{tool: result, "exit_code": worst})


def works(settings: Settings, full_w2v: Path | None) -> dict[str, Work]:
    """Return what can be measured."""
    return {
        "build": build,
        "tests": lambda clock, found: found.put(**run_tests(clock)),
        "speed": lambda clock, found: measure_speed(settings, clock.check, found.put),
        "ceilings": lambda clock, found: measure_ceilings(settings, clock.check, found.put),
        "quality": lambda clock, found: measure_quality(settings, clock.check, found.put),
        "concurrency": lambda clock, found: measure_concurrency(
            settings, clock.check, found.put
        ),
        "full-w2v": lambda clock, found: measure_full_w2v(
            settings, full_w2v, clock.check, found.put
        ),
        "sanitizer": sanitize,
    }


def main(arguments: list[str] | None = None) -> int:
    """Parse, measure section by section, write the record after each."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    for name in ("corpus", "data", "work"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=9.5)
    parser.add_argument("--tokens", type=int, default=100_000_000)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--small", action="store_true", help="tiny sizes, to try the program")
    parser.add_argument("--full-w2v", type=Path, help="FULL-W2V's program, or its folder")
    parser.add_argument("--sections", default=",".join(SECTIONS))
    parser.add_argument("--output", type=Path, default=Path("eval/results/gpu.json"))
    given = parser.parse_args(arguments)
    given.work.mkdir(parents=True, exist_ok=True)
    clock = Clock(60 * given.minutes)
    settings = Settings(
        *(given.corpus, given.data, given.work, given.tokens, given.seeds, given.small)
    )
    done: dict[str, Any] = {}
    for name, work in works(settings, given.full_w2v).items():
        if name in given.sections.split(","):
            path = given.work / f"gpu-{name}.json"
            done[name] = run_section(work, clock.part(SECTIONS[name]), path)
            save_record(run_record(seed=None, config=vars(given), metrics=done), given.output)
            print(f"{name}: {done[name]}", flush=True)
    return int(any("error" in result or result.get("exit_code") for result in done.values()))


if __name__ == "__main__":
    sys.exit(main())
