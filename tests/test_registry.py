"""The registry: names resolve offline, bytes are checked, failures are one clear line."""

from __future__ import annotations

import functools
import hashlib
import http.server
import json
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from embkit.cli import main
from embkit.errors import DownloadError, FormatError, OutputExistsError
from embkit.evaluation import datasets, fetching, named, registry

ROOT = Path(__file__).parents[1]
PAIRS = b"sun\tsea\t1.5\nold\tnew\t2\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("EMBKIT_DATA", str(tmp_path / "data"))
    return tmp_path / "data"


@pytest.fixture
def entry(folder: Path, monkeypatch: pytest.MonkeyPatch) -> registry.Entry:
    """Make a registry of one entry, two pairs, which nobody has yet."""
    made = registry.Entry(
        name="pairs",
        title="Two pairs",
        kind="similarity",
        language="en",
        file="pairs.tsv",
        licence="CC0",
        citation="Nobody",
        url="http://127.0.0.1:9/pairs.tsv",
        sha256=hashlib.sha256(PAIRS).hexdigest(),
        entries=2,
        aliases=("two",),
    )
    set_entry(monkeypatch, made)
    return made


def set_entry(monkeypatch: pytest.MonkeyPatch, made: registry.Entry) -> None:
    for module in (registry, named):
        monkeypatch.setattr(module, "registry", lambda: {made.name: made})


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """Serve a folder on this machine; return its address and the folder."""
    shown = tmp_path / "shown"
    shown.mkdir()

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args: object) -> None:
            pass

    handler = functools.partial(Handler, directory=str(shown))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as web:
        thread = threading.Thread(target=web.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{web.server_port}", shown
        web.shutdown()
        thread.join()


def test_every_entry_is_pinned_checked_and_cited() -> None:
    names: set[str] = set()
    for entry in registry.registry().values():
        assert entry.kind in registry.KINDS, entry.name
        assert entry.licence, entry.name
        assert entry.citation, entry.name
        assert (entry.url is None) == (entry.page is not None), entry.name
        if entry.url is not None:
            assert re.search(r"/[0-9a-f]{40}/", entry.url), entry.name
            assert re.fullmatch(r"[0-9a-f]{64}", entry.sha256 or ""), entry.name
            assert (entry.size or 0) > 0, entry.name
            assert (entry.entries or 0) > 0, entry.name
        assert names.isdisjoint({entry.name, *entry.aliases}), entry.name
        names |= {entry.name, *entry.aliases}
    assert len(registry.registry()) > 60


def test_names_and_other_names_are_found_and_wrong_ones_get_a_hint() -> None:
    assert registry.find_entry("WordSim353").name == "ws353"
    with pytest.raises(ValueError, match="did you mean simlex999"):
        registry.find_entry("simlex99")


@pytest.mark.parametrize(
    ("name", "kind", "size"),
    [
        ("ws353", "similarity", 353),
        ("simlex", "similarity", 999),
        ("google", "analogy", 19_544),
    ],
)
def test_sets_that_gensim_carries_are_read_on_a_fresh_machine(
    folder: Path, name: str, kind: registry.Kind, size: int
) -> None:
    pytest.importorskip("gensim")
    read = datasets.open_set(name, kind)
    assert (len(read), read.name) == (size, registry.find_entry(name).name)


def test_a_set_in_the_folder_goes_before_gensims(
    folder: Path, entry: registry.Entry, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_entry(monkeypatch, replace(entry, gensim="wordsim353.tsv", entries=None))
    folder.mkdir()
    (folder / "pairs.tsv").write_bytes(PAIRS)
    assert len(datasets.open_set("two", "similarity")) == 2


def test_a_path_is_read_whatever_its_name(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "ws353"
    path.write_text("a,b,c\nsun,sea,1\n")
    read = datasets.open_set(path, "similarity", columns=("a", "b", "c"))
    assert len(read) == 1
    with pytest.raises(ValueError, match="columns must be left out for analogy sets"):
        datasets.open_set(path, "analogy", columns=("a", "b", "c"))
    with pytest.raises(FileNotFoundError, match="nowhere/x"):
        datasets.open_set("nowhere/x", "similarity")


def test_a_set_that_is_not_here_names_the_command_that_brings_it(
    entry: registry.Entry, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["data", "path", "pairs"]) == 2
    assert "embkit data fetch pairs" in capfd.readouterr().err
    with pytest.raises(ValueError, match="must be of kind analogy, but pairs is similarity"):
        datasets.open_set("pairs", "analogy")


def test_bytes_that_differ_from_the_registry_are_refused(
    folder: Path, entry: registry.Entry
) -> None:
    folder.mkdir()
    (folder / "pairs.tsv").write_bytes(PAIRS[:-2] + b"3\n")
    with pytest.raises(FormatError, match="not the pairs of the registry"):
        datasets.open_set("pairs", "similarity")


def test_a_set_with_another_number_of_entries_is_refused(
    folder: Path, entry: registry.Entry, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_entry(monkeypatch, replace(entry, sha256=None, entries=3))
    folder.mkdir()
    (folder / "pairs.tsv").write_bytes(PAIRS)
    with pytest.raises(FormatError, match="has 3 entries, got 2"):
        datasets.open_set("pairs", "similarity")


def test_fetch_brings_a_set_and_checks_it(
    folder: Path,
    entry: registry.Entry,
    server: tuple[str, Path],
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    url, shown = server
    (shown / "pairs.tsv").write_bytes(PAIRS)
    set_entry(monkeypatch, replace(entry, url=f"{url}/pairs.tsv"))
    assert main(["data", "fetch", "pairs", "--json"]) == 0
    assert json.loads(capfd.readouterr().out)[0]["path"] == str(folder / "pairs.tsv")
    assert len(datasets.open_set("pairs", "similarity")) == 2


def test_a_wrong_download_leaves_nothing_behind(
    folder: Path,
    entry: registry.Entry,
    server: tuple[str, Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    url, shown = server
    (shown / "pairs.tsv").write_bytes(b"<html>moved</html>")
    set_entry(monkeypatch, replace(entry, url=f"{url}/pairs.tsv"))
    with pytest.raises(DownloadError, match=r"pairs: .*SHA256"):
        fetching.fetch("pairs")
    set_entry(monkeypatch, replace(entry, url=f"{url}/lost.tsv"))
    with pytest.raises(DownloadError, match="404"):
        fetching.fetch("pairs")
    assert [path.name for path in folder.iterdir()] == []


def test_without_a_network_fetch_fails_in_one_line(
    entry: registry.Entry, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["data", "fetch", "pairs"]) == 3
    error = capfd.readouterr().err.strip().splitlines()
    assert len(error) == 1
    assert "pairs: http://127.0.0.1:9/pairs.tsv: cannot be reached" in error[0]


def test_a_set_without_a_checksum_says_so(
    entry: registry.Entry,
    server: tuple[str, Path],
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    url, shown = server
    (shown / "pairs.tsv").write_bytes(PAIRS)
    set_entry(monkeypatch, replace(entry, url=f"{url}/pairs.tsv", sha256=None))
    assert main(["data", "fetch", "pairs"]) == 0
    assert "nobody has checked these bytes" in capfd.readouterr().err


def test_import_takes_the_right_file_only_once(
    folder: Path, entry: registry.Entry, tmp_path: Path
) -> None:
    mine = tmp_path / "mine.txt"
    mine.write_bytes(PAIRS + b"a\tb\t1\n")
    with pytest.raises(FormatError, match="not the pairs of the registry"):
        fetching.import_file("pairs", mine)
    mine.write_bytes(PAIRS)
    assert main(["data", "import", "pairs", str(mine)]) == 0
    assert (folder / "pairs.tsv").read_bytes() == PAIRS
    with pytest.raises(OutputExistsError):
        fetching.import_file("pairs", mine)
    assert main(["data", "import", "pairs", str(mine), "--overwrite"]) == 0


def test_a_folder_is_imported_as_one(folder: Path, tmp_path: Path) -> None:
    section = tmp_path / "BATS_3.0/1_Inflectional/I01.txt"
    section.parent.mkdir(parents=True)
    section.write_text("album\talbums\nbox\tboxes\n")
    with pytest.raises(ValueError, match="cannot be fetched: get it from https"):
        fetching.fetch("bats")
    fetching.import_file("bats", tmp_path / "BATS_3.0")
    assert len(datasets.open_set("bats", "analogy")) == 2


def test_a_word_list_is_read_before_it_is_imported(
    folder: Path, entry: registry.Entry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_entry(monkeypatch, replace(entry, kind="translations", sha256=None))
    (tmp_path / "words.tsv").write_text("piano\n")
    with pytest.raises(FormatError, match="need a word and its translations"):
        fetching.import_file("pairs", tmp_path / "words.tsv")
    (tmp_path / "words.tsv").write_text("piano\tKlavier\n")
    assert fetching.import_file("pairs", tmp_path / "words.tsv").is_file()


def test_the_list_says_what_is_here(
    folder: Path, entry: registry.Entry, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["data", "list"]) == 0
    assert capfd.readouterr().out.splitlines()[1].split("\t")[3:5] == ["2", "no"]
    assert main(["data", "list", "--kind", "bias", "--json"]) == 0
    assert json.loads(capfd.readouterr().out) == []
    assert main(["data", "list", "--kind", "poetry"]) == 2


def test_listing_sets_imports_nothing_large() -> None:
    program = (
        "import sys; from embkit.cli import main; main(['data', 'list', '--json'])\n"
        "print(sorted({'requests', 'gensim', 'scipy', 'sklearn'} & set(sys.modules)),"
        " file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True, text=True, check=True, cwd=ROOT, env={"EMBKIT_DATA": "/nowhere"},
    )  # fmt: skip
    assert done.stderr.strip() == "[]"
