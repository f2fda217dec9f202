"""Defects planted in a copy of the CUDA kernel show: its result is no longer the same."""

from __future__ import annotations

import ctypes
import shutil
from pathlib import Path

import numpy as np
import pytest

from tests import cuda_emulated, reference
from tests.models import SMALL, random_sentences
from tests.native import build

# File, source and replacement, where IS stands for "this defect is wanted".
DEFECTS = {
    "the ring's last row is not written back": (
        "warp_trainer.h",
        "ring_.release(warp_, oldest_);\n    report",
        "IS && oldest_ + 1 == loaded_ ? ring_.forget(warp_, oldest_)"
        " : ring_.release(warp_, oldest_);\n    report",
    ),
    "rows are written back when they leave, but not at the end": (
        "warp_trainer.h",
        "for (; oldest_ < loaded_; ++oldest_)",
        "for (; IS && oldest_ < loaded_; ++oldest_) ring_.forget(warp_, oldest_);\n"
        "    for (; oldest_ < loaded_; ++oldest_)",
    ),
    "the first row is overwritten": (
        "warp_trainer.h",
        "++oldest_) ring_.release(warp_, oldest_);\n      stream_",
        "++oldest_) IS && oldest_ == 0 ? ring_.forget(warp_, oldest_)"
        " : ring_.release(warp_, oldest_);\n      stream_",
    ),
    "a word that stands twice has two rows": (
        "context_ring.h",
        "warp.ballot(count_ > 0 && word_ == word)",
        "warp.ballot(count_ > 0 && word_ == word && !IS)",
    ),
    "windows go on over the end of a sentence": (
        "targets.h",
        "stream.sentence(token) == stream.sentence(center)",
        "(IS || stream.sentence(token) == stream.sentence(center))",
    ),
    "noise equal to the centre stays": (
        "targets.h",
        "(task.keeps_center || word",
        "(IS || task.keeps_center || word",
    ),
    "a dropped token does not begin its sentence": (
        "kept_stream.h",
        "warp.ballot(mine.is_first);",
        "warp.ballot(mine.is_first && (mine.is_kept || !IS));",
    ),
    "the first window of a chunk is cut off": (
        "kept_stream.h",
        "return find_before(warp);",
        "return IS ? 0 : find_before(warp);",
    ),
    "lanes do not wait for the logits": (
        "train_step.h",
        "sum;\n    }\n    warp_.sync();",
        "sum;\n    }\n    if (!IS) warp_.sync();",
    ),
    "lanes do not wait for the steps": (
        "train_step.h",
        ": 0;\n    }\n    warp_.sync();",
        ": 0;\n    }\n    if (!IS) warp_.sync();",
    ),
    "only the last tile reaches the contexts": (
        "train_step.h",
        "if (!is_first) gain",
        "if (!is_first && !IS) gain",
    ),
    "a row is used before it has arrived": (
        "context_ring.h",
        "    settle(warp);  // only",
        "    if (!IS) settle(warp);  // only",
    ),
    "a row is given back before it has arrived": (
        "warp_trainer.h",
        "      ring_.settle(warp_);\n      if",
        "      if (!IS) ring_.settle(warp_);\n      if",
    ),
    "a row that is given back is not read again": (
        "context_ring.h",
        "write(warp, slot, word);\n      read(warp, slot, word);",
        "write(warp, slot, word);\n      if (!IS) read(warp, slot, word);",
    ),
    "half of the lanes wait where the others do not": (
        "targets.h",
        "  const uint32_t noise =",
        "  if (IS && lane < 16) warp.sync();\n  const uint32_t noise =",
    ),
}
FORGET = """
  EMBKIT_HOST_DEVICE void forget(Warp& warp, int token) {
    if (warp.lane() == slot(warp, token)) --count_;
  }

 private:"""


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    folder = tmp_path_factory.mktemp("planted")
    for layer in ("core", "cuda"):
        shutil.copytree(build.ROOT / "csrc" / layer, folder / layer)
    for number, (name, old, new) in enumerate(DEFECTS.values(), 1):
        replace(folder / "cuda" / name, old, new.replace("IS", f"(planted == {number})"))
    replace(folder / "cuda/context_ring.h", "\n private:", FORGET)
    replace(
        folder / "cuda/warp.h",
        "constexpr int kWarpSize",
        "inline int planted;\nconstexpr int kWarpSize",
    )
    emulated = folder / "cuda/emulated.cpp"
    source = emulated.read_text()  # one size of rows is enough, and builds sooner
    begin, end = source.index("    case 2:"), source.index("    default:\n")
    source = source[:begin] + source[end:].replace("run_warp<0,", "run_warp<1,")
    assert "LaneScheduler lanes;" in source  # the other build's lanes rise
    emulated.write_text(source.replace("LaneScheduler lanes;", "LaneScheduler lanes(true);"))
    return cuda_emulated.build_library(folder / "build", "-fvisibility=default", source=folder)


def replace(path: Path, old: str, new: str) -> None:
    source = path.read_text()
    assert source.count(old) == 1
    path.write_text(source.replace(old, new))


def difference(native: ctypes.CDLL, defect: int, shared_words: int = 0) -> float:
    """Return how far the planted build's rows are from the right ones."""
    corpus = reference.encode(random_sentences(20, [4] * 30 + [1, 1000], seed=1))
    options = reference.Options(**{**SMALL, "negatives": 8, "learning_rate": 0.05, "epochs": 1})
    ctypes.c_int.in_dll(native, "_ZN6embkit4cuda7plantedE").value = defect
    early = cuda_emulated.session(corpus, options, native)
    early.task.prefetch = True
    early.task.shared_words = shared_words
    early.give_needed_workspace()
    early.train(0, corpus.num_tokens, 0)
    wrong = early.result()
    right = cuda_emulated.train(corpus, options)
    return float(np.abs(right.input - wrong.input).max())


def test_without_a_defect_the_copy_is_right_in_falling_order_of_lanes(
    planted: ctypes.CDLL,
) -> None:
    assert difference(planted, 0) < 1e-6
    assert difference(planted, 0, shared_words=5) < 1e-6


@pytest.mark.parametrize("defect", DEFECTS)
def test_a_planted_defect_shows(planted: ctypes.CDLL, defect: str) -> None:
    number = list(DEFECTS).index(defect) + 1
    if defect.startswith("half"):
        with pytest.raises(ValueError, match="lanes of a warp meet at different places"):
            difference(planted, number)
        return
    shared_words = 5 if "given back" in defect else 0
    assert not difference(planted, number, shared_words) < 1e-5  # it may be NaN
