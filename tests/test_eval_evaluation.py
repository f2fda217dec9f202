"""The programs that measure evaluation: what they write and read for other tools."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

import embkit
from eval.against_peers import (
    analogy_rows,
    percentages,
    similarity_rows,
    translation_rows,
)
from eval.evaluation_speed import evaluate_everything, measure, write_questions
from tests.evaluation_models import analogy_lines, model, similarity_lines
from tests.test_evaluation_translation import RANKED_GOLD, ranked_spaces


@pytest.fixture
def data(tmp_path: Path) -> Path:
    for folder in ("similarity", "analogy"):
        (tmp_path / folder).mkdir()
    lines = [f"{line}\tnoun" for line in similarity_lines()]
    for name in ("men", "gur-de"):
        path = tmp_path / "similarity" / f"{name}.tsv"
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    section, rows = "", []
    for line in analogy_lines():
        if line.startswith(": "):
            section = line[2:]
        else:
            rows.append("\t".join([section, *line.split()]))
    for name in ("google", "msr"):
        text = "\n".join(rows) + "\n"
        (tmp_path / "analogy" / f"{name}.tsv").write_text(text, encoding="utf-8")
    return tmp_path


def test_questions_go_into_word2vecs_form_and_back(data: Path, tmp_path: Path) -> None:
    written = write_questions(data, tmp_path / "new" / "q.txt").read_text(encoding="utf-8")
    assert written.splitlines() == analogy_lines()


def test_everything_is_the_english_sets_and_both_analogy_sets(data: Path) -> None:
    items = evaluate_everything(model(), data, threads=1)
    assert items == {"men": items["men"], "google": 46, "msr": 46}


def test_each_round_times_both_tools_on_the_same_questions(data: Path, tmp_path: Path) -> None:
    pytest.importorskip("gensim")
    args = argparse.Namespace(rounds=2, threads=1, data=data)
    metrics = measure(model(), write_questions(data, tmp_path / "q.txt"), args)
    assert len(metrics["rounds"]) == 2
    assert metrics["accuracy"]["embkit"] == metrics["accuracy"]["gensim"]
    assert metrics["ratio_range"][0] <= metrics["ratio"] <= metrics["ratio_range"][1]


def test_gensims_figures_are_embkits(data: Path, tmp_path: Path) -> None:
    pytest.importorskip("gensim")
    args = argparse.Namespace(
        data=data, work=tmp_path, vecmap=None, compute_accuracy=None, threshold=50
    )
    rows = [*similarity_rows(model(), args), *analogy_rows(model(), args)]
    assert [row["set"] for row in rows] == ["men", "google"]
    assert all(row["same"] for row in rows)
    assert percentages(0.5, None) == "50.00% nan"


def test_vecmaps_translations_stand_beside_those_of_its_convention(tmp_path: Path) -> None:
    (tmp_path / "eval_translation.py").write_text(
        "import sys\n"
        "assert sys.argv[1].endswith('vectors.txt') and sys.argv[2].endswith('target.txt')\n"
        "right = {'nn': '25.00', 'csls': '99.99'}[sys.argv[6]]\n"
        "print('reading')\n"
        "print(f'Coverage:{57.14:6.2f}%  Accuracy:{right:>6}%')\n",
        encoding="utf-8",
    )
    source, target = ranked_spaces()
    dictionary, saved = tmp_path / "d.txt", tmp_path / "t.bin"
    dictionary.write_text("".join(f"{s} {t}\n" for s, t in RANKED_GOLD), encoding="utf-8")
    embkit.save(target, saved)
    args = argparse.Namespace(work=tmp_path, vecmap=tmp_path, text=tmp_path / "vectors.txt")
    args.target, args.dictionary = saved, dictionary
    rows = translation_rows(source, args)
    assert [row["set"] for row in rows] == ["d.txt nn", "d.txt csls"]
    assert [row["theirs"] for row in rows] == ["57.14% 25.00%", "57.14% 99.99%"]
    assert [row["same"] for row in rows] == [True, False]
