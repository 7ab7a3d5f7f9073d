"""``Poses``: the keypoints of one clip."""

from dataclasses import dataclass, replace

import numpy as np

from unisign.structures.errors import ClipError
from unisign.structures.keypoint_layout import NUM_KEYPOINTS

# Coordinates are fractions of the frame's width and height. A detector may place points a little outside the frame
# (hands and face in real files reach 1.9); frames whose points lie mostly beyond this can only be pixels. Legs are not
# asked: of a signer who sits close to the camera they are guessed far below the frame (3.8 in real files).
LARGEST_FRACTION = 2.0
LARGEST_OUTSIDE_SHARE = 0.05
LEGS = slice(11, 23)


@dataclass(frozen=True)
class Poses:
    """Keypoints of one signer over T frames.

    Attributes:
        keypoints: float32 [T, 133, 2]; x and y divided by frame width and height, so about 0..1.
        scores: float32 [T, 133]; confidence, about 0..1 (values above 1 occur); 0 where a point is missing.
        frame_size: width and height of the video's frames in pixels; None if unknown.
        frame_rate: frames per second; None if unknown.
        frame_ids: int64 [T]; which frame of the whole clip each entry is, counted at ``frame_rate``; for poses with an
            entry for every video frame that is the video frame. None means 0..T-1.
    """

    keypoints: np.ndarray
    scores: np.ndarray
    frame_size: tuple[int, int] | None = None
    frame_rate: float | None = None
    frame_ids: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.keypoints)

    def select(self, indices: np.ndarray) -> 'Poses':
        """Return the frames ``indices`` (int [N], into this clip) as a clip of their own."""
        frame_ids = np.arange(len(self)) if self.frame_ids is None else self.frame_ids
        return replace(
            self,
            keypoints=self.keypoints[indices],
            scores=self.scores[indices],
            frame_ids=np.asarray(frame_ids, dtype=np.int64)[indices],
        )

    def validate(self, source: object) -> 'Poses':
        """Return self if the arrays are what the class says.

        Args:
            source: the file or clip to name in the error.

        Raises:
            ClipError: for wrong shapes, no frames, values that are not finite, or pixel coordinates.
        """
        expected = (len(self.keypoints), NUM_KEYPOINTS, 2)
        if self.keypoints.shape != expected or self.scores.shape != expected[:2]:
            raise ClipError(
                source,
                f'expected keypoints [T, 133, 2] and scores [T, 133], got {list(self.keypoints.shape)} and '
                f'{list(self.scores.shape)}.',
                'Export COCO-WholeBody keypoints, one person a frame.',
            )
        if len(self) == 0:
            raise ClipError(source, 'the clip has no frames.', 'Remove it from the annotations or extract it again.')
        for name, values in (('keypoints', self.keypoints), ('scores', self.scores)):
            bad = ~np.isfinite(values).reshape(len(self), -1).all(axis=1)
            if bad.any():
                raise ClipError(
                    source,
                    f'{name} hold NaN or infinity in {bad.sum()} of {len(self)} frames (first: frame {bad.argmax()}).',
                    'Set missing points to (0, 0) with score 0, or extract the clip again.',
                )
        seen = self.scores > 0
        seen[:, LEGS] = False
        outside = (np.abs(self.keypoints) > LARGEST_FRACTION).any(axis=2) & seen
        outside_frames = 2 * outside.sum(axis=1) > seen.sum(axis=1)
        if outside_frames.mean() > LARGEST_OUTSIDE_SHARE:
            raise ClipError(
                source,
                f'most points of {outside_frames.sum()} of {len(self)} frames lie far outside [0, 1] (largest value '
                f'{np.abs(self.keypoints[outside]).max():.1f}): these look like pixel coordinates.',
                'Divide x by the frame width and y by the frame height (w_h in the file may be swapped).',
            )
        return self
