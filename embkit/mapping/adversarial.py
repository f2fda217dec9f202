"""A map learned without any dictionary: a discriminator shall not tell the two spaces apart.

NumPy's functions are called on CuPy's arrays too, which answer to them.

In the form of Conneau et al. (2018) the map is kept near the rotations; in that of Barone
(2016) it is an encoder whose transpose must bring the source back. Both fail often, and options
and seed decide. A space that some rotation leaves as it is cannot be identified.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from embkit.backend import array_namespace
from embkit.blas import one_blas_thread
from embkit.errors import DivergenceError
from embkit.mapping.comparison import translated_alike
from embkit.mapping.config import MOST_RUNS, AdversarialConfig
from embkit.mapping.discriminator import Discriminator, Floats, cross_entropy
from embkit.mapping.fit import fit_orthogonal
from embkit.mapping.hybrid import mutual_neighbors
from embkit.mapping.induction import best_by_csls
from embkit.mapping.normalize import Matrix, bring_to_unit_length
from embkit.mapping.spaces import Fit, Report, Rows, Spaces, identity_of
from embkit.mapping.verdict import REPEATED_FAILED, judge

_CRITERION_WORDS = 10_000
_CHECKED_WORDS = 4000  # whose translations under different starts are compared
_STANDS_OUT = 1.5  # times the criterion of all other runs; unrelated spaces stay below 1.3
# Below, two of 16 runs in unrelated spaces may translate half of all words alike.
_FEW_DIMS = 10
_LEAST_RUNS = 3  # of two that meet, a third shows whether chance lets them
_REPORTS_PER_EPOCH = 100


def fit(spaces: Spaces, pairs: None, config: AdversarialConfig, report: Report) -> Fit:
    """Train map and discriminator against each other, then refine the map.

    Raises
    ------
    ValueError
        If the dims differ.
    DivergenceError
        If the map leaves the finite numbers.
    """
    source = spaces.source_matrix(config.frequent)
    target = spaces.target_matrix(config.frequent)
    if source.shape[1] != target.shape[1]:
        raise ValueError(
            "source and target must have one dim for an adversarial map, "
            f"got {source.shape[1]} and {target.shape[1]}"
        )
    runs: list[tuple[Floats, dict[str, Any]]] = []
    found: list[Rows] = []
    for start in range(config.restarts or MOST_RUNS):
        runs.append(_run(source, target, config, start, report))
        found.append(_translations(source, target, runs[-1][0], config.device))
        criteria = [run[1]["criterion"] for run in runs]
        best = int(np.argmax(criteria))
        agreement = _agreement(found, criteria, best, spaces)
        is_good = agreement["verdict"]["judgement"] == "good"
        if config.restarts is None and is_good and start >= _LEAST_RUNS - 1:
            break
    matrix, told = runs[best]
    told["criterion_of_restarts"] = criteria
    return Fit(matrix, identity_of(spaces.target), told | agreement)


def _translations(source: Matrix, target: Matrix, matrix: Floats, device: str) -> Rows:
    """Return what a map translates frequent words to, by the cosine."""
    mapped = source[:_CHECKED_WORDS] @ matrix.astype(np.float32)
    frequent = target[:_CHECKED_WORDS].copy()
    for rows in (mapped, frequent):
        bring_to_unit_length(rows)
    return best_by_csls(mapped, frequent, device=device)[0]


def _agreement(
    found: list[Rows], criteria: list[float], best: int, spaces: Spaces
) -> dict[str, Any]:
    """Return what the runs' translations tell: no run finds by chance what another one does.

    Many runs fail on spaces that others map well, so a run that stands alone has failed only
    if it does not stand out either. In few dimensions two of many runs meet by chance too, so
    that those that meet must stand out as well.
    """
    alike = [float((rows == found[best]).mean()) for rows in found]
    repeated = max(alike[:best] + alike[best + 1 :], default=None)
    unlike = [c for c, share in zip(criteria, alike, strict=True) if share < REPEATED_FAILED]
    stands_out = criteria[best] >= _STANDS_OUT * max(unlike, default=0.0)
    if repeated is not None and repeated < REPEATED_FAILED and stands_out:
        repeated = None
    meet = repeated is not None and repeated >= REPEATED_FAILED
    by_chance = meet and spaces.source.dim < _FEW_DIMS and not stands_out
    succeeded = len(found) - len(unlike) if meet and not by_chance else 0
    figures = {
        "restarts_alike": translated_alike(found),
        "success_rate": succeeded / len(found) if len(found) > 1 else None,
    }
    verdict = judge(repeated=repeated, spaces=spaces.comparison, figures=figures)
    if by_chance:
        why = "but in few dimensions chance does so, and other runs match the spaces as well"
        verdict = replace(verdict, judgement="failed", reasons=(*verdict.reasons, why))
    restarts = {"runs": len(found), "succeeded": succeeded}
    return {"restarts": restarts, "verdict": verdict.to_dict()}


def _run(
    source: Matrix, target: Matrix, config: AdversarialConfig, start: int, report: Report
) -> tuple[Floats, dict[str, Any]]:
    """Return the map of one start, refined, and what there is to tell of it."""

    def report_all(done: int, total: int, told: dict[str, float]) -> None:
        report(start * total + done, (config.restarts or MOST_RUNS) * total, told)

    game = Game.start(source, target, config, start)
    with one_blas_thread():  # a batch's products are small: several threads take 50x the time
        matrix, criteria = play(game, (source, target), report_all)
    told: dict[str, Any] = {
        "criteria": criteria,
        "discriminator_accuracy": game.accuracy(),
        "refined": [],
    }
    for _ in range(config.refinement):
        matrix = refine(source, target, matrix, device=config.device)
        told["refined"].append(criterion(source, target, matrix, device=config.device))
    told["criterion"] = told["refined"][-1] if told["refined"] else max(criteria)
    return matrix, told


@dataclass
class Game:
    """Both players, their rows and their source of chance."""

    source: Matrix
    target: Matrix
    config: AdversarialConfig
    matrix: Floats
    judge: Discriminator
    rng: np.random.Generator
    rate: float

    @classmethod
    def start(
        cls, source: Matrix, target: Matrix, config: AdversarialConfig, number: int = 0
    ) -> Game:
        """Begin at a rotation or reflection, each start at another one by chance."""
        xp = array_namespace(config.device)
        state = np.random.SeedSequence((config.seed, number)).generate_state(1, np.uint64)
        rng = xp.random.default_rng(int(state[0]))
        dim = source.shape[1]
        judge = Discriminator(dim, config.hidden, rng)
        own = np.random.default_rng((config.seed, number))
        matrix = np.linalg.qr(own.standard_normal((dim, dim)))[0].astype(np.float32)
        rows = xp.asarray(source), xp.asarray(target)
        return cls(*rows, config, xp.asarray(matrix), judge, rng, config.learning_rate)

    def draw(self) -> tuple[Floats, Floats]:
        """Return random source and target rows, each shape (batch, dim)."""
        size = self.config.batch
        rows = self.rng.integers(len(self.source), size=size)
        columns = self.rng.integers(len(self.target), size=size)
        return self.source[rows], self.target[columns]

    def labels(self, *, flipped: bool) -> Floats:
        """Return 1 for mapped source rows and 0 for target rows, smoothed; or the reverse."""
        ones = np.full_like(self.matrix, 1 - self.config.smoothing, shape=self.config.batch)
        both = (1 - ones, ones) if flipped else (ones, 1 - ones)
        return np.concatenate(both)

    def judged(self, source: Floats, target: Floats) -> tuple[Floats, Floats]:
        """Return what the discriminator sees, and which inputs it does see, scaled."""
        seen = np.concatenate([source @ self.matrix, target])
        kept = 1 - self.config.input_dropout
        mask = (self.rng.random(seen.shape, np.float32) < kept) / np.float32(kept)
        return seen * mask, mask

    def train_judge(self) -> float:
        """Take one step of the discriminator; return its loss."""
        seen, _ = self.judged(*self.draw())
        done = self.judge.forward(seen)
        loss, slope = cross_entropy(done.logits, self.labels(flipped=False))
        self.judge.step(self.judge.backward(done, slope)[0], self.config.learning_rate)
        return loss

    def train_map(self) -> None:
        """Take one step of the map against the discriminator."""
        source, target = self.draw()
        seen, mask = self.judged(source, target)
        done = self.judge.forward(seen)
        slope = cross_entropy(done.logits, self.labels(flipped=True))[1]
        flow = (self.judge.backward(done, slope)[1] * mask)[: len(source)]
        gradient = source.T @ flow
        if self.config.form == "autoencoder":
            _, back = reconstruction(source, self.matrix)
            gradient = gradient + np.float32(self.config.reconstruction) * back
        self.matrix = self.matrix - np.float32(self.rate) * gradient
        if self.config.form == "orthogonal":
            self.matrix = toward_rotation(self.matrix, self.config.orthogonality)

    def accuracy(self) -> float:
        """Return the discriminator's share of right answers; a half when it is beaten."""
        right = []
        for _ in range(max(1, 2000 // self.config.batch)):
            source, target = self.draw()
            right.append(float((self.judge.forward(source @ self.matrix).logits > 0).mean()))
            right.append(float((self.judge.forward(target).logits <= 0).mean()))
        return float(np.mean(right))


def play(game: Game, rows: tuple[Matrix, Matrix], report: Report) -> tuple[Floats, list[float]]:
    """Play all epochs; return the best epoch's map, and the criterion of each on the rows.

    Raises
    ------
    DivergenceError
        If the map leaves the finite numbers.
    """
    config = game.config
    steps = -(-config.samples // config.batch)
    best = on_host(game.matrix)
    criteria = [criterion(*rows, best, device=config.device)]
    for epoch in range(config.epochs):
        for i in range(steps):
            for _ in range(config.discriminator_steps):
                loss = game.train_judge()
            game.train_map()
            if i % max(1, steps // _REPORTS_PER_EPOCH) == 0:
                told = {"discriminator loss": loss, "criterion": criteria[-1]}
                report(epoch * steps + i, config.epochs * steps, told)
        matrix = on_host(game.matrix)
        if not np.isfinite(matrix).all():
            raise DivergenceError(
                f"the adversarial map diverged in epoch {epoch + 1}: choose a learning_rate "
                f"below {config.learning_rate}"
            )
        criteria.append(criterion(*rows, matrix, device=config.device))
        if criteria[-1] >= max(criteria):
            best = matrix
        game.rate *= config.decay if criteria[-1] >= criteria[-2] else config.decay / 2
    return best, criteria


def on_host(array: Any) -> Floats:  # noqa: ANN401  (CuPy has no types)
    """Return an array of either device as NumPy's."""
    return np.asarray(array.get() if hasattr(array, "get") else array)


def toward_rotation(matrix: Floats, strength: float) -> Floats:
    """Return a matrix pulled to the rotations: ``(1 + b) w - b (w w') w``.

    Examples
    --------
    >>> toward_rotation(np.diag([1.0, 2.0]), 0.1)
    array([[1. , 0. ],
           [0. , 1.4]])
    """
    pulled: Floats = (1 + strength) * matrix - strength * (matrix @ matrix.T) @ matrix
    return pulled.astype(matrix.dtype)


def reconstruction(rows: Floats, matrix: Floats) -> tuple[float, Floats]:
    """Return the mean of ``||x - x w w'||² / 2`` over the rows, and its gradient by the map."""
    mapped = rows @ matrix
    missed = mapped @ matrix.T - rows
    slope: Floats = (rows.T @ (missed @ matrix) + missed.T @ mapped) / len(rows)
    return float((missed**2).sum() / (2 * len(rows))), slope


def criterion(source: Matrix, target: Matrix, matrix: Floats, *, device: str = "cpu") -> float:
    """Return how well the spaces match, without a dictionary.

    The cosines of those of the most frequent source words that are their nearest target's
    nearest, summed and divided by the number of these words: near 1 only if most words have
    a close partner of their own.
    """
    frequent = source[:_CRITERION_WORDS] @ matrix.astype(np.float32)
    scores = mutual_neighbors(frequent, target[:_CRITERION_WORDS], device=device)[2]
    return float(scores.sum() / len(frequent))


def refine(source: Matrix, target: Matrix, matrix: Floats, *, device: str = "cpu") -> Floats:
    """Return the orthogonal map fitted to the mutual nearest neighbours under a map."""
    frequent = source[:_CRITERION_WORDS]
    mapped = frequent @ matrix.astype(np.float32)
    rows, columns, _ = mutual_neighbors(mapped, target, device=device)
    if len(rows) == 0:
        return matrix
    return fit_orthogonal(frequent[rows], target[columns], device=device)
