"""Options from a file, and under the names that other tools give them."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from embkit.cli import main as run_main
from embkit.cli.exit_codes import ExitCode
from embkit.cli.peers import translate_peer_options
from tests.command_line import error_line


@pytest.mark.parametrize(
    ("content", "hint"),
    [
        ("jsn = true", "jsn"),
        ("json = ", "config must be TOML"),
        ("[train]\ndim = 1", "options only"),
        ("jsno = true", "did you mean json?"),
        ('config = "other.toml"', "there is no option config here"),
        ("q = true", "there is no option q here"),
    ],
)
def test_config_errors_exit_2(
    content: str, hint: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "run.toml"
    config.write_text(content, encoding="utf-8")
    assert run_main(["doctor", "--config", str(config)]) == ExitCode.USAGE
    assert hint in error_line(capsys)


def test_config_with_an_option_of_another_tool_names_ours(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "run.toml"
    config.write_text("vector_size = 50\n", encoding="utf-8")
    command = ["train", "cbow", "a.txt", "--output", "v.bin", "--config", str(config)]
    assert run_main(command) == ExitCode.USAGE
    assert "no option vector-size here, which is called dim" in error_line(capsys)


def test_config_has_options_that_are_called_like_commands(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "run.toml"
    config.write_text('train = "no/such"\n', encoding="utf-8")
    command = ["eval", "documents", "a", "b", "--test", "c", "--config", str(config)]
    assert run_main(command) == ExitCode.USAGE
    assert "no/such: No such file" in error_line(capsys)


def test_config_can_ask_for_a_traceback_and_for_quiet_before_anything_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "run.toml"
    config.write_text("debug = true\nquiet = true\n", encoding="utf-8")
    command = ["train", "sgns", "no/such", "-size", "5", "--output", str(tmp_path / "v.txt")]
    assert run_main([*command, "--config", str(config)]) == ExitCode.USAGE
    told = capsys.readouterr().err
    assert "Traceback" in told
    assert "is called --dim here" not in told
    assert run_main([*command, "--", "--debug"]) == ExitCode.USAGE
    told = capsys.readouterr().err
    assert "Traceback" not in told
    assert "is called --dim here" in told


def test_config_of_any_size_or_kind_is_no_reason_to_wait(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "large").write_bytes(b"#" * (1 << 20) + b"\n")
    (tmp_path / "largest").write_bytes(b"#" * ((1 << 20) - 1) + b"\n")
    for path in (tmp_path / "pipe", tmp_path, Path("/dev/zero")):
        assert run_main(["doctor", "--config", str(path)]) == ExitCode.USAGE
        assert f"{path}: config must be a file, got" in error_line(capsys)
    assert run_main(["doctor", "--config", str(tmp_path / "large")]) == ExitCode.USAGE
    assert f"{tmp_path / 'large'}: config must have at most 1048576" in error_line(capsys)
    assert run_main(["doctor", "--config", str(tmp_path / "largest")]) == ExitCode.DONE


def test_peers_option_names_are_translated_and_told(
    capsys: pytest.CaptureFixture[str],
) -> None:
    peers = ["train", "sgns", "a.txt", "-size", "50", "--iter=3", "--", "-size"]
    assert translate_peer_options(peers) == [
        *("train", "sgns", "a.txt", "--dim", "50", "--epochs=3", "--", "-size")
    ]
    assert "note: -size is called --dim here" in capsys.readouterr().err


def test_the_text_is_an_argument_also_where_a_peer_names_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    for peers in (["-train", "a.txt"], ["--input=a.txt"], ["--corpus_file", "a.txt"]):
        translated = translate_peer_options(["train", "sgns", *peers, "-size", "5"])
        assert translated == ["train", "sgns", "a.txt", "--dim", "5"]
        assert "note: the text needs no -" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("option", "advice"),
    [
        ("-cbow", "sgns, skipgram or cbow"),
        ("-hs", "loss hs"),
        ("-binary", ".bin is binary"),
        ("--cbow_mean", "context_combination"),
        ("-minn", "subwords"),
    ],
)
def test_what_stands_for_a_peers_option_is_told(
    option: str, advice: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_main(["train", "-train", "a.txt", option, "1", "-q"]) == ExitCode.USAGE
    assert advice in error_line(capsys)


def test_alpha_is_the_exponent_of_glove_and_the_rate_of_the_others() -> None:
    peers = ["-alpha", "0.5", "-x-max", "10", "-grad-clip", "1"]
    assert translate_peer_options(["train", "glove", *peers], quiet=True) == [
        *("train", "glove", "--exponent", "0.5", "--x-max", "10", "--clip", "1")
    ]
    translated = translate_peer_options(["train", "cbow", *peers], quiet=True)
    assert translated[2] == "--learning-rate"


def test_config_file_gives_options_and_flags_win(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "run.toml"
    config.write_text("json = true\n", encoding="utf-8")
    assert run_main(["doctor", "--config", str(config)]) == 0
    assert json.loads(capsys.readouterr().out)
