"""Data sets: every form that is read, every malformed one refused with file and line."""

from __future__ import annotations

import json
import logging
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embkit import Embeddings, evaluation
from embkit.errors import FormatError
from embkit.evaluation import datasets
from tests.examples import examples

Write = Callable[[str, str | bytes], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write_file(name: str, content: str | bytes) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write_file


@pytest.mark.parametrize(
    "text",
    [
        "sun\tsea\t1.5\nold\tnew\t2\n",
        "# word 1\tword 2\tmean\nsun\tsea\t1.5\r\nold\tnew\t2\r\n",
        "sun sea 1.5\n\nold   new 2",
        "sun,sea,1.5\nold,new,2\n",
        "sun;sea;1.5\nold;new;2\n",
        "\ufeffsun\tsea\t1.5\nold\tnew\t2\n",
        ",word1,word2,similarity\n0,sun,sea,1.5\n1,old,new,2\n",
        ",similarity,word1,word2,relation\n0,1.5,sun,sea,none\n1,2,old,new,antonyms\n",
        "word1\tword2\tPOS\tSimLex999\tmore\nsun\tsea\tN\t1.5\t9\nold\tnew\tA\t2\t9\n",
        "Erstes\tZweites\tUrteil\nsun\tsea\t1.5\nold\tnew\t2\n",
        "sun\tsea\tN\t1.5\tNONE\nold\tnew\tA\t2\tANTONYMS\n",
    ],
)
def test_pairs_and_scores_are_found_in_every_layout(write: Write, text: str) -> None:
    pairs = datasets.read_similarity(write("some.csv", text))
    assert pairs.pairs == (("sun", "sea"), ("old", "new"))
    np.testing.assert_array_equal(pairs.scores, [1.5, 2])
    assert (pairs.name, pairs.notes, len(pairs)) == ("some", (), 2)


@pytest.mark.parametrize("columns", [("links", "rechts", "urteil"), ("2", "3", "1")])
def test_columns_are_named_or_counted(write: Write, columns: tuple[str, str, str]) -> None:
    header = "" if columns[0] == "2" else "urteil,links,rechts\n"
    path = write("mine.csv", header + "3,sun,sea\n4,old,new\n")
    read = datasets.read_similarity(path, columns=columns, name="mine")
    assert read.pairs == (("sun", "sea"), ("old", "new"))
    assert read.scores.tolist() == [3, 4]


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("a\tb\t1\nc\td\n", 2, "need 3 fields as in the other rows, got 2"),
        ("a\tb\t1\nc\td\te\n", 2, "the score must be a number, got 'e'"),
        ("a\tb\tnan\n", 1, "the score must be a number, got 'nan'"),
        ("a\tb\t1\n\nc\t\t2\n", 3, "column 2 is empty"),
        ("a\tb\t1\n\t\t\nc\td\t2\n", 2, "column 1 is empty"),
        ("1\ta\tb\n2\tc\td\n", 1, "the score stands in the first column"),
        ("a\tb\nc\td\n", 1, "need at least 3 fields, got 2"),
        ("word1,word2,score\n", 1, "no row below the header"),
        ("", None, "the file is empty"),
        ("# nothing\n", None, "no row of data"),
        ("<!DOCTYPE html><p>404", 1, "a web page"),
        ("a\tb\t1\nc\0\td\t2\n", 2, "not text"),
    ],
)
def test_malformed_pairs_are_refused(
    write: Write, text: str, line: int | None, reason: str
) -> None:
    path = write("bad.tsv", text)
    with pytest.raises(FormatError, match=reason) as caught:
        datasets.read_similarity(path)
    assert (caught.value.line, caught.value.path) == (line, str(path))


def test_bytes_that_are_not_utf8_are_refused_with_their_line(write: Write) -> None:
    with pytest.raises(FormatError, match="UTF-8") as caught:
        datasets.read_similarity(
            write("latin.tsv", "a\tb\t1\nM\u00e4r\tb\t2\n".encode("latin-1"))
        )
    assert (caught.value.line, caught.value.offset) == (2, 7)


def test_a_missing_named_column_is_told(write: Write) -> None:
    path = write("mine.csv", "x,y,z\na,b,1\n")
    with pytest.raises(FormatError, match="no column 'score' in the header: x, y, z"):
        datasets.read_similarity(path, columns=("x", "y", "score"))
    with pytest.raises(ValueError, match="columns must be 3, got 2"):
        datasets.read_similarity(path, columns=("x", "y"))


def test_empty_rows_at_the_end_are_left_out_and_told(
    write: Write, caplog: pytest.LogCaptureFixture
) -> None:
    path = write("wordsim353-rel.csv", ",word1,word2,similarity\n0,sun,sea,1\n1,,,\n")
    assert len(datasets.read_similarity(path)) == 1
    assert "left out 1 empty rows at the end" in caplog.text


def test_yp130_is_not_taken_for_verb143(write: Write) -> None:
    path = write("verb-143.csv", "brag,boast,4.0\nconcoct,devise,4.0\n")
    with pytest.raises(FormatError, match="this is YP-130"):
        datasets.read_similarity(path)
    assert len(datasets.read_similarity(path, name="yp-130")) == 2


@pytest.mark.parametrize(
    ("name", "text", "note"),
    [
        ("simlex999.csv", "old,new,0.0\n", "'old new' has score 0, but 1.58 was published"),
        ("mc-30.csv", "noon,string,0.008\n", "0.08 was published"),
        ("RG-65.txt", "cord\tsmile\t0.02\n", "should be 'chord smile'"),
        ("ws353.tsv", "money\tcash\t9.15\nmoney\tcash\t9.08\n", "more than once: money cash"),
        ("men.csv", "sun-n,sea-n,1\nrun-v,old-j,2\n", "took the part of speech off"),
    ],
)
def test_known_defects_are_told(
    write: Write, name: str, text: str, note: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, logger="embkit"):
        read = datasets.read_similarity(write(name, text))
    assert note in read.notes[0]
    assert note in caplog.text
    assert not any("-" in word for pair in read.pairs for word in pair)


def test_sectioned_questions_are_read(write: Write) -> None:
    path = write("q.txt", ": capitals\nAthens Greece Oslo Norway\n: gram1\na b c d/e\n")
    read = datasets.read_analogies(path)
    assert read.sections == ("capitals", "gram1")
    assert read.questions[1] == datasets.AnalogyQuestion("gram1", "a", "b", "c", ("d", "e"))


@pytest.mark.parametrize(
    "text", ["s\ta\tb\tc\td\n", ",type,word1,word2,word3,target\n0,s,a,b,c,d\n"]
)
def test_questions_in_a_table_are_read(write: Write, text: str) -> None:
    read = datasets.read_analogies(write("q.csv", text))
    assert read.questions == (datasets.AnalogyQuestion("s", "a", "b", "c", ("d",)),)


def test_pairs_of_a_section_combine_to_questions(write: Write) -> None:
    read = datasets.read_analogies(write("p.tsv", "s\ta\tb/B\ns\tc\td\nt\te\tf\n"))
    assert [(q.a, q.b, q.c, q.answers) for q in read.questions] == [
        ("a", "b", "c", ("d",)),
        ("c", "d", "a", ("b", "B")),
    ]


def test_the_folder_of_bats_is_read(write: Write) -> None:
    write("BATS/1_Inflectional/I01 [plural].txt", "album\talbums\nbox\tboxes/boxen\n")
    folder = write("BATS/4_Encyclopedic/E01.txt", "oslo\tnorway\nrome\titaly\n").parents[1]
    read = datasets.read_analogies(folder)
    assert read.sections == ("1_Inflectional/I01 [plural]", "4_Encyclopedic/E01")
    assert read.questions[0].answers == ("boxes", "boxen")
    assert len(read) == 4


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("Athens Greece Oslo Norway\n", 1, "needs a line ': section'"),
        ("Athens Greece Oslo Norway\n: late\na b c d\n", 1, "before the first section"),
        (": s\na b c\n", 2, "need 4 words, got 3"),
        (":\na b c d\n", 1, "no name"),
        (": s\n", None, "no question"),
        ("s\ta\tb\tc\td\ns\ta\tb\tc\n", 2, "need 5 fields"),
        ("s\ta\tb\n", None, "no question"),
    ],
)
def test_malformed_questions_are_refused(
    write: Write, text: str, line: int | None, reason: str
) -> None:
    with pytest.raises(FormatError, match=reason) as caught:
        datasets.read_analogies(write("q.txt", text))
    assert caught.value.line == line


@pytest.mark.parametrize(
    "text", ["x\tb\nx\tc\ny\td\n", ",word,category\n0,b,x\n1,c,x\n2,d,y\n"]
)
def test_categories_are_read(write: Write, text: str) -> None:
    read = datasets.read_categorization(write("c.csv", text))
    assert (read.words, read.categories) == (("b", "c", "d"), ("x", "x", "y"))


def test_rows_without_a_word_are_left_out_and_told(write: Write) -> None:
    read = datasets.read_categorization(write("ap.csv", "x,b\nx,\ny,d\ny,\n"))
    assert read.words == ("b", "d")
    assert read.notes == ("left out 2 rows without a word",)
    with pytest.raises(FormatError, match="categories must be at least 2, got 1"):
        datasets.read_categorization(write("one.csv", "x,b\nx,c\n"))


@pytest.mark.parametrize(
    "text",
    [
        "cats\tlion lynx puma\tdog car\n",
        "category,outliers,words\ncats,\"['dog', 'car', '']\",\"['lion', 'lynx', 'puma']\"\n",
    ],
)
def test_outliers_are_read_without_empty_ones(write: Write, text: str) -> None:
    read = datasets.read_outliers(write("o.csv", text))
    expected = datasets.OutlierGroup("cats", ("lion", "lynx", "puma"), ("dog", "car"))
    assert read.groups == (expected,)
    assert bool(read.notes) == ("''" in text)


def test_a_folder_of_clusters_is_read(write: Write) -> None:
    folder = write("8-8-8/Big_cats.txt", "lion\nlynx\npuma\n\ndog\ncar\n").parent
    assert datasets.read_outliers(folder).groups[0].outliers == ("dog", "car")
    write("8-8-8/Rest.txt", "lion\nlynx\n")
    with pytest.raises(FormatError, match="a blank line and the outliers"):
        datasets.read_outliers(folder)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("cats\tlion lynx\tdog\n", "words must be at least 3"),
        ("cats,\"['a', b]\",\"['c']\"\n", "need a list of words"),
        ("cats\tlion lynx puma\n", "need at least 3 fields"),
    ],
)
def test_malformed_outliers_are_refused(write: Write, text: str, reason: str) -> None:
    with pytest.raises(FormatError, match=reason):
        datasets.read_outliers(write("o.tsv", text))


def test_association_tests_are_read_from_a_table_and_from_json(write: Write) -> None:
    rows = "t\tX\tFlowers\taster\nt\tY\tInsects\tant\nt\tA\tGood\tjoy\nt\tB\tBad\twar\n"
    table = datasets.read_weat(write("w.tsv", rows)).tests[0]
    names = {"targ1": "Flowers", "targ2": "Insects", "attr1": "Good", "attr2": "Bad"}
    words = ("aster", "ant", "joy", "war")
    fields = {
        key: {"category": category, "examples": [word]}
        for (key, category), word in zip(names.items(), words, strict=True)
    }
    assert datasets.read_weat(write("t.jsonl", json.dumps(fields))).tests[0] == table
    assert (table.x_name, table.b) == ("Flowers", ("war",))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("t\tZ\tFlowers\taster\n", "role must be X, Y, A or B, got 'Z'"),
        ("t\tX\tFlowers\taster\n", "no words in role Y"),
        ("{}", "not the JSON of a test"),
    ],
)
def test_malformed_association_tests_are_refused(write: Write, text: str, reason: str) -> None:
    with pytest.raises(FormatError, match=reason):
        datasets.read_weat(write("w.tsv", text))


def test_translations_are_read_in_both_forms(write: Write) -> None:
    expected = {"piano": ("Klavier",), "nurse": ("Pfleger", "Pflegerin")}
    texts = (
        "piano\tKlavier\nnurse\tPfleger/Pflegerin\n",
        "piano,Klavier,\nnurse,Pfleger,Pflegerin\n,,\n",
    )
    for text in texts:
        assert datasets.read_translations(write("t.csv", text)) == expected


SETS = {"ws353": 353, "simlex-999": 999, "men": 3000, "rw": 2034, "rg-65": 65, "mc-30": 30}


@pytest.mark.skipif("EMBKIT_TEST_DATA" not in os.environ, reason="EMBKIT_TEST_DATA is not set")
def test_the_real_sets_have_their_published_sizes() -> None:
    folder = Path(os.environ["EMBKIT_TEST_DATA"]) / "evaluation"
    for name, size in SETS.items():
        assert len(datasets.read_similarity(folder / f"similarity/{name}.tsv")) == size
    google = datasets.read_analogies(folder / "analogy/google.tsv")
    assert (len(google), len(google.sections)) == (19_544, 14)
    bless = datasets.read_categorization(folder / "categorization/bless.tsv")
    assert (len(bless), len(set(bless.categories))) == (200, 17)
    assert len(datasets.read_outliers(folder / "categorization/outlier-8-8-8.tsv")) == 8
    assert len(datasets.read_weat(folder / "bias/weat.tsv")) == 10


def test_a_last_row_of_blanks_alone_is_no_row(tmp_path: Path) -> None:
    path = tmp_path / "set"
    path.write_bytes(b"*\r\n\t")
    with pytest.raises(FormatError):
        datasets.read_analogies(path)


def test_a_field_longer_than_csv_allows_is_told_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "set.csv"
    path.write_bytes(b"a,b,1\n" + b'"' + b"x" * 200_000 + b'",b,1\n')
    with pytest.raises(FormatError) as raised:
        datasets.read_similarity(path)
    assert raised.value.line == 2


READERS = (
    datasets.read_similarity,
    datasets.read_analogies,
    datasets.read_categorization,
    datasets.read_outliers,
    datasets.read_weat,
    datasets.read_translations,
)
PIECES = st.sampled_from(
    [
        *"ab1.-,;:#'\"[]{}/_\t\n\r \x0b\x85\u2028\u00a0\ufeff",
        "nan",
        ": s\n",
        "a\tb\t1\n",
    ]
)


def refusal(read: Callable[[Path], object], path: Path) -> FormatError | None:
    """Return why a file is refused, None if it is read; any other exception passes."""
    try:
        read(path)
    except FormatError as error:
        return error
    return None


@settings(max_examples=examples(150))
@given(st.one_of(st.binary(max_size=60), st.lists(PIECES).map(lambda p: "".join(p).encode())))
def test_whatever_a_file_holds_it_is_read_or_refused(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "any.csv"
        path.write_bytes(content)
        for read in READERS:
            error = refusal(read, path)
            assert error is None or (error.reason and error.path == str(path))


def test_only_line_ends_end_lines_and_only_blanks_part_words(write: Write) -> None:
    read = datasets.read_analogies(write("q.txt", ": s\rsan\u00a0jose ca\u2028x c\x0bd e\r"))
    assert read.questions[0].a == "san\u00a0jose"
    assert read.questions[0].c == "c\x0bd"
    with pytest.raises(FormatError, match="must be a number"):
        datasets.read_similarity(write("grouped.tsv", "a\tb\t1_000\n"))


def test_translations_of_a_word_may_stand_in_several_lines(tmp_path: Path) -> None:
    path = tmp_path / "words.txt"
    path.write_text("dog\tHund\ndog\tKoeter/Hund\ncat\tKatze\n")
    assert datasets.read_translations(path) == {"dog": ("Hund", "Koeter"), "cat": ("Katze",)}


TASKS = {
    evaluation.evaluate_similarity: "cat\tdog\t9\ncat\tcar\t1\ndog\tcar\t2\n",
    evaluation.evaluate_analogies: ": tiny\ncat dog car bus\n",
    evaluation.evaluate_categorization: "cat\tanimal\ndog\tanimal\ncar\tthing\n",
    evaluation.evaluate_outliers: "animal\tcat dog bus\tcar\n",
}


@pytest.mark.parametrize(("evaluate", "text"), TASKS.items())
def test_tasks_take_a_set_by_its_file_too(
    evaluate: Callable[..., object], text: str, write: Write
) -> None:
    rows = {"cat": [1.0, 0.1], "dog": [0.9, 0.2], "car": [0.1, 1.0], "bus": [0.2, 1.1]}
    path = write("mine.tsv", text)
    assert "mine" in str(evaluate(rows, path))
    assert str(evaluate(rows, path)) == str(evaluate(rows, str(path)))
    with pytest.raises(ValueError, match=r"data must be \w+Set, a file or .* got list"):
        evaluate(rows, [("cat", "dog", 9.0)])
    with pytest.raises(ValueError, match="got 'ws35'; did you mean ws353"):
        evaluate(rows, "ws35")


def test_tasks_across_languages_take_a_set_by_its_file_too(write: Write) -> None:
    en = Embeddings.from_words({"cat": [1.0, 0.1], "dog": [0.9, 0.2], "cow": [0.1, 1.0]})
    pairs = write("pairs.tsv", "cat\tcat\t9\ncat\tcow\t1\ndog\tcow\t2\n")
    assert evaluation.evaluate_crosslingual_similarity(en, en, pairs).n_used == 3
    questions = write("questions.txt", ": tiny\ncat dog cat dog\n")
    assert evaluation.evaluate_crosslingual_analogies(en, en, questions).set == "questions"
