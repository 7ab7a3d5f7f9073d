"""Where the hands are and how fast they move, frame by frame, in units of the signer's own body and of seconds."""

from collections import deque
from dataclasses import dataclass

import numpy as np

from unisign.structures.keypoint_layout import LEFT_HAND_START, RIGHT_HAND_START

_SHOULDERS = [5, 6]
_WRISTS = (9, 10)
# Root and knuckles: what of a hand is found best. Fingertips tell more of the fingers than of the hand.
_PALM = (0, 5, 9, 13, 17)
_HANDS = (LEFT_HAND_START, RIGHT_HAND_START)
_SIDE_POINTS = tuple([wrist, *(start + i for i in _PALM)] for wrist, start in zip(_WRISTS, _HANDS, strict=True))
_FEWEST_POINTS = 3
_SHOULDER_MEMORY = 1.0  # seconds over which the width of the shoulders is averaged


@dataclass(frozen=True)
class HandState:
    """One hand in one frame.

    Attributes:
        seen: whether its keypoints can be trusted; if not, the rest means nothing.
        height: how far it lies below the middle of the shoulders, in shoulder widths.
        speed: shoulder widths per second, against the shoulders.
    """

    seen: bool
    height: float = 0.0
    speed: float = 0.0


class HandMotion:
    """Measures both hands of one signer, frame after frame.

    Positions are taken against the middle of the shoulders, so a signer who sways or a camera that pans moves no hand.
    Speed is that of wrist and palm over the last ``lag`` seconds, whatever the frame rate: the median of six points,
    each with its own noise, so that neither jitter nor one point gone astray counts as motion. A hand whose keypoints
    have low scores (they lie anywhere then) is not seen; for ``patience`` seconds its last state stands.

    Args:
        frame_rate: frames per second.
        frame_size: width and height in pixels, or None for square frames: only their ratio counts.
        score_threshold: score from which on a keypoint counts, 0..1.
        lag: seconds over which speed is measured.
        patience: seconds for which a hand that is lost counts as what it was.
    """

    def __init__(
        self,
        frame_rate: float,
        frame_size: tuple[int, int] | None = None,
        score_threshold: float = 0.3,
        lag: float = 0.08,
        patience: float = 0.2,
    ) -> None:
        self.score_threshold, self.frame_rate = score_threshold, frame_rate
        width, height = frame_size or (1, 1)
        self._scale = np.array([width / height, 1.0])
        self._lag = max(1, round(lag * frame_rate))
        self._patience = round(patience * frame_rate)
        self._weight = 1 - float(np.exp(-1 / (_SHOULDER_MEMORY * frame_rate)))
        self._unit: float | None = None
        self._middle = np.zeros(2)
        self._past: tuple[deque, deque] = (deque(maxlen=self._lag), deque(maxlen=self._lag))
        self._last = [HandState(False), HandState(False)]
        self._missing = [0, 0]

    def __call__(self, keypoints: np.ndarray, scores: np.ndarray) -> tuple[HandState, HandState]:
        """Return the left and the right hand of the next frame.

        Args:
            keypoints: [133, 2], fractions of the frame.
            scores: [133].
        """
        points = keypoints * self._scale
        self._measure_shoulders(points, scores)
        return self._hand(0, points, scores), self._hand(1, points, scores)

    def _measure_shoulders(self, points: np.ndarray, scores: np.ndarray) -> None:
        if scores[_SHOULDERS].min() < self.score_threshold:
            return
        left, right = points[_SHOULDERS]
        width = float(np.hypot(*(left - right)))
        if width > 0:
            self._middle = (left + right) / 2
            self._unit = width if self._unit is None else self._unit + self._weight * (width - self._unit)

    def _hand(self, side: int, points: np.ndarray, scores: np.ndarray) -> HandState:
        numbers = _SIDE_POINTS[side]
        good = scores[numbers] >= self.score_threshold
        state = HandState(False)
        if self._unit is None:
            return state
        # The wrist alone is enough: estimators that lose a hand often keep the arm.
        if good.sum() >= _FEWEST_POINTS or good[0]:
            places = (points[numbers] - self._middle) / self._unit
            places[~good] = np.nan
            state = HandState(True, float(np.nanmedian(places[:, 1])), self._speed(side, places))
            self._past[side].append(places)
            self._last[side], self._missing[side] = state, 0
        else:
            self._past[side].append(None)
            self._missing[side] += 1
            if self._missing[side] <= self._patience:
                state = self._last[side]
        return state

    def _speed(self, side: int, places: np.ndarray) -> float:
        """Return the median speed of the points that the frame ``lag`` seconds ago (or the next behind it) has too."""
        past = self._past[side]
        for age, before in zip(range(len(past), 0, -1), past, strict=True):
            if before is None:
                continue
            way = places - before
            way = way[~np.isnan(way[:, 0])]
            if len(way):
                return float(np.median(np.hypot(way[:, 0], way[:, 1]))) * self.frame_rate / age
        return 0.0
