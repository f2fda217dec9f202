"""Run everything threaded in the core under the sanitizers, and compare its builds.

    python -m tests.native.sanitize --work DIR [--part NAME]... [--output RECORD]

1. memory: AddressSanitizer, LeakSanitizer and UndefinedBehaviorSanitizer, each SIMD level, 1
   and 4 threads.
2. threads: ThreadSanitizer with the kernels as loops over relaxed atomics: no report, no
   suppression. The vector kernels race on the shared rows by design (Hogwild), and are all that
   does: the same build with them must be reported, or the check would be blind.
3. valgrind: valgrind's memcheck, where it is installed.
4. With memory, one thread: each level's losses and norms agree with the relaxed build's.
5. tearing: of 10^9 floats read from rows that all racing kernels store at the same time, each
   is one that somebody stored. A writer of halves must be seen.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from eval.record import run_record, save_record
from tests.native import build, fuzz_record

LEVEL_FLAGS = {
    "baseline": (),
    "avx2": ("-mavx2", "-mfma"),
    "avx512": ("-mavx512f", "-mavx512dq", "-mavx512bw", "-mavx512vl", "-mavx2", "-mfma"),
    "neon": (),
}
FOLDERS = ("core", "io", "text", "train", "linalg")
SOURCES = (
    "csrc/*/*.cpp",
    "csrc/*/*.h",
    "tests/native/workout*",
    "tests/native/kernels_relaxed.cpp",
    "tests/native/tearing.cpp",
)
AS_SHIPPED = ("-O3", "-fno-math-errno", "-ffp-contract=fast", "-Wno-psabi")
NUM_READS = 10**9
MOST_DIFFERENCE = 1e-6
"""Relative, between builds with one thread; the levels round differently."""


@dataclass(frozen=True)
class Check:
    """One program run: what it was, whether it is as it must be, and its numbers."""

    name: str
    passed: bool
    reason: str = ""
    seconds: float = 0
    numbers: dict[str, float] = field(default_factory=dict)


def levels() -> list[str]:
    """Return the SIMD levels that this processor has."""
    if platform.machine().lower() not in ("x86_64", "amd64"):
        return ["neon"]
    flags = Path("/proc/cpuinfo").read_text(encoding="utf-8").split()
    has_avx2 = {"avx2", "fma"} <= set(flags)
    has_avx512 = has_avx2 and {"avx512f", "avx512dq", "avx512bw", "avx512vl"} <= set(flags)
    return ["baseline", *(["avx2"] if has_avx2 else []), *(["avx512"] if has_avx512 else [])]


def build_workout(folder: Path, name: str, checks: tuple[str, ...], *, relaxed: bool) -> Path:
    """Compile the workout and its kernels, under the given sanitizers, unless that was done."""
    program = folder / name / f"workout-{fuzz_record.digest(SOURCES)}"
    if program.exists():
        return program
    compiler = os.environ.get("CXX", "g++").split()[-1]
    flags = (*build.COMMON, "-Wno-psabi", *checks)
    tools = build.Toolchain(compiler, flags)
    target = folder / name
    sources = [*build.core_sources(*FOLDERS), "csrc/simd/dispatch.cpp"]
    sources += ["tests/native/workout.cpp"]
    sources += ["tests/native/kernels_relaxed.cpp"] if relaxed else []
    objects = build.compile_objects(tools, sources, target)
    objects += [] if relaxed else compile_kernels(tools, target)
    return build.link(tools, objects, program)


def compile_kernels(tools: build.Toolchain, folder: Path) -> list[Path]:
    """Compile the kernels of every level; those of another processor are empty."""
    objects = []
    for level, extra in LEVEL_FLAGS.items():
        flags = extra if platform.machine() == "x86_64" else ()
        own = build.Toolchain(tools.compiler, (*tools.flags, *flags))
        objects += build.compile_objects(own, [f"csrc/simd/kernels_{level}.cpp"], folder)
    return objects


def build_tearing(folder: Path) -> Path:
    """Compile the program that looks for torn floats, with kernels as they are shipped."""
    compiler = os.environ.get("CXX", "g++").split()[-1]
    tools = build.Toolchain(compiler, (*build.COMMON, *AS_SHIPPED))
    objects = compile_kernels(tools, folder)
    sources = ["csrc/simd/dispatch.cpp", "tests/native/tearing.cpp"]
    objects += build.compile_objects(tools, sources, folder)
    return build.link(tools, objects, folder / "tearing")


def run(
    name: str, command: list[str], *, level: str | None = None, expects_report: bool = False
) -> Check:
    """Run a program and read its numbers; a report of a sanitizer is an exit code."""
    environment = {
        **os.environ,
        "TSAN_OPTIONS": "exitcode=66",
        "UBSAN_OPTIONS": "halt_on_error=1",
    }
    if level is not None:
        environment["EMBKIT_SIMD"] = level
    begin = time.monotonic()
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    seconds = round(time.monotonic() - begin, 1)
    if expects_report:
        reason = "the races on shared rows were not reported"
        return Check(name, done.returncode == 66, reason, seconds)
    lines = (line.split() for line in done.stdout.splitlines())
    numbers = {key: float(value) for key, value in lines}
    reason = f"exit code {done.returncode}: {done.stderr[-3000:]}" if done.returncode else ""
    return Check(name, done.returncode == 0, reason, seconds, numbers)


def without_randomised_addresses() -> list[str]:
    """Return a prefix for ThreadSanitizer, whose map older kernels' addresses may miss."""
    return ["setarch", "-R"] if shutil.which("setarch") else []


def compare(reference: Check, other: Check) -> Check:
    """Check that one build's numbers are another's."""
    far = [
        f"{key}: {other.numbers.get(key)} against {value}"
        for key, value in reference.numbers.items()
        if abs(other.numbers.get(key, float("inf")) - value) > MOST_DIFFERENCE * abs(value)
    ]
    name = f"{other.name} against {reference.name}"
    return Check(name, not far and bool(reference.numbers), "; ".join(far))


def run_relaxed(work: Path, num_threads: int) -> Check:
    """Run the build without races under ThreadSanitizer."""
    relaxed = build_workout(work, "relaxed", ("-fsanitize=thread",), relaxed=True)
    name = f"tsan relaxed, {num_threads} thread{'s' if num_threads > 1 else ''}"
    return run(name, [*without_randomised_addresses(), str(relaxed), str(num_threads)])


def check_threads(work: Path) -> list[Check]:
    """Look for races where there must be none, and where there must be some."""
    racing = build_workout(work, "racing", ("-fsanitize=thread",), relaxed=False)
    command = [*without_randomised_addresses(), str(racing), "4"]
    seen = run("tsan sees the vector kernels", command, expects_report=True)
    return [run_relaxed(work, 1), run_relaxed(work, 4), seen]


def check_memory(work: Path) -> list[Check]:
    """Look for what is read or written beyond, leaked or undefined, at each SIMD level."""
    single = run_relaxed(work, 1)
    memory = build_workout(work, "memory", build.CHECKS, relaxed=False)
    checks = []
    for level in levels():
        alone = run(f"asan ubsan lsan {level}, 1 thread", [str(memory), "1"], level=level)
        several = run(f"asan ubsan lsan {level}, 4 threads", [str(memory), "4"], level=level)
        checks += [alone, compare(single, alone), several]
    return checks


def check_with_valgrind(work: Path) -> list[Check]:
    """Look for the same, and for leaks, without instrumentation; nothing without valgrind."""
    if (valgrind := shutil.which("valgrind")) is None:
        return []
    plain = build_workout(work, "plain", (), relaxed=False)
    options = ["--quiet", "--error-exitcode=66", "--leak-check=full"]
    command = [valgrind, *options, str(plain), "2"]
    return [run("valgrind baseline, 2 threads", command, level="baseline")]


def check_tearing(work: Path, num_reads: int = NUM_READS) -> list[Check]:
    """Look for floats that nobody stored, at each SIMD level, and for those of two halves."""
    command = [str(build_tearing(work / "tearing")), str(num_reads)]
    whole = [run(f"tearing {level}", command, level=level) for level in levels()]
    halves = run("tearing sees halves", [*command, "halves"])
    seen = halves.numbers.get("torn", 0) > 0
    return [*whole, replace(halves, passed=seen, reason="halves were not seen")]


PARTS: dict[str, Callable[[Path], list[Check]]] = {
    "memory": check_memory,
    "threads": check_threads,
    "valgrind": check_with_valgrind,
    "tearing": check_tearing,
}


def save(checks: list[Check], path: Path) -> None:
    """Put checks into the record, beside what it holds of the same sources."""
    sources = fuzz_record.digest(SOURCES)
    before = fuzz_record.read_totals(path)
    metrics = {name: told for name, told in before.items() if told["sources"] == sources}
    for check in checks:
        told = {"findings": int(not check.passed), "seconds": check.seconds}
        metrics[check.name] = {**told, "sources": sources}
    save_record(run_record(seed=1, config={}, metrics=metrics), path)


def main() -> int:
    """Run the chosen checks and print a line for each."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--part", action="append", choices=PARTS, help="only this one")
    parser.add_argument("--output", type=Path, help="JSON record, added to")
    options = parser.parse_args()
    work = options.work.resolve()
    checks = [check for part in options.part or PARTS for check in PARTS[part](work)]
    for check in checks:
        print("pass" if check.passed else "FAIL", check.name)
        if not check.passed:
            print(check.reason)
    if options.output:
        save(checks, options.output)
    print(json.dumps({"checks": len(checks), "failed": sum(not c.passed for c in checks)}))
    return int(not all(check.passed for check in checks))


if __name__ == "__main__":
    sys.exit(main())
