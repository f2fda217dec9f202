"""``embkit eval`` across languages: similarity, analogies, sentences, documents, alignments."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

from embkit.backend import open_backend
from embkit.cli.eval_output import print_results
from embkit.cli.loading import require_input
from embkit.cli.mapped import MappingOption, Source, Target, load_mapped
from embkit.cli.options import FLATTEN, CommonOptions, Flag, LoadOptions
from embkit.errors import FormatError
from embkit.evaluation.alignment_error import Links, align_words, alignment_error_rate
from embkit.evaluation.crosslingual_words import (
    cross_analogies,
    evaluate_crosslingual_analogies,
    evaluate_crosslingual_similarity,
)
from embkit.evaluation.named import as_set
from embkit.evaluation.options import SimilarityOptions
from embkit.evaluation.sentences import (
    evaluate_document_classification,
    evaluate_sentence_retrieval,
)
from embkit.evaluation.sets import AnalogySet, SimilaritySet
from embkit.mapping.word_alignments import parse_links
from embkit.memory import ByteBudget
from embkit.retrieval import RetrievalMethod
from embkit.streams import MOST_KEPT, read_lines

_LINE_BYTES = 512  # of memory for a sentence's lists, beside its words
_LINK_BYTES = 320


def crosslingual_similarity(
    source: Source,
    target: Target,
    /,
    *,
    set: str,
    space: Annotated[MappingOption, FLATTEN] = MappingOption(),
    options: Annotated[SimilarityOptions, FLATTEN] = SimilarityOptions(),
    load: Annotated[LoadOptions, FLATTEN] = LoadOptions(),
    common: Annotated[CommonOptions, FLATTEN] = CommonOptions(),
) -> None:
    """Print how cosines across two languages correlate with human scores.

    Parameters
    ----------
    set
        File of pairs: a source word, a target word, a score; or a name of embkit data list.
    """
    data = as_set(set, SimilaritySet)
    pair = load_mapped(source, target, space, load)
    name = f"{source.name}-{target.name}"
    score = evaluate_crosslingual_similarity(*pair, data, options, name=name)
    print_results([score], json=common.json, quiet=common.quiet)


def crosslingual_analogy(
    source: Source,
    target: Target,
    /,
    *,
    set: str,
    target_set: str | None = None,
    retrieval: RetrievalMethod = "nn",
    device: str = "cpu",
    space: Annotated[MappingOption, FLATTEN] = MappingOption(),
    load: Annotated[LoadOptions, FLATTEN] = LoadOptions(),
    common: Annotated[CommonOptions, FLATTEN] = CommonOptions(),
) -> None:
    """Print how many analogies are solved, the first pair in one language, the second not.

    Parameters
    ----------
    set
        File of questions: two source words, two target words; or a name of embkit data list.
    target_set
        With it, both files hold pairs or questions of one language each, and each pair of a
        section of set is asked with each of target_set.
    retrieval
        How candidates are scored.
    device
        Where products are computed: cpu, cuda or cuda:N (through CuPy), or auto.
    """
    open_backend(device)
    data = as_set(set, AnalogySet)
    if target_set is not None:
        data = cross_analogies(data, as_set(target_set, AnalogySet))
    pair = load_mapped(source, target, space, load)
    name = f"{source.name}-{target.name}"
    options: dict[str, Any] = {"retrieval": retrieval, "device": device}
    score = evaluate_crosslingual_analogies(*pair, data, **options, name=name)
    print_results([score], json=common.json, quiet=common.quiet)


def sentences(
    source: Source,
    target: Target,
    /,
    *,
    source_text: Path,
    target_text: Path,
    retrieval: RetrievalMethod = "csls",
    device: str = "cpu",
    space: Annotated[MappingOption, FLATTEN] = MappingOption(),
    load: Annotated[LoadOptions, FLATTEN] = LoadOptions(),
    common: Annotated[CommonOptions, FLATTEN] = CommonOptions(),
) -> None:
    """Print how often a sentence's translation is found, by idf-weighted means of words.

    Parameters
    ----------
    source_text
        Text of the source, a sentence a line, its words parted by blanks.
    target_text
        Its translation, line by line.
    retrieval
        How candidates are scored.
    device
        Where products are computed: cpu, cuda or cuda:N (through CuPy), or auto.
    """
    open_backend(device)
    pairs = _read_parallel(source_text, target_text)
    score = evaluate_sentence_retrieval(
        *(*load_mapped(source, target, space, load), pairs),
        retrieval=retrieval,
        device=device,
        name=source_text.name,
        vectors=f"{source.name}-{target.name}",
    )
    print_results([score], json=common.json, quiet=common.quiet)


def documents(
    source: Source,
    target: Target,
    /,
    *,
    train: Path,
    test: Path,
    classifier: Literal["logistic", "perceptron"] = "logistic",
    seed: int = 1,
    space: Annotated[MappingOption, FLATTEN] = MappingOption(),
    load: Annotated[LoadOptions, FLATTEN] = LoadOptions(),
    common: Annotated[CommonOptions, FLATTEN] = CommonOptions(),
) -> None:
    """Print how well a classifier trained in one language does in the other.

    Parameters
    ----------
    train
        Documents of the source, one a line: its label, a tab, its words.
    test
        The same of the target.
    classifier
        Which classifier of scikit-learn.
    seed
        Seed of the classifier.
    """
    learned, tried = _read_documents(train), _read_documents(test)
    if len({label for label, _ in learned}) < 2:
        raise FormatError(train, None, None, "must have two labels or more, got one")
    left, right = load_mapped(source, target, space, load)
    score = evaluate_document_classification(
        *(left, right, learned, tried),
        classifier=classifier,
        seed=seed,
        name=test.name,
        vectors=f"{source.name}-{target.name}",
    )
    print_results([score], json=common.json, quiet=common.quiet)


def alignment(
    source: Source,
    target: Target,
    /,
    *,
    source_text: Path,
    target_text: Path,
    gold: Path,
    reverse_gold: Flag = False,
    closeness: float = 0.0,
    space: Annotated[MappingOption, FLATTEN] = MappingOption(),
    load: Annotated[LoadOptions, FLATTEN] = LoadOptions(),
    common: Annotated[CommonOptions, FLATTEN] = CommonOptions(),
) -> None:
    """Print the error rate of linking words of translated sentences by their vectors.

    Parameters
    ----------
    source_text
        Text of the source, a sentence a line, its words parted by blanks.
    target_text
        Its translation, line by line.
    gold
        A line per sentence of links i-j, from 0; i?j for links that are possible, not sure.
        Lines of bare numbers i j i j are read too.
    reverse_gold
        The links of gold name the word of target_text first.
    closeness
        How much it counts that two words stand at like places.
    """
    pairs = _read_parallel(source_text, target_text)
    sure, possible = _read_links(gold)
    _check_links(gold, possible, [(t, s) for s, t in pairs] if reverse_gold else pairs)
    links = align_words(*load_mapped(source, target, space, load), pairs, closeness=closeness)
    if reverse_gold:
        links = [frozenset((j, i) for i, j in some) for some in links]
    score = alignment_error_rate(links, sure, possible)
    print_results([score], json=common.json, quiet=common.quiet)


def _lines(path: Path, word_bytes: int = 96) -> Iterator[tuple[int, str]]:
    """Yield number and text of each line, of which a reader keeps so much for each word.

    Raises
    ------
    FormatError
        If one is not UTF-8.
    ResourceError
        If the words take more memory than a `ByteBudget` has.
    """
    require_input(path)
    budget = ByteBudget()
    for number, line in enumerate(read_lines(path, most=MOST_KEPT), 1):
        words = sum(line.count(blank) for blank in b" \t\r\x0b\x0c") + 1
        budget.charge(path, number, _LINE_BYTES + word_bytes * words + 2 * len(line))
        try:
            yield number, line.decode("utf-8").rstrip("\r\n")
        except UnicodeDecodeError:
            raise FormatError(path, number, None, "must be UTF-8") from None


def _read_parallel(source: Path, target: Path) -> list[tuple[list[str], list[str]]]:
    left, right = ([_words(text) for _, text in _lines(path)] for path in (source, target))
    if len(left) != len(right):
        reason = f"must have as many lines as {source.name} ({len(left)}), got {len(right)}"
        raise FormatError(target, None, None, reason)
    if not left:
        raise FormatError(source, None, None, "must have sentences, got none")
    return list(zip(left, right, strict=True))


def _read_documents(path: Path) -> list[tuple[str, list[str]]]:
    found = []
    for number, text in _lines(path):
        label, tab, words = text.partition("\t")
        if not tab or not label:
            raise FormatError(path, number, None, "must be a label, a tab and words")
        found.append((label, _words(words)))
    if not found:
        raise FormatError(path, None, None, "must have documents, got none")
    return found


def _words(text: str) -> list[str]:
    """Split at ASCII's blanks alone, as tokenisers and aligners do that count words."""
    return [word.decode() for word in text.encode().split()]


def _read_links(path: Path) -> tuple[list[Links], list[Links]]:
    """Return each sentence's sure and possible links."""
    sure: list[Links] = []
    possible: list[Links] = []
    for number, text in _lines(path, _LINK_BYTES):
        try:
            links = parse_links(text.encode())
        except ValueError as error:
            raise FormatError(path, number, None, str(error)) from None
        sure.append(frozenset((i, j) for i, j, is_sure in links if is_sure))
        possible.append(frozenset((i, j) for i, j, _ in links))
    return sure, possible


def _check_links(
    path: Path, links: list[Links], pairs: list[tuple[list[str], list[str]]]
) -> None:
    """Raise FormatError unless there are links for each pair, all of them to its words.

    The words that links name first stand first in ``pairs``.
    """
    if len(links) != len(pairs):
        raise FormatError(path, None, None, f"need {len(pairs)} lines, got {len(links)}")
    for number, (some, (first, second)) in enumerate(zip(links, pairs, strict=True), 1):
        beyond = [(i, j) for i, j in sorted(some) if i >= len(first) or j >= len(second)]
        if beyond:
            i, j = beyond[0]
            told = f"the link {i}-{j} must lead to words below {len(first)} and {len(second)}"
            fits = i < len(second) and j < len(first)
            hint = "; does it name the other side first (--reverse-gold)?" if fits else ""
            raise FormatError(path, number, None, told + hint)
