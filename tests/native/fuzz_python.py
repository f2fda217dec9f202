"""Mutate small files of every format that Python reads; only declared errors may come out.

    python -m tests.native.fuzz_python --minutes 1 --work DIR [--target NAME]...

A finding is kept in DIR, ends the program with exit code 1, and belongs into tests/attacks/.
"""

from __future__ import annotations

import argparse
import json
import logging
import random
import sys
import time
import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import embkit
from embkit import formats
from embkit.cli.app import read_config
from embkit.config import CooccurrenceConfig
from embkit.counts.cooccurrence import Cooccurrence, cooccur
from embkit.errors import FormatError, ResourceError
from embkit.evaluation.datasets import read_analogies, read_similarity
from embkit.formats.vocabulary_text import load_vocabulary
from embkit.mapping.dictionary import SeedDictionary
from embkit.mapping.result import Mapping
from embkit.mapping.run import map as fit
from eval.record import run_record, save_record
from tests.attacks import npz_files, safetensors_files, word_files

LONGEST = 8192
BATCH = 200
TOKENS = (
    b"0",
    b"-1",
    b"1e999",
    b"nan",
    b"\t",
    b"\n",
    b"\r\n",
    b"\x00",
    b"\xef\xbb\xbf",
    b": a\n",
)


@dataclass(frozen=True)
class Target:
    """A reader, files to begin with, and what it may raise."""

    read: Callable[[Path], object]
    seeds: Iterable[bytes]
    raises: tuple[type[Exception], ...] = (FormatError, ResourceError)


def _saved(save: Callable[[Path], object], folder: Path) -> bytes:
    path = folder / "seed"
    path.unlink(missing_ok=True)
    save(path)
    return path.read_bytes()


def _map() -> Mapping:
    rng = np.random.default_rng(1)
    source, target = (
        embkit.Embeddings.from_words({f"{side}{i}": rng.normal(size=3) for i in range(8)})
        for side in "ab"
    )
    dictionary = SeedDictionary([(f"a{i}", f"b{i}") for i in range(8)])
    return fit(source, target, dictionary=dictionary)


def _contents(attacks: dict[str, tuple[bytes, str]]) -> list[bytes]:
    return [content for content, _ in attacks.values()]


def make_targets(folder: Path) -> dict[str, Target]:
    """Return every target; ``folder`` is where seeds are written first."""
    counts = cooccur([["a", "b", "a", "c"]] * 3, CooccurrenceConfig(min_count=1, window=2))
    model = safetensors_files.to_bytes(safetensors_files.make())
    pairs = b"cat\tdog\t7.5\nking queen 8\n"
    questions = b": capital\na b c d\ne f g h/i\n"
    return {
        "npz": Target(formats.load, _contents(npz_files.ATTACKS)),
        "safetensors": Target(formats.load, [model, *_contents(safetensors_files.ATTACKS)]),
        "words": Target(formats.load, _contents(word_files.ATTACKS)),
        "vocabulary": Target(load_vocabulary, [b"the 10\ncat 3\n", b"a\t1\n"]),
        "dictionary": Target(SeedDictionary.read, [b"cat\tKatze\ncat Kater 0.5\n"]),
        "similarity set": Target(read_similarity, [pairs]),
        "analogy set": Target(read_analogies, [questions]),
        "map": Target(Mapping.open, [_saved(_map().save, folder)]),
        "co-occurrence": Target(Cooccurrence.open, [_saved(counts.save, folder)]),
        "config": Target(read_config, [b'dim = 100\nloss = "hs"\n'], (ValueError,)),
    }


def mutate(data: bytes, seeds: list[bytes], chosen: random.Random) -> bytes:
    """Return ``data`` with a few bytes changed, cut, doubled or joined with another seed's."""
    out = bytearray(data)
    for _ in range(chosen.randint(1, 5)):
        place = chosen.randrange(len(out) + 1)
        match chosen.randrange(6):
            case 0 if out:
                out[place % len(out)] ^= 1 << chosen.randrange(8)
            case 1 if out:
                out[place % len(out)] = chosen.randrange(256)
            case 2:
                out[place:place] = chosen.choice(TOKENS)
            case 3:
                del out[place : place + chosen.randint(1, 8)]
            case 4:
                del out[place:]
            case _:
                other = chosen.choice(seeds)
                out[place:] = other[chosen.randrange(len(other) + 1) :]
    return bytes(out[:LONGEST])


def run_target(name: str, target: Target, work: Path, seconds: float) -> dict[str, Any]:
    """Read mutations for some seconds, or up to the first that raises something else."""
    chosen = random.Random(name)
    seeds = [seed for seed in target.seeds if len(seed) <= LONGEST]
    path = work / f"input-{name.replace(' ', '-')}"
    executions, begin = 0, time.monotonic()
    while time.monotonic() - begin < seconds:
        for _ in range(BATCH):
            path.write_bytes(mutate(chosen.choice(seeds), seeds, chosen))
            executions += 1
            try:
                target.read(path)
            except target.raises:
                continue
            except Exception:
                path.replace(work / f"finding-{name.replace(' ', '-')}")
                text = traceback.format_exc(limit=-4)
                return {"executions": executions, "findings": 1, "output": text}
    elapsed = round(time.monotonic() - begin, 1)
    return {"executions": executions, "findings": 0, "seconds": elapsed}


def main() -> int:
    """Run the chosen targets one after the other and write the record."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=1, help="for all targets together")
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--target", action="append", help="only this one")
    parser.add_argument("--output", type=Path, help="JSON record")
    options = parser.parse_args()
    logging.disable(logging.CRITICAL)
    options.work.mkdir(parents=True, exist_ok=True)
    targets = make_targets(options.work)
    chosen = options.target or list(targets)
    seconds = options.minutes * 60 / len(chosen)
    results = {name: run_target(name, targets[name], options.work, seconds) for name in chosen}
    for name, result in results.items():
        print(f"{name:16} {result['executions']:10,} executions, {result['findings']} findings")
        print(result.get("output", ""), end="")
    if options.output:
        config = {"seconds": seconds}
        save_record(run_record(seed=None, config=config, metrics=results), options.output)
    print(json.dumps({"executions": sum(r["executions"] for r in results.values())}))
    return int(any(result["findings"] for result in results.values()))


if __name__ == "__main__":
    sys.exit(main())
