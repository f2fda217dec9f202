"""The methods that induce their dictionary: self-learning, refinement, growing."""

from __future__ import annotations

import logging
from dataclasses import replace
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from embkit.dictionaries.seed_pairs import SeedPairs
from embkit.mapping import growing
from embkit.mapping.comparison import translated_alike
from embkit.mapping.fit import fit_five_step, fit_orthogonal
from embkit.mapping.induction import best_by_csls
from embkit.mapping.initial import Pairs
from embkit.mapping.learning_config import (
    GrowingConfig,
    RefineConfig,
    SelfLearningConfig,
    Start,
)
from embkit.mapping.normalize import Matrix
from embkit.mapping.self_learning import Iteration, Learned, OnIteration, self_learn
from embkit.mapping.spaces import Doubles, Fit, Report, Spaces, identity_of
from embkit.mapping.starts import find_start, other_start
from embkit.mapping.verdict import REPEATED_FAILED, judge
from embkit.retrieval import Retriever

_log = logging.getLogger("embkit")
_CHECKED_WORDS = 4000  # words of each side in the run that checks the others
_MARGIN_WORDS = 2000  # words that the margin is measured on
# Shares of words that two runs from nothing must translate alike: to be believed at once, and
# to be believed where they stand out.
_SURE = 0.9
_MET = 0.5
# Times the spread, from the median to the closest of the runs unlike them, by which two that
# meet must lead the closest: by chance they hardly lead at all.
_STANDS_OUT = 2.0
_LEAST_SPREAD = 0.01  # of the closest: what few runs tell of their spread may be too little
_LEAST_ATTEMPTS = 3  # that are compared with two runs that meet
# Below, unrelated spaces have so few ways to lie on each other that the first two runs may meet
# as one: in 6 dimensions in 3 of 10 pairs of spaces, in 10 in one, in 20 and 40 in none
# (`python -m eval.crosslingual --parts unrelated`).
_FEW_DIMS = 20
_REMEDIES: dict[Start, str] = {
    "distributions": "start from identical words, numerals or a dictionary",
    "numerals": "start from identical words or a dictionary",
    "identical": "start from a dictionary",
    "dictionary": "give a dictionary of more pairs",
}


def fit_self_learning(
    spaces: Spaces, pairs: SeedPairs | None, config: SelfLearningConfig, report: Report
) -> Fit:
    """Learn a dictionary from few pairs or none, and map by it.

    From pairs that somebody knows, it is learned twice: from all candidates at once, which
    keeps to a good start, and with candidates dropped at random, which leaves a bad one. The
    higher objective decides.

    Another run, from another start, must translate alike. Where it does not, or from nothing
    not nearly all words, further runs are tried, each from a start of its own, until two meet
    and stand out: of many wrong runs some meet by chance, but bring words hardly closer than
    the others do, while a right rotation brings them clearly closer. The map is then learned
    from theirs. In few dimensions the verdict is doubtful at best.

    Raises
    ------
    ValueError
        If the dims differ, or there is nothing to start from.
    """
    words = max(config.cutoff, config.initial_words)
    matrices = spaces.source_units(words), spaces.target_units(words)
    kind, start = find_start(spaces, *matrices, pairs, config)
    learner = _Learner(*matrices, kind, start, config, report)
    runs, others = learner.first_runs(), [learner.other_run(0)]
    best, repeated, stands_out = learner.settle(runs, others)
    fitted = _final_map(spaces, best.learned.pairs, config)
    by_chance = repeated >= REPEATED_FAILED and not stands_out
    is_settled = len(others) > 1 and repeated >= REPEATED_FAILED
    measure, asked = (best, [*runs, *others]) if is_settled else (others[0], runs)
    succeeded = [not by_chance and run.alike(measure) >= REPEATED_FAILED for run in asked]
    figures = {
        **_figures(*matrices, best.learned, fitted, config.device),
        "restarts_alike": translated_alike([run.translations for run in runs]),
        "success_rate": sum(succeeded) / len(succeeded),
    }
    verdict = judge(
        repeated=repeated,
        spaces=spaces.comparison,
        figures=figures,
        remedy=_REMEDIES[kind],
    )
    if by_chance:
        why = "but runs unlike them match the spaces as well, as by chance"
        advice = f"to mend it, {_REMEDIES[kind]}"
        reasons = (*verdict.reasons, why, advice)
        verdict = replace(verdict, judgement="failed", reasons=reasons)
    if verdict.judgement == "good" and spaces.source.dim < _FEW_DIMS:
        why = f"but in {spaces.source.dim} dimensions runs agree by chance too"
        verdict = replace(verdict, judgement="doubtful", reasons=(*verdict.reasons, why))
    restarts = {
        "runs": len(runs),
        "succeeded": sum(succeeded[: len(runs)]),
        "objectives": [run.learned.best.objective for run in runs],
        "attempts": len(others) - 1,
    }
    told = {"start": {"pairs": len(start[0]), "kind": kind}, **_course(best.learned)}
    return Fit(*fitted, {**told, "restarts": restarts, "verdict": verdict.to_dict()})


class _Run(NamedTuple):
    """What a run learned, frequent source words' best partners by it, and their mean cosine."""

    learned: Learned
    translations: NDArray[np.int64]
    closeness: float

    def alike(self, other: _Run) -> float:
        """Return the share of words that two runs translate alike."""
        return float((self.translations == other.translations).mean())


class _Learner:
    """Runs of self-learning on two spaces: from their start, and others to check them."""

    def __init__(
        self,
        source: Matrix,
        target: Matrix,
        kind: Start,
        start: Pairs,
        config: SelfLearningConfig,
        report: Report,
    ) -> None:
        self._matrices, self._kind, self._start = (source, target), kind, start
        self._config, self._fewer = config, _with_fewer_words(config)
        self._ways = _ways(kind, config)
        planned = 2 * len(self._ways) + config.restarts - 1
        self._courses = _Courses(report, planned, config.iterations)

    def first_runs(self) -> list[_Run]:
        """Learn from the start, as often as restarts says."""
        # The way without dropping, which is the first of two, draws nothing: once is enough.
        return [
            self._run(number, self._start, self._ways if number == 0 else self._ways[-1:])
            for number in range(self._config.restarts)
        ]

    def other_run(self, attempt: int) -> _Run:
        """Learn on fewer words from another start, each attempt from one of its own."""
        config, fewer = self._config, self._fewer
        start = other_start(*self._matrices, self._kind, self._start, config, attempt)
        ways = _ways(self._kind, fewer) if attempt == 0 else [fewer]
        return self._run(config.restarts + attempt, start, ways)

    def settle(self, runs: list[_Run], others: list[_Run]) -> tuple[_Run, float, bool]:
        """Return the run to map by, how far another agrees with it, and if they stand out.

        Further attempts are appended to ``others``.
        """
        best = max(runs, key=lambda run: run.learned.best.rank)
        repeated = best.alike(others[0])
        if repeated >= (_SURE if self._kind == "distributions" else REPEATED_FAILED):
            return best, repeated, True
        attempts = self._config.attempts
        for attempt in range(1, attempts + 1):
            self._courses.number += 1
            others.append(self.other_run(attempt))
            met = _closest_that_meet([best, *others])
            if met is None or attempt < min(_LEAST_ATTEMPTS, attempts):
                continue
            if not _stand_out(*met, [*runs, *others]):
                continue
            found, twin = met
            if found is not best:  # the first run, which is not as close, went astray
                self._courses.number += 1
                whole = replace(self._config, keep_probability=1.0)
                found = self._run(0, found.learned.pairs, [whole])
            return found, found.alike(twin), True
        return best, repeated, _stand_out(best, others[0], [*runs, *others])

    def _run(self, number: int, start: Pairs, ways: list[SelfLearningConfig]) -> _Run:
        """Learn in each way; return the run with the highest objective."""
        seed = (self._config.seed + number) % 2**64
        found = [
            self_learn(
                *self._matrices, start, way, seed=seed, on_iteration=self._courses.next()
            )
            for way in ways
        ]
        learned = max(found, key=lambda learned: learned.best.rank)
        return _Run(learned, *_translate(*self._matrices, learned, self._fewer))


def _closest_that_meet(runs: list[_Run]) -> tuple[_Run, _Run] | None:
    """Return the two of those that translate alike that bring words closest, if any do."""
    met = [pair for pair in combinations(runs, 2) if pair[0].alike(pair[1]) >= _MET]
    return max(met, key=lambda pair: min(run.closeness for run in pair), default=None)


def _stand_out(first: _Run, second: _Run, runs: list[_Run]) -> bool:
    """Tell whether two runs that meet bring words far closer than those unlike them do."""
    unlike = [
        run.closeness
        for run in runs
        if max(run.alike(first), run.alike(second)) < REPEATED_FAILED
    ]
    if not unlike:
        return True
    least, closest = min(first.closeness, second.closeness), max(unlike)
    spread = max(closest - float(np.median(unlike)), _LEAST_SPREAD * closest)
    return least - closest > _STANDS_OUT * spread


class _Courses:
    """Tells the iterations of several courses of learning as those of one."""

    def __init__(self, report: Report, number: int, iterations: int) -> None:
        self._report, self._iterations, self._begun = report, iterations, 0
        self.number = number
        """How many there will be."""

    def next(self) -> OnIteration:
        """Return what the next course is to call."""
        before = self._begun * self._iterations
        self._begun += 1

        def told(iteration: int, figures: Iteration) -> None:
            values = {"objective": figures.objective, "kept": figures.keep_probability}
            values |= {"pairs": figures.pairs, "cycles": figures.cycles}
            self._report(before + iteration, self.number * self._iterations, values)

        return told


def _course(run: Learned) -> dict[str, Any]:
    """Return how a run went, for the statistics of a map."""
    return {
        "iterations": len(run.course),
        "converged": run.converged,
        "course": [list(vars(step).values()) for step in run.course],
        "course_columns": list(vars(run.course[0])),
    }


def _ways(kind: Start, config: SelfLearningConfig) -> list[SelfLearningConfig]:
    """Return how to learn from a start: with candidates dropped, and first without."""
    if kind == "distributions" or config.keep_probability == 1:
        return [config]
    return [replace(config, keep_probability=1.0), config]


def _with_fewer_words(config: SelfLearningConfig) -> SelfLearningConfig:
    """Return the options of the runs that check the others, at a fraction of the cost."""
    return replace(
        config,
        cutoff=min(config.cutoff, _CHECKED_WORDS),
        early_cutoff=min(config.early_cutoff, _CHECKED_WORDS),
    )


def _translate(
    source: Matrix, target: Matrix, learned: Learned, config: SelfLearningConfig
) -> tuple[NDArray[np.int64], float]:
    """Return frequent source words' best partners by CSLS, and their mean cosine.

    The source is rotated by all of a run's pairs.
    """
    pairs = source[learned.pairs[0]], target[learned.pairs[1]]
    rotation = fit_orthogonal(*pairs, device=config.device)
    mapped = (source[: config.cutoff] @ rotation).astype(np.float32)
    options: dict[str, Any] = {"neighborhood": config.neighborhood, "device": config.device}
    partners = best_by_csls(mapped, target[: config.cutoff], **options)[0]
    return partners, float((mapped * target[partners]).sum(1).mean(dtype=np.float64))


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
        "objective": best.best.objective,
        "pairs": best.best.pairs,
        "cycles": best.best.cycles,
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
    source, target = spaces.source_units(), spaces.target_units()
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
    return _rotation(spaces, found, course, config.device)


def fit_growing(spaces: Spaces, pairs: SeedPairs, config: GrowingConfig, report: Report) -> Fit:
    """Let a dictionary grow in both directions, and rotate by the last.

    Raises
    ------
    ValueError
        If the dims differ.
    """
    source, target = spaces.source_units(), spaces.target_units()
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
    return _rotation(spaces, found, course, config.device)


def _rotation(spaces: Spaces, pairs: Pairs, course: list[growing.Round], device: str) -> Fit:
    rows = spaces.source_rows(pairs[0]), spaces.target_rows(pairs[1])
    rotation = fit_orthogonal(*rows, device=device)
    told = {"course": [list(step) for step in course], "course_columns": growing.Round._fields}
    return Fit(rotation, identity_of(spaces.target), told)
