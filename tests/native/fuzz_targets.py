"""The readers of Python that are fuzzed: files to begin with, and what each may raise."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import embkit
from embkit import formats
from embkit.cli.app import read_config
from embkit.config import CooccurrenceConfig
from embkit.counts.cooccurrence import Cooccurrence, cooccur
from embkit.counts.glove_records import RECORD, read_glove
from embkit.counts.triples import read_triples
from embkit.errors import FormatError, ResourceError
from embkit.evaluation import readers
from embkit.evaluation.datasets import read_analogies, read_similarity
from embkit.formats.vocabulary_text import load_vocabulary
from embkit.mapping.dictionary import SeedDictionary
from embkit.mapping.result import Mapping
from embkit.mapping.run import map as fit
from embkit.phrases.table import load_phrases
from embkit.training.checkpoint import State, read_checkpoint, write_checkpoint
from embkit.vocabulary import Vocabulary
from tests.attacks import npz_files, safetensors_files, word_files

PHRASES = (
    b"# embkit phrases 1\n# scoring word2phrase\n# thresholds 100.0 50.0\n# min_count 5\n"
    b"# delimiter _\n# segmentation greedy\n# across_lines False\n"
    b"pass\tleft\tright\tcount\tscore\n1\tnew\tyork\t9\t200.5\n2\tnew_york\tcity\t7\t80\n"
)


@dataclass(frozen=True)
class Target:
    """A reader, files to begin with, what it may raise, and the sources of the reader."""

    read: Callable[[Path], object]
    seeds: Iterable[bytes]
    sources: tuple[str, ...]
    """Patterns of paths below embkit/."""
    raises: tuple[type[Exception], ...] = (FormatError, ResourceError)


def _saved(save: Callable[[Path], object], folder: Path) -> bytes:
    path = folder / "seed"
    path.unlink(missing_ok=True)
    save(path)
    return path.read_bytes()


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


def _phrase_table(folder: Path) -> bytes:
    from embkit.config import PhraseConfig
    from embkit.phrases.table import PhrasePass, PhraseTable

    passes = (PhrasePass([b"new"], [b"york"], [9], [200.5]),)
    return _saved(PhraseTable(PhraseConfig(), passes).save, folder)


def _contents(attacks: dict[str, tuple[bytes, str]]) -> list[bytes]:
    return [content for content, _ in attacks.values()]


def _matrices(folder: Path) -> dict[str, Target]:
    """Return the readers of files that hold arrays."""
    counts = cooccur([["a", "b", "a", "c"]] * 3, CooccurrenceConfig(min_count=1, window=2))
    model = safetensors_files.to_bytes(safetensors_files.make())
    words = Vocabulary.from_words(["the", "cat", "sat"])
    records = np.array([(1, 2, 0.5), (2, 1, 0.5), (3, 1, 2.0)], RECORD).tobytes()
    own = ("formats/safetensors*.py", "formats/checks.py")
    return {
        "npz": Target(formats.load, _contents(npz_files.ATTACKS), ("formats/npz*.py",)),
        "safetensors": Target(
            formats.load, [model, *_contents(safetensors_files.ATTACKS)], own
        ),
        "words": Target(
            formats.load, _contents(word_files.ATTACKS), ("formats/*.py", "streams.py")
        ),
        "checkpoint": Target(
            read_checkpoint, [_saved(_checkpoint, folder)], ("training/checkpoint.py", *own)
        ),
        "map": Target(Mapping.open, [_saved(_map().save, folder)], ("mapping/result.py", *own)),
        "co-occurrence": Target(
            lambda path: Cooccurrence.open(path, verify=True),
            [_saved(counts.save, folder)],
            ("counts/cooccurrence*.py", *own),
        ),
        "glove records": Target(
            lambda path: read_glove(path, words), [records], ("counts/glove_records.py",)
        ),
    }


def _texts(folder: Path) -> dict[str, Target]:
    """Return the readers of texts."""
    sets = ("evaluation/readers.py", "evaluation/rows.py", "evaluation/analogy_files.py")
    return {
        "triples": Target(read_triples, [b"b\ta\t2\na\tb\t0.5\n"], ("counts/triples.py",)),
        "phrases": Target(
            load_phrases, [_phrase_table(folder), PHRASES], ("phrases/table.py",)
        ),
        "vocabulary": Target(
            load_vocabulary, [b"the 10\ncat 3\n", b"a\t1\n"], ("formats/vocabulary_text.py",)
        ),
        "dictionary": Target(
            SeedDictionary.read,
            [b"cat\tKatze\ncat Kater 0.5\n"],
            ("mapping/dictionary.py", "mapping/entries.py"),
        ),
        "similarity set": Target(
            read_similarity,
            [b"cat\tdog\t7.5\nking\tqueen\t8\n", b"cat dog 7.5\nking queen 8\n"],
            sets,
        ),
        "analogy set": Target(read_analogies, [b": capital\na b c d\ne f g h/i\n"], sets),
        "categories": Target(
            readers.read_categorization,
            [b"word\tcategory\ncat\tanimal\ncar\tmachine\n", b"cat,animal\n"],
            sets,
        ),
        "translations": Target(readers.read_translations, [b"cat\tKatze\ndog\tHund\n"], sets),
        "config": Target(
            read_config, [b'dim = 100\nloss = "hs"\n'], ("cli/app.py",), (ValueError,)
        ),
    }


def make_targets(folder: Path) -> dict[str, Target]:
    """Return every target; ``folder`` is where seeds are written first."""
    return {**_matrices(folder), **_texts(folder)}
