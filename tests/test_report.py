"""The report: everything is on one page, nothing from outside acts on it, browsers show it."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

import embkit
from embkit.cli import main
from embkit.cli.report import short_names
from embkit.evaluation import datasets
from embkit.evaluation.sets import DataSet
from embkit.report import Report, ReportOptions, build_report, render
from embkit.report.projection import Projection, lay

HOSTILE = "</script><img src=x onerror=alert(1)>"
WORDS = (
    *("lion", "lynx", "puma", "rose", "lily", "iris", "joy", "love", "war", "filth"),
    *(HOSTILE, '" onmouseover="alert(2)', "\u202eevil", "bad\udcffbyte", "ctrl\x1b[2J", "שלום"),
)


def model(seed: int) -> embkit.Embeddings:
    rng = np.random.default_rng(seed)
    centers = np.repeat(np.eye(6), [3, 3, 2, 2, 3, 3], axis=0)
    rows = centers + 0.2 * rng.standard_normal((len(WORDS), 6))
    vectors = embkit.Embeddings.from_words(WORDS, rows)
    provenance = {"method": "planted", "corpus": HOSTILE}
    return embkit.Embeddings(vectors.vocabulary, vectors.vectors, provenance=provenance)


@pytest.fixture(scope="module")
def data() -> list[DataSet]:
    rng = np.random.default_rng(7)
    pairs = [(a, b) for a in WORDS[:9] for b in WORDS[:9] if a < b]
    question = datasets.AnalogyQuestion
    return [
        datasets.SimilaritySet(HOSTILE, tuple(pairs), rng.uniform(0, 10, len(pairs))),
        datasets.SimilaritySet("unknown", (("x", "y"),), np.array([1.0])),
        datasets.AnalogySet(
            "google",
            (
                question("family", "lion", "lynx", "rose", ("lily",)),
                question("family", "rose", "lily", "lion", ("lynx",)),
                question("gram1", "joy", "love", "war", ("filth",)),
            ),
        ),
        datasets.CategorizationSet("kinds", WORDS[:6], ("cat",) * 3 + ("flower",) * 3),
        datasets.OutlierSet(
            "odd",
            (
                datasets.OutlierGroup("cats", WORDS[:3], ("rose",)),
                datasets.OutlierGroup("flowers", WORDS[3:6], ("war",)),
            ),
        ),
        datasets.WeatSet(
            "weat",
            (
                datasets.WeatTest(
                    *("weat1", "Flowers", "Cats", "Good", "Bad"),
                    *(WORDS[3:6], WORDS[:3], WORDS[6:8], WORDS[8:10]),
                ),
            ),
        ),
    ]


@pytest.fixture(scope="module")
def report(data: list[DataSet]) -> Report:
    models = [("one.bin", model(1)), (f"two{HOSTILE}", model(2))]
    options = ReportOptions(
        words=("lion", HOSTILE, "gone"), neighbors=4, resamples=200, title=f"Title {HOSTILE}"
    )
    return build_report(models, data, options)


@pytest.fixture(scope="module")
def page(report: Report) -> str:
    return render(report)


class Reader(HTMLParser):
    """Collects what a page has, and whether its elements are closed in order."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: Counter[str] = Counter()
        self.attributes: list[tuple[str, str]] = []
        self.open: list[str] = []
        self.texts: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag not in ("meta", "br", "path", "circle"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def test_nothing_on_the_page_acts_or_comes_from_elsewhere(page: str) -> None:
    reader = Reader(page)
    assert reader.open == []
    assert not {"script", "img", "iframe", "link", "object", "embed", "form"} & set(reader.tags)
    names = {name for name, _ in reader.attributes}
    assert not {name for name in names if name.startswith("on")} | (names & {"src", "srcset"})
    assert all(value.startswith("#") for name, value in reader.attributes if name == "href")
    assert "url(" not in page
    assert "default-src 'none'" in page
    assert HOSTILE not in page
    assert html.escape(HOSTILE) in page
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]", page)


def test_every_part_is_there_named_and_reachable(page: str) -> None:
    reader = Reader(page)
    identifiers = [value for name, value in reader.attributes if name == "id"]
    assert len(set(identifiers)) == len(identifiers)
    links = [value[1:] for name, value in reader.attributes if name == "href"]
    assert links == [
        *("models", "similarity", "analogies", "comparison", "categorization", "outliers"),
        *("bias", "diagnostics", "neighbours", "map", "provenance"),
    ]
    assert set(links) <= set(identifiers)
    labelled = [value for name, value in reader.attributes if name == "aria-labelledby"]
    assert set(labelled) <= set(identifiers)
    assert reader.tags["svg"] == 4  # a plot and a map for each model; no pair of x and y
    assert reader.tags["title"] > reader.tags["svg"]
    images = page.count('role="img"')
    assert images == len(re.findall(r'role="img"\s+aria-label="[^"]', page))
    assert reader.tags["caption"] == reader.tags["table"]


def test_figures_stand_with_coverage_intervals_and_reasons(report: Report, page: str) -> None:
    score = report.models[0].scores["similarity"][0].rows()[0]
    shown = f"{score['spearman']:.3f}".replace("-", "\u2212")
    assert f"<b>{shown}</b>" in page
    assert "36/36" in page
    assert "0/1" in page
    assert "undefined: " in page
    assert page.count("h0") >= 72  # a dot for each pair
    text = " ".join(Reader(page).texts)
    for expected in ("purity by chance", "neighbour", "family", "unknown", "planted"):
        assert expected in text


def test_the_same_models_give_the_same_page(data: list[DataSet], report: Report) -> None:
    models = [("one.bin", model(1)), (f"two{HOSTILE}", model(2))]
    assert render(build_report(models, data, report.options)) == render(report)


def test_models_need_different_names_and_words_are_chosen_where_none_are_given() -> None:
    with pytest.raises(ValueError, match="vectors must have different names, got a, a"):
        build_report([("a", model(1)), ("a", model(2))], [])
    with pytest.raises(ValueError, match="got none"):
        build_report([], [])
    options = ReportOptions(resamples=10, neighbors=2, projection="pca")
    found = build_report([("a", model(1))], [], options)
    assert set(found.models[0].neighbors) <= set(WORDS)
    assert found.models[0].neighbors
    assert short_names([Path("a/x.bin"), Path("b/x.bin")]) == ["a/x.bin", "b/x.bin"]


def test_sparse_vectors_have_a_report_too(data: list[DataSet]) -> None:
    from scipy.sparse import csr_array

    from embkit.sparse import SparseEmbeddings

    dense = model(1)
    sparse = SparseEmbeddings(dense.vocabulary, csr_array(np.maximum(dense.vectors, 0)))
    options = ReportOptions(words=("lion",), neighbors=3, resamples=20, projection="pca")
    shown = render(build_report([("dense", dense), ("sparse", sparse)], data, options))
    assert "isotropy" in shown
    assert "Map of words of sparse" in shown


@pytest.mark.parametrize("method", ["pca", "tsne"])
def test_projections_keep_groups_together(method: str) -> None:
    rows = model(3).vectors.astype(np.float64)
    units = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    points, caption = lay(units, Projection(method))  # type: ignore[arg-type]
    assert points.shape == (len(WORDS), 2)
    cats, rest = points[:3], points[3:6]
    within = np.linalg.norm(cats - cats.mean(0), axis=1).mean()
    assert within < np.linalg.norm(cats.mean(0) - rest.mean(0))
    assert caption


def test_umap_is_drawn_or_its_package_is_named() -> None:
    units = np.eye(8)
    try:
        import umap  # noqa: F401
    except ImportError:
        with pytest.raises(ImportError, match="umap-learn"):
            lay(units, Projection("umap"))
    else:
        assert lay(units, Projection("umap"))[0].shape == (8, 2)


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[str, str, str]:
    monkeypatch.setenv("EMBKIT_DATA", str(tmp_path / "data"))
    embkit.save(model(1), tmp_path / "vectors.npz")
    (tmp_path / "mine.tsv").write_text("lion\tlynx\t9\nlion\trose\t2\nrose\tlily\t7\n")
    return tuple(str(tmp_path / name) for name in ("vectors.npz", "mine.tsv", "report.html"))  # type: ignore[return-value]


def test_the_command_writes_the_page_once(
    files: tuple[str, str, str], capfd: pytest.CaptureFixture[str]
) -> None:
    vectors, data, output = files
    command = ["report", vectors, "--output", output, "--similarity", data, "--resamples", "50"]
    command += ["--projection", "pca"]
    assert main([*command, "--words", "lion"]) == 0
    assert "mine" in Path(output).read_text(encoding="utf-8")
    assert "wrote" in capfd.readouterr().err
    assert main(command) == 2
    assert "exists" in capfd.readouterr().err
    assert main([*command, "--overwrite", "--json"]) == 0
    printed = capfd.readouterr()
    assert json.loads(printed.out) == {"output": output, "sets": ["mine"]}
    (told,) = printed.err.splitlines()  # of the vectors, and nothing of the page
    assert told.endswith("vectors.npz: 1 words not utf8; 2 words with blanks")
    assert main([*command[:3], "-", *command[4:]]) == 0
    assert capfd.readouterr().out.startswith("<!DOCTYPE html>")
    assert main(["report", vectors, "--output", vectors, "--overwrite"]) == 2
    assert main([*command[:3], "/nowhere/r.html"]) == 4
    assert main(["report", vectors, "--output", output, "--similarity", "mine.csv"]) == 2


def test_a_file_of_zero_vectors_is_refused_before_the_sets_are_scored(
    files: tuple[str, str, str], capfd: pytest.CaptureFixture[str]
) -> None:
    vectors, data, output = files
    zeros = Path(output).with_name("zeros.vec")
    zeros.write_text("3 2\na 0 0\nb 1 0\nc 0 0\n")
    command = ["report", vectors, str(zeros), "--output", output, "--similarity", data]
    assert main(command) == 3
    *_, error = capfd.readouterr().err.splitlines()
    reason = "must have at least 2 words that are not zero, got 1"
    assert error == f"embkit: error: {zeros}: {reason}"
    assert not Path(output).exists()


CHROMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
BROWSER = next(filter(None, map(shutil.which, CHROMES)), None)


def browse(folder: Path, page: str, *options: str) -> str:
    """Return the page's elements after a headless browser has loaded it."""
    path = folder / "page.html"
    path.write_text(page, encoding="utf-8")
    assert BROWSER is not None
    command = [
        *(BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"),
        *("--hide-scrollbars", "--host-resolver-rules=MAP * ~NOTFOUND"),
        *(f"--user-data-dir={folder / 'profile'}", *options, path.as_uri()),
    ]
    done = subprocess.run(command, capture_output=True, check=True, timeout=120)
    return done.stdout.decode()


HARNESS = """<!DOCTYPE html><title>waiting</title>
<iframe width="360" height="900" srcdoc="{page}"></iframe>
<script>
const frame = document.querySelector("iframe");
frame.onload = () => {{
  const inside = frame.contentDocument, root = inside.documentElement;
  const style = name => frame.contentWindow.getComputedStyle(inside.querySelector(name));
  document.title = JSON.stringify({{
    title: inside.title, width: root.clientWidth, needs: root.scrollWidth,
    svg: inside.querySelectorAll("svg").length, scripts: inside.scripts.length,
    images: inside.images.length, ground: style("body").backgroundColor,
    dots: inside.querySelector(".track .dot").getBoundingClientRect().width,
    heading: style("h1").fontSize,
  }});
}};
</script>"""


@pytest.mark.skipif(BROWSER is None, reason=f"no browser: none of {', '.join(CHROMES)}")
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_browser_shows_the_page_on_a_phone(tmp_path: Path, page: str, scheme: str) -> None:
    preferred = f"--blink-settings=preferredColorScheme={0 if scheme == 'dark' else 1}"
    harness = HARNESS.format(page=html.escape(page))
    shown = browse(tmp_path, harness, preferred, "--virtual-time-budget=5000", "--dump-dom")
    found = re.search("<title>(.*?)</title>", shown)
    assert found is not None
    seen = json.loads(html.unescape(found[1]))
    assert seen["title"] == f"Title {HOSTILE}"
    assert (seen["scripts"], seen["images"], seen["svg"]) == (0, 0, 4)
    assert seen["needs"] <= seen["width"] == 360  # nothing to scroll sideways
    assert seen["dots"] == 11  # the style is in force
    darkness = sum(map(int, re.findall(r"\d+", seen["ground"])[:3]))
    assert darkness < 150 if scheme == "dark" else darkness > 600
