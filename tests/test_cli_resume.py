"""``embkit train --run`` and ``embkit resume`` as commands: options, messages, exit codes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from embkit._native import core
from embkit.cli.app import main
from embkit.formats import inspect
from embkit.output import locked
from tests.models import random_sentences

OPTIONS = ["--dim", "4", "--min-count", "1", "--threads", "1"]


@pytest.fixture(autouse=True)
def _no_signal_handlers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("embkit.cli.app.install_handlers", lambda: None)


@pytest.fixture
def begun(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """Train with the run's folder kept, and return the folder."""
    corpus = tmp_path / "corpus.txt"
    corpus.write_text("\n".join(map(" ".join, random_sentences(20, [50] * 20, seed=1))))
    folder = tmp_path / "kept"
    arguments = ["train", "sgns", str(corpus), "--output", str(tmp_path / "v.txt"), *OPTIONS]
    assert main([*arguments, "--run", str(folder), "--keep-run"]) == 0
    capsys.readouterr()
    return folder


def test_resume_writes_the_same_output_and_keeps_what_it_was_told_to(begun: Path) -> None:
    again = begun.with_name("again.txt")
    assert main(["resume", str(begun), "--output", str(again)]) == 0
    assert again.read_bytes() == begun.with_name("v.txt").read_bytes()
    assert (begun / "run.json").exists()


def test_resume_adds_its_reports_to_a_log(
    begun: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log, output = begun.with_name("log.jsonl"), str(begun.with_name("again.txt"))
    log.write_text("{}\n")
    for checkpoint in begun.glob("checkpoint-*"):  # so that it trains
        checkpoint.unlink()
    assert main(["resume", str(begun), "--output", output, "--log", str(log)]) == 0
    before, *added = map(json.loads, log.read_text().splitlines())
    assert before == {}
    assert added[-1]["tokens"] == added[-1]["total_tokens"] > 0
    other = str(begun.with_name("other.txt"))
    assert main(["resume", str(begun), "--output", other, "--log", other]) == 2
    assert "log must not be an input or the output" in capsys.readouterr().err


def test_the_command_that_goes_on_has_the_log_of_the_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device", "v.txt")

    corpus, log = tmp_path / "corpus.txt", tmp_path / "log.jsonl"
    corpus.write_text("a b c\nb c a\n" * 50)
    monkeypatch.setattr("embkit.formats.save", full)
    arguments = ["train", "sgns", str(corpus), "--output", str(tmp_path / "v.txt"), *OPTIONS]
    run = str(tmp_path / "run")
    assert main([*arguments, "--run", run, "--log", str(log)]) == 4
    assert f"embkit resume {run} --log {log} goes on" in capsys.readouterr().err


def test_the_format_of_a_run_is_that_of_what_resume_writes(tmp_path: Path) -> None:
    corpus = tmp_path / "corpus.txt"
    corpus.write_text("a b c\nb c a\n" * 50)
    run, output = tmp_path / "vectors.run", tmp_path / "vectors"
    arguments = ["train", "sgns", str(corpus), "--output", str(output), *OPTIONS, "--keep-run"]
    assert main([*arguments, "--format", "glove-text", "--run", str(run)]) == 0
    expected = output.read_bytes()
    output.unlink()
    assert main(["resume", str(run)]) == 0
    assert output.read_bytes() == expected
    assert main(["resume", str(run), "--output", str(output) + ".bin"]) == 0
    assert inspect(str(output) + ".bin").format == "word2vec-binary"
    assert main(["resume", str(run), "--output", "-"]) == 2


def test_a_folder_from_elsewhere_replaces_no_file_of_the_user(
    begun: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = begun.with_name(".bashrc")
    content = json.loads((begun / "run.json").read_bytes())
    for given, message in (
        ({"path": str(mine), "overwrite": True, "format": "word2vec-text"}, "must be given"),
        ({"path": str(mine), "overwrite": True}, "a file stands where a folder"),
        ({"path": str(mine) + ".txt", "overwrite": True}, "--overwrite replaces it"),
    ):
        Path(given["path"]).write_text("mine\n")  # type: ignore[arg-type]
        (begun / "run.json").write_text(json.dumps({**content, "output": given}))
        assert main(["resume", str(begun)]) in (2, 4)
        assert message in capsys.readouterr().err
        assert Path(given["path"]).read_text() == "mine\n"  # type: ignore[arg-type]
    named_after = begun.rename(begun.with_name("v.txt.run"))
    told = {"path": str(begun.with_name("v.txt")), "overwrite": True}
    (named_after / "run.json").write_text(json.dumps({**content, "output": told}))
    monkeypatch.chdir(named_after.parent)
    assert main(["resume", "./v.txt.run"]) == 0
    other = begun.with_name("other.txt")
    other.write_text("mine\n")
    assert main(["resume", "v.txt.run", "--output", str(other)]) == 2


@pytest.mark.parametrize(
    ("output", "run"),
    [
        ("zw.bin", "zw.bin"),
        ("zw", "zw/run"),
        ("zw/v.bin", "zw"),
        ("link/v.bin", "kept"),
        ("kept", "link"),
    ],
)
def test_run_and_output_keep_out_of_each_other(
    output: str, run: str, begun: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    here = begun.parent
    (here / "link").symlink_to(begun)
    before = sorted(here.rglob("*"))
    corpus, told = str(here / "corpus.txt"), f"got {here / run} and {here / output}"
    arguments = ["train", "sgns", corpus, "--output", str(here / output), *OPTIONS]
    assert main([*arguments, "--run", str(here / run), "--overwrite"]) == 2
    assert told in capsys.readouterr().err
    assert main(["resume", str(here / run), "--output", str(here / output)]) == 2
    assert sorted(here.rglob("*")) == before


def test_resume_refuses_an_output_within_its_run(
    begun: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["resume", str(begun), "--output", str(begun / "model.bin")]) == 2
    assert "neither in the other" in capsys.readouterr().err
    assert not (begun / "model.bin").exists()
    monkeypatch.chdir(begun)  # where standard output is in no folder
    assert main(["resume", ".", "--output", "-", "--format", "word2vec-text"]) == 0


def test_speed_is_that_of_what_was_trained_now(
    begun: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["resume", str(begun), "--overwrite", "--json"]) == 0  # nothing is left of it
    assert json.loads(capsys.readouterr().out)["words_per_second"] == 0


def test_resume_as_json_tells_the_provenance(
    begun: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["resume", str(begun), "--overwrite", "--json"]) == 0
    summary = json.loads(capsys.readouterr().out)
    assert summary["output"] == str(begun.with_name("v.txt"))
    assert summary["provenance"]["config"]["dim"] == 4


def test_existing_output_is_not_replaced_unasked(
    begun: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["resume", str(begun)]) == 2
    assert "--overwrite replaces it" in capsys.readouterr().err


def test_run_whose_files_are_gone_is_not_said_to_go_on(
    begun: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (begun / "corpus").unlink()
    assert main(["resume", str(begun), "--overwrite"]) == 2
    reason = f"{begun / 'corpus'}: No such file or directory"
    assert capsys.readouterr().err == f"embkit: error: {reason}\n"


def test_run_that_another_process_holds_ends_with_its_own_code(
    begun: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with locked(begun / "lock", "run"):
        assert main(["resume", str(begun), "--overwrite"]) == 6
    assert "process" in capsys.readouterr().err


@pytest.mark.parametrize("level", core.simd_levels())
def test_run_is_resumed_with_its_simd_level_or_refused(begun: Path, level: str) -> None:
    command = [sys.executable, "-m", "embkit", "resume", str(begun), "--overwrite"]
    environment = {**os.environ, "EMBKIT_SIMD": level}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if level == core.simd_level():
        assert done.returncode == 0, done.stderr
    else:
        expected = f"EMBKIT_SIMD must be {core.simd_level()}, as when the run began"
        assert (done.returncode, expected in done.stderr) == (2, True)


def test_run_of_another_level_chooses_it_where_nothing_is_set(begun: Path) -> None:
    other = core.simd_levels()[0]
    path = begun / "run.json"
    path.write_text(path.read_text().replace(f'"{core.simd_level()}"', f'"{other}"'))
    for checkpoint in begun.glob("checkpoint-*"):  # of the level that it was begun with
        checkpoint.unlink()
    environment = {name: x for name, x in os.environ.items() if name != "EMBKIT_SIMD"}
    command = [sys.executable, "-m", "embkit", "resume", str(begun), "--overwrite", "--json"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["provenance"]["simd"] == other


def test_option_that_differs_is_named_and_nothing_else_suggested(
    begun: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    corpus, output = begun.with_name("corpus.txt"), begun.with_name("other.txt")
    arguments = ["train", "sgns", str(corpus), "--output", str(output), *OPTIONS]
    assert main([*arguments, "--seed", "9", "--run", str(begun)]) == 2
    message = capsys.readouterr().err
    assert "the run must be the same to go on: seed is 1 in it, 9 now" in message
    assert "goes on" not in message


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (["--keep-run"], 2, "run or checkpoint_every must be given with --keep-run"),
        (["--checkpoint-every", "5x"], 2, "a duration must be like 90s, 10m or 1h, got '5x'"),
        (["--run", "{folder}", "--learning-rate", "1000"], 3, "learning_rate must be lower"),
    ],
)
def test_wrong_options_of_a_run_are_told(
    options: list[str],
    code: int,
    message: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    corpus = tmp_path / "corpus.txt"
    corpus.write_text("\n".join(map(" ".join, random_sentences(20, [50] * 20, seed=1))))
    given = [option.format(folder=tmp_path / "run") for option in options]
    output = ["--output", str(tmp_path / "v.txt")]
    assert main(["train", "cbow", str(corpus), *output, *OPTIONS, *given]) == code
    captured = capsys.readouterr().err
    assert message in captured
    assert "goes on" not in captured


def test_folder_without_a_run_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["resume", str(tmp_path)]) == 2
    assert (
        f"{tmp_path}: No run is here; after success its folder goes" in capsys.readouterr().err
    )
