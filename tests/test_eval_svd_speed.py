"""The measurement of SVD: both solvers on one matrix, errors and verdicts."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from eval import svd_speed
from eval.scores import SIMILARITY_SETS
from tests.planted import slot_sentences


def test_both_solvers_agree_on_a_small_corpus(tmp_path: Path) -> None:
    path = tmp_path / "text.txt"
    path.write_text("\n".join(" ".join(s) for s in slot_sentences(500, seed=1)) + "\n")
    folder = tmp_path / "similarity"
    folder.mkdir()
    matrix, words, seconds = svd_speed.make_matrix(path, 1)
    rng = np.random.default_rng(1)
    for name in SIMILARITY_SETS:
        pairs = [f"{words[i]}\t{words[i + 1]}\t{rng.random():.3f}" for i in range(20)]
        (folder / f"{name}.tsv").write_text("\n".join(pairs) + "\n")
    ours, figures = svd_speed.run_embkit(matrix, 10, 1)
    truth, _ = svd_speed.run_scipy(matrix, 10, 1)
    found = svd_speed.compare(ours, truth, words, tmp_path)
    assert set(seconds) == {"count", "ppmi"}
    assert figures["residual"] < 1e-2
    assert found["error_all"] < 1e-3
    assert found["largest_score_difference"] < 1


def test_verdicts_follow_the_demands() -> None:
    rounds = [{"embkit": {"seconds": 2.0, "residual": 0.1}, "scipy": {"seconds": 21.0}}]
    found = {"error_first_50": 1e-4, "error_all": 3e-2, "largest_score_difference": 0.1}
    rows = {name: (value, verdict) for name, value, verdict in svd_speed.rows_of(rounds, found)}
    assert rows["times faster"] == (10.5, "pass")
    assert rows["largest relative error, all values"] == (3e-2, "FAIL")
    assert rows["largest difference of a score, points"][1] == "pass"
