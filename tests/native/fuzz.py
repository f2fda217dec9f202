"""Fuzz every reader of the core under AddressSanitizer and UndefinedBehaviorSanitizer.

    python -m tests.native.fuzz --minutes 1 --work DIR [--target NAME]...
        [--executions N] [--output RECORD]

With clang the engine is libFuzzer, elsewhere our own mutations. Inputs that the engine found
worth keeping stay in DIR and are where the next run begins. RECORD adds up the executions of
all runs on the same sources; a target that has N of them is left out. An input that breaks a
promise ends the program with exit code 1; it belongs into tests/attacks/ for ever.
"""

from __future__ import annotations

import argparse
import itertools
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from tests.attacks import fasttext_fields, word_files
from tests.fasttext_files import Model
from tests.native import build, fuzz_record

LONGEST = {"fasttext": 2400, "word2vec_text": 2400, "word2vec_binary": 2400}
"""Bytes of an input: as long as the small models that fastText and word2vec wrote. Buffers are
small, so that short ones cross their edges too."""
LONGEST_ELSE = 256
AT_ONCE = 2
LIMITS = ("-rss_limit_mb=512", "-timeout=5", "-malloc_limit_mb=256")
# Freed memory is watched for a while only, and less of each allocation's call stack is kept:
# the defaults for both take most of the time of a short execution.
ASAN_OPTIONS = "quarantine_size_mb=4:thread_local_quarantine_size_kb=64:malloc_context_size=3"
MAGICS = (
    *("0", "-1", "1e999", "nan", "inf", "-0.", "e+", "4294967296", "9223372036854775808"),
    *(r"\x0a", r"\x0d\x0a", r"\x09", r"\x00", r"\xef\xbb\xbf", r"\xff\xfe", "</s>", " "),
    *(r"\xba\x16\x4f\x2f", r"\x0c\x00\x00\x00", r"\xff\xff\xff\x7f", r"\x00\x00\x80\x7f"),
)
"""What mutations alone seldom make, in the escapes of libFuzzer's dictionaries."""
EXECUTIONS = re.compile(r"Done (\d+) runs|executions: (\d+)")
GOLDENS = build.ROOT / "tests/goldens"
NUMBERS = (b"0", b"-1.5e-3", b"16777217", b"3.4028236e38", b"1e-46", b".5", b"7.0e+10")


def _written(kind: str) -> bytes:
    """Return a file that word2vec wrote; of the text only the first rows."""
    if kind == "binary":
        return (GOLDENS / "word2vec/vectors.bin").read_bytes()
    header, *rows = (GOLDENS / "word2vec/vectors.txt").read_bytes().splitlines(keepends=True)
    return b"".join([b"32 " + header.split()[1] + b"\n", *rows[:32]])


def _words(kind: str) -> Iterable[bytes]:
    """Return small files, each behind the byte by which a target chooses how to read."""
    good = word_files.GOOD_TEXT if kind == "text" else word_files.GOOD_BINARY
    hostile = (content for name, (content, _) in word_files.ATTACKS.items() if kind in name)
    choices = (bytes([choice]) for choice in (0, 1))
    streamed = b"\x08" + good
    return (
        streamed,
        b"\x00" + _written(kind),
        *(a + b for a, b in itertools.product(choices, (good, *hostile))),
    )


def _fasttext() -> Iterable[bytes]:
    models = sorted((GOLDENS / "fasttext").glob("*.bin"))
    written = (path.read_bytes() for path in models)
    return (
        *written,
        Model().to_bytes(),
        Model(versioned=False).to_bytes(),
        *(content for content, _ in fasttext_fields.ATTACKS.values()),
    )


TEXT = "the cat\tsat\r\non the straße\n\n\u3000猫 \x0b\u043a\u043e\u0442".encode()
SEEDS: dict[str, Iterable[bytes]] = {
    "word2vec_text": _words("text"),
    "word2vec_binary": _words("binary"),
    "fasttext": _fasttext(),
    "parse_float": NUMBERS,
    "utf8": (TEXT, bytes(range(256))),
    "tokenizer": (b"\x07" + TEXT, b"\x40\xef\xbb\xbf" + TEXT, b"\x00\xff\xfea"),
}


def longest(target: str) -> int:
    """Return the bytes of a target's longest inputs."""
    return LONGEST.get(target, LONGEST_ELSE)


def sources_of(target: str) -> str:
    """Return a name for the contents of all sources that a target tests."""
    return fuzz_record.digest(build.needed_files(source_of(target)))


def source_of(target: str) -> str:
    """Return the source of a target's function."""
    return f"tests/native/fuzz_{target}.cpp"


def write_seeds(target: str, folder: Path) -> None:
    """Put a target's seeds, those short enough, into ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    for i, seed in enumerate(SEEDS[target]):
        if len(seed) <= longest(target):
            (folder / f"seed-{i}").write_bytes(seed)


def build_targets(targets: Iterable[str], folder: Path) -> dict[str, Path]:
    """Compile the core and each target, unless that was done; return the programs by target."""
    programs = {name: folder / f"fuzz_{name}-{sources_of(name)}" for name in targets}
    missing = [name for name, program in programs.items() if not program.exists()]
    if not missing:
        return programs
    tools = build.fuzzer()
    parts = {
        name: [f for f in build.needed_files(source_of(name)) if f.endswith(".cpp")]
        for name in missing
    }
    sources = sorted({*tools.driver, *(source for some in parts.values() for source in some)})
    compiled = build.compile_objects(tools, sources, folder / "objects")
    objects = dict(zip(sources, compiled, strict=True))
    for name, own in parts.items():
        build.link(tools, [objects[part] for part in (*own, *tools.driver)], programs[name])
    return programs


def command_line(
    program: Path, target: str, work: Path, seconds: int, executions: int
) -> list[str]:
    """Return the command that runs a target; a finding is left in ``work``."""
    seeds, corpus = work / "seeds" / target, work / "corpus" / target
    write_seeds(target, seeds)
    corpus.mkdir(parents=True, exist_ok=True)
    finding = work / f"finding-{target}"
    finding.unlink(missing_ok=True)
    if build.fuzzer().driver:
        return [str(program), str(seeds), str(seconds), str(finding)]
    magics = work / "magics.dict"
    magics.write_text("".join(f'"{magic}"\n' for magic in MAGICS), encoding="utf-8")
    limits = [*LIMITS, f"-max_len={longest(target)}", f"-max_total_time={seconds}"]
    limits += [f"-runs={executions}"] if executions else []
    files = [f"-artifact_prefix={finding}", f"-dict={magics}", str(corpus), str(seeds)]
    return [str(program), *limits, *files]


def run_target(
    program: Path, target: str, work: Path, seconds: int, executions: int = 0
) -> dict[str, Any]:
    """Run one target, to ``executions`` where given, and return what it did."""
    command = command_line(program, target, work, seconds, executions)
    environment = {**os.environ, "ASAN_OPTIONS": ASAN_OPTIONS}
    begin = time.monotonic()
    done = subprocess.run(
        command, capture_output=True, text=True, errors="replace", env=environment
    )
    found = EXECUTIONS.search(done.stdout + done.stderr)
    return {
        "engine": "mutations" if build.fuzzer().driver else "libFuzzer",
        "sources": sources_of(target),
        "executions": int(next(filter(None, found.groups()))) if found else 0,
        "seconds": round(time.monotonic() - begin, 1),
        "findings": int(done.returncode != 0),
        **({"output": done.stderr[-2000:]} if done.returncode != 0 else {}),
    }


def run_targets(
    programs: dict[str, Path], work: Path, minutes: float, wanted: dict[str, int]
) -> dict[str, dict[str, Any]]:
    """Run the targets, two at a time, in ``minutes`` together."""
    seconds = max(1, round(minutes * 60 * min(AT_ONCE, len(programs)) / len(programs)))
    with ThreadPoolExecutor(AT_ONCE) as pool:
        jobs = {
            target: pool.submit(run_target, program, target, work, seconds, wanted[target])
            for target, program in programs.items()
        }
        return {target: job.result() for target, job in jobs.items()}


def main() -> int:
    """Run the chosen targets and add to the record."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=1, help="for all targets together")
    parser.add_argument("--work", type=Path, required=True, help="programs and kept inputs")
    parser.add_argument("--target", action="append", choices=SEEDS, help="only this one")
    parser.add_argument("--executions", type=int, default=0, help="of each target, at most")
    parser.add_argument("--output", type=Path, help="JSON record, added to")
    options = parser.parse_args()
    chosen = options.target or list(SEEDS)
    wanted = dict.fromkeys(chosen, 0)
    if options.executions:
        totals = fuzz_record.read_totals(options.output)
        wanted = {
            name: fuzz_record.still_wanted(totals, name, sources_of(name), options.executions)
            for name in chosen
        }
        chosen = [name for name in chosen if wanted[name]]
    programs = build_targets(chosen, options.work) if chosen else {}
    results = run_targets(programs, options.work, options.minutes, wanted) if chosen else {}
    for target, result in results.items():
        print(
            f"{target:16} {result['executions']:12,} executions, {result['findings']} findings"
        )
        print(result.get("output", ""), end="")
    if options.output and results:
        fuzz_record.add(
            options.output, results, {"sanitizers of the core": "address, undefined"}
        )
    return int(any(result["findings"] for result in results.values()))


if __name__ == "__main__":
    sys.exit(main())
