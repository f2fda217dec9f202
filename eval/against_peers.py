r"""Check that embkit's conventions give other tools' numbers on real vectors and real sets.

Each tool is run on the same vectors and sets, and its printed figures stand beside embkit's::

    python -m eval.against_peers --vectors en.bin --data DATA \
        [--compute-accuracy BIN] [--vecmap FOLDER] [--threshold 30000] \
        [--target de.bin --dictionary TEST]

gensim is asked in this process; word2vec's ``compute-accuracy`` and VecMap's scripts are run
where they are given, its eval_translation.py with vectors in the same space as the others and a
test dictionary.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import embkit
from embkit import Embeddings
from embkit.evaluation.analogy import AnalogyScore, evaluate_analogies
from embkit.evaluation.datasets import read_analogies, read_similarity
from embkit.evaluation.options import AnalogyConvention, AnalogyOptions, SimilarityOptions
from embkit.evaluation.similarity import evaluate_similarity
from embkit.evaluation.translation import TranslationOptions, evaluate_translation
from embkit.mapping import SeedDictionary
from eval.evaluation_speed import NOT_ENGLISH, write_questions
from eval.record import run_record, save_record

Row = dict[str, Any]
QUESTIONS = "google.txt"


def row(tool: str, name: str, theirs: str, ours: str) -> Row:
    """Return one line of the table."""
    return {"tool": tool, "set": name, "theirs": theirs, "embkit": ours, "same": theirs == ours}


def similarity_rows(vectors: Embeddings, args: argparse.Namespace) -> list[Row]:
    """Return gensim's and VecMap's correlations with those of the same convention."""
    rows = []
    gensim_vectors = vectors.to_gensim()
    for path in sorted((args.data / "similarity").glob("*.tsv")):
        if path.stem.endswith(NOT_ENGLISH):
            continue
        pairs = write_pairs(path, args.work / path.name)
        data = read_similarity(pairs)
        r, rho, oov = gensim_vectors.evaluate_word_pairs(str(pairs))
        options = SimilarityOptions(convention="gensim", interval="analytic")
        score = evaluate_similarity(vectors, data, options)
        ours = (score.pearson.value, score.spearman.value, 100 * score.n_unknown / len(data))
        shown = [f"{x:.4f} {y:.4f} {z:.2f}%" for x, y, z in ((r[0], rho[0], oov), ours)]
        rows.append(row("gensim", path.stem, *shown))
        if args.vecmap:
            printed = run_vecmap(
                "eval_similarity.py", args, str(args.text), "-i", str(pairs), "-l"
            )
            options = SimilarityOptions(convention="vecmap", case="lower", interval="analytic")
            score = evaluate_similarity(vectors, data, options)
            figures = (score.n_used / len(data), score.pearson.value, score.spearman.value)
            rows.append(row("VecMap", path.stem, printed, percentages(*figures)))
    return rows


def write_pairs(path: Path, target: Path) -> Path:
    """Write the first three columns alone: gensim and VecMap take no fourth."""
    rows = (line.split("\t") for line in path.read_text(encoding="utf-8").splitlines())
    lines = ("\t".join(row[:3]) + "\n" for row in rows if len(row) >= 3)
    target.write_text("".join(lines), encoding="utf-8")
    return target


def percentages(*values: float | None) -> str:
    """Return shares as VecMap prints them."""
    return " ".join("nan" if value is None else f"{value:.2%}" for value in values)


def run_vecmap(script: str, args: argparse.Namespace, *options: str) -> str:
    """Return the percentages that a script of VecMap prints in its last line."""
    command = [sys.executable, script, *options]
    done = subprocess.run(command, cwd=args.vecmap, capture_output=True, text=True, check=True)
    return " ".join(re.findall(r"[-\d.]+%", done.stdout.strip().splitlines()[-1]))


def analogies(
    vectors: Embeddings, args: argparse.Namespace, convention: AnalogyConvention
) -> AnalogyScore:
    """Return 3CosAdd's score on Google's questions by a convention."""
    options = AnalogyOptions(
        convention=convention,
        method=("3CosAdd",),
        interval="analytic",
        restrict_vocab=args.threshold,
        case="lower" if convention == "vecmap" else None,
    )
    return evaluate_analogies(vectors, read_analogies(args.work / QUESTIONS), options)[0]


def counts(score: AnalogyScore) -> str:
    """Return the number of right answers in each section."""
    return " ".join(str(section.n_correct) for section in score.sections)


def analogy_rows(vectors: Embeddings, args: argparse.Namespace) -> list[Row]:
    """Return each tool's counts on Google's analogies with those of the same convention."""
    path, limit = write_questions(args.data, args.work / QUESTIONS), str(args.threshold)
    _, sections = vectors.to_gensim().evaluate_word_analogies(str(path), args.threshold)
    theirs = " ".join(str(len(section["correct"])) for section in sections[:-1])
    rows = [row("gensim", "google", theirs, counts(analogies(vectors, args, "gensim")))]
    if args.compute_accuracy:
        command = [str(args.compute_accuracy.absolute()), str(args.binary), limit]
        asked = path.read_text(encoding="utf-8")
        done = subprocess.run(command, input=asked, capture_output=True, text=True, check=True)
        theirs = " ".join(re.findall(r"TOP1:.*\((\d+) /", done.stdout))
        ours = counts(analogies(vectors, args, "word2vec"))
        rows.append(row("compute-accuracy", "google", theirs, ours))
    if args.vecmap:
        options = (str(args.text), "-i", str(path), "-l", "-t", limit)
        score = analogies(vectors, args, "vecmap")
        groups = [group.accuracy.value for group in score.groups]
        ours = percentages(score.n_used / score.n_total, score.accuracy.value, *groups)
        rows.append(
            row("VecMap", "google", run_vecmap("eval_analogy.py", args, *options), ours)
        )
    return rows


def translation_rows(vectors: Embeddings, args: argparse.Namespace) -> list[Row]:
    """Return VecMap's coverage and accuracy with those of the same convention."""
    target = embkit.load(args.target)
    path = args.work / "target.txt"
    embkit.save(target, path, overwrite=True)
    pairs = [(e.source, e.target) for e in SeedDictionary.read(args.dictionary)]
    options = (str(args.text), str(path), "-d", str(args.dictionary.absolute()))
    rows = []
    for retrieval in ("nn", "csls"):
        theirs = run_vecmap("eval_translation.py", args, *options, "--retrieval", retrieval)
        score = evaluate_translation(
            vectors, target, pairs, options=TranslationOptions(retrieval=retrieval)
        )
        found = score.conventions["vecmap"]
        ours = percentages(found["coverage"], found["P@1"])
        rows.append(row("VecMap", f"{args.dictionary.name} {retrieval}", theirs, ours))
    return rows


def main() -> None:
    """Parse, run the tools, print the table, write the record."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    for name in ("vectors", "data"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    for name in ("compute-accuracy", "vecmap", "target", "dictionary"):
        parser.add_argument(f"--{name}", type=Path)
    parser.add_argument("--work", type=Path, default=Path("build/evaluation"))
    parser.add_argument("--threshold", type=int, default=30_000)
    parser.add_argument("--output", type=Path, default=Path("eval/results/against-peers.json"))
    args = parser.parse_args()
    if len({args.target is None, args.dictionary is None}) > 1 or (
        args.target and not args.vecmap
    ):
        parser.error("target and dictionary must be given together, and with vecmap")
    args.work = args.work.absolute()
    args.work.mkdir(parents=True, exist_ok=True)
    vectors = embkit.load(args.vectors)
    args.text, args.binary = args.work / "vectors.txt", args.work / "vectors.bin"
    for path in (args.text, args.binary):
        embkit.save(vectors, path, overwrite=True)
    rows = similarity_rows(vectors, args) + analogy_rows(vectors, args)
    if args.target:
        rows += translation_rows(vectors, args)
    for entry in rows:
        print("\t".join(str(value) for value in entry.values()))
    config = {"num_words": len(vectors), "dim": vectors.dim, "threshold": args.threshold}
    save_record(run_record(seed=None, config=config, metrics={"rows": rows}), args.output)
    if not all(entry["same"] for entry in rows):
        sys.exit("some figures differ")


if __name__ == "__main__":
    main()
