"""Is one system better than another on the same clips, or was it chance? Paired bootstrap and randomisation.

Bootstrap: clips are drawn with replacement and both systems are scored on the same draw (Koehn 2004, "Statistical
significance tests for machine translation evaluation"). Randomisation: clip by clip the two answers are swapped or not
(Noreen 1989; Riezler and Maxwell 2005). ``sacrebleu`` has both for its own scores; here they are for all scores, in
memory that does not grow with the number of resamples, and the bootstrap's p-value has two sides: it counts how often
the resampled difference strays from the observed one by as much as that is away from 0, in either direction.
(``sacrebleu`` 2.6 counts one direction of an absolute difference: there p < 0.05 comes for 10 % of equal systems.)
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from unisign.analysis.paired_statistics import PairedStatistics

_CHUNK = 2**23  # numbers in one matrix of weights: 64 MiB
_TOLERANCE = 1e-9  # of two differences that are the same but for rounding


@dataclass(frozen=True)
class Comparison:
    """One score of two systems.

    Attributes:
        name: the score's.
        a: score of the first system.
        b: score of the second.
        low: lower end of the 95 % interval of ``b - a`` (bootstrap percentiles).
        high: its upper end.
        p_bootstrap: two-sided p-value that the difference is chance, by the bootstrap.
        p_randomisation: the same, by swapping answers.
        b_better: share of the resamples in which the second system is the better one, 0..1; ties count half.
        higher_is_better: False for error rates.
    """

    name: str
    a: float
    b: float
    low: float
    high: float
    p_bootstrap: float
    p_randomisation: float
    b_better: float
    higher_is_better: bool = True

    @property
    def difference(self) -> float:
        """Score of the second system minus that of the first."""
        return self.b - self.a


def compare(statistics: PairedStatistics, resamples: int = 1000, seed: int = 12345) -> Comparison:
    """Return the comparison of two systems by one score.

    Args:
        statistics: the score's, of both systems.
        resamples: draws for the bootstrap, and swaps for the randomisation.
        seed: of both. The same seed gives all scores the same draws of clips.
    """
    ones = np.ones((1, len(statistics.a)))
    a, b = (float(statistics.score(_sums(ones, own, statistics.classes))[0]) for own in (statistics.a, statistics.b))
    observed = b - a
    drawn = bootstrap_differences(statistics, resamples, seed)
    swapped = randomised_differences(statistics, resamples, seed)
    low, high = np.percentile(drawn, (2.5, 97.5))
    sign = 1 if statistics.higher_is_better else -1
    better = (sign * drawn > _TOLERANCE).mean() + 0.5 * (np.abs(drawn) <= _TOLERANCE).mean()
    return Comparison(
        statistics.name, a, b, float(low), float(high),
        _p_value(drawn - observed, observed), _p_value(swapped, observed),
        float(better), statistics.higher_is_better,
    )  # fmt: skip


def bootstrap_differences(statistics: PairedStatistics, resamples: int, seed: int) -> np.ndarray:
    """Return score b minus score a on each draw of clips, float64 [resamples]."""
    number, rng = len(statistics.a), np.random.default_rng(seed)

    def draw(rows: int) -> np.ndarray:
        drawn = rng.choice(number, size=(rows, number), replace=True)
        return np.stack([np.bincount(row, minlength=number) for row in drawn]).astype(np.float64)

    return np.concatenate(
        [
            statistics.score(_sums(weights, statistics.b, statistics.classes))
            - statistics.score(_sums(weights, statistics.a, statistics.classes))
            for weights in _chunks(draw, number, resamples)
        ]
    )


def randomised_differences(statistics: PairedStatistics, resamples: int, seed: int) -> np.ndarray:
    """Return score b minus score a with each clip's answers swapped or not, float64 [resamples]."""
    number, rng = len(statistics.a), np.random.default_rng(seed)

    def draw(rows: int) -> np.ndarray:
        return rng.integers(2, size=(rows, number), dtype=bool).astype(np.float64)

    ones = np.ones((1, number))
    total_a, total_b = (_sums(ones, own, statistics.classes) for own in (statistics.a, statistics.b))
    found = []
    for kept in _chunks(draw, number, resamples):
        change = _sums(kept, statistics.a - statistics.b, statistics.classes)
        found.append(statistics.score(total_a - change) - statistics.score(total_b + change))
    return np.concatenate(found)


def _chunks(draw: Callable[[int], np.ndarray], number: int, resamples: int) -> Iterator[np.ndarray]:
    """Yield ``resamples`` rows of weights, float64 [R, N], some at a time."""
    rows = max(1, _CHUNK // number)
    for start in range(0, resamples, rows):
        yield draw(min(rows, resamples - start))


def _sums(weights: np.ndarray, values: np.ndarray, classes: np.ndarray | None) -> np.ndarray:
    """Return the weighted sums of ``values`` [N, K] for each row of ``weights`` [R, N]: [R, K], or [R, C, K]."""
    if classes is None:
        return weights @ values
    order = np.argsort(classes, kind='stable')
    starts = np.flatnonzero(np.diff(classes[order], prepend=-1))
    weighted = weights[:, order]
    return np.stack([np.add.reduceat(weighted * column[order], starts, axis=1) for column in values.T], axis=2)


def _p_value(differences: np.ndarray, observed: float) -> float:
    """Return the share of ``differences`` that are as far from 0 as ``observed``, which counts as one of them."""
    extreme = np.abs(differences) >= abs(observed) - _TOLERANCE
    return float(extreme.sum() + 1) / (len(differences) + 1)
