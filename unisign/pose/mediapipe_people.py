"""Several people by MediaPipe, whose pose model sees one at a time."""

from types import TracebackType
from typing import Any

import numpy as np

from unisign.pose.signer_choice import overlap

# Pose landmarks of the upper body: nose to hips, without hands.
_UPPER_BODY = [0, 7, 8, 11, 12, 13, 14, 15, 16, 23, 24]
_LEAST_VISIBILITY = 0.5
# Boxes with more overlap are the same person, seen in two windows.
_SAME_PERSON = 0.4


class PeopleFinder:
    """A context manager that looks for people in upright windows side by side, which overlap by half.

    Args:
        solutions: ``mediapipe.solutions``.
        threshold: confidence from which on a person is taken, 0..1.
    """

    def __init__(self, solutions: Any, threshold: float) -> None:
        self._solutions, self._threshold = solutions, threshold
        self._pose: Any = None

    def __enter__(self) -> 'PeopleFinder':
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._pose is not None:
            self._pose.close()

    def find(self, image: np.ndarray) -> np.ndarray:
        """Return boxes float64 [P, 4] (x1, y1, x2, y2 in pixels) around the upper bodies of the people in ``image``.

        Args:
            image: uint8 RGB [H, W, 3].
        """
        if self._pose is None:
            self._pose = self._solutions.pose.Pose(static_image_mode=True, min_detection_confidence=self._threshold)
        people: list[tuple[float, np.ndarray]] = []
        for start, end in windows(*image.shape[:2]):
            landmarks = self._pose.process(np.ascontiguousarray(image[:, start:end])).pose_landmarks
            if landmarks is None:
                continue
            points = np.array([(point.x, point.y, point.visibility) for point in landmarks.landmark])[_UPPER_BODY]
            seen = points[
                (points[:, 2] > _LEAST_VISIBILITY) & (points[:, :2] >= 0).all(1) & (points[:, :2] <= 1).all(1)
            ]
            if len(seen) < 4:
                continue
            corners = np.concatenate([seen[:, :2].min(axis=0), seen[:, :2].max(axis=0)])
            box = corners * np.tile((end - start, image.shape[0]), 2) + (start, 0, start, 0)
            # A body cut by the window's edge is seen better in the next window.
            people.append((float(seen[:, 2].sum()), box))
        return best_boxes(people)


def windows(height: int, width: int) -> list[tuple[int, int]]:
    """Return first and last column (exclusive) of the windows: as wide as the frame is high, half a window apart."""
    if width <= 1.2 * height:
        return [(0, width)]
    count = int(np.ceil((width - height) / (height / 2))) + 1
    return [(start, start + height) for start in np.linspace(0, width - height, count).astype(int).tolist()]


def best_boxes(people: list[tuple[float, np.ndarray]]) -> np.ndarray:
    """Return boxes [P, 4] without those that overlap a better one by much.

    Args:
        people: confidence and box [4] of each.
    """
    kept: list[np.ndarray] = []
    for _, box in sorted(people, key=lambda person: -person[0]):
        if all(overlap(box, other) < _SAME_PERSON for other in kept):
            kept.append(box)
    return np.array(kept).reshape(-1, 4)
