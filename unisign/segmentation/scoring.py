"""How well found segments match the true ones: precision, recall and F1 at a least intersection over union."""

from collections.abc import Sequence
from dataclasses import dataclass

Interval = tuple[float, float]


@dataclass(frozen=True)
class SegmentScores:
    """Counts of matched segments; those of several videos are added up with ``+``.

    Attributes:
        matched: pairs of a found and a true segment.
        found: found segments.
        true: true segments.
    """

    matched: int = 0
    found: int = 0
    true: int = 0

    def __add__(self, other: 'SegmentScores') -> 'SegmentScores':
        return SegmentScores(self.matched + other.matched, self.found + other.found, self.true + other.true)

    @property
    def precision(self) -> float:
        """Share of the found segments that are right, 0..1; 1 if none was found."""
        return self.matched / self.found if self.found else 1.0

    @property
    def recall(self) -> float:
        """Share of the true segments that were found, 0..1; 1 if there are none."""
        return self.matched / self.true if self.true else 1.0

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall, 0..1; 1 if there is nothing to find and nothing was found."""
        both = self.found + self.true
        return 2 * self.matched / both if both else 1.0


def segment_scores(found: Sequence[Interval], true: Sequence[Interval], least_overlap: float = 0.5) -> SegmentScores:
    """Match found with true segments, each at most once, so that as many pairs as possible are made.

    Args:
        found: (start, end), in any unit, in any order.
        true: likewise, in the same unit.
        least_overlap: intersection over union from which on two segments may be a pair, above 0.

    Raises:
        ValueError: if ``least_overlap`` is not in (0, 1].
    """
    if not 0 < least_overlap <= 1:
        raise ValueError(f'least_overlap should be above 0 and at most 1, got {least_overlap}')
    allowed = [[i for i, other in enumerate(true) if interval_overlap(one, other) >= least_overlap] for one in found]
    return SegmentScores(_largest_matching(allowed), len(found), len(true))


def interval_overlap(one: Interval, other: Interval) -> float:
    """Return the intersection over union, 0..1, of two intervals (start, end)."""
    shared = min(one[1], other[1]) - max(one[0], other[0])
    union = max(one[1], other[1]) - min(one[0], other[0])
    return shared / union if shared > 0 else 0.0


def _largest_matching(allowed: Sequence[Sequence[int]]) -> int:
    """Return how many left nodes can be paired; ``allowed`` lists the right nodes of each (augmenting paths)."""
    partner: dict[int, int] = {}

    def pair(left: int, visited: set[int]) -> bool:
        for right in allowed[left]:
            if right not in visited:
                visited.add(right)
                if right not in partner or pair(partner[right], visited):
                    partner[right] = left
                    return True
        return False

    return sum(pair(left, set()) for left in range(len(allowed)))
