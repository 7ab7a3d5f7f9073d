"""Poses in, frame by frame; finished segments of signing with their poses out: the same for files and for cameras."""

from collections import deque
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from unisign.segmentation import Segment, SegmentRule, SigningSegmenter
from unisign.structures import NUM_KEYPOINTS, Poses

# Where frames are missing for longer than this, nobody knows what the hands did.
_LONGEST_GUESS = 0.5  # seconds


@dataclass(frozen=True)
class Piece:
    """A segment and what was seen in it.

    Attributes:
        segment: where it is on the even timeline.
        poses: one entry a frame of the segment.
        notes: what was pushed with each frame; where one is missing, that of the frame before it.
    """

    segment: Segment
    poses: Poses
    notes: list[Any]


@dataclass(frozen=True)
class _Entry:
    keypoints: np.ndarray
    scores: np.ndarray
    note: Any


class SegmentStream:
    """Puts frames on an even timeline, finds the segments, and keeps the poses of the running one, no more.

    Frames have numbers on the timeline: ``round(seconds * frame_rate)``. Where numbers are left out (dropped frames, or
    a video whose frames come unevenly) points are interpolated between the neighbours, as ``resample`` does it; over
    gaps of more than half a second nothing is known. Of two frames with one number the first counts.

    Args:
        frame_rate: of the timeline, per second.
        frame_size: width and height in pixels, None if unknown.
        rule: what counts as signing.
    """

    def __init__(
        self, frame_rate: float, frame_size: tuple[int, int] | None = None, rule: SegmentRule | None = None
    ) -> None:
        self.frame_rate, self.frame_size = frame_rate, frame_size
        self._segmenter = SigningSegmenter(frame_rate, frame_size, rule)
        self._kept: deque[_Entry] = deque()
        self._first = 0  # number of the first kept frame
        self._margin = round(self._segmenter.rule.padding * frame_rate) + 1

    def push(self, number: int, keypoints: np.ndarray, scores: np.ndarray, note: Any = None) -> list[Piece]:
        """Take a frame and return the pieces that are finished by it.

        Args:
            number: on the timeline; one that was there already is passed over.
            keypoints: float32 [133, 2], fractions of the frame.
            scores: float32 [133].
            note: kept with the frame.
        """
        new = _Entry(keypoints, scores, note)
        done: list[Piece] = []
        before = self._kept[-1] if self._kept else None
        missing = number - len(self._segmenter)
        for place in range(missing):
            done += self._take(self._guess(before, new, place, missing))
        if missing >= 0:
            done += self._take(new)
        return done

    def finish(self) -> list[Piece]:
        """Return the piece that the end finishes, if there is one."""
        return [self._piece(segment) for segment in self._segmenter.finish()]

    @property
    def running(self) -> Segment | None:
        """The segment that has begun and not ended, as far as it goes."""
        return self._segmenter.running

    def running_piece(self) -> Piece | None:
        """Return the running segment with its poses."""
        segment = self._segmenter.running
        return None if segment is None else self._piece(segment)

    def _take(self, entry: _Entry) -> list[Piece]:
        self._kept.append(entry)
        done = [self._piece(segment) for segment in self._segmenter.push(entry.keypoints, entry.scores)]
        running = self._segmenter.running
        needed = len(self._segmenter) - self._margin if running is None else running.start
        while self._first < needed:
            self._kept.popleft()
            self._first += 1
        return done

    def _guess(self, before: _Entry | None, after: _Entry, place: int, missing: int) -> _Entry:
        """Return the ``place``-th of ``missing`` frames between two that are there."""
        nothing = np.zeros((NUM_KEYPOINTS, 2), np.float32), np.zeros(NUM_KEYPOINTS, np.float32)
        if before is None or missing > _LONGEST_GUESS * self.frame_rate:
            return _Entry(*nothing, after.note if before is None else before.note)
        share = (place + 1) / (missing + 1)
        weight = np.where((before.scores > 0) & (after.scores > 0), share, float(share >= 0.5)).astype(np.float32)
        keypoints = before.keypoints + weight[:, None] * (after.keypoints - before.keypoints)
        return _Entry(keypoints, before.scores + weight * (after.scores - before.scores), before.note)

    def _piece(self, segment: Segment) -> Piece:
        entries = [self._kept[i - self._first] for i in range(segment.start, segment.end)]
        keypoints, scores = np.stack([one.keypoints for one in entries]), np.stack([one.scores for one in entries])
        poses = Poses(keypoints, scores, self.frame_size, self.frame_rate)
        return Piece(segment, poses, [one.note for one in entries])


def numbered(poses: Poses, frames: np.ndarray) -> Poses:
    """Return ``poses`` with the numbers of the video's frames (int [T]) as ``frame_ids``, whatever its frame rate."""
    return replace(poses, frame_ids=np.asarray(frames, dtype=np.int64), frame_rate=None)


def even_numbers(times: np.ndarray, frame_rate: float) -> np.ndarray:
    """Return the numbers on an even timeline of frames that are shown at ``times`` (float [N], seconds from the first).

    Neighbours never share one unless frames come faster than ``frame_rate`` for long.
    """
    return np.floor(np.asarray(times) * frame_rate + 0.5).astype(np.int64)
