"""Put the same faults to embkit and to other tools, and tell what each does.

    python -m eval.reliability --work DIR [--word2vec BIN] [--fasttext BIN] [--distance BIN]
        [--gensim] [--glove FOLDER] [--vecmap FOLDER] [--output RECORD]

Outcomes: `right` (the text is trained whole, or the fault is told and ends in a non-zero exit
code, before any output), `silent` (exit code 0 although it went wrong), `crash` (ended by a
signal or by an error that nobody caught), `hang` (10 s). A good text or file that is refused is
`silent` too.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import embkit
from embkit.errors import FormatError
from eval.hostile import (
    FAULTS,
    LEAST_COUNT,
    NO_FAULT,
    TrainingFault,
    training_faults,
    write_faults,
)
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
from gensim.models.fasttext import load_facebook_vectors
try:
    if sys.argv[2] == "fasttext":
        load_facebook_vectors(sys.argv[1])
    else:
        KeyedVectors.load_word2vec_format(sys.argv[1], binary=sys.argv[2] == "binary")
except Exception as error:  # a library tells by an exception, whatever it says
    sys.exit(f"{type(error).__name__}: {error}")"""
LOAD_VECMAP = """import sys
sys.path.insert(0, sys.argv[2])
import embeddings
try:
    with open(sys.argv[1], encoding="utf-8", errors="surrogateescape") as file:
        embeddings.read(file)
except Exception as error:
    sys.exit(f"{type(error).__name__}: {error}")"""
# What is appended to the output's name; elsewhere the full device is linked under these names.
SUFFIXES = {"fastText": (".bin", ".vec"), "GloVe": (".txt",)}
FULL = "/dev/full"
# Four programs, which read the text twice.
TRAIN_GLOVE = """set -e
"$1/vocab_count" -min-count "$5" < "$2" > vocabulary
"$1/cooccur" -vocab-file vocabulary -window-size "$6" -memory 0.5 < "$2" > counts
"$1/shuffle" -memory 0.5 < counts > shuffled
exec "$1/glove" -input-file shuffled -vocab-file vocabulary -save-file "$3" -eta "$4" \\
  -vector-size 8 -threads 1 -iter 25 -binary 0 -x-max 10"""


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
    if options.glove:
        given = ("{corpus}", "{output}", "{learning_rate}", str(LEAST_COUNT), "{window}")
        found["GloVe"] = ["bash", "-c", TRAIN_GLOVE, "bash", str(options.glove), *given]
    return found


def loaders(options: argparse.Namespace, form: str) -> dict[str, list[str]]:
    """Return the commands that load a file of a form of ``FAULTS``."""
    found = {"embkit": [sys.executable, "-c", LOAD_EMBKIT, "{vectors}"]}
    if options.gensim:
        found["gensim"] = [sys.executable, "-c", LOAD_GENSIM, "{vectors}", form]
    if options.distance and form == "binary":
        found["word2vec.c distance"] = [str(options.distance), "{vectors}"]
    if options.vecmap and form == "text":
        found["VecMap"] = [sys.executable, "-c", LOAD_VECMAP, "{vectors}", str(options.vecmap)]
    if options.fasttext and form == "fasttext":
        found["fastText"] = [str(options.fasttext), "print-word-vectors", "{vectors}"]
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


def try_training(
    command: list[str], fault: TrainingFault, folder: Path, suffixes: tuple[str, ...] = ()
) -> str:
    """Return what a trainer makes of a fault; it appends ``suffixes`` to its output's name."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    corpus = folder / "corpus.txt"
    corpus.write_bytes(fault.corpus)
    values = {**DEFAULTS, "corpus": "/dev/stdin" if fault.piped else str(corpus)}
    values |= {"output": fault.output, **(fault.options or {})}
    if fault.output == FULL and suffixes:
        values["output"] = "full"
        for suffix in suffixes:
            (folder / f"full{suffix}").symlink_to(FULL)
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


def totals(table: Mapping[str, Mapping[str, str]]) -> dict[str, Counter[str]]:
    """Return how often each tool did what, by the kind of fault."""
    found: dict[str, Counter[str]] = {}
    for name, row in table.items():
        for tool, outcome in row.items():
            found.setdefault(f"{name.partition(':')[0]}: {tool}", Counter())[outcome] += 1
    return found


def main() -> None:
    """Try every tool with every fault and print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--work", type=Path, required=True)
    for name in ("word2vec", "fasttext", "distance", "glove", "vecmap"):
        parser.add_argument(f"--{name}", type=lambda p: Path(p).resolve())
    parser.add_argument("--gensim", action="store_true")
    parser.add_argument("--output", type=Path, help="JSON record")
    options = parser.parse_args()
    work = options.work.resolve()
    table: dict[str, dict[str, str]] = {}
    for tool, command in trainers(options).items():
        for fault in training_faults():
            outcome = try_training(command, fault, work / "training", SUFFIXES.get(tool, ()))
            table.setdefault(f"train: {fault.name}", {})[tool] = outcome
    for form in FAULTS:
        for tool, command in loaders(options, form).items():
            for name, path in write_faults(work / "loading", form).items():
                ended, _ = run(fill(command, {"vectors": str(path)}), work, None)
                right, wrong = ("done", "told") if name == NO_FAULT else ("told", "done")
                outcome = {right: "right", wrong: "silent"}.get(ended, ended)
                table.setdefault(f"load {form}: {name}", {})[tool] = outcome
    for name, row in table.items():
        print(f"{name:32}", ", ".join(f"{tool} {outcome}" for tool, outcome in row.items()))
    for tool, outcomes in totals(table).items():
        print(f"{tool:32}", ", ".join(f"{name} {n}" for name, n in outcomes.items()))
    if options.output:
        config = {"limit_seconds": LIMIT_SECONDS, "memory_kib": MEMORY_KIB}
        save_record(run_record(seed=None, config=config, metrics=table), options.output)


if __name__ == "__main__":
    main()
