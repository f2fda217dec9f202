"""``embkit translate``: the translations of words."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from embkit import mapping
from embkit.backend import open_backend
from embkit.checks import check_at_least
from embkit.cli.loading import oov_of
from embkit.cli.mapped import MappingOption, Source, Target, load_mapped
from embkit.cli.options import FLATTEN, CommonOptions, LoadOptions
from embkit.cli.terminal import print_json, print_table
from embkit.retrieval import RetrievalMethod


def translate(
    source: Source,
    target: Target,
    /,
    *words: str,
    topn: Annotated[int, Parameter(alias="-n")] = 5,
    retrieval: RetrievalMethod = "csls",
    device: str = "cpu",
    space: Annotated[MappingOption, FLATTEN] = MappingOption(),
    load: Annotated[LoadOptions, FLATTEN] = LoadOptions(),
    common: Annotated[CommonOptions, FLATTEN] = CommonOptions(),
) -> None:
    """Print the best translations of each word, with their scores.

    Parameters
    ----------
    words
        Words of the source language.
    topn
        Translations per word.
    retrieval
        How candidates are scored.
    device
        Where products are computed: cpu, cuda or cuda:N (through CuPy), or auto.
    """
    open_backend(device)
    if not words:
        raise ValueError("words must be given: embkit translate SOURCE TARGET WORDS...")
    check_at_least("topn", topn, 1)
    left, right = load_mapped(source, target, space, load)
    oov = oov_of(left, words, source)
    answers = mapping.translate(
        left, right, words, topn=topn, retrieval=retrieval, oov=oov, device=device
    )
    if common.json:
        print_json(
            {
                word: [{"word": other, "score": score} for other, score in best]
                for word, best in answers.items()
            }
        )
        return
    for word, best in answers.items():
        print_table((word, other, f"{score:.4f}") for other, score in best)
