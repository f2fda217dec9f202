"""``embkit induce-dictionary``: a dictionary out of two mapped spaces."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from embkit.backend import open_backend
from embkit.cli.mapped import MappingOption, load_mapped
from embkit.cli.options import FLATTEN, CommonOptions, Flag, LoadOptions
from embkit.cli.outputs import reserved_output, tells_json
from embkit.cli.terminal import note, print_json
from embkit.mapping import lexicon
from embkit.output import OutputFile


def induce_dictionary(
    source: Path,
    target: Path,
    /,
    *,
    output: Path,
    overwrite: Flag = False,
    config: Annotated[lexicon.LexiconConfig, FLATTEN] = lexicon.LexiconConfig(),
    space: Annotated[MappingOption, FLATTEN] = MappingOption(),
    load: Annotated[LoadOptions, FLATTEN] = LoadOptions(),
    common: Annotated[CommonOptions, FLATTEN] = CommonOptions(),
) -> None:
    """Write the pairs of words that translate each other, a line each.

    The columns, parted by tabs: source word, target word, confidence (0 to 1), score, lead
    over the second best, and whether the pair is mutual (1 or 0).

    Parameters
    ----------
    source, target
        Files or folders with the vectors of both languages.
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
        with OutputFile(output, overwrite=overwrite) as stream:
            for i in range(len(found)):
                words = (
                    left.vocabulary.bytes_of(int(found.source[i])),
                    right.vocabulary.bytes_of(int(found.target[i])),
                )
                sure = max(float(found.confidences[i]), 1e-30)  # as a weight it must not be 0
                figures = (
                    f"{sure:.4f}" if sure >= 1e-4 else f"{sure:.1e}",
                    f"{found.scores[i]:.4f}\t{found.margins[i]:.4f}\t{int(found.mutual[i])}\n",
                )
                stream.write(b"\t".join([*words, *(text.encode("ascii") for text in figures)]))
    if tells_json(common, output):
        hubs = found.hubness.to_dict()
        print_json({"output": str(output), "num_pairs": len(found), "hubness": hubs})
    else:
        note(f"wrote {output}: {len(found)} pairs", quiet=common.quiet)
        note(f"hubness: {found.hubness.summary()}", quiet=common.quiet)
