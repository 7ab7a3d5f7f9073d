"""Which of several people is the signer, and where he or she is in every frame.

People are detected every few frames. Detections are joined to tracks by the overlap of their boxes. At the first frames
with a person, each track gets

    size * (share of the largest box) + centre * (1 - distance from the middle) + motion * (share of the largest motion)

and the one with most is the signer from then on, until out of sight for longer than ``patience`` detections.
"""

from dataclasses import dataclass, field

import numpy as np

# Width of the grey images in which motion is measured, in pixels.
_MOTION_WIDTH = 96


@dataclass(frozen=True)
class SignerRule:
    """How much each property counts; they are 0..1 each.

    Attributes:
        size: height of the box, against the largest one.
        centre: 1 where the box is in the middle of the frame's width, 0 at its edge.
        motion: mean change of brightness from frame to frame inside the box, where arms and hands are, against the
            largest one.
        overlap: intersection over union from which on two boxes are of the same person.
        patience: detections in a row that may miss the signer before another choice is made.

    Raises:
        ValueError: if a weight is negative, or all are 0.
    """

    size: float = 1.0
    centre: float = 0.5
    motion: float = 1.0
    overlap: float = 0.3
    patience: int = 8

    def __post_init__(self) -> None:
        weights = self.size, self.centre, self.motion
        if min(weights) < 0 or sum(weights) == 0:
            raise ValueError(f'weights of size, centre and motion should be 0 or more, one above 0, got {weights}')


@dataclass
class _Track:
    """One person: boxes [4] (x1, y1, x2, y2 in pixels) by frame of the chunk."""

    boxes: dict[int, np.ndarray] = field(default_factory=dict)

    @property
    def last(self) -> np.ndarray:
        return self.boxes[max(self.boxes)]


class SignerTracker:
    """Follows the signer through one clip, chunk by chunk.

    Args:
        rule: who is the signer.
    """

    def __init__(self, rule: SignerRule) -> None:
        self.rule = rule
        self._box: np.ndarray | None = None
        self._missed = 0

    def follow(self, frames: list[np.ndarray], detections: dict[int, np.ndarray]) -> np.ndarray | None:
        """Return the signer's box in every frame of a chunk, float64 [n, 4], x1, y1, x2, y2 in pixels.

        Between two detections boxes are interpolated; before the first and behind the last one they stand still.

        Args:
            frames: the chunk, n images uint8 [H, W, 3].
            detections: frame of the chunk -> boxes [P, 4] of the people found in it; P may be 0.

        Returns:
            None if nobody is there and nobody was before.
        """
        tracks = self._tracks(detections)
        own = self._continued(tracks)
        if own is None:
            self._missed += len(detections)
            if self._box is not None and self._missed <= self.rule.patience:
                return np.repeat(self._box[None], len(frames), axis=0)
            if not tracks:
                return None if self._box is None else np.repeat(self._box[None], len(frames), axis=0)
            own = self._chosen(frames, tracks)
        self._missed, self._box = 0, own.last
        return _interpolated(own.boxes, len(frames))

    def _tracks(self, detections: dict[int, np.ndarray]) -> list[_Track]:
        tracks: list[_Track] = []
        for frame in sorted(detections):
            taken: set[int] = set()
            boxes = np.asarray(detections[frame], dtype=np.float64).reshape(-1, 4)
            for box in boxes:
                overlaps = [0.0 if i in taken else overlap(track.last, box) for i, track in enumerate(tracks)]
                if overlaps and max(overlaps) >= self.rule.overlap:
                    taken.add(best := int(np.argmax(overlaps)))
                    tracks[best].boxes[frame] = box
                else:
                    taken.add(len(tracks))
                    tracks.append(_Track({frame: box}))
        return tracks

    def _continued(self, tracks: list[_Track]) -> _Track | None:
        """Return the track that begins where the signer was last."""
        if self._box is None or not tracks:
            return None
        overlaps = [overlap(self._box, track.boxes[min(track.boxes)]) for track in tracks]
        best = int(np.argmax(overlaps))
        return tracks[best] if overlaps[best] >= self.rule.overlap else None

    def _chosen(self, frames: list[np.ndarray], tracks: list[_Track]) -> _Track:
        width = frames[0].shape[1]
        boxes = np.stack([np.mean(list(track.boxes.values()), axis=0) for track in tracks])
        seen = np.array([len(track.boxes) for track in tracks], dtype=np.float64)
        heights = boxes[:, 3] - boxes[:, 1]
        centre = 1 - np.abs(boxes[:, [0, 2]].mean(axis=1) / width - 0.5) * 2
        motion = motion_in_boxes(frames, boxes)
        value = (
            self.rule.size * heights / max(heights.max(), 1)
            + self.rule.centre * np.clip(centre, 0, 1)
            + self.rule.motion * motion / max(motion.max(), 1e-9)
        )
        return tracks[int(np.argmax(value * seen / seen.max()))]  # someone who only passes is no signer


def motion_in_boxes(frames: list[np.ndarray], boxes: np.ndarray) -> np.ndarray:
    """Return the mean change of brightness from frame to frame in each box, float64 [P], in grey levels.

    Args:
        frames: n images uint8 [H, W, 3]; one alone has no motion.
        boxes: [P, 4], x1, y1, x2, y2 in pixels.
    """
    step = max(1, frames[0].shape[1] // _MOTION_WIDTH)
    if len(frames) < 2:
        return np.zeros(len(boxes))
    grey = np.stack([frame[::step, ::step].mean(axis=2) for frame in frames])
    change = np.abs(np.diff(grey, axis=0)).mean(axis=0)
    means = []
    for x1, y1, x2, y2 in np.floor(np.maximum(boxes, 0) / step).astype(int):
        part = change[y1 : y2 + 1, x1 : x2 + 1]
        means.append(part.mean() if part.size else 0.0)
    return np.array(means)


def overlap(one: np.ndarray, other: np.ndarray) -> float:
    """Return the intersection over union, 0..1, of two boxes [4]: x1, y1, x2, y2."""
    sides = np.minimum(one[2:], other[2:]) - np.maximum(one[:2], other[:2])
    if (sides <= 0).any():
        return 0.0
    shared = sides.prod()
    return float(shared / ((one[2:] - one[:2]).prod() + (other[2:] - other[:2]).prod() - shared))


def _interpolated(boxes: dict[int, np.ndarray], count: int) -> np.ndarray:
    frames = sorted(boxes)
    values = np.stack([boxes[frame] for frame in frames])
    return np.stack([np.interp(np.arange(count), frames, values[:, side]) for side in range(4)], axis=1)
