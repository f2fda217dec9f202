"""Run MUSE's supervised program, which needs torch, on vectors that embkit saved."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import embkit

REFINEMENTS = {"orthogonal": 0, "refine": 5}
"""Its iterations after the first rotation, by the name of the like method of embkit."""


@dataclass(frozen=True)
class Muse:
    """MUSE's folder, a Python that has torch, and the threads that its BLAS may use."""

    folder: Path
    python: Path = Path(sys.executable)
    threads: int = 2

    def run(
        self,
        files: tuple[Path, Path],
        dictionary: Path,
        work: Path,
        *,
        refinements: int,
        dim: int,
    ) -> dict[str, Any]:
        """Map two text files of vectors into ``work``; return the seconds of the whole process.

        It keeps the iteration that does best on a dictionary: on the one that it learns from,
        so that nothing is chosen on the test words.
        """
        shutil.rmtree(work / "muse", ignore_errors=True)  # it refuses what a stopped run left
        work.mkdir(parents=True, exist_ok=True)
        options = {
            **{"src_lang": "source", "src_emb": files[0], "tgt_lang": "target"},
            **{"tgt_emb": files[1], "emb_dim": dim, "max_vocab": -1},
            **{"dico_train": dictionary, "dico_eval": dictionary},
            **{"n_refinement": refinements, "cuda": False, "export": "txt"},
            **{"exp_path": work.absolute(), "exp_name": "muse", "exp_id": "run"},
        }
        command = [str(self.python), "supervised.py"]
        command += [
            part for name, value in options.items() for part in (f"--{name}", str(value))
        ]
        settings = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS"), str(self.threads))
        settings["TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD"] = "1"  # the arrays that it wrote itself
        start = time.perf_counter()
        done = subprocess.run(
            command,
            cwd=self.folder,
            env={**os.environ, **settings},
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise RuntimeError(f"MUSE failed: {done.stderr[-500:]}")
        return {"seconds": time.perf_counter() - start}

    @staticmethod
    def load_mapped(work: Path) -> tuple[embkit.Embeddings, embkit.Embeddings]:
        """Return the two spaces that a run wrote."""
        folder = work / "muse" / "run"
        source, target = (folder / f"vectors-{side}.txt" for side in ("source", "target"))
        return embkit.load(source), embkit.load(target)
