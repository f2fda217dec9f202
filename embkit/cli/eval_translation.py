"""``embkit eval translation``: how often a dictionary's translations are found."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from embkit.backend import open_backend
from embkit.cli.eval_output import print_results, print_rows
from embkit.cli.exit_codes import NothingEvaluatedError
from embkit.cli.loading import require_input
from embkit.cli.mapped import MappingOption, Source, Target, load_mapped
from embkit.cli.options import FLATTEN, CommonOptions, Flag, LoadOptions
from embkit.cli.terminal import note
from embkit.dictionaries.seed_dictionary import Case
from embkit.evaluation.rows import read_rows
from embkit.evaluation.translation import (
    TranslationOptions,
    TranslationScore,
    evaluate_translation,
)
from embkit.mapping import SeedDictionary


def translation(
    source: Source,
    target: Target,
    /,
    *,
    dictionary: Path,
    reverse_dictionary: Flag = False,
    groups: Path | None = None,
    group_column: str | None = None,
    case: Case = "exact",
    details: Flag = False,
    space: Annotated[MappingOption, FLATTEN] = MappingOption(),
    options: Annotated[TranslationOptions, FLATTEN] = TranslationOptions(),
    load: Annotated[LoadOptions, FLATTEN] = LoadOptions(),
    common: Annotated[CommonOptions, FLATTEN] = CommonOptions(),
) -> None:
    """Print how often the translations of a dictionary's words are found.

    Nothing is chosen or fitted here; the dictionary must not be the one that the map was
    learned from. --details also prints bins of frequency, groups, hubness, and what MUSE,
    VecMap, fastText's and XLING's evaluations call their result.

    Parameters
    ----------
    dictionary
        Test dictionary, a line each: source word, translation and other columns, parted by
        tabs; or source word and its translations, parted by blanks.
    reverse_dictionary
        The dictionary names the word of the target first.
    groups
        File of source words and their groups, such as parts of speech, parted by a tab; each
        group gets its own figure.
    group_column
        Instead of that file, the column of the dictionary that tells each pair's group: its
        number, from 1, or its name where the first line is a header.
    case
        Look for the dictionary's words as they stand (exact), in lower case (lower), or as they
        stand, then in lower case, with a capital, in capitals (any).
    details
        Print the bins, groups and conventions too.
    """
    open_backend(options.device)  # refuses a device that is not there, before the work
    if groups is not None and group_column is not None:
        raise ValueError("groups must be left out where group_column is given")
    for path in (dictionary, groups):
        if path is not None:
            require_input(path)
    seeds = SeedDictionary.read(dictionary, group_column=group_column)
    kinds = _read_groups(groups) if groups is not None else {}
    seeds = seeds.reversed() if reverse_dictionary else seeds
    left, right = load_mapped(source, target, space, load)
    words = left.vocabulary, right.vocabulary
    if options.exclude_identical and all(entry.source == entry.target for entry in seeds):
        raise NothingEvaluatedError(f"{dictionary}: all pairs are of words spelled alike")
    if hint := seeds.swapped_hint(seeds.find(*words, case=case), *words, case=case):
        note(f"warning: few pairs of {dictionary} are known{hint}", quiet=common.quiet)
    gold = seeds.spelled(*words, case=case)
    score = evaluate_translation(
        *(left, right, gold),
        options=options,
        groups=_grouped(seeds, gold, kinds),
        name=dictionary.name,
        vectors=f"{source.name}-{target.name}",
    )
    print_results([score], json=common.json, quiet=common.quiet)
    if (details or groups is not None or group_column is not None) and not common.json:
        _print_details(score)


def _read_groups(path: Path) -> dict[str, str]:
    return {row.fields[0]: row.fields[1] for row in read_rows(path) if len(row.fields) > 1}


def _grouped(
    seeds: SeedDictionary, gold: list[tuple[str, str]], kinds: dict[str, str]
) -> dict[str, list[tuple[str, str]]]:
    """Return each group's pairs, as the vocabularies spell them."""
    found: dict[str, list[tuple[str, str]]] = {}
    for entry, pair in zip(seeds, gold, strict=True):
        group = entry.group or kinds.get(entry.source) or kinds.get(pair[0])
        if group:
            found.setdefault(group, []).append(pair)
    return found


def _print_details(score: TranslationScore) -> None:
    kinds = [("frequency", score.by_frequency), ("group", score.by_group)]
    rows = [
        {
            "part": part,
            "name": name,
            "P@1": estimate.value,
            "low": estimate.interval.low if estimate.interval else None,
            "high": estimate.interval.high if estimate.interval else None,
        }
        for part, some in kinds
        for name, estimate in some.items()
    ]
    print()
    print_rows(rows)
    print()
    print_rows([{"convention": name, **told} for name, told in score.conventions.items()])
    if score.hubness is not None:
        print()
        print_rows([{"hubness": score.retrieval, **score.hubness.to_dict()}])
