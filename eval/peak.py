"""How much of the processor's arithmetic a run uses: its multiply-adds over the core's peak.

The peak is measured, not looked up: a loop of independent multiply-adds in registers, compiled
for the instruction set, on as many cores as the run had, at the clock that they then have.
"""

from __future__ import annotations

import math
import os
import shlex
import shutil
import subprocess
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

# Compiler flags and bytes of a vector, by the name of a SIMD level.
LEVELS = {
    "avx512": (["-mavx512f"], 64),
    "avx2": (["-mavx2", "-mfma"], 32),
    "baseline": ([], 16),
    "neon": ([], 16),
}
SOURCE = r"""
#include <stdio.h>
#include <time.h>
#if defined(__aarch64__)
#define IN_REGISTER "+w"
#else
#define IN_REGISTER "+x"
#endif
typedef float Vector __attribute__((vector_size(BYTES)));
enum { kChains = 12, kSteps = 1000000, kRounds = 40 };
int main(void) {
  Vector sums[kChains] = {{0}}, x = {0}, y = {0};
  double best = 0;
  __asm__ volatile("" : IN_REGISTER(x), IN_REGISTER(y));
  for (int round = 0; round < kRounds; ++round) {
    clock_t begin = clock();
    for (int step = 0; step < kSteps; ++step) {
      _Pragma("GCC unroll 12") for (int i = 0; i < kChains; ++i) {
        sums[i] += x * y;
        __asm__ volatile("" : IN_REGISTER(sums[i]));
      }
    }
    double seconds = (double)(clock() - begin) / CLOCKS_PER_SEC;
    double rate = kChains * (double)kSteps * (BYTES / 4) / seconds;
    if (rate > best) best = rate;
  }
  printf("%.0f\n", best);
  return 0;
}
"""


def peak_rate(level: str, threads: int, folder: Path) -> float | None:
    """Return the multiply-adds a second of so many cores together; None without a compiler.

    Raises
    ------
    subprocess.CalledProcessError
        If it cannot be compiled, or the processor lacks the instruction set.
    """
    compiler = shlex.split(os.environ.get("CC", "cc"))
    if shutil.which(compiler[0]) is None:
        return None
    flags, width = LEVELS[level]
    program, source = folder / f"peak-{level}", folder / "peak.c"
    source.write_text(SOURCE, encoding="utf-8")
    options = ["-O2", "-ffp-contract=fast", f"-DBYTES={width}", *flags]
    subprocess.run([*compiler, *options, str(source), "-o", str(program)], check=True)
    runs = [subprocess.Popen([str(program)], stdout=subprocess.PIPE) for _ in range(threads)]
    rates = []
    for run in runs:
        answer, _ = run.communicate()
        if run.returncode:
            raise subprocess.CalledProcessError(run.returncode, str(program))
        rates.append(float(answer))
    return sum(rates)


def expected_pairs(
    ids: NDArray[np.uint32],
    sentence_offsets: NDArray[np.uint64],
    counts: NDArray[np.int64],
    subsample: float,
    window: int,
) -> float:
    """Return the pairs of an epoch, with word2vec's subsampling and dynamic windows.

    Subsampling is drawn once. A sentence of which n tokens stay has n - d pairs at distance d
    to each side, each of which a window drawn from 1 to ``window`` reaches with probability
    (window - d + 1) / window.
    """
    ratio = subsample * counts.sum() / counts
    keep = np.minimum(np.sqrt(ratio) + ratio, 1)[ids]
    kept = np.concatenate([[0], np.cumsum(np.random.default_rng(1).random(len(ids)) < keep)])
    lengths = np.diff(kept[sentence_offsets.astype(np.int64)])
    pairs = (
        2 * np.maximum(lengths - d, 0).sum() * (window - d + 1) / window
        for d in range(1, window + 1)
    )
    return math.fsum(pairs)


def multiply_adds(pairs: float, negatives: int, dim: int) -> float:
    """Return those of skip-gram with negative sampling: a dot product and two updates each.

    Noise words that equal their centre, which are dropped, are counted too: under 1%.
    """
    return pairs * (1 + negatives) * 3 * dim
