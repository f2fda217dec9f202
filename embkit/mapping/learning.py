"""The methods that induce their dictionary: self-learning, refinement, growing."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embkit.mapping import growing
from embkit.mapping.comparison import translate, translated_alike
from embkit.mapping.dictionary import SeedPairs
from embkit.mapping.fit import fit_five_step, fit_orthogonal
from embkit.mapping.initial import Pairs, identical_words, numerals, similar_distributions
from embkit.mapping.learning_config import GrowingConfig, RefineConfig, SelfLearningConfig
from embkit.mapping.normalize import Matrix
from embkit.mapping.self_learning import Iteration, Learned, self_learn
from embkit.mapping.spaces import Doubles, Fit, Report, Spaces, identity_of
from embkit.mapping.verdict import judge
from embkit.retrieval import Retriever

_log = logging.getLogger("embkit")
_CHECKED_WORDS = 4000  # words of each side in the run that checks the others
_MARGIN_WORDS = 2000  # words that the margin is measured on


def fit_self_learning(
    spaces: Spaces, pairs: SeedPairs | None, config: SelfLearningConfig, report: Report
) -> Fit:
    """Learn a dictionary from few pairs or none, and map by it.

    Raises
    ------
    ValueError
        If the dims differ, or there is nothing to start from.
    """
    words = max(config.cutoff, config.initial_words)
    source, target = spaces.source_matrix(words), spaces.target_matrix(words)
    start = _start(spaces, source, target, pairs, config)
    total = (config.restarts + 1) * config.iterations

    def run(number: int, start: Pairs, config: SelfLearningConfig) -> Learned:
        def told(iteration: int, figures: Iteration) -> None:
            shown = {"objective": figures.objective, "kept": figures.keep_probability}
            shown |= {"pairs": figures.pairs, "cycles": figures.cycles}
            report(number * config.iterations + iteration, total, shown)

        return self_learn(
            source, target, start, config, seed=config.seed + number, on_iteration=told
        )

    runs = [run(number, start, config) for number in range(config.restarts)]
    other_start, fewer = _other_start(source, target, start, pairs, config)
    other = run(config.restarts, other_start, fewer)
    best = max(runs, key=lambda run: run.course[-1].objective)
    fitted = _final_map(spaces, best.pairs, config)
    frequent = source[: fewer.cutoff], target[: fewer.cutoff]
    found = [_translate(*frequent, learned, config.device) for learned in (*runs, other)]
    alike = [float((translations == found[-1]).mean()) for translations in found[:-1]]
    succeeded = [judge(repeated=share).judgement != "failed" for share in alike]
    figures = {
        **_figures(source, target, best, fitted, config.device),
        "restarts_alike": translated_alike(found[:-1]),
        "success_rate": sum(succeeded) / len(succeeded),
    }
    verdict = judge(
        repeated=alike[runs.index(best)],
        spaces=spaces.comparison,
        figures=figures,
    )
    statistics = {
        "start": {"pairs": len(start[0]), "kind": config.start or _default_start(pairs)},
        "iterations": len(best.course),
        "converged": best.converged,
        "course": [list(vars(step).values()) for step in best.course],
        "course_columns": list(vars(best.course[0])),
        "restarts": {
            "runs": len(runs),
            "succeeded": sum(succeeded),
            "objectives": [run.course[-1].objective for run in runs],
        },
        "verdict": verdict.to_dict(),
    }
    return Fit(*fitted, statistics)


def _other_start(
    source: Matrix,
    target: Matrix,
    start: Pairs,
    pairs: SeedPairs | None,
    config: SelfLearningConfig,
) -> tuple[Pairs, SelfLearningConfig]:
    """Return what the run starts from that checks the others: half of what they started from.

    It takes fewer words, so that it costs a fraction of them.
    """
    fewer = replace(
        config,
        cutoff=min(config.cutoff, _CHECKED_WORDS),
        early_cutoff=min(config.early_cutoff, _CHECKED_WORDS),
    )
    if config.start == "distributions" or (config.start is None and pairs is None):
        size = min(config.initial_words, len(source), len(target))
        half_of_them = max(1, size // 2)
        found = similar_distributions(source, target, words=half_of_them, device=config.device)
        return found, fewer
    order = np.random.default_rng(config.seed).permutation(len(start[0]))
    half = order[: max(1, len(order) // 2)]
    return (start[0][half], start[1][half]), fewer


def _translate(
    source: Matrix, target: Matrix, learned: Learned, device: str
) -> NDArray[np.int64]:
    """Return the best partner of each source word by CSLS, rotated by a run's pairs."""
    inside = (learned.pairs[0] < len(source)) & (learned.pairs[1] < len(target))
    pairs = learned.pairs[0][inside], learned.pairs[1][inside]
    mapped = (source @ fit_orthogonal(source[pairs[0]], target[pairs[1]])).astype(np.float32)
    return translate(mapped, target, device=device)


def _default_start(pairs: SeedPairs | None) -> str:
    return "distributions" if pairs is None else "dictionary"


def _start(
    spaces: Spaces,
    source: Matrix,
    target: Matrix,
    pairs: SeedPairs | None,
    config: SelfLearningConfig,
) -> Pairs:
    """Return the pairs to start from.

    Raises
    ------
    ValueError
        If there are none.
    """
    start = config.start or _default_start(pairs)
    if spaces.source.dim != spaces.target.dim:
        raise ValueError(
            "source and target must have the same dim for self-learning, "
            f"got {spaces.source.dim} and {spaces.target.dim}"
        )
    if (start == "dictionary") != (pairs is not None):
        need = "needs a dictionary" if pairs is None else "takes no dictionary"
        raise ValueError(f"start must suit the dictionary: {start} {need}")
    if start == "distributions":
        return similar_distributions(
            source, target, words=config.initial_words, device=config.device
        )
    if pairs is not None:
        found = pairs.source, pairs.target
    else:
        words = identical_words if start == "identical" else numerals
        found = words(spaces.source.vocabulary, spaces.target.vocabulary)
    inside = (found[0] < len(source)) & (found[1] < len(target))
    if not inside.any():
        raise ValueError(
            f"start must find pairs among the {len(source)} most frequent words, "
            f"got none from {start}"
        )
    return found[0][inside], found[1][inside]


def _final_map(
    spaces: Spaces, pairs: Pairs, config: SelfLearningConfig
) -> tuple[Doubles, Doubles]:
    """Return the source's and the target's map that a dictionary gives."""
    x, z = spaces.source_rows(pairs[0]), spaces.target_rows(pairs[1])
    enough = len(x) > x.shape[1]
    if config.final == "five-step" and not enough:
        _log.warning("%d pairs are too few to whiten %d dimensions", len(x), x.shape[1])
    if config.final == "orthogonal" or not enough:
        return fit_orthogonal(x, z, device=config.device), identity_of(spaces.target)
    source_map, target_map, _ = fit_five_step(x, z, device=config.device)
    return source_map, target_map


def _figures(
    source: Matrix,
    target: Matrix,
    best: Learned,
    fitted: tuple[Doubles, Doubles],
    device: str,
) -> dict[str, Any]:
    """Return what is told of a run beside the verdict."""
    return {
        "objective": best.course[-1].objective,
        "pairs": best.course[-1].pairs,
        "cycles": best.course[-1].cycles,
        "csls_margin": _csls_margin(
            (source @ fitted[0]).astype(np.float32),
            (target @ fitted[1]).astype(np.float32),
            device,
        ),
    }


def _csls_margin(source: Matrix, target: Matrix, device: str) -> float | None:
    """Return by how much the best translation leads the second, on average (CSLS)."""
    found = Retriever(source, target, device=device).search(source[:_MARGIN_WORDS], 2)
    if found.scores.shape[1] < 2:
        return None
    return float((found.scores[:, 0] - found.scores[:, 1]).mean(dtype=np.float64))


def fit_refine(spaces: Spaces, pairs: SeedPairs, config: RefineConfig, report: Report) -> Fit:
    """Refine a dictionary by rotations of mutual neighbours, and rotate by the last.

    Raises
    ------
    ValueError
        If the dims differ, or a round finds no pairs.
    """
    source, target = spaces.source_matrix(), spaces.target_matrix()
    course: list[growing.Round] = []

    def told(done: int, figures: growing.Round) -> None:
        course.append(figures)
        report(done, config.rounds, figures._asdict())

    found = growing.refine(
        *(source, target, (pairs.source, pairs.target)),
        rounds=config.rounds,
        cutoff=config.cutoff,
        neighborhood=config.neighborhood,
        on_round=told,
        device=config.device,
    )
    return _rotation(spaces, found, course)


def fit_growing(spaces: Spaces, pairs: SeedPairs, config: GrowingConfig, report: Report) -> Fit:
    """Let a dictionary grow in both directions, and rotate by the last.

    Raises
    ------
    ValueError
        If the dims differ.
    """
    source, target = spaces.source_matrix(), spaces.target_matrix()
    course: list[growing.Round] = []

    def told(done: int, figures: growing.Round) -> None:
        course.append(figures)
        report(done, done, figures._asdict())

    found = growing.grow(
        *(source, target, (pairs.source, pairs.target)),
        growth=config.growth,
        most=config.most_pairs,
        cutoff=config.cutoff,
        on_round=told,
        device=config.device,
    )
    return _rotation(spaces, found, course)


def _rotation(spaces: Spaces, pairs: Pairs, course: list[growing.Round]) -> Fit:
    rotation = fit_orthogonal(spaces.source_rows(pairs[0]), spaces.target_rows(pairs[1]))
    told = {"course": [list(step) for step in course], "course_columns": growing.Round._fields}
    return Fit(rotation, identity_of(spaces.target), told)
