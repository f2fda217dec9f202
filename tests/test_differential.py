"""Changed files that both embkit and gensim accept hold the same to both."""

from __future__ import annotations

import logging
import random
from pathlib import Path

import numpy as np
import pytest

from embkit import formats
from embkit.errors import FormatError
from tests.attacks import word_files
from tests.native.fuzz_python import input_file, mutate

KINDS = {"text": word_files.GOOD_TEXT, "binary": word_files.GOOD_BINARY}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.filterwarnings("ignore")
def test_what_both_read_is_the_same(
    kind: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    models = pytest.importorskip("gensim.models")
    caplog.set_level(logging.CRITICAL)
    good, chosen, both = KINDS[kind], random.Random(7), 0
    with input_file(tmp_path / "input") as file:
        for _ in range(2000):
            data = mutate(good, [good], chosen)
            file.write(data)
            try:
                ours = formats.load(file.path)
                theirs = models.KeyedVectors.load_word2vec_format(
                    str(file.path), binary=kind == "binary"
                )
            except (FormatError, ValueError, EOFError):
                continue
            # Of a word that stands twice gensim keeps a row of zeros under no name; and tabs
            # part words here, as in the files of other tools.
            if None in theirs.index_to_key or b"\t" in data:
                continue
            both += 1
            assert ours.words == theirs.index_to_key, data
            np.testing.assert_array_equal(ours.vectors, theirs.vectors, err_msg=repr(data))
    assert both > 50
