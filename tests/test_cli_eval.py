"""``embkit eval``: tables, JSON, comparisons, runs, and one-line errors with their codes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import embkit
from embkit.cli import main
from embkit.cli.exit_codes import ExitCode
from tests.evaluation_models import analogy_lines, model, similarity_lines


@pytest.fixture(autouse=True)
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EMBKIT_DATA", str(tmp_path / "none"))
    good = model()
    noise = np.random.default_rng(0).normal(0, 0.9, good.vectors.shape)
    embkit.save(good, Path("good.bin"))
    embkit.save(embkit.Embeddings.from_words(good.words, good.vectors + noise), Path("bad.bin"))
    embkit.save(
        embkit.Embeddings.from_words(good.words[:40], good.vectors[:40]), Path("few.bin")
    )
    Path("pairs.tsv").write_text("\n".join(similarity_lines()) + "\n", encoding="utf-8")
    Path("more.tsv").write_text("\n".join(similarity_lines()[:30]) + "\n", encoding="utf-8")
    Path("broken.txt").write_text(": s\nman king woman\n", encoding="utf-8")
    Path("q.txt").write_text("\n".join(analogy_lines()) + "\n", encoding="utf-8")
    return tmp_path


def run(capsys: pytest.CaptureFixture[str], *tokens: str) -> tuple[int, str, str]:
    code = main(["eval", *tokens])
    out, err = capsys.readouterr()
    return code, out, err


def read(capsys: pytest.CaptureFixture[str], *tokens: str) -> Any:
    code, out, _ = run(capsys, *tokens, "--json", "--quiet")
    assert code == 0
    return json.loads(out)


def table(text: str) -> list[dict[str, str]]:
    header, *lines = [line.split("\t") for line in text.strip().split("\n")]
    return [dict(zip(header, line, strict=True)) for line in lines]


def test_similarity_prints_score_interval_and_coverage(
    capsys: pytest.CaptureFixture[str],
) -> None:
    code, out, err = run(capsys, "similarity", "good.bin", "--set", "pairs.tsv")
    assert code == 0
    assert "10 pairs occur more than once" in err
    (row,) = table(out)
    assert (row["set"], row["used"], row["oov"]) == ("pairs", "47/62", "skip")
    assert float(row["low"]) < float(row["spearman"]) < float(row["high"])


def test_conventions_are_an_option(capsys: pytest.CaptureFixture[str]) -> None:
    found = read(capsys, "similarity", "good.bin", "-s", "pairs.tsv", "--convention", "web")
    assert found["results"][0]["spearman"]["value"] == pytest.approx(0.11122608972913482)
    tokens = ("analogy", "good.bin", "-s", "q.txt", "--convention", "gensim", "--method")
    found = read(capsys, *tokens, "3CosAdd")
    assert found["results"][0]["n_correct"] == 45


def test_means_of_different_coverage_are_refused_and_common_offered(
    capsys: pytest.CaptureFixture[str],
) -> None:
    tokens = ("similarity", "good.bin", "few.bin", "--set", "pairs.tsv", "--set", "more.tsv")
    code, out, err = run(capsys, *tokens)
    assert code == 0
    assert "mean of" not in out
    assert "no mean over the sets: means must be over the same pairs" in err
    assert "--common uses the same for all" in err
    found = read(capsys, *tokens, "--common")
    assert list(found["means"]) == ["good.bin", "few.bin"]
    assert found["results"][0]["n_used"] == found["results"][1]["n_used"]
    assert "mean of\tspearman" in run(capsys, *tokens, "--common")[1]


def test_compare_says_who_is_better_and_whether_it_can_be_told(
    capsys: pytest.CaptureFixture[str],
) -> None:
    tokens = ("analogy", "good.bin", "bad.bin", "--set", "q.txt", "--method", "3CosAdd")
    found = read(capsys, *tokens, "--compare")
    (comparison,) = found["comparisons"]
    assert comparison["verdict"].startswith("good.bin scores 0.")
    assert comparison["n_common"] == 46
    out = run(capsys, *tokens, "--compare")[1]
    assert comparison["verdict"] in out
    similar = read(capsys, "similarity", *tokens[1:3], "--set", "pairs.tsv", "--compare")
    assert similar["comparisons"][0]["tests"][0]["method"] == "Steiger"


def test_runs_are_summed_up_by_mean_sd_and_interval(
    capsys: pytest.CaptureFixture[str],
) -> None:
    found = read(capsys, "similarity", "good.bin", "bad.bin", "-s", "pairs.tsv", "--runs")
    values = [result["spearman"]["value"] for result in found["results"]]
    (row,) = found["runs"]
    assert row["mean"] == pytest.approx(np.mean(values))
    assert row["sd"] == pytest.approx(np.std(values, ddof=1))
    assert row["low"] < row["mean"] < row["high"]


def test_sections_are_printed_on_request(capsys: pytest.CaptureFixture[str]) -> None:
    tokens = ("analogy", "good.bin", "--set", "q.txt", "--method", "3CosMul")
    assert [row["section"] for row in table(run(capsys, *tokens)[1])] == [
        "semantic",
        "syntactic",
        "total",
    ]
    rows = table(run(capsys, *tokens, "--sections")[1])
    assert len(rows) == 10
    assert rows[4]["accuracy"] == "-"  # nothing covered: no nan


def test_undefined_scores_are_null_in_json_and_explained_on_stderr(
    capsys: pytest.CaptureFixture[str],
) -> None:
    Path("same.tsv").write_text("man\tking\t1\nking\tqueen\t1\n", encoding="utf-8")
    tokens = ("similarity", "good.bin", "--set", "same.tsv", "--set", "pairs.tsv")
    found = read(capsys, *tokens)
    assert found["results"][0]["spearman"]["value"] is None
    code, out, err = run(capsys, *tokens)
    assert code == 0
    assert table(out.partition("\n\n")[0])[0]["spearman"] == "-"
    assert "good.bin same: all human scores are equal" in err


@pytest.mark.parametrize("more", [[], ["--json"], ["--quiet"]])
@pytest.mark.parametrize(
    ("task", "name", "line"),
    [
        ("similarity", "u.tsv", "qqq\txxx\t1\nyyy\tzzz\t2\n"),
        ("similarity", "same.tsv", "man\tking\t1\nking\tqueen\t1\n"),
        ("analogy", "u.txt", ": capital\nqqq xxx yyy zzz\n"),
        ("categorization", "u.tsv", "cat\tqqq\ncat\txxx\ndog\tyyy\n"),
        ("outliers", "u.tsv", "cats\tqqq xxx yyy\tzzz\n"),
        ("bias", "u.tsv", "".join(f"t\t{r}\t{r}\tqqq{r}{i}\n" for r in "XYAB" for i in "12")),
    ],
)
def test_a_set_of_which_nothing_is_known_ends_with_the_code_of_unusable_data(
    task: str, name: str, line: str, more: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    Path(name).write_text(line, encoding="utf-8")
    code, out, err = run(capsys, task, "good.bin", "--set", name, *more)
    assert code == ExitCode.INPUT
    assert out  # the coverage, and the reason as JSON
    assert "nan" not in out.lower()
    assert err.startswith("embkit: error: nothing could be evaluated: ")
    assert err.count("\n") == 1


def test_own_files_may_name_their_columns(capsys: pytest.CaptureFixture[str]) -> None:
    lines = ["id,judged,left,right", "1,3.5,man,king", "2,1.0,girl,cat", "3,2.0,boy,girl"]
    Path("mine.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    named = [token for column in ("left", "right", "judged") for token in ("--columns", column)]
    found = read(capsys, "similarity", "good.bin", "--set", "mine.csv", *named)
    assert found["results"][0]["n_used"] == 3


def test_all_runs_every_task_that_has_its_sets(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("gensim")  # carries WordSim-353 and the Google analogies
    found = read(capsys, "all", "good.bin")
    assert {result["set"] for result in found["similarity"]} >= {"ws353"}
    assert [result["method"] for result in found["analogy"]] == ["3CosAdd", "3CosMul"]


def test_all_passes_options_on_to_the_tasks_that_have_them(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    here = {"similarity": ["pairs.tsv"], "analogy": ["q.txt"]}
    monkeypatch.setattr("embkit.evaluation.named.default_sets", lambda kind: here.get(kind, []))
    more = ["--resamples", "50", "--seed", "3", "--restrict-vocab", "30", "--compare"]
    found = read(capsys, "all", "good.bin", "bad.bin", *more)
    for task in ("similarity", "analogy"):
        alone = read(capsys, task, "good.bin", "bad.bin", "-s", here[task][0], *more)
        assert all(result in found[task] for result in alone["results"])
        assert alone["comparisons"]
        assert all(result in found["comparisons"] for result in alone["comparisons"])
    assert [result["n_words"] for result in found["diagnostics"]] == [30, 30]


@pytest.mark.parametrize(
    ("tokens", "code", "message"),
    [
        (["all", "good.bin", "--compare"], ExitCode.USAGE, "at least 2 with --compare"),
        (["all", "good.bin", "--device", "tpu"], ExitCode.USAGE, "device must be"),
        (["all", "good.bin", "--resamples", "3"], ExitCode.USAGE, "resamples must be"),
        (["similarity"], ExitCode.USAGE, "vectors must be given"),
        (["similarity", "good.bin", "--compare"], ExitCode.USAGE, "at least 2 with --compare"),
        (
            ["similarity", "none.bin", "-s", "pairs.tsv"],
            ExitCode.USAGE,
            "none.bin: No such file",
        ),
        (["similarity", "good.bin", "-s", "./no.tsv"], ExitCode.USAGE, "no.tsv: No such file"),
        (["analogy", "good.bin", "-s", "broken.txt"], ExitCode.INPUT, "broken.txt:2: need 4"),
        (["similarity", "good.bin", "--oov", "guess"], ExitCode.USAGE, "guess"),
        (["analogy", "good.bin", "-s", "q.txt", "--epsilon", "0"], ExitCode.USAGE, "epsilon"),
    ],
)
def test_errors_are_one_line_with_their_code(
    capsys: pytest.CaptureFixture[str], tokens: list[str], code: ExitCode, message: str
) -> None:
    got, out, err = run(capsys, *tokens)
    assert (got, out) == (code, "")
    assert message in err
    assert err.count("\n") == 1
