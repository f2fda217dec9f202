"""Fuzz every reader of the core under AddressSanitizer and UndefinedBehaviorSanitizer.

    python -m tests.native.fuzz --minutes 1 --work DIR [--target NAME]... [--output RECORD]

With clang the engine is libFuzzer, elsewhere our own mutations. Inputs that the engine found
worth keeping stay in DIR and are where the next run begins. An input that breaks a promise ends
the program with exit code 1; it belongs into tests/attacks/ for ever.
"""

from __future__ import annotations

import argparse
import itertools
import re
import subprocess
import sys
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from eval.record import run_record, save_record
from tests.attacks import fasttext_fields, word_files
from tests.fasttext_files import Model
from tests.native import build

LONGEST = 4096
AT_ONCE = 2
LIMITS = ("-rss_limit_mb=512", "-timeout=5", "-malloc_limit_mb=256", f"-max_len={LONGEST}")
EXECUTIONS = re.compile(r"Done (\d+) runs|executions: (\d+)")
NUMBERS = (b"0", b"-1.5e-3", b"16777217", b"3.4028236e38", b"1e-46", b".5", b"7.0e+10")


def _words(kind: str) -> Iterable[bytes]:
    """Return small files, each behind the byte by which a target chooses how to read."""
    good = word_files.GOOD_TEXT if kind == "text" else word_files.GOOD_BINARY
    hostile = (content for name, (content, _) in word_files.ATTACKS.items() if kind in name)
    choices = (bytes([choice]) for choice in (0, 1))
    streamed = b"\xf9" + good
    return (streamed, *(a + b for a, b in itertools.product(choices, (good, *hostile))))


def _fasttext() -> Iterable[bytes]:
    return (Model().to_bytes(), *(content for content, _ in fasttext_fields.ATTACKS.values()))


TEXT = "the cat\tsat\r\non the straße\n\n\u3000猫 \x0b\u043a\u043e\u0442".encode()
SEEDS: dict[str, Iterable[bytes]] = {
    "word2vec_text": _words("text"),
    "word2vec_binary": _words("binary"),
    "fasttext": _fasttext(),
    "parse_float": NUMBERS,
    "utf8": (TEXT, bytes(range(256))),
    "tokenizer": (b"\x07" + TEXT, b"\x40\xef\xbb\xbf" + TEXT, b"\x00\xff\xfea"),
}


def write_seeds(target: str, folder: Path) -> None:
    """Put a target's seeds, those short enough, into ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    for i, seed in enumerate(SEEDS[target]):
        if len(seed) <= LONGEST:
            (folder / f"seed-{i}").write_bytes(seed)


def build_targets(targets: Iterable[str], folder: Path) -> dict[str, Path]:
    """Compile the core and each target; return the programs by target."""
    tools = build.fuzzer()
    sources = [*build.core_sources("core", "io", "text"), *tools.driver]
    objects = build.compile_objects(tools, sources, folder / "objects")
    programs = {}
    for target in targets:
        own = build.compile_objects(
            tools, [f"tests/native/fuzz_{target}.cpp"], folder / "objects"
        )
        programs[target] = build.link(tools, [*objects, *own], folder / f"fuzz_{target}")
    return programs


def run_target(program: Path, target: str, work: Path, seconds: int) -> dict[str, Any]:
    """Run one target and return what it did; a finding is left beside its corpus."""
    seeds, corpus = work / "seeds" / target, work / "corpus" / target
    write_seeds(target, seeds)
    corpus.mkdir(parents=True, exist_ok=True)
    finding = work / f"finding-{target}"
    finding.unlink(missing_ok=True)
    is_libfuzzer = not build.fuzzer().driver
    command = (
        [str(program), f"-max_total_time={seconds}", f"-artifact_prefix={finding}", *LIMITS]
        if is_libfuzzer
        else [str(program)]
    )
    command += [str(corpus), str(seeds)] if is_libfuzzer else []
    command += [] if is_libfuzzer else [str(seeds), str(seconds), str(finding)]
    begin = time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True, errors="replace")
    found = EXECUTIONS.search(done.stdout + done.stderr)
    return {
        "engine": "libFuzzer" if is_libfuzzer else "mutations",
        "executions": int(next(filter(None, found.groups()))) if found else 0,
        "seconds": round(time.monotonic() - begin, 1),
        "findings": int(done.returncode != 0),
        **({"output": done.stderr[-2000:]} if done.returncode != 0 else {}),
    }


def main() -> int:
    """Run the chosen targets, two at a time, and write the record."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=1, help="for all targets together")
    parser.add_argument("--work", type=Path, required=True, help="programs and kept inputs")
    parser.add_argument("--target", action="append", choices=SEEDS, help="only this one")
    parser.add_argument("--output", type=Path, help="JSON record")
    options = parser.parse_args()
    programs = build_targets(options.target or SEEDS, options.work)
    seconds = max(1, round(options.minutes * 60 * AT_ONCE / len(programs)))
    with ThreadPoolExecutor(AT_ONCE) as pool:
        jobs = {
            target: pool.submit(run_target, program, target, options.work, seconds)
            for target, program in programs.items()
        }
        results = {target: job.result() for target, job in jobs.items()}
    for target, result in results.items():
        print(
            f"{target:16} {result['executions']:12,} executions, {result['findings']} findings"
        )
        if result["findings"]:
            print(result["output"])
    if options.output:
        config = {"seconds": seconds, "sanitizers": "address, undefined"}
        save_record(run_record(seed=None, config=config, metrics=results), options.output)
    return int(any(result["findings"] for result in results.values()))


if __name__ == "__main__":
    sys.exit(main())
