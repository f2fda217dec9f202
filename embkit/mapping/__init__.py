"""Maps between embedding spaces: fit them from dictionaries or from nothing, save, apply."""

from __future__ import annotations

from embkit.dictionaries.seed_dictionary import SeedDictionary
from embkit.dictionaries.seed_pairs import SeedPairs, SeedReport
from embkit.mapping.alignment import project_aligned
from embkit.mapping.apply import apply_to_file
from embkit.mapping.changes import Change, Changes, ChangesConfig, changes
from embkit.mapping.comparison import SpacesReport, compare_spaces
from embkit.mapping.fit import fit_cca, fit_five_step, fit_linear, fit_orthogonal
from embkit.mapping.initial import identical_dictionary
from embkit.mapping.lexicon import Lexicon, LexiconConfig, induce_dictionary
from embkit.mapping.many import map_many
from embkit.mapping.methods import METHODS, Method
from embkit.mapping.normalize import apply_steps, fit_steps
from embkit.mapping.result import Mapping
from embkit.mapping.run import map
from embkit.mapping.spaces import Fit, Spaces
from embkit.mapping.translate import translate
from embkit.mapping.verdict import Verdict
from embkit.mapping.word_alignments import most_frequent, read_word_alignments

__all__ = [
    "METHODS",
    "Change",
    "Changes",
    "ChangesConfig",
    "Fit",
    "Lexicon",
    "LexiconConfig",
    "Mapping",
    "Method",
    "SeedDictionary",
    "SeedPairs",
    "SeedReport",
    "Spaces",
    "SpacesReport",
    "Verdict",
    "apply_steps",
    "apply_to_file",
    "changes",
    "compare_spaces",
    "fit_cca",
    "fit_five_step",
    "fit_linear",
    "fit_orthogonal",
    "fit_steps",
    "identical_dictionary",
    "induce_dictionary",
    "map",
    "map_many",
    "most_frequent",
    "project_aligned",
    "read_word_alignments",
    "translate",
]
