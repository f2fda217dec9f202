"""Outputs are tried before the work, and refused if they cannot be written."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from embkit import Embeddings, formats
from embkit.cli import main as run_main
from embkit.cli.outputs import reserved_output
from embkit.errors import OutputError, OutputExistsError

ROOT = Path(__file__).parents[1]


TABLE = b"""# embkit phrases 1
# scoring word2phrase
# thresholds 100.0
# min_count 5
# delimiter _
# segmentation greedy
# across_lines True
pass\tleft\tright\tcount\tscore
"""
VECTORS = b"a 1 2\nb 3 -4\n"


@pytest.mark.parametrize(
    ("command", "given"),
    [
        ("train sgns text --vocabulary - --output new.txt --dim 2 --epochs 1", b"a 2\nb 2\n"),
        ("train sgns text --init-from - --output new.txt --dim 2 --min-count 1", VECTORS),
        ("map - v.txt --dictionary pairs --output new.txt --force", VECTORS),
        ("map v.txt v.txt --dictionary - --output new.txt --force", b"a a\nb b\n"),
        ("induce-dictionary - v.txt --output new.txt", VECTORS),
        ("changes - v.txt --output new.txt", VECTORS),
        ("export projector - new.txt", VECTORS),
        ("phrases apply - text --output new.txt", TABLE),
        ("phrases apply table - --output -", b"a b\n"),
        ("phrases apply table /dev/stdin --output -", b"a b\n"),
    ],
)
def test_a_dash_is_standard_input_wherever_a_file_is_read(
    command: str, given: bytes, tmp_path: Path
) -> None:
    (tmp_path / "text").write_text("a b\n" * 4, encoding="utf-8")
    (tmp_path / "v.txt").write_bytes(VECTORS)
    (tmp_path / "table").write_bytes(TABLE)
    (tmp_path / "pairs").write_text("a a\nb b\n", encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "embkit", *command.split(), "--quiet"],
        cwd=tmp_path,
        input=given,
        capture_output=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == (given if command.endswith("--output -") else b"")
    assert command.endswith("--output -") or (tmp_path / "new.txt").exists()


def test_the_output_has_a_short_name(tmp_path: Path) -> None:
    given, new = tmp_path / "v.txt", tmp_path / "new.tsv"
    given.write_bytes(VECTORS)
    for name in (["-o", str(new)], [f"-o={new}", "--overwrite"]):
        assert run_main(["induce-dictionary", str(given), str(given), *name]) == 0
        assert new.read_bytes().startswith(b"a\ta\t")


def test_a_log_is_a_file(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_main(["train", "sgns", __file__, "--output", "none.txt", "--log", "-"]) == 2
    assert "log must be a file, got -" in capsys.readouterr().err


def test_what_exists_is_kept_unless_told(tmp_path: Path) -> None:
    target = tmp_path / "out.bin"
    target.touch()
    with (
        pytest.raises(OutputExistsError, match="--overwrite"),
        reserved_output(target, overwrite=False),
    ):
        pass
    with reserved_output(target, overwrite=True):
        pass


def test_a_model_folder_counts_as_existing_only_with_its_file(tmp_path: Path) -> None:
    with reserved_output(tmp_path, overwrite=False):
        pass
    for name in ("embeddings.safetensors", "model.json"):
        (tmp_path / name).touch()
        with pytest.raises(OutputExistsError), reserved_output(tmp_path, overwrite=False):
            pass
        (tmp_path / name).unlink()


def test_a_description_that_another_program_wrote_is_kept(tmp_path: Path) -> None:
    vectors = Embeddings.from_words({"a": [1.0]})
    (tmp_path / "model.json").write_text("{}")
    with pytest.raises(OutputExistsError, match=r"model\.json exists"):
        formats.save(vectors, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["model.json"]
    assert (tmp_path / "model.json").read_text() == "{}"
    formats.save(vectors, tmp_path, overwrite=True)


def test_the_root_is_no_output() -> None:
    with (
        pytest.raises(ValueError, match="must be a file or a folder in another, got /"),
        reserved_output(Path("/"), overwrite=False),
    ):
        pass


@pytest.mark.parametrize("option", ["--output", "--log", "--cache", "--vocabulary", "--run"])
def test_an_empty_name_is_not_the_current_folder(
    option: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("text").write_text("a b c\n" * 50)
    command = ["train", "sgns", "text", "--min-count", "1", option, ""]
    if option != "--output":
        command += ["--output", "v.bin"]
    assert run_main(command) == 2
    reason = f"{option.strip('-')} must be the name of a file or folder, got ''"
    assert capsys.readouterr().err == f"embkit: error: {reason}\n"
    assert run_main(["convert", "text", ""]) == 2
    assert run_main(["train", "sgns", "", "--output", "v.bin"]) == 2
    assert "a file, a folder, a glob or -, got ''" in capsys.readouterr().err
    assert run_main(["eval", "similarity", "text", "--set", ""]) == 2
    assert "a file or a name of `embkit data list`, got ''" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["text"]


@pytest.mark.parametrize("command", [["train", "cbow"], ["train", "svd"], ["cooccur"]])
def test_a_cache_is_not_the_output(
    command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text, both = tmp_path / "text", str(tmp_path / "both.bin")
    text.write_text("a b c\n" * 50)
    words = ["--save-vocabulary", str(tmp_path / "w")] if command == ["cooccur"] else []
    both_ways = ["--output", both, "--cache", both, "--min-count", "1"]
    assert run_main([*command, str(text), *both_ways, *words]) == 2
    assert (
        capsys.readouterr().err == f"embkit: error: output must not be an input, got {both}\n"
    )
    assert [path.name for path in tmp_path.iterdir()] == ["text"]


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with (
        pytest.raises(OutputError, match="folder does not exist"),
        reserved_output(tmp_path / "no" / "out.bin", overwrite=False),
    ):
        pass


def test_a_link_is_followed_before_the_work(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "no" / "out.bin")
    with (
        pytest.raises(OutputError, match="folder does not exist"),
        reserved_output(tmp_path / "link", overwrite=False),
    ):
        pass


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_folder_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(PermissionError), reserved_output(tmp_path / "o", overwrite=False):
        pass


@pytest.mark.skipif(sys.platform != "linux", reason="needs a folder that takes no files")
def test_a_folder_of_the_systems_own_is_refused_as_an_output() -> None:
    with (
        pytest.raises(OutputError, match="takes no new file") as raised,
        reserved_output(Path("/proc/changes"), overwrite=False),
    ):
        pass
    assert raised.value.filename == "/proc/changes"


def test_an_input_is_never_the_output(tmp_path: Path) -> None:
    target = tmp_path / "in.txt"
    target.touch()
    (tmp_path / "alias").symlink_to(target)
    with (
        pytest.raises(ValueError, match="output must not be an input"),
        reserved_output(tmp_path / "alias", overwrite=True, inputs=[target]),
    ):
        pass


@pytest.mark.parametrize("method", ["sgns", "glove", "ppmi"])
@pytest.mark.parametrize("source", ["texts/text", "texts", "texts/*"])
@pytest.mark.parametrize("log", ["texts/text", "link", "v.npz"])
def test_a_log_is_neither_the_text_nor_the_output(
    method: str, source: str, log: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = tmp_path / "texts" / "text"
    text.parent.mkdir()
    text.write_text("a b\n" * 9)
    (tmp_path / "link").symlink_to("texts/text")
    command = ["train", method, str(tmp_path / source), "--output", str(tmp_path / "v.npz")]
    assert run_main([*command, "--min-count", "1", "--log", str(tmp_path / log)]) == 2
    assert "log must not be an input or the output" in capsys.readouterr().err
    assert text.read_text() == "a b\n" * 9


def test_a_log_without_a_folder_exits_4_before_the_text_is_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text, log = tmp_path / "text", tmp_path / "none" / "log.jsonl"
    text.write_bytes(b"\xff\n")  # is refused when it is read
    command = ["train", "sgns", str(text), "--output", str(tmp_path / "v.bin")]
    assert run_main([*command, "--log", str(log)]) == 4
    assert "the log's folder does not exist" in capsys.readouterr().err


@pytest.mark.parametrize("method", ["sgns", "glove", "ppmi"])
def test_a_log_that_cannot_be_written_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], method: str
) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("there is no /dev/full")
    (tmp_path / "text").write_text("a b\n" * 99)
    command = ["train", method, str(tmp_path / "text"), "--output", str(tmp_path / "v")]
    assert run_main([*command, "--min-count", "1", "--log", "/dev/full"]) == 4
    assert "/dev/full: No space left on device" in capsys.readouterr().err


def test_outputs_that_are_one_file_are_refused_as_such(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text, out = tmp_path / "text", str(tmp_path / "out.tsv")
    text.write_text("a b\n" * 9)
    assert run_main(["cooccur", str(text), "--output", out, "--save-vocabulary", out]) == 2
    formats.save(Embeddings.from_words({"a": [1.0, 2.0], "b": [2.0, 1.0]}), tmp_path / "v.bin")
    text.write_text("a a\nb b\n")
    vectors = str(tmp_path / "v.bin")
    command = ["map", vectors, vectors, "--dictionary", str(text)]
    outputs = ["--output-source", str(tmp_path / "o.bin"), "--output-target"]
    assert run_main([*command, *outputs, f"{tmp_path}/../{tmp_path.name}/o.bin"]) == 2
    assert capsys.readouterr().err.count("outputs must be different files, got ") == 2
    command += ["--format", "word2vec-text", "--output-source"]
    assert run_main([*command, "-", "--output-target", "/dev/stdout"]) == 2
    shown = capsys.readouterr()
    assert "outputs must be different files, got /dev/stdout twice" in shown.err
    assert shown.out == ""
    assert run_main([*command, os.devnull, "--output-target", os.devnull, "--force"]) == 0


@pytest.mark.parametrize("method", ["sgns", "cbow", "glove", "svd"])
def test_output_vectors_are_kept_where_there_is_a_place_for_them(
    method: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = tmp_path / "text"
    text.write_bytes(b"\xff\n")  # is refused when it is read
    command = ["train", method, str(text), "--keep-output", "--dim", "2", "--min-count", "1"]
    assert run_main([*command, "--output", str(tmp_path / "v.txt")]) == 2
    assert "keep_output needs a folder, a .safetensors or a .npz" in capsys.readouterr().err
    text.write_text("a b c\nb c d\n" * 9)
    for name in ("v.npz", "v.safetensors", "v"):
        assert run_main([*command, "--output", str(tmp_path / name), "--quiet"]) == 0
        assert formats.load(tmp_path / name).output is not None


@pytest.mark.parametrize("method", ["sgns", "nce", "cbow", "glove", "svd"])
def test_a_vocabulary_is_an_input(
    method: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text, words = tmp_path / "text", tmp_path / "words.txt"
    text.write_text("a b\n" * 9)
    words.write_text("a 9\nb 9\n")
    command = ["train", method, str(text), "--vocabulary", str(words), "--output", str(words)]
    assert run_main([*command, "--overwrite"]) == 2
    assert "output must not be an input" in capsys.readouterr().err
    assert words.read_text() == "a 9\nb 9\n"


@pytest.mark.parametrize("kind", ["file", "link"])
@pytest.mark.parametrize("command", ["sgns", "glove", "ppmi", "convert", "map"])
def test_what_is_no_folder_is_refused_as_one_before_the_work(
    command: str, kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "model"
    (tmp_path / "kept" if kind == "link" else target).write_text("kept")
    if kind == "link":
        target.symlink_to("kept")
    broken = str(tmp_path / "broken.txt")
    Path(broken).write_bytes(b"\xff\n")  # is refused when it is read: exit 3
    outputs = {
        "convert": ["convert", broken, str(target)],
        "map": [
            "map",
            broken,
            broken,
            "--method",
            "self-learning",
            "--output-source",
            str(target),
        ],
    }
    train = ["train", command, broken, "--output", str(target)]
    assert run_main([*outputs.get(command, train), "--overwrite"]) == 4
    reason = f"{target}: a file stands where a folder is to be written"
    assert capsys.readouterr().err == f"embkit: error: {reason}\n"
    assert target.read_text() == "kept"


@pytest.mark.parametrize("given", ["-", "/dev/stdout", "pipe"])
@pytest.mark.parametrize("command", [["sgns"], ["glove"], ["svd", "--dim", "2"], ["ppmi"]])
def test_vectors_go_to_a_stream_in_the_format_that_is_given(
    command: list[str], given: str, tmp_path: Path
) -> None:
    text, pipe = tmp_path / "text", tmp_path / "pipe"
    text.write_text("a b c\nb c a\n" * 50)
    os.mkfifo(pipe)
    output = str(pipe) if given == "pipe" else given
    common = ["--min-count", "1", "--threads", "1", "--output", output]
    train = [sys.executable, "-m", "embkit", "train", *command, str(text), *common]
    refused = subprocess.run(train, capture_output=True, text=True, timeout=60)
    assert refused.returncode == 2
    assert "unless the format is given" in refused.stderr
    format = "safetensors" if command == ["ppmi"] else "word2vec-text"
    told = [*train, "--format", format, "--json"]
    reading = subprocess.Popen(
        ["cat", pipe if given == "pipe" else "/dev/null"], stdout=subprocess.PIPE
    )
    done = subprocess.run(told, capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr
    read, _ = reading.communicate(timeout=60)
    vectors = read if given == "pipe" else done.stdout
    assert given != "pipe" or json.loads(done.stdout)["num_words"] == 3
    (tmp_path / "got").write_bytes(vectors)
    assert len(formats.load(tmp_path / "got")) == 3


def test_an_error_leaves_the_output_of_the_caller_alone(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    before = os.fstat(sys.stdout.fileno())
    assert run_main(["inspect", str(tmp_path / "nothing.bin")]) == 2
    assert os.path.samestat(os.fstat(sys.stdout.fileno()), before)
    sys.stdout.write("more\n")
    assert capfd.readouterr().out == "more\n"
