"""What readers of words and sets keep of a small file that inflates: bounded, and refused."""

from __future__ import annotations

import gzip
import subprocess
import sys
from pathlib import Path

import pytest

from embkit.cli.app import main
from embkit.errors import ResourceError
from embkit.evaluation.datasets import read_similarity
from embkit.evaluation.readers import read_translations
from embkit.memory import ByteBudget, limit_readers
from tests.native.fuzz_targets import make_targets

MEMORY = 48 << 20
MANY = 400_000


def numbered(line: str, count: int = MANY) -> str:
    return "".join(line.replace("#", str(number)) for number in range(count))


DENSE = {
    "vocabulary": numbered("w# 300#\n"),
    "dictionary": numbered("# #\n"),
    "dictionary by column": "en\tde\tpos\n" + numbered("#\t#\tnoun\n"),
    "similarity set": "a b 1\n" * MANY,
    "similarity set by column": "score,word1,word2\n" + "1,a,b\n" * MANY,
    "analogy set": ": a\n" + numbered("# b c d\n"),
    "analogy set of answers": ": a\n" + ("a b c " + "dd/" * 10_000 + "\n") * 60,
    "analogy set of pairs": numbered("s,#,#\n", 2000),
    "analogy folder": numbered("# s#\n", 2000),
    "categories": numbered("#,w#\n"),
    "categories by column": numbered("#\tw#\n"),
    "outliers": numbered("a\tb c #\te\n"),
    "outliers of a list": "a\t[" + "'b'," * 200_000 + "]\tcar\n",
    "outlier folder": numbered("w#\n") + "\ncar\n",
    "associations": numbered("1\tX\tf\t#\n"),
    "associations of JSON": '{"targ1":[' + "[]," * 500_000 + "[]]}",
    "translations": numbered("# a#/b#\n"),
    "groups": numbered("# noun\n"),
    "aligned text": numbered("a b #\n"),
    "documents": numbered("M\ta b #\n"),
    "gold links": "0-0 1-1 2?2\n" * MANY,
    "triples": numbered("#\t1\t2\n"),
    "phrases": "# embkit phrases 1\n# scoring word2phrase\n# thresholds 100.0\n# min_count 5\n"
    "# delimiter _\n# segmentation greedy\n# across_lines False\n"
    "pass\tleft\tright\tcount\tscore\n" + numbered("1\t#\tb\t9\t200.5\n", MANY // 2),
}
CHILD = """
import logging, re, sys
from pathlib import Path
from embkit.errors import ResourceError
from embkit.memory import limit_readers
from tests.native.fuzz_targets import make_targets

def kilobytes(name):
    status = Path("/proc/self/status").read_text()
    return int(re.search(name + r":\\s+(\\d+)", status)[1])

logging.disable()
folder, name, memory = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
read = make_targets(folder)[name.partition(" of ")[0]].read
Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
limit_readers(memory)
before = kilobytes("VmRSS")
try:
    read(folder / "dense")
except ResourceError as error:
    print(error)
else:
    print("it was read")
print((kilobytes("VmHWM") - before) * 1024)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
@pytest.mark.parametrize("name", DENSE)
def test_dense_file_is_refused_before_it_takes_more_than_is_allowed(
    name: str, tmp_path: Path
) -> None:
    path = tmp_path / "dense"
    path.write_bytes(gzip.compress(DENSE[name].encode(), 1))
    arguments = [sys.executable, "-c", CHILD, str(tmp_path), name, str(MEMORY)]
    done = subprocess.run(arguments, check=True, capture_output=True, text=True)
    told, grown = done.stdout.splitlines()
    assert f"more than the {MEMORY} bytes of memory that are allowed" in told
    assert int(grown) < MEMORY + (4 << 20)


def test_memory_option_holds_for_sets_too(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    vectors, pairs = tmp_path / "v.txt", tmp_path / "pairs.gz"
    vectors.write_text("a 1 2\nb 3 4\nc 5 1\n")
    pairs.write_bytes(gzip.compress(b"a b 1\nb c 2\na c 3\n" * 20_000))
    command = ["eval", "similarity", str(vectors), "--set", str(pairs), "--quiet"]
    assert main([*command, "--memory", "4M"]) == 5
    error = capfd.readouterr().err
    assert f"{pairs}:" in error
    assert f"more than the {4 << 20} bytes" in error
    assert main([*command, "--memory", "1G"]) == 0
    ByteBudget().charge(pairs, None, 5 << 20)  # the option held for its command alone


def test_refusal_names_the_line_at_which_the_memory_ends(tmp_path: Path) -> None:
    path = tmp_path / "pairs"
    path.write_text("a b 1\n" * 100)
    limit_readers(50_000)
    try:
        with pytest.raises(ResourceError, match=r"pairs:\d\d: what is read up to here"):
            read_similarity(path)
    finally:
        limit_readers(None)
    assert len(read_similarity(path)) == 100


def test_translations_of_one_word_are_read_in_time_that_grows_with_them(tmp_path: Path) -> None:
    path = tmp_path / "words"
    path.write_text(numbered("cat w#\n", 50_000) + "cat w0\n")
    (words,) = read_translations(path).values()
    assert words == tuple(f"w{number}" for number in range(50_000))


def test_every_kind_of_reader_has_a_dense_file(tmp_path: Path) -> None:
    # What the others keep is of a size that their files state, or is not kept at all.
    others = {"npz", "npz arrays", "safetensors", "words", "blocks", "checkpoint", "run"}
    others |= {"initial rows", "encoded corpus", "map", "co-occurrence", "counts", "config"}
    others |= {"glove records", "compressed", "corpus", "joined text", "word alignments"}
    assert {name.partition(" of ")[0] for name in DENSE} == set(make_targets(tmp_path)) - others
