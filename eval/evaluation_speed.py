r"""Measure how long evaluations take: all sets, and Google's analogies beside gensim.

Rounds take embkit and gensim in turn on the same vectors, loaded before. "All sets" is every
English similarity set and every analogy set under the folder, read, answered by 3CosAdd and
3CosMul, with 10,000 resamples for each interval::

    embkit train sgns en.txt --output en.bin --dim 100 --min-count 3 --max-vocab 70000
    python -m eval.evaluation_speed --vectors en.bin --data DATA [--rounds 3]
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from embkit.evaluation.analogy import evaluate_analogies
from embkit.evaluation.datasets import read_analogies, read_similarity
from embkit.evaluation.options import AnalogyOptions, SimilarityOptions
from embkit.evaluation.similarity import evaluate_similarity
from eval.record import run_record, save_record

if TYPE_CHECKING:
    from embkit.embeddings import Embeddings

NOT_ENGLISH = ("-de",)
ANALOGY_SETS = ("google", "msr")


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """Return the wall and processor seconds that a call takes."""
    wall, processor = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - processor


def evaluate_everything(vectors: Embeddings, data: Path, threads: int) -> dict[str, int]:
    """Read and evaluate all sets; return how many items each had."""
    items = {}
    for path in sorted((data / "similarity").glob("*.tsv")):
        if not path.stem.endswith(NOT_ENGLISH):
            pairs = read_similarity(path)
            score = evaluate_similarity(vectors, pairs, SimilarityOptions(threads=threads))
            items[score.set] = score.n_used
    for name in ANALOGY_SETS:
        questions = read_analogies(data / "analogy" / f"{name}.tsv")
        scores = evaluate_analogies(vectors, questions, AnalogyOptions(threads=threads))
        items[name] = scores[0].n_used
    return items


def write_questions(data: Path, path: Path) -> Path:
    """Write Google's questions in word2vec's form, which gensim reads."""
    section = None
    lines = []
    for question in read_analogies(data / "analogy/google.tsv").questions:
        if question.section != section:
            section = question.section
            lines.append(f": {section}")
        lines.append(f"{question.a} {question.b} {question.c} {question.answers[0]}")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def measure(vectors: Embeddings, questions: Path, args: argparse.Namespace) -> dict[str, Any]:
    """Return the seconds of each round, and both tools' accuracy on Google's analogies."""
    gensim_vectors = vectors.to_gensim()
    asked = read_analogies(questions)
    options = AnalogyOptions(convention="gensim", method=("3CosAdd",), threads=args.threads)
    found: dict[str, float] = {}

    def ours() -> None:
        found["embkit"] = evaluate_analogies(vectors, asked, options)[0].accuracy.value or 0.0

    def theirs() -> None:
        found["gensim"] = gensim_vectors.evaluate_word_analogies(str(questions))[0]

    rounds = []
    for number in range(args.rounds):
        all_sets = timed(lambda: evaluate_everything(vectors, args.data, args.threads))
        both = {"embkit": timed(ours), "gensim": timed(theirs)}
        rounds.append({"all_sets": all_sets, **both})
        ratio = both["gensim"][0] / both["embkit"][0]
        print(
            f"round {number + 1}: all sets {all_sets[0]:.2f} s; Google, 3CosAdd: embkit "
            f"{both['embkit'][0]:.2f} s, gensim {both['gensim'][0]:.2f} s, {ratio:.1f}x"
        )
    ratios = [entry["gensim"][0] / entry["embkit"][0] for entry in rounds]
    return {
        "rounds": rounds,
        "all_sets_seconds": statistics.median(entry["all_sets"][0] for entry in rounds),
        "ratio": statistics.median(ratios),
        "ratio_range": [min(ratios), max(ratios)],
        "accuracy": found,
    }


def main() -> None:
    """Parse, measure, print, write the record."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--vectors", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, default=Path("build/evaluation"))
    for name, default in (("rounds", 3), ("threads", 2)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument(
        "--output", type=Path, default=Path("eval/results/evaluation-speed.json")
    )
    args = parser.parse_args()
    import embkit

    vectors = embkit.load(args.vectors)
    metrics = measure(vectors, write_questions(args.data, args.work / "google.txt"), args)
    metrics["items"] = evaluate_everything(vectors, args.data, args.threads)
    print(
        f"all sets: {metrics['all_sets_seconds']:.2f} s; {metrics['ratio']:.1f}x gensim "
        f"({metrics['ratio_range'][0]:.1f}-{metrics['ratio_range'][1]:.1f}x)"
    )
    config = {"num_words": len(vectors), "dim": vectors.dim, "threads": args.threads}
    save_record(run_record(seed=1, config=config, metrics=metrics), args.output)


if __name__ == "__main__":
    main()
