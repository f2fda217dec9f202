"""The readers of Python that are fuzzed: files to begin with, and what each may raise."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import embkit
from embkit import corpus, formats, training
from embkit.cli import eval_crosslingual_tasks, eval_translation
from embkit.cli.app import read_config
from embkit.config import CooccurrenceConfig, PhraseConfig, VocabularyConfig
from embkit.corpus.kept import load_corpus, save_corpus
from embkit.counts.cooccurrence import Cooccurrence, cooccur
from embkit.counts.files import load_counts
from embkit.counts.glove_records import RECORD, read_glove
from embkit.counts.triples import read_triples
from embkit.dictionaries.seed_dictionary import SeedDictionary
from embkit.errors import CorpusError, FormatError, ResourceError
from embkit.evaluation import readers
from embkit.evaluation.datasets import read_analogies, read_similarity
from embkit.formats.blocks import read_blocks
from embkit.formats.vocabulary_text import load_vocabulary
from embkit.mapping.result import Mapping
from embkit.mapping.run import map as fit
from embkit.mapping.word_alignments import read_word_alignments
from embkit.phrases import apply
from embkit.phrases.table import PhrasePass, PhraseTable, load_phrases
from embkit.streams import open_input
from embkit.training.checkpoint import State, read_checkpoint, write_checkpoint
from embkit.training.initial import find_initial_rows, load_initial, save_initial
from embkit.training.run import read_run
from embkit.vocabulary import Vocabulary
from tests.attacks import npz_files, safetensors_files, word_files
from tests.native import fuzz_seals

PHRASES = (
    b"# embkit phrases 1\n# scoring word2phrase\n# thresholds 100.0 50.0\n# min_count 5\n"
    b"# delimiter _\n# segmentation greedy\n# across_lines False\n"
    b"pass\tleft\tright\tcount\tscore\n1\tnew\tyork\t9\t200.5\n2\tnew_york\tcity\t7\t80\n"
)


WEAT = {
    role: {"category": role, "examples": [f"{role}1", f"{role}2"]}
    for role in ("targ1", "targ2", "attr1", "attr2")
}
CLUSTER = b"cat\ndog\ncow\n\ncar\nbus\n"


@dataclass(frozen=True)
class Target:
    """A reader, files to begin with, what it may raise, and the sources of the reader."""

    read: Callable[[Path], object]
    seeds: Iterable[bytes]
    sources: tuple[str, ...]
    """Patterns of paths below embkit/."""
    raises: tuple[type[Exception], ...] = (FormatError, ResourceError)
    seal: Callable[[bytes], bytes] | None = None
    """Makes a mutated file whole, so that the reader looks further."""


def _saved(save: Callable[[Path], object], folder: Path) -> bytes:
    path = folder / "seed"
    path.unlink(missing_ok=True)
    save(path)
    return path.read_bytes()


def _inside(
    read: Callable[[Path], object], folder: Path, name: str
) -> Callable[[Path], object]:
    """Return a reader of ``folder``, in which ``name`` is the input."""
    folder.mkdir(exist_ok=True)
    links: dict[Path, Path] = {}

    def read_folder(path: Path) -> object:
        if path not in links:
            links[path] = folder / name
            links[path].unlink(missing_ok=True)
            links[path].symlink_to(path)
        return read(folder)

    return read_folder


def _map() -> Mapping:
    rng = np.random.default_rng(1)
    source, target = (
        embkit.Embeddings.from_words({f"{side}{i}": rng.normal(size=3) for i in range(8)})
        for side in "ab"
    )
    dictionary = SeedDictionary([(f"a{i}", f"b{i}") for i in range(8)])
    return fit(source, target, dictionary=dictionary)


def _checkpoint(path: Path) -> None:
    state = State({"tokens": 7, "loss": 0.5}, {"input": np.ones((2, 3), np.float32)})
    write_checkpoint(path, state, {"method": "skipgram", "config": {"dim": 3}})


def _contents(attacks: dict[str, tuple[bytes, str]]) -> list[bytes]:
    return [content for content, _ in attacks.values()]


def _arrays() -> bytes:
    """Return the .npy files that ``fuzz_seals.archived`` puts into an archive."""
    stream = io.BytesIO()
    for array in (np.array(["the", "cat"]), np.ones((2, 3), np.float32), np.array([5, 2])):
        np.lib.format.write_array(stream, array)
    return stream.getvalue()


def _sparse(path: Path) -> None:
    vectors = embkit.SparseEmbeddings(
        Vocabulary.from_words(["the", "cat"]), np.array([[0.0, 1.5], [2.0, 0.0]])
    )
    embkit.save(vectors, path)


def _vectors(folder: Path) -> dict[str, Target]:
    """Return the readers of vectors."""
    model = safetensors_files.to_bytes(safetensors_files.make())
    own = ("formats/safetensors*.py", "formats/checks.py", "formats/sparse_entries.py")
    words = [word_files.GOOD_TEXT, word_files.GOOD_BINARY, *_contents(word_files.ATTACKS)]
    zipped = ("formats/npz*.py", "formats/sparse_entries.py")
    return {
        "npz": Target(formats.load, _contents(npz_files.ATTACKS), zipped),
        "npz arrays": Target(formats.load, [_arrays()], zipped, seal=fuzz_seals.archived),
        "safetensors": Target(
            lambda path: formats.load(path, verify=True),
            [model, *_contents(safetensors_files.ATTACKS)],
            own,
            seal=fuzz_seals.sealed,
        ),
        "words": Target(formats.load, words, ("formats/*.py", "streams.py")),
        "blocks": Target(
            lambda path: list(read_blocks(path, block_bytes=64)), words, ("formats/*.py",)
        ),
    }


def _runs(folder: Path) -> dict[str, Target]:
    """Return the readers of what training keeps: counts, corpora, checkpoints; and of maps."""
    text = [["a", "b", "a", "c"]] * 3
    counts = cooccur(text, CooccurrenceConfig(min_count=1, window=2))
    encoded = corpus.encode(text, config=VocabularyConfig(min_count=1))
    vectors = embkit.Embeddings.from_words({"a": [1.0, 2.0], "b": [3.0, 4.0]})
    initial = find_initial_rows(vectors, Vocabulary.from_words(["a"]), 2)
    words = Vocabulary.from_words(["the", "cat", "sat"])
    records = np.array([(1, 2, 0.5), (2, 1, 0.5), (3, 1, 2.0)], RECORD).tobytes()
    own = ("formats/safetensors_header.py", "formats/checks.py")
    kept = ("corpus/*.py", "training/*.py")
    counted = _saved(counts.save, folder)
    run = folder / "run"
    embkit.train("sgns", text, dim=2, min_count=1, threads=1, run=run, keep_run=True)
    return {
        "checkpoint": Target(
            read_checkpoint,
            [_saved(_checkpoint, folder)],
            (*kept, *own),
            seal=fuzz_seals.sealed,
        ),
        "initial rows": Target(
            load_initial,
            [_saved(lambda path: save_initial(initial, path), folder)],
            (*kept, *own),
            seal=fuzz_seals.sealed,
        ),
        "run": Target(
            _inside(lambda found: training.open_run(read_run(found), found), run, "run.json"),
            [(run / "run.json").read_bytes()],
            (*kept, "config.py"),
            (ValueError, ResourceError),
        ),
        "encoded corpus": Target(
            lambda path: load_corpus(path, encoded.digest),
            [_saved(lambda path: save_corpus(encoded, path), folder)],
            kept,
        ),
        "map": Target(
            Mapping.open,
            [_saved(_map().save, folder)],
            ("mapping/result.py", *own),
            seal=fuzz_seals.sealed,
        ),
        "co-occurrence": Target(
            lambda path: Cooccurrence.open(path, verify=True),
            [counted],
            ("counts/*.py", *own),
            seal=fuzz_seals.sealed,
        ),
        "counts": Target(load_counts, [counted], ("counts/*.py", *own), seal=fuzz_seals.sealed),
        "glove records": Target(
            lambda path: read_glove(path, words), [records], ("counts/glove_records.py",)
        ),
        "triples": Target(read_triples, [b"b\ta\t2\na\tb\t0.5\n"], ("counts/triples.py",)),
    }


def _texts(folder: Path) -> dict[str, Target]:
    """Return the readers of texts, of words and of what belongs to them."""
    table = PhraseTable(PhraseConfig(), (PhrasePass([b"new"], [b"york"], [9], [200.5]),))
    joiner = table.joiner
    (folder / "en").write_text("the dog\nis here\n")
    (folder / "de").write_text("der Hund\nist hier\n")
    tasks = ("cli/eval_crosslingual_tasks.py",)
    text = b"new york is new\nnew york\n"
    return {
        "compressed": Target(
            lambda path: open_input(path).read(),
            [gzip.compress(text), bz2.compress(text), lzma.compress(text), text],
            ("streams.py",),
        ),
        "corpus": Target(
            lambda path: corpus.encode([path], config=VocabularyConfig(min_count=1), threads=1),
            [text, gzip.compress(text), b"\xef\xbb\xbfthe\xff"],
            ("corpus/*.py",),
            (CorpusError, FormatError),
        ),
        "joined text": Target(
            lambda path: [joiner.join(block) for block in apply._whole_lines(str(path))],
            [text],
            ("phrases/apply.py",),
        ),
        "phrases": Target(
            load_phrases, [_saved(table.save, folder), PHRASES], ("phrases/table.py",)
        ),
        "vocabulary": Target(
            load_vocabulary, [b"the 10\ncat 3\n", b"a\t1\n"], ("formats/vocabulary_text.py",)
        ),
        "dictionary": Target(
            SeedDictionary.read,
            [b"cat\tKatze\ncat Kater 0.5\n"],
            ("dictionaries/seed_dictionary.py", "dictionaries/entries.py"),
        ),
        "dictionary by column": Target(
            lambda path: SeedDictionary.read(path, group_column="pos"),
            [b"en\tde\tpos\ncat\tKatze\tnoun\nrun\trennen\tverb\n"],
            ("dictionaries/seed_dictionary.py", "dictionaries/entries.py"),
        ),
        "word alignments": Target(
            lambda path: read_word_alignments(folder / "en", folder / "de", path),
            [b"0-0 1-1\n0?0 1-1\n", b"0 0 1 1\n1 1\n"],
            ("mapping/word_alignments.py",),
        ),
        "aligned text": Target(
            lambda path: eval_crosslingual_tasks._read_parallel(folder / "en", path),
            [(folder / "de").read_bytes()],
            tasks,
        ),
        "gold links": Target(
            eval_crosslingual_tasks._read_links, [b"0-0 1?1\n\n12-3\n"], tasks
        ),
        "documents": Target(
            eval_crosslingual_tasks._read_documents, [b"M14\tthe cat\nC15\tmoney\n"], tasks
        ),
        "config": Target(
            read_config,
            [b'dim = 100\nloss = "hs"\n', b"thresholds = [1.0, 2]\nwhen = 1979-05-27\n"],
            ("cli/app.py",),
            (ValueError,),
        ),
    }


def _sets(folder: Path) -> dict[str, Target]:
    """Return the readers of evaluation sets."""
    rows = ("evaluation/rows.py",)
    own = ("evaluation/readers.py", "evaluation/defects.py", *rows)
    analogies = ("evaluation/analogy_files.py", *rows)
    weat = b"1\tX\tflowers\trose\n1\tY\tinsects\tant\n1\tA\tgood\tjoy\n1\tB\tbad\twar\n"
    return {
        "similarity set": Target(
            read_similarity,
            [b"cat\tdog\t7.5\nking\tqueen\t8\n", b"cat dog 7.5\nking queen 8\n"],
            own,
        ),
        "similarity set by column": Target(
            lambda path: read_similarity(path, columns=["word1", "word2", "score"]),
            [b"score,word1,word2\n7.5,cat,dog\n8,king,queen\n"],
            own,
        ),
        "analogy set": Target(read_analogies, [b": capital\na b c d\ne f g h/i\n"], analogies),
        "analogy folder": Target(
            _inside(read_analogies, folder / "bats", "I01.txt"),
            [b"cat\tcats/kittens\ndog\tdogs\n"],
            analogies,
        ),
        "categories": Target(
            readers.read_categorization,
            [b"word\tcategory\ncat\tanimal\ncar\tmachine\n", b"cat,animal\n"],
            own,
        ),
        "categories by column": Target(
            lambda path: readers.read_categorization(path, columns=["2", "1"]),
            [b"cat\tanimal\ncar\tmachine\n"],
            own,
        ),
        "outliers": Target(
            readers.read_outliers,
            [b"animal\tcat dog cow\tcar\n", b"animal\t['cat', 'dog', 'a b']\t['car']\n"],
            own,
        ),
        "outlier folder": Target(
            _inside(readers.read_outliers, folder / "8-8-8", "animals.txt"), [CLUSTER], own
        ),
        "associations": Target(readers.read_weat, [weat, json.dumps(WEAT).encode()], own),
        "translations": Target(readers.read_translations, [b"cat\tKatze\ndog\tHund\n"], own),
        "groups": Target(
            eval_translation._read_groups,
            [b"cat\tnoun\nrun\tverb\n"],
            ("cli/eval_translation.py", *rows),
        ),
    }


def make_targets(folder: Path) -> dict[str, Target]:
    """Return every target; ``folder`` is where seeds are written first."""
    return {**_vectors(folder), **_runs(folder), **_texts(folder), **_sets(folder)}
