"""``embkit induce-dictionary``: a dictionary out of two mapped spaces."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from embkit.backend import open_backend
from embkit.cli.mapped import MappingOption, Source, Target, load_mapped
from embkit.cli.options import FLATTEN, CommonOptions, Flag, LoadOptions, Output
from embkit.cli.outputs import reserved_output, tells_json
from embkit.cli.terminal import note, print_json
from embkit.mapping import lexicon
from embkit.output import OutputFile
from embkit.vocabulary import Vocabulary


def induce_dictionary(
    source: Source,
    target: Target,
    /,
    *,
    output: Output,
    overwrite: Flag = False,
    config: Annotated[lexicon.LexiconConfig, FLATTEN] = lexicon.LexiconConfig(),
    space: Annotated[MappingOption, FLATTEN] = MappingOption(),
    load: Annotated[LoadOptions, FLATTEN] = LoadOptions(),
    common: Annotated[CommonOptions, FLATTEN] = CommonOptions(),
) -> None:
    """Write the pairs of words that translate each other, a line each.

    The columns, parted by tabs: source word, target word, confidence (0 to 1), score, lead
    over the second best, and whether the pair is mutual (1 or 0). Words that no dictionary can
    hold, such as those that are not UTF-8, are left out.

    Parameters
    ----------
    output
        File to write; - is standard output.
    overwrite
        Replace the output if it exists.
    """
    open_backend(config.device)  # refuses a device that is not there, before the work
    inputs = [path for path in (source, target, space.mapping) if path is not None]
    with reserved_output(output, overwrite=overwrite, inputs=inputs):
        left, right = load_mapped(source, target, space, load)
        found = lexicon.induce_dictionary(left, right, config)
        num_pairs = 0
        with OutputFile(output, overwrite=overwrite) as stream:
            for line in _lines(found, left.vocabulary, right.vocabulary):
                stream.write(line)
                num_pairs += 1
    left_out = len(found) - num_pairs
    if tells_json(common, output):
        told = {"num_pairs": num_pairs, "num_left_out": left_out}
        print_json({"output": str(output), **told, "hubness": found.hubness.to_dict()})
    else:
        note(f"wrote {output}: {num_pairs} pairs", quiet=common.quiet)
        note(f"hubness: {found.hubness.summary()}", quiet=common.quiet)
        if left_out:
            why = "words that are not UTF-8, or hold a tab or blanks at an end"
            note(f"left out {left_out} pairs of {why}", quiet=common.quiet)


def _lines(found: lexicon.Lexicon, left: Vocabulary, right: Vocabulary) -> Iterator[bytes]:
    """Yield the line of each pair that a dictionary can hold."""
    for i in range(len(found)):
        words = left.bytes_of(int(found.source[i])), right.bytes_of(int(found.target[i]))
        if not all(map(_can_be_read, words)):
            continue
        sure = max(float(found.confidences[i]), 1e-30)  # as a weight it must not be 0
        figures = (
            f"{sure:.4f}" if sure >= 1e-4 else f"{sure:.1e}",
            f"{found.scores[i]:.4f}\t{found.margins[i]:.4f}\t{int(found.mutual[i])}\n",
        )
        yield b"\t".join([*words, *(text.encode("ascii") for text in figures)])


def _can_be_read(word: bytes) -> bool:
    """Tell whether readers of dictionaries take a word between tabs as what it is."""
    try:
        word.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return word == word.strip() and not {*b"\t\n"} & {*word}
