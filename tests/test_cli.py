"""The command line: exit codes, one-line errors, JSON, help, completion, configuration."""

from __future__ import annotations

import importlib
import json
import re
import signal
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from embkit.cli import main as run_main
from embkit.cli import on_demand
from embkit.cli.app import build_app
from embkit.cli.changes import changes
from embkit.cli.exit_codes import ExitCode, Stopped, exit_code_of
from embkit.cli.induce import induce_dictionary
from embkit.cli.map import map_command
from embkit.cli.map_many import map_many_command
from embkit.cli.terminal import visible
from embkit.errors import (
    CorpusError,
    DictionaryError,
    DivergenceError,
    FormatError,
    LockedError,
    NotFiniteError,
    OutputError,
    OutputExistsError,
    ResourceError,
)
from tests.command_line import error_line

ROOT = Path(__file__).parents[1]
HUGE = "9" * 400
COMMANDS = (
    "",
    "cooccur",
    "phrases",
    "phrases learn",
    "phrases apply",
    "query",
    "query neighbors",
    "query analogy",
    "query similarity",
    "inspect",
    "convert",
    "doctor",
    "completion",
    "demo",
    "train",
    "train sgns",
    "train nce",
    "train skipgram",
    "train cbow",
    "train glove",
    "resume",
    "train ppmi",
    "train svd",
    "map",
    "apply",
    "map-many",
    "eval",
    "eval bias",
    "eval categorization",
    "eval diagnostics",
    "eval outliers",
    "data",
    "data list",
    "data fetch",
    "data path",
    "data import",
    "report",
    "export",
    "export projector",
    "eval",
    "eval all",
    "eval analogy",
    "eval bias",
    "eval categorization",
    "eval diagnostics",
    "eval outliers",
    "eval similarity",
    "eval translation",
    "eval crosslingual-similarity",
    "eval crosslingual-analogy",
    "eval sentences",
    "eval documents",
    "eval alignment",
    "induce-dictionary",
    "changes",
    "translate",
    "map-many",
)


@pytest.mark.parametrize("command", COMMANDS)
def test_help_tells_of_each_argument_and_shows_an_example(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_main([*command.split(), "--help"]) == 0
    captured = capsys.readouterr()
    assert "Usage: embkit" in captured.out
    assert f"embkit {command}".strip() in " ".join(captured.out.split("Example:")[1].split())
    assert captured.err == ""
    assert re.findall(r"^  --output(?!-|, -o PATH:).*", captured.out, re.MULTILINE) == []
    assert re.findall(r"^  (?:-[^:]*|[A-Z]+): *(?:\[.*)?$", captured.out, re.MULTILINE) == []


@pytest.mark.parametrize(
    ("command", "option", "kind"),
    [
        ("train sgns", "--memory", "SIZE"),
        ("train sgns", "--checkpoint-every", "DURATION"),
        ("cooccur", "--memory", "SIZE"),
        ("query neighbors", "--memory", "SIZE"),
    ],
)
def test_help_shows_sizes_and_durations_as_such(
    command: str, option: str, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    if int(version("cyclopts").partition(".")[0]) < 5:
        pytest.skip("cyclopts before 5 does not show the kinds of options")
    assert run_main([*command.split(), "--help"]) == 0
    shown = capsys.readouterr().out
    assert set(re.findall(rf"{option} ([A-Z]+)\b", shown)) == {kind}


def test_every_command_has_help_that_is_tested() -> None:
    app = build_app()
    names = {name for name in app if not name.startswith("-")}
    nested = {f"{name} {sub}" for name in names for sub in app[name] if not sub.startswith("-")}
    assert names | nested | {""} == set(COMMANDS)


def test_version_is_the_package_version(capsys: pytest.CaptureFixture[str]) -> None:
    import embkit

    assert run_main(["--version"]) == 0
    assert capsys.readouterr().out.strip() == embkit.__version__


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["qury"], 'Did you mean "query"?'),
        (["train", "1850.txt"], "method must be given before '1850.txt', one of sgns, nce"),
        (["train", "--dim", "9", "a.txt"], "method must be given before '--dim', one of sgns,"),
        (["train", "sgn", "a.txt"], 'Did you mean "sgns"?'),
        (["eval", "-"], "task must be given before '-', one of similarity, analogy,"),
        (["inspect", "--jsn", "x"], "Did you mean --json?"),
        (["inspect"], "FILE must be given: embkit inspect --help"),
        (["train", "sgns", "a.txt"], "--output must be given: embkit train sgns --help"),
        (["train", "sgns", "a.txt", "--output"], "--output requires an argument"),
        (["inspect", "--config"], "--config"),
        (["query", "neighbors", "v.txt", "w", "--topn", "many"], "--topn"),
        (["query", "neighbors", "v.txt", "w", "--topn", "2.5"], "topn must be a whole number"),
        (["train", "sgns", "a", "--output", "v", "--max-vocab", "3.0"], "got '3.0'"),
        (["query", "neighbors", "v.txt"], "words must be given"),
        (["query", "similarity", "v.txt", "w"], "words must come in pairs, got 1"),
        (
            ["query", "analogy", "v.txt", "a", "b", "c", "d"],
            "there is no argument that 'd' could be: embkit query analogy --help",
        ),
        (["convert", "v.txt", "v.bin", "-"], "there is no argument that '-' could be"),
        (["completion", "tcsh"], '"bash"'),
        (["convert", "a", "b", "--memory", "lots"], "512M"),
        (["doctor", "--json", "--json"], "multiple times"),
    ],
)
def test_usage_errors_are_one_line_and_exit_2(
    arguments: list[str], hint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_main(arguments) == ExitCode.USAGE
    assert hint in error_line(capsys)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (TypeError("bug"), 1),
        (KeyError("bug"), 1),
        (ValueError("dim must be at least 1, got 0"), 2),
        (FileNotFoundError("no corpus"), 2),
        (OutputExistsError("out"), 2),
        (FormatError("v.txt", 3, 5, "bad"), 3),
        (CorpusError("no tokens"), 3),
        (DivergenceError("loss is nan"), 3),
        (NotFiniteError("vectors must be finite"), 3),
        (PermissionError("denied"), 4),
        (OutputError("no folder"), 4),
        (OSError(28, "No space left on device"), 4),
        (MemoryError(), 5),
        (ResourceError("too much"), 5),
        (RuntimeError("can't start new thread"), 5),
        (LockedError("held"), 6),
        (DictionaryError("no pair"), 3),
        (Stopped(signal.SIGHUP), 129),
        (KeyboardInterrupt(), 130),
        (BrokenPipeError(), 141),
        (Stopped(signal.SIGTERM), 143),
    ],
    ids=repr,
)
def test_the_table_gives_each_exception_its_code(error: BaseException, code: int) -> None:
    assert exit_code_of(error) == code


def test_missing_input_exits_2_and_names_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_main(["inspect", "no/such/file"]) == ExitCode.USAGE
    assert "no/such/file" in error_line(capsys)


def test_output_that_exists_is_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, target = tmp_path / "in.txt", tmp_path / "out.txt"
    source.write_text("a 1 2\nb 3 4\n", encoding="utf-8")
    target.write_text("precious", encoding="utf-8")
    assert run_main(["convert", str(source), str(target)]) == ExitCode.USAGE
    assert "--overwrite" in error_line(capsys)
    assert target.read_text(encoding="utf-8") == "precious"


def test_output_that_is_the_input_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = tmp_path / "in.txt"
    source.write_text("a 1 2\nb 3 4\n", encoding="utf-8")
    assert run_main(["convert", str(source), str(source), "--overwrite"]) == ExitCode.USAGE
    assert "output must not be an input" in error_line(capsys)


def test_missing_output_folder_is_found_before_the_input_is_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_main(["convert", "no/such/file", str(tmp_path / "no" / "out.bin")]) == 4
    assert "does not exist" in error_line(capsys)


def test_internal_errors_have_no_traceback_but_with_debug(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("embkit.cli.app.build_app", lambda: [][0])
    assert run_main([]) == ExitCode.INTERNAL
    assert "--debug" in error_line(capsys)
    assert run_main(["--debug"]) == ExitCode.INTERNAL
    assert "Traceback" in capsys.readouterr().err


def test_a_new_line_in_a_message_stays_on_the_line(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run_main(["inspect", "no\nsuch\x1b[2Jfile"]) == ExitCode.USAGE
    assert r"no\x0asuch\x1b[2Jfile" in error_line(capsys)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("naïve 猫", "naïve 猫"),
        ("\x1b[31m", r"\x1b[31m"),
        ("\x9b31m", r"\x9b31m"),
        ("a\u202eb", r"a\u202eb"),
        ("\udcff", r"\xff"),
        ("\t\n", r"\x09\x0a"),
    ],
)
def test_words_are_harmless_on_a_terminal(text: str, shown: str) -> None:
    assert visible(text) == shown


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_script_knows_the_commands(
    shell: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_main(["completion", shell]) == 0
    script = capsys.readouterr().out
    assert "embkit" in script
    assert "neighbors" in script


def test_bash_completes_commands(tmp_path: Path) -> None:
    script = tmp_path / "completion.bash"
    embkit = [sys.executable, "-m", "embkit"]
    printed = subprocess.run([*embkit, "completion", "bash"], capture_output=True, check=True)
    script.write_bytes(printed.stdout)
    ask = (
        f"source {script}; COMP_WORDS=(embkit que); COMP_CWORD=1; "
        'entry=$(complete -p embkit); f=${entry##*-F }; ${f%% *}; echo "${COMPREPLY[@]}"'
    )
    answer = subprocess.run(["bash", "-c", ask], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "query"


def test_commands_imported_on_demand_are_listed_by_their_own_first_line() -> None:
    source = Path(on_demand.__file__).read_text(encoding="utf-8")
    paths = re.findall(r'"(embkit\.cli\.\w+):([a-z_]+)"', source)
    assert len(paths) > 5
    for module, name in paths:
        command = getattr(importlib.import_module(module), name)
        assert f'help="{command.__doc__.splitlines()[0]}"' in source


def test_help_of_a_command_imported_on_demand_tells_more_than_its_line(
    capsys: pytest.CaptureFixture[str],
) -> None:
    functions = {"map": map_command, "map-many": map_many_command, "changes": changes}
    for command, function in {**functions, "induce-dictionary": induce_dictionary}.items():
        told = " ".join((function.__doc__ or "").partition("Parameters")[0].split())
        assert len(told) > 100
        assert run_main([command, "--help"]) == 0
        assert told in " ".join(capsys.readouterr().out.split())
    assert run_main(["--help"]) == 0
    assert "exit code is 7" not in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments",
    [
        ["query", "neighbors", "{vectors}", "a", "-n", HUGE],
        ["query", "neighbors", "{vectors}", "a", "--limit", HUGE],
        ["query", "neighbors", "{vectors}", "a", "--memory", HUGE],
        ["train", "sgns", "{vectors}", "--output", "no.txt", "--max-input-bytes", HUGE],
        ["train", "sgns", "{vectors}", "--output", "no.txt", "--learning-rate", HUGE],
    ],
)
def test_numbers_of_hundreds_of_digits_are_refused_by_name(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    vectors = tmp_path / "v.txt"
    vectors.write_text("a 1 2\nb 3 4\n", encoding="utf-8")
    arguments = [part.format(vectors=vectors) for part in arguments]
    assert run_main(arguments) == ExitCode.USAGE
    name = {"-n": "topn"}.get(arguments[-2], arguments[-2].lstrip("-").replace("-", "_"))
    assert f"{name} must be" in error_line(capsys)


def test_doctor_json_parses_and_names_the_kernel(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_main(["doctor", "--json"]) == ExitCode.DONE
    report = json.loads(capsys.readouterr().out)
    found = {check["name"]: check["found"] for check in report["checks"]}
    assert re.match(r"(baseline|avx2|avx512|neon)\b", found["kernels"])
    assert {"threads", "memory", "blas", "gpu", "numpy"} <= set(found)
