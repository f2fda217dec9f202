"""Two real languages: their vectors, dictionaries, and the maps of embkit and VecMap."""

from __future__ import annotations

import argparse
import shutil
import statistics
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import embkit
from embkit.mapping import SeedDictionary
from eval.muse import REFINEMENTS, Muse
from eval.planted_rotation import score
from eval.vecmap import VecMap, forget_mapped, load_mapped, save_text

MODES = {
    "supervised": ["--supervised"],
    "orthogonal": ["--orthogonal", "--normalize", "unit", "center", "unit", "-d"],
    "25 pairs": ["--semi_supervised"],
    "identical": ["--identical"],
    "numerals": [
        *("--init_numerals", "--self_learning", "--csls", "--whiten"),
        *("--normalize", "unit", "center", "unit", "--src_reweight", "0.5"),
        *("--trg_reweight", "0.5", "--src_dewhiten", "src", "--trg_dewhiten", "trg"),
    ],
    "none": ["--unsupervised"],
}
FROM_DICTIONARY = ("supervised", "orthogonal")
STARTS = {"25 pairs": None, "identical": "identical", "numerals": "numerals"}
STARTS["none"] = "distributions"


def vectors_of(path: Path, corpus: Path | None, threads: int) -> embkit.Embeddings:
    """Load vectors, trained first where they are not there."""
    if not path.exists():
        if corpus is None:
            raise SystemExit(f"{path} is not there: give its corpus to train it")
        trained = embkit.train("sgns", corpus, dim=300, epochs=5, threads=threads)
        embkit.save(trained, path)
    return embkit.load(path)


class Pair:
    """Two languages, a dictionary to learn from, and one to test on.

    With ``reverse``, ``--target`` is mapped onto ``--source`` by the reverse dictionaries.
    """

    def __init__(self, arguments: argparse.Namespace, *, reverse: bool = False) -> None:
        sides = ["source", "target"][:: -1 if reverse else 1]
        self.source, self.target = (
            vectors_of(
                getattr(arguments, side),
                getattr(arguments, f"{side}_corpus"),
                arguments.threads,
            )
            for side in sides
        )
        dictionaries = ("reverse_train", "reverse_test") if reverse else ("train", "test")
        self.train, self.test = (
            [(entry.source, entry.target) for entry in SeedDictionary.read(path)]
            for path in (getattr(arguments, name) for name in dictionaries)
        )
        known = [p for p in self.train if p[0] in self.source and p[1] in self.target]
        self.few = list({pair[0]: pair for pair in reversed(known)}.values())[::-1][:25]
        self.work: Path = arguments.work / "reverse" if reverse else arguments.work
        self._texts = [(arguments.work / f"{side}.txt").absolute() for side in sides]

    def embkit(
        self,
        method: str,
        pairs: list[tuple[str, str]] | None,
        seed: int,
        *,
        scored: bool = True,
        **options: Any,  # noqa: ANN401  (the fields of the method's configuration)
    ) -> dict[str, Any]:
        """Map with embkit; return scores, seconds of fit and mapping, iterations, verdict."""
        if method == "self-learning":
            options["seed"] = seed
        stamps: dict[int, float] = {}

        def note(done: int, total: int, told: dict[str, float]) -> None:
            stamps.setdefault(done, time.perf_counter())

        start, cpu = time.perf_counter(), time.process_time()
        mapping = embkit.map(
            *(self.source, self.target),
            method=method,
            dictionary=pairs,
            callback=note,
            **options,
        )
        seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
        start = time.perf_counter()
        mapped = mapping.apply(self.source, "source"), mapping.apply(self.target, "target")
        applied = time.perf_counter() - start
        told = mapping.statistics
        verdict = told.get("verdict", {})
        course = told.get("course", [])
        steps = [stamps[i] for i in range(1, len(course) + 1) if i in stamps]
        step = statistics.median(b - a for a, b in pairwise(steps)) if steps[1:] else None
        return {
            **(score(*mapped, self.test) if scored else {}),
            **{
                "median_iteration_s": step,
                "seconds": seconds,
                "cpu_seconds": cpu,
                "apply_seconds": applied,
            },
            **{"iterations": told.get("iterations"), "verdict": verdict.get("judgement")},
            **{"figures": verdict.get("figures"), "objectives": [step[0] for step in course]},
        }

    def learn(
        self,
        kind: str,
        seed: int,
        **options: Any,  # noqa: ANN401  (those of self-learning)
    ) -> dict[str, Any]:
        """Learn from one of ``STARTS`` with embkit; return what `embkit` does.

        Where the spaces have no such pairs, return why nothing was learnt.
        """
        pairs = self.few if kind == "25 pairs" else None
        try:
            return self.embkit("self-learning", pairs, seed, start=STARTS[kind], **options)
        except ValueError as error:
            if not str(error).startswith("start must find pairs"):
                raise
            return {"refused": str(error)}

    def vecmap(
        self,
        tool: VecMap,
        mode: str,
        most: int | None,
        *,
        cutoff: int | None = None,
        scored: bool = True,
    ) -> dict[str, Any]:
        """Map with VecMap; return scores, where it ended by itself, seconds and iterations."""
        work = self.work / f"vecmap-{mode.replace(' ', '-')}"
        work.mkdir(parents=True, exist_ok=True)
        files = self._saved()
        arguments = [] if cutoff is None else ["--vocabulary_cutoff", str(cutoff)]
        arguments += MODES[mode]
        if mode in (*FROM_DICTIONARY, "25 pairs"):
            pairs = self.train if mode in FROM_DICTIONARY else self.few
            arguments.append(str(_write_pairs(work / "seeds.txt", pairs)))
        told = tool.run(files[0], files[1], work, arguments, most=most)
        if scored and told["complete"]:
            told |= score(*load_mapped(work), self.test)
        forget_mapped(work)
        return told

    def muse(self, tool: Muse, mode: str) -> dict[str, Any]:
        """Map with MUSE, as embkit's method of that name; return scores and seconds."""
        work = self.work / f"muse-{mode}"
        work.mkdir(parents=True, exist_ok=True)
        seeds = _write_pairs(work / "seeds.txt", self.train)
        shape = {"refinements": REFINEMENTS[mode], "dim": self.source.dim}
        told = tool.run(self._saved(), seeds.absolute(), work, **shape)
        told |= score(*tool.load_mapped(work), self.test)
        shutil.rmtree(work)
        return told

    def _saved(self) -> tuple[Path, Path]:
        """Return the two spaces as the text that other tools read."""
        source, target = self._texts
        return save_text(self.source, source), save_text(self.target, target)


def _write_pairs(path: Path, pairs: list[tuple[str, str]]) -> Path:
    path.write_text("".join(f"{s}\t{t}\n" for s, t in pairs), encoding="utf-8")
    return path
