"""Put the same faults to embkit and to other tools, and tell what each does.

    python -m eval.reliability --work DIR [--word2vec BIN] [--fasttext BIN] [--distance BIN]
        [--gensim] [--output RECORD]

Outcomes: `right` (the text is trained whole, or the fault is told and ends in a non-zero exit
code, before any output), `silent` (exit code 0 although it went wrong), `crash` (ended by a
signal or by an error that nobody caught), `hang` (10 s).
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import embkit
from embkit.errors import FormatError
from eval.hostile import LEAST_COUNT, TrainingFault, training_faults, write_faults
from eval.record import ROOT, run_record, save_record

LIMIT_SECONDS = 10
MEMORY_KIB = 4 << 20
EPOCHS = "5"
DEFAULTS = {"learning_rate": "0.1", "window": "3"}

LOAD_EMBKIT = (
    "import sys; from embkit.cli import main; sys.exit(main(['inspect', sys.argv[1]]))"
)
LOAD_GENSIM = """import sys
from gensim.models import KeyedVectors
try:
    KeyedVectors.load_word2vec_format(sys.argv[1], binary=True)
except Exception as error:  # a library tells by an exception, whatever it says
    sys.exit(f"{type(error).__name__}: {error}")"""


def trainers(options: argparse.Namespace) -> dict[str, list[str]]:
    """Return the command lines of the tools that the user gave, with places to fill in."""
    common = ["-min-count", str(LEAST_COUNT)]
    found = {
        "embkit": [
            *(
                sys.executable,
                "-m",
                "embkit",
                "train",
                "sgns",
                "{corpus}",
                "--output",
                "{output}",
            ),
            *(
                "--min-count",
                str(LEAST_COUNT),
                "--dim",
                "8",
                "--epochs",
                EPOCHS,
                "--threads",
                "1",
            ),
            *("--learning-rate", "{learning_rate}", "--window", "{window}", "--quiet"),
            *("--subsample", "0"),
        ]
    }
    if options.word2vec:
        found["word2vec.c"] = [
            *(str(options.word2vec), "-train", "{corpus}", "-output", "{output}", "-size", "8"),
            *("-alpha", "{learning_rate}", "-window", "{window}", "-threads", "1", *common),
            *("-iter", EPOCHS, "-cbow", "0", "-negative", "5", "-sample", "0"),
        ]
    if options.fasttext:
        found["fastText"] = [
            *(str(options.fasttext), "skipgram", "-input", "{corpus}", "-output", "{output}"),
            *("-dim", "8", "-minCount", str(LEAST_COUNT), "-thread", "1", "-epoch", EPOCHS),
            *("-lr", "{learning_rate}", "-ws", "{window}", "-bucket", "1000"),
        ]
    return found


def loaders(options: argparse.Namespace) -> dict[str, list[str]]:
    """Return the commands that load a word2vec binary file."""
    found = {"embkit": [sys.executable, "-c", LOAD_EMBKIT, "{vectors}"]}
    if options.gensim:
        found["gensim"] = [sys.executable, "-c", LOAD_GENSIM, "{vectors}"]
    if options.distance:
        found["word2vec.c distance"] = [str(options.distance), "{vectors}"]
    return found


def fill(command: list[str], values: Mapping[str, str]) -> list[str]:
    """Put values in their places: ``{corpus}``, ``{output}``, ..."""
    for name, value in values.items():
        command = [part.replace("{" + name + "}", value) for part in command]
    return command


def run(command: list[str], folder: Path, source: Path | None) -> tuple[str, str]:
    """Run a tool; return ``done``, ``told``, ``crash`` or ``hang``, and what it printed."""
    limited = ["bash", "-c", f'ulimit -v {MEMORY_KIB}; exec "$@"', "bash", *command]
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    given = source.read_bytes() if source else b"EXIT\n"
    try:
        done = subprocess.run(
            limited, cwd=folder, input=given, capture_output=True, timeout=LIMIT_SECONDS,
            env=environment,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return "hang", ""
    text = (done.stdout + done.stderr).decode("utf-8", "replace")
    if done.returncode < 0 or done.returncode in (134, 136, 139) or "Traceback" in text:
        return "crash", text
    return ("done" if done.returncode == 0 else "told"), text


def try_training(command: list[str], fault: TrainingFault, folder: Path) -> str:
    """Return what a trainer makes of a fault."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    corpus = folder / "corpus.txt"
    corpus.write_bytes(fault.corpus)
    values = {**DEFAULTS, "corpus": "/dev/stdin" if fault.piped else str(corpus)}
    values |= {"output": fault.output, **(fault.options or {})}
    ended, _ = run(fill(command, values), folder, corpus if fault.piped else None)
    if ended in ("hang", "crash"):
        return ended
    if fault.expected is None:
        return "right" if ended == "told" else "silent"
    return "right" if ended == "done" and has_words(folder, fault.expected) else "silent"


def has_words(folder: Path, expected: tuple[str, ...]) -> bool:
    """Tell whether the words have vectors, and whether anything was trained."""
    paths = [path for path in folder.glob("vectors.txt*") if path.suffix != ".bin"]
    try:
        vectors = embkit.load(paths[0])
    except (FormatError, IndexError):
        return False
    # First rows lie within 1 / dim of zero, and training moves them away from there.
    is_trained = abs(vectors.vectors).max() > 1.5 / vectors.dim
    return bool(is_trained) and all(word in vectors for word in expected)


def main() -> None:
    """Try every tool with every fault and print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--work", type=Path, required=True)
    for name in ("word2vec", "fasttext", "distance"):
        parser.add_argument(f"--{name}", type=lambda p: Path(p).resolve())
    parser.add_argument("--gensim", action="store_true")
    parser.add_argument("--output", type=Path, help="JSON record")
    options = parser.parse_args()
    work = options.work.resolve()
    table: dict[str, dict[str, str]] = {}
    for tool, command in trainers(options).items():
        for fault in training_faults():
            outcome = try_training(command, fault, work / "training")
            table.setdefault(f"train: {fault.name}", {})[tool] = outcome
    for tool, command in loaders(options).items():
        for name, path in write_faults(work / "loading").items():
            ended, _ = run(fill(command, {"vectors": str(path)}), work, None)
            outcome = {"told": "right", "done": "silent"}.get(ended, ended)
            table.setdefault(f"load: {name}", {})[tool] = outcome
    for name, row in table.items():
        print(f"{name:32}", ", ".join(f"{tool} {outcome}" for tool, outcome in row.items()))
    if options.output:
        config = {"limit_seconds": LIMIT_SECONDS, "memory_kib": MEMORY_KIB}
        save_record(run_record(seed=None, config=config, metrics=table), options.output)


if __name__ == "__main__":
    main()
