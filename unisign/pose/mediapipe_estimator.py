"""Keypoints by MediaPipe Holistic, whose models are inside its package: nothing is downloaded."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from unisign.optional import import_extra, sha256_of, versions_of
from unisign.pose.mediapipe_people import PeopleFinder
from unisign.pose.pose_estimator import PoseEstimator
from unisign.pose.signer_choice import SignerRule, SignerTracker
from unisign.registry import POSE_ESTIMATORS
from unisign.structures.mediapipe_layout import to_whole_body

# Models of the package that Holistic with this complexity reads.
_MODELS = (
    *('pose_detection', 'pose_landmark_full', 'hand_recrop', 'hand_landmark_full', 'palm_detection_full'),
    *('face_detection_short_range', 'face_landmark'),
)
_LEFT_WRIST, _RIGHT_WRIST, _LEFT_ELBOW, _RIGHT_ELBOW, _SHOULDERS = 15, 16, 13, 14, [11, 12]
# A hand counts as that of the wrist if its root is not farther away than this, in widths of the shoulders.
_FARTHEST_ROOT = 0.5


@POSE_ESTIMATORS.register_module()
class MediaPipeEstimator(PoseEstimator):
    """Body, hands and face of one signer, 543 landmarks as 133 points; runs on the CPU.

    MediaPipe gives no score for the points of hands and face: they have 1 where it found the part. What it did not find
    has score 0. Body points have its ``visibility``.

    Where the pose shows a wrist and Holistic found no hand there, a second search looks at that place alone, enlarged:
    small video loses most of its hands without it.

    Args:
        second_search: search missing hands a second time.
        hand_threshold: confidence from which on that search takes a hand, 0..1.
        upscale_to: enlarge frames so that their shorter side has this many pixels; 0: never.
        detect_every: look for people every so many frames; 0: MediaPipe takes whomever it finds in the whole frame.
        signer: fields of ``SignerRule``: who of several people is the signer.
        threshold: confidence from which on Holistic takes a person, 0..1.
        chunk: frames in memory at a time.
    """

    def __init__(
        self,
        second_search: bool = True,
        hand_threshold: float = 0.3,
        upscale_to: int = 0,
        detect_every: int = 0,
        signer: Mapping[str, Any] | None = None,
        threshold: float = 0.5,
        chunk: int = 64,
    ) -> None:
        super().__init__(chunk)
        self.second_search, self.hand_threshold = second_search, hand_threshold
        self.upscale_to, self.detect_every, self.threshold = upscale_to, detect_every, threshold
        self.rule = SignerRule(**(signer or {}))

    def describe(self) -> dict[str, object]:
        """Return what made the keypoints, see ``PoseEstimator.describe``."""
        folder = Path(str(import_extra('mediapipe', 'MediaPipeEstimator').__file__)).parent / 'modules'
        weights = {path.name: sha256_of(path) for path in sorted(folder.rglob('*.tflite')) if path.stem in _MODELS}
        settings = {name: getattr(self, name) for name in ('second_search', 'hand_threshold', 'upscale_to')}
        settings |= {'detect_every': self.detect_every, 'threshold': self.threshold, 'signer': vars(self.rule)}
        return {
            'estimator': type(self).__name__,
            'weights': weights,
            'versions': versions_of('mediapipe', 'numpy', 'opencv-python-headless'),
            'settings': settings,
        }

    def _estimate(self, chunks: Iterator[list[np.ndarray]]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        solutions = import_extra('mediapipe', 'MediaPipeEstimator').solutions
        tracker = SignerTracker(self.rule)
        crop: tuple[int, int, int, int] | None = None
        with (
            solutions.holistic.Holistic(min_detection_confidence=self.threshold) as holistic,
            solutions.hands.Hands(
                static_image_mode=True, max_num_hands=2, min_detection_confidence=self.hand_threshold
            ) as hands,
            PeopleFinder(solutions, self.threshold) as people,
        ):
            for frames in chunks:
                if self.detect_every:
                    found = {i: people.find(frames[i]) for i in range(0, len(frames), self.detect_every)}
                    crop = _crop_of(tracker.follow(frames, found), frames[0], crop)
                points = [self._frame(frame, crop, holistic, hands) for frame in frames]
                yield np.stack([keypoints for keypoints, _ in points]), np.stack([scores for _, scores in points])

    def _frame(
        self, frame: np.ndarray, crop: tuple[int, int, int, int] | None, holistic: Any, hands: Any
    ) -> tuple[np.ndarray, np.ndarray]:
        height, width = frame.shape[:2]
        x1, y1, x2, y2 = crop or (0, 0, width, height)
        part = frame[y1:y2, x1:x2]
        image = _enlarged(part, self.upscale_to)
        result = holistic.process(image)
        pose = _landmarks(result.pose_landmarks, scored=True)
        found = {'left': _landmarks(result.left_hand_landmarks), 'right': _landmarks(result.right_hand_landmarks)}
        if self.second_search and pose is not None:
            for side in ('left', 'right'):
                if found[side] is None:
                    found[side] = _search_hand(part, pose, side, found, hands)
        face = _landmarks(result.face_landmarks)
        parts = (pose, found['left'], found['right'], face)
        scale, origin = np.array([(x2 - x1) / width, (y2 - y1) / height]), np.array([x1 / width, y1 / height])
        for points in parts:
            if points is not None:
                points[:, :2] = points[:, :2] * scale + origin
        return to_whole_body(*parts)


def _landmarks(landmarks: Any, scored: bool = False) -> np.ndarray | None:
    """Return MediaPipe's landmarks as [N, 3]: x, y as fractions of the image, score."""
    if landmarks is None:
        return None
    return np.array(
        [(point.x, point.y, point.visibility if scored else 1.0) for point in landmarks.landmark], dtype=np.float64
    )


def _enlarged(image: np.ndarray, shorter_side: int) -> np.ndarray:
    factor = shorter_side / min(image.shape[:2])
    if factor <= 1:
        return np.ascontiguousarray(image)
    return cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_CUBIC)


def _search_hand(
    image: np.ndarray, pose: np.ndarray, side: str, found: Mapping[str, np.ndarray | None], hands: Any
) -> np.ndarray | None:
    """Return the hand at a wrist, [21, 3] as fractions of ``image``; None if none is seen there.

    The window has twice the width of the shoulders, and lies where the forearm points to.
    """
    height, width = image.shape[:2]
    size = np.array([width, height])
    wrist, elbow = (_LEFT_WRIST, _LEFT_ELBOW) if side == 'left' else (_RIGHT_WRIST, _RIGHT_ELBOW)
    joint = pose[wrist, :2] * size
    shoulders = float(np.linalg.norm((pose[_SHOULDERS[0], :2] - pose[_SHOULDERS[1], :2]) * size))
    centre = joint + 0.35 * (joint - pose[elbow, :2] * size)
    half = max(0.6 * shoulders, 16.0)
    x1, y1 = np.maximum(np.floor(centre - half), 0).astype(int)
    x2, y2 = np.minimum(np.ceil(centre + half), size).astype(int)
    if x2 - x1 < 8 or y2 - y1 < 8 or not (pose[wrist, :2] >= -0.05).all() or not (pose[wrist, :2] <= 1.05).all():
        return None
    result = hands.process(_enlarged(image[y1:y2, x1:x2], 256))
    other = found['right' if side == 'left' else 'left']
    nearest, least = None, _FARTHEST_ROOT * shoulders
    for landmarks, handedness in zip(result.multi_hand_landmarks or (), result.multi_handedness or (), strict=True):
        hand = _landmarks(landmarks)
        assert hand is not None  # MediaPipe lists what it found
        hand[:, :2] = (hand[:, :2] * (x2 - x1, y2 - y1) + (x1, y1)) / size
        hand[:, 2] = handedness.classification[0].score
        distance = float(np.linalg.norm(hand[0, :2] * size - joint))
        if distance < least and not _same_hand(hand, other, size, 0.2 * shoulders):
            nearest, least = hand, distance
    return nearest


def _same_hand(hand: np.ndarray, other: np.ndarray | None, size: np.ndarray, distance: float) -> bool:
    """Return whether two hands [21, 3] are on average less than ``distance`` pixels apart."""
    if other is None:
        return False
    return bool(np.linalg.norm((hand[:, :2] - other[:, :2]) * size, axis=1).mean() < distance)


def _crop_of(
    boxes: np.ndarray | None, frame: np.ndarray, last: tuple[int, int, int, int] | None
) -> tuple[int, int, int, int] | None:
    """Return the part of the frame that holds the signer's boxes with reach; the last one while it still does.

    A window that stays where it is lets MediaPipe follow its landmarks from frame to frame.
    """
    if boxes is None:
        return last
    height, width = frame.shape[:2]
    x1, y1, x2, y2 = boxes[:, 0].min(), boxes[:, 1].min(), boxes[:, 2].max(), boxes[:, 3].max()
    if last is not None and last[0] <= x1 and last[1] <= y1 and last[2] >= x2 and last[3] >= y2:
        return last
    reach = 0.25 * (x2 - x1)
    return max(int(x1 - reach), 0), 0, min(int(x2 + reach) + 1, width), height
