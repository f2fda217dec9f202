"""``embkit query``: neighbours, analogies and similarities of words."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, Parameter

from embkit.cli.loading import load_vectors, naming_damage, oov_of
from embkit.cli.options import FLATTEN, CommonOptions, QueryOptions
from embkit.cli.terminal import print_json, print_table

NEIGHBORS_EXAMPLE = "Example: embkit query neighbors vectors.bin king queen --topn 5"
ANALOGY_EXAMPLE = "Example: embkit query analogy vectors.bin man king woman"
SIMILARITY_EXAMPLE = "Example: embkit query similarity vectors.bin king queen"

Answers = list[tuple[str, float]]


def neighbors(
    vectors: Path,
    /,
    *words: str,
    topn: Annotated[int, Parameter(alias="-n")] = 10,
    load: Annotated[QueryOptions, FLATTEN] = QueryOptions(),
    common: Annotated[CommonOptions, FLATTEN] = CommonOptions(),
) -> None:
    """Print the words closest to each given word, by the cosine.

    Parameters
    ----------
    vectors
        File or folder with vectors, in any format that embkit reads.
    words
        Words to look up.
    topn
        Neighbours per word.
    """
    if not words:
        raise ValueError("words must be given: embkit query neighbors VECTORS WORDS...")
    v = load_vectors(vectors, load)
    oov = oov_of(v, words, vectors, load.oov, quiet=common.quiet)
    with naming_damage(vectors):
        found = dict(zip(words, v.neighbors(words, topn, oov=oov), strict=True))
    if common.json:
        print_json({word: _as_json(answers) for word, answers in found.items()})
        return
    for word, answers in found.items():
        print_table((word, other, f"{score:.4f}") for other, score in answers)


def analogy(
    vectors: Path,
    a: str,
    b: str,
    c: str,
    /,
    *,
    topn: Annotated[int, Parameter(alias="-n")] = 10,
    method: Literal["3CosAdd", "3CosMul", "PairDirection"] = "3CosAdd",
    load: Annotated[QueryOptions, FLATTEN] = QueryOptions(),
    common: Annotated[CommonOptions, FLATTEN] = CommonOptions(),
) -> None:
    """Print the words that are to C as B is to A, as in: man king woman.

    Parameters
    ----------
    vectors
        File or folder with vectors, in any format that embkit reads.
    a
        First word of the question: A is to B as C is to what?
    b
        The word that A is related to.
    c
        The word whose counterpart is sought.
    topn
        Answers to print.
    method
        How a candidate is scored (Levy and Goldberg, 2014).
    """
    v = load_vectors(vectors, load)
    oov = oov_of(v, (a, b, c), vectors, load.oov, quiet=common.quiet)
    with naming_damage(vectors):
        answers: Answers = v.analogy(a, b, c, topn=topn, method=method, oov=oov)
    if common.json:
        print_json({"a": a, "b": b, "c": c, "method": method, "answers": _as_json(answers)})
    else:
        print_table((word, f"{score:.4f}") for word, score in answers)


def similarity(
    vectors: Path,
    /,
    *words: str,
    load: Annotated[QueryOptions, FLATTEN] = QueryOptions(),
    common: Annotated[CommonOptions, FLATTEN] = CommonOptions(),
) -> None:
    """Print the cosine of each pair of words; - where a word is unknown and left out.

    Parameters
    ----------
    vectors
        File or folder with vectors, in any format that embkit reads.
    words
        Words: the first and the second are a pair, the third and the fourth, ...
    """
    if not words or len(words) % 2:
        raise ValueError(f"words must come in pairs, got {len(words)}")
    v = load_vectors(vectors, load)
    oov = oov_of(v, words, vectors, load.oov, quiet=common.quiet)
    pairs = words[::2], words[1::2]
    with naming_damage(vectors):
        cosines = v.similarities(*pairs, oov=oov).tolist()
    scored = [
        (a, b, None if math.isnan(cosine) else cosine)
        for a, b, cosine in zip(*pairs, cosines, strict=True)
    ]
    if common.json:
        print_json([{"words": [a, b], "similarity": cosine} for a, b, cosine in scored])
    else:
        print_table(
            (a, b, "-" if cosine is None else f"{cosine:.4f}") for a, b, cosine in scored
        )


def _as_json(answers: Answers) -> list[dict[str, object]]:
    return [{"word": word, "score": float(score)} for word, score in answers]


def register(app: App) -> None:
    """Add the command with its subcommands."""
    query = App(name="query", help="Look at vectors: neighbours, analogies, similarities.")
    query.command(neighbors, help_epilogue=NEIGHBORS_EXAMPLE)
    query.command(analogy, help_epilogue=ANALOGY_EXAMPLE)
    query.command(similarity, help_epilogue=SIMILARITY_EXAMPLE)
    query.help_epilogue = NEIGHBORS_EXAMPLE
    app.command(query)
