"""What checkpoints cost: the share of a training run's time that goes into writing them.

    python -m eval.checkpoint_cost --corpus en.txt --work DIR

Skip-gram, d=300, trains on a corpus that was encoded before, in turn without a run's folder,
with one and the default interval (10 minutes), and with one and 10 seconds. A run lasts so many
epochs that it takes about --seconds. Told are the differences between neighbouring runs, and,
which other work on the machine disturbs less, the time for which training stands, inside of
`Checkpoints.begin_save`, of `finish` (a wait for the disk) and of the run's beginning (the
encoded text is written once), over that of the training. The cost at the default interval is
also computed from one checkpoint's seconds.
"""

from __future__ import annotations

import argparse
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import embkit
from embkit.config import SkipGramConfig
from embkit.corpus import EncodedCorpus, encode
from embkit.training import RunFolder
from embkit.training.checkpoint import Checkpoints
from embkit.training.run import EVERY
from eval.record import run_record, save_record

INTERVALS = {"none": None, "default": EVERY, "10s": 10.0}
RECORD = Path("eval/results/checkpoint-cost.json")
DEMAND = 0.02
"""Largest share that the cost may have."""


@contextmanager
def timed(owner: type, name: str) -> Iterator[list[float]]:
    """Collect the seconds of each call of a method."""
    seconds: list[float] = []
    original: Callable[..., Any] = getattr(owner, name)

    def measured(*arguments: Any, **named: Any) -> Any:  # noqa: ANN401
        began = time.perf_counter()
        try:
            return original(*arguments, **named)
        finally:
            seconds.append(time.perf_counter() - began)

    setattr(owner, name, measured)
    try:
        yield seconds
    finally:
        setattr(owner, name, original)


def measure(
    corpus: EncodedCorpus, options: dict[str, Any], work: Path, every: float | None
) -> dict[str, float]:
    """Train once; return seconds of all, of the checkpoints and of the folder's beginning."""
    folder = work / "run"
    shutil.rmtree(folder, ignore_errors=True)
    run = None if every is None else RunFolder(folder, checkpoint_every=every)
    with (
        timed(Checkpoints, "begin_save") as saves,
        timed(Checkpoints, "finish") as waits,  # those within begin_save are over at once
        timed(RunFolder, "_write") as begun,
    ):
        began, cpu = time.perf_counter(), time.process_time()
        embkit.train("sgns", corpus, run=run, **options)
        seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
    return {
        "seconds": seconds,
        "cpu_seconds": cpu,
        "checkpoints": len(saves),
        "save_seconds": sum(saves) + sum(waits),
        "begin_seconds": sum(begun),
    }


def summarize(rounds: list[dict[str, dict[str, float]]]) -> dict[str, float]:
    """Return the shares of the training's time, medians over the rounds."""
    figures: dict[str, float] = {}
    for name in ("default", "10s"):
        runs = [(each[name], each["none"]) for each in rounds]
        inside = [
            (run["save_seconds"] + run["begin_seconds"]) / plain["seconds"]
            for run, plain in runs
        ]
        figures[f"{name}_inside_share"] = median(inside)
        figures[f"{name}_difference_share"] = median(
            run["seconds"] / plain["seconds"] - 1 for run, plain in runs
        )
    saves = [each["10s"] for each in rounds if each["10s"]["checkpoints"]]
    if saves:
        one = median(run["save_seconds"] / run["checkpoints"] for run in saves)
        figures |= {"seconds_of_one": one, "share_at_default_interval": one / EVERY}
    return figures


def main() -> int:
    """Measure and record."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--seconds", type=float, default=22, help="of each run, about")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--dim", type=int, default=300)
    parser.add_argument(
        "--output", type=Path, default=Path("eval/results/checkpoint-cost.json")
    )
    chosen = parser.parse_args()
    chosen.work.mkdir(parents=True, exist_ok=True)
    options: dict[str, Any] = {"dim": chosen.dim, "threads": chosen.threads, "epochs": 1}
    corpus = encode(chosen.corpus, config=SkipGramConfig().encoding(), threads=chosen.threads)
    first = measure(corpus, options, chosen.work, None)["seconds"]
    options["epochs"] = max(1, round(chosen.seconds / first))
    rounds = []
    for number in range(chosen.rounds):
        names = list(INTERVALS) if number % 2 == 0 else list(reversed(INTERVALS))
        runs = {n: measure(corpus, options, chosen.work, INTERVALS[n]) for n in names}
        rounds.append(runs)
        told = (
            f"{n} {run['seconds']:.2f} s, {run['checkpoints']} saved" for n, run in runs.items()
        )
        print(f"round {number + 1}:", "; ".join(told), flush=True)
    figures = summarize(rounds)
    for name, value in figures.items():
        print(f"{name}: {value:.3f} s" if name == "seconds_of_one" else f"{name}: {value:.2%}")
    model = {"num_words": len(corpus.vocabulary), "num_tokens": corpus.num_tokens}
    metrics = {**figures, **model, "demand": DEMAND, "rounds": rounds}
    save_record(run_record(seed=1, config=options, metrics=metrics), chosen.output)
    shutil.rmtree(chosen.work / "run", ignore_errors=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
