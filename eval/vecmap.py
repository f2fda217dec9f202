"""Run VecMap as its users do, on vectors that embkit saved, and score what it wrote."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import embkit


@dataclass(frozen=True)
class VecMap:
    """VecMap's program, and the threads that its BLAS may use."""

    folder: Path
    threads: int = 2

    def run(
        self,
        source: Path,
        target: Path,
        work: Path,
        mode: list[str],
        *,
        most: int | None = None,
    ) -> dict[str, Any]:
        """Map two text files of vectors into ``work``; return seconds and iterations.

        With ``most``, a run that is still going after so many iterations is ended: it then
        tells the seconds of an iteration, and nothing is written.
        """
        work.mkdir(parents=True, exist_ok=True)
        log = work / "log.tsv"
        log.unlink(missing_ok=True)
        outputs = [str(work / name) for name in ("source.txt", "target.txt")]
        command = [sys.executable, str(self.folder / "map_embeddings.py"), *mode]
        command += ["--log", str(log), str(source), str(target), *outputs]
        threads = {"OPENBLAS_NUM_THREADS": str(self.threads), "OMP_NUM_THREADS": "1"}
        start = time.perf_counter()
        errors = work / "errors.txt"  # a pipe that nobody reads would fill and stop it
        with (
            errors.open("wb") as stream,
            subprocess.Popen(command, env={**os.environ, **threads}, stderr=stream) as process,
        ):
            is_cut = False
            while process.poll() is None:
                time.sleep(0.2)
                if most is not None and len(self._steps(log)) >= most:
                    process.kill()
                    is_cut = True
        if process.returncode and not is_cut:
            raise RuntimeError(f"VecMap failed: {errors.read_text(errors='replace')[-500:]}")
        steps = self._steps(log)
        return {
            "seconds": time.perf_counter() - start,
            "iterations": len(steps),
            "iterations_s": sum(steps),
            "median_iteration_s": statistics.median(steps) if steps else None,
            "complete": not is_cut,
        }

    @staticmethod
    def _steps(log: Path) -> list[float]:
        """Return the seconds of each iteration that the log tells."""
        if not log.exists():
            return []
        lines = log.read_text(encoding="utf-8").splitlines()
        return [float(line.split("\t")[-1]) for line in lines if line.count("\t") >= 3]


def save_text(vectors: embkit.Embeddings, path: Path) -> Path:
    """Save vectors as the text that VecMap reads, unless they are there."""
    if not path.exists():
        part = path.with_name(f"part-{path.name}")
        embkit.save(vectors, part)
        part.replace(path)
    return path


def load_mapped(work: Path) -> tuple[embkit.Embeddings, embkit.Embeddings]:
    """Return the two spaces that a complete run wrote."""
    return embkit.load(work / "source.txt"), embkit.load(work / "target.txt")


def forget_mapped(work: Path) -> None:
    """Remove what a run wrote: hundreds of megabytes of text."""
    for side in ("source", "target"):
        (work / f"{side}.txt").unlink(missing_ok=True)
