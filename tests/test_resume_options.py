"""A run goes on with its own options, corpus and words, and with no other."""

from __future__ import annotations

import dataclasses
import os
import re
import subprocess
import sys
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import embkit
from embkit.config import CbowConfig, GloveConfig, SkipGramConfig, VocabularyConfig
from embkit.corpus import encode
from embkit.embeddings import Embeddings
from embkit.training.initial import find_initial_rows
from embkit.training.run import identity_of, refuse_differences
from tests.interruptions import OPTIONS, SENTENCES

ROOT = Path(__file__).parents[1]
CONFIGS = {"skipgram": SkipGramConfig, "cbow": CbowConfig, "glove": GloveConfig}
CORPUS = encode(SENTENCES, config=VocabularyConfig(min_count=1))
FIELDS = [
    (method, option.name)
    for method, config in CONFIGS.items()
    for option in dataclasses.fields(config)
]


def other_values(config: Any, name: str) -> Iterator[Any]:
    """Yield values of an option that a configuration does not have."""
    now, hint = getattr(config, name), typing.get_type_hints(type(config))[name]
    if typing.get_origin(hint) is typing.Literal:
        yield from (value for value in typing.get_args(hint) if value != now)
    elif isinstance(now, bool):
        yield not now
    elif isinstance(now, int | float):
        yield from (now + 1, now / 2)
    elif name == "device":
        yield "cuda"
    else:
        yield 7


@pytest.mark.parametrize(("method", "name"), FIELDS)
def test_every_option_is_part_of_what_a_run_is(method: str, name: str) -> None:
    config: Any = CONFIGS[method](min_count=1, threads=1)
    for value in other_values(config, name):
        try:
            changed = dataclasses.replace(config, **{name: value})
        except ValueError:  # not with the other options' values
            continue
        run, now = (identity_of(method, c, CORPUS) for c in (config, changed))
        with pytest.raises(ValueError, match=rf"go on: {name} is .* in it, .* now") as caught:
            refuse_differences(run, now)
        assert str(caught.value).count(" in it, ") == 1
        return
    # An option that only another one's value gives a meaning to is tried with that value.
    assert name in {"normalizer", "bias", "block_size", "block_negatives"}, name
    blocks = dataclasses.replace(config, loss="nce", negative_sharing="block")
    changed = dataclasses.replace(blocks, **{name: next(other_values(blocks, name))})
    with pytest.raises(ValueError, match=f"go on: {name} is"):
        refuse_differences(*(identity_of(method, c, CORPUS) for c in (blocks, changed)))


def test_all_differences_are_listed() -> None:
    other = encode(SENTENCES[1:], config=VocabularyConfig(min_count=2))
    given = Embeddings.from_words({"w1": np.ones(100)})
    rows = find_initial_rows(given, CORPUS.vocabulary, 100)
    run = identity_of("skipgram", SkipGramConfig(min_count=1, threads=1), CORPUS)
    now = identity_of("cbow", CbowConfig(min_count=2, threads=2), other, rows)
    with pytest.raises(ValueError, match="must be the same to go on") as caught:
        refuse_differences(run, now)
    for name in ("method", "min_count", "learning_rate", "threads", "corpus digest"):
        assert re.search(rf"\b{name} is .*? in it, .*? now", str(caught.value))
    assert "init_from digest is None in it" in str(caught.value)


def test_other_words_of_the_same_text_are_refused(tmp_path: Path) -> None:
    embkit.train("sgns", SENTENCES, run=tmp_path, keep_run=True, **OPTIONS)
    fewer = embkit.Vocabulary.from_words([f"w{i}" for i in range(40)], range(100, 60, -1))
    with pytest.raises(ValueError, match=r"corpus digest is .* num_words is 60 in it, 40 now"):
        embkit.train("sgns", SENTENCES, vocabulary=fewer, run=tmp_path, **OPTIONS)


# ------------------------------------------------------------------ one after the other


def test_two_runs_on_one_output_exclude_each_other(
    tmp_path: Path,
) -> None:
    corpus = tmp_path / "corpus.txt"
    corpus.write_text("\n".join(map(" ".join, SENTENCES)), encoding="utf-8")
    command = [
        sys.executable,
        "-m",
        "embkit",
        "train",
        "cbow",
        "corpus.txt",
        "--output",
        "v.txt",
    ]
    command += ["--min-count", "1", "--epochs", "1000000", "--run", "one.run", "--threads", "1"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    options: dict[str, Any] = {"cwd": tmp_path, "env": environment, "text": True}
    with subprocess.Popen(command, stderr=subprocess.PIPE, **options) as first:
        log = tmp_path / "one.run" / "log.jsonl"
        while not (log.exists() and log.stat().st_size):
            assert first.poll() is None
        second = [*command[:-3], "other.run", *command[-2:]]
        for arguments in (command, second):
            done = subprocess.run(arguments, capture_output=True, check=False, **options)
            assert done.returncode == 6
            assert f"process {first.pid} on" in done.stderr
        first.kill()
        first.communicate()
    assert not (tmp_path / "other.run").exists()
    assert (tmp_path / ".v.txt.lock").exists()
    few = ["--epochs", "1", "--run", "third.run"]
    again = [*command[: command.index("--epochs")], *few, "--threads", "1"]
    done = subprocess.run(again, capture_output=True, check=False, **options)
    assert done.returncode == 0, done.stderr
    assert not (tmp_path / ".v.txt.lock").exists()
