"""``SigningSegmenter``: poses in one by one, finished segments of signing out.

A hand is raised when it is above the place where it rests. Signing begins when a raised hand moves. It ends when both
hands have been down for ``pause`` seconds (or out of sight: many signers let them hang below the frame), or still for
``hold`` seconds wherever they are. Where a hand rests is learnt while it is still and low: signers rest their hands in
the lap, folded, or at their sides. What goes on without a pause is cut into windows that overlap.
"""

import json
from dataclasses import dataclass, fields

import numpy as np

from unisign.segmentation.hand_motion import HandMotion, HandState
from unisign.segmentation.segment import Segment
from unisign.structures import DataError, Poses

_LOWEST_CHEST = 0.8  # shoulder widths below the shoulders: a hand that is still above it does not rest
_REST_FALLS, _REST_RISES = 0.2, 20.0  # seconds in which a lower, and a higher place is taken to be the rest


@dataclass(frozen=True)
class SegmentRule:
    """What counts as signing, and what as a pause. Lengths are in shoulder widths, times in seconds.

    Attributes:
        still: speed per second below which a hand is still.
        rest_height: where hands are taken to rest until that is seen, below the shoulders.
        rest_margin: how far above the place of its rest a hand is raised.
        pause: for how long both hands must be down to end a segment.
        hold: for how long both hands must be still to end a segment where they are.
        shortest: what is shorter is no signing: somebody scratches his nose.
        least_speed: speed per second that a hand must reach once in a segment.
        padding: how long a segment begins before the first raised hand, and ends behind the last.
        longest: a stretch without pause is cut into windows of this length.
        overlap: what two neighbouring windows share.
        score_threshold: score from which on a keypoint counts, 0..1.

    Raises:
        ValueError: if one is negative, or ``overlap`` is not below half of ``longest``.
    """

    still: float = 0.5
    rest_height: float = 1.3
    rest_margin: float = 0.25
    pause: float = 0.15
    hold: float = 1.0
    shortest: float = 0.6
    least_speed: float = 1.0
    padding: float = 0.1
    longest: float = 10.0
    overlap: float = 1.0
    score_threshold: float = 0.3

    def __post_init__(self) -> None:
        negative = {name: value for name, value in vars(self).items() if not value >= 0}
        if negative:
            raise ValueError(f'a SegmentRule has no values below 0, got {negative}')
        if not self.overlap < self.longest / 2:
            raise ValueError(f'overlap should be below half of longest, got {self.overlap} and {self.longest} s')


def read_rule(text: str) -> SegmentRule:
    """Return the rule with the fields that a JSON object names, such as ``{"pause": 0.3}``.

    Raises:
        DataError: if it is no such object, or a value makes no sense.
    """
    names = [field.name for field in fields(SegmentRule)]
    advice = f'Give a JSON object of: {", ".join(names)}.'
    try:
        given = dict(json.loads(text))
        unknown = ', '.join(sorted(set(given) - set(names)))
        rule = None if unknown else SegmentRule(**given)
    except (ValueError, TypeError) as error:
        raise DataError(text, f'is no rule for segments ({error}).', advice) from error
    if rule is None:
        raise DataError(text, f'a rule for segments has no {unknown}.', advice)
    return rule


class SigningSegmenter:
    """Finds where signing is, frame after frame; what it has said it never takes back.

    It remembers a few frames only, however long the video is. All frames of a video, pushed one by one, give the same
    segments whether they come from a file or from a camera.

    Args:
        frame_rate: frames per second, above 0.
        frame_size: width and height in pixels, or None for square frames: only their ratio counts.
        rule: what counts as signing.

    Raises:
        ValueError: if the frame rate is not above 0.
    """

    def __init__(
        self, frame_rate: float, frame_size: tuple[int, int] | None = None, rule: SegmentRule | None = None
    ) -> None:
        if not 0 < frame_rate < float('inf'):
            raise ValueError(f'frame_rate should be above 0, got {frame_rate}')
        self.rule, self.frame_rate = rule or SegmentRule(), frame_rate
        self._motion = HandMotion(frame_rate, frame_size, self.rule.score_threshold)
        self._rests = [_RestingPlace(self.rule.rest_height, frame_rate) for _ in range(2)]
        self._count = 0
        self._earliest = 0  # the next segment begins here or later
        self._start: int | None = None
        self._overlap = 0
        self._last_raised = self._last_moving = 0
        self._fastest = 0.0

    def __len__(self) -> int:
        return self._count

    @property
    def running(self) -> Segment | None:
        """The segment that has begun and not ended, as far as it goes; None if nobody signs."""
        return None if self._start is None else Segment(self._start, self._count, self.frame_rate, self._overlap)

    def push(self, keypoints: np.ndarray, scores: np.ndarray) -> list[Segment]:
        """Take the next frame and return the segments that are finished by it (none or one).

        Args:
            keypoints: [133, 2], fractions of the frame.
            scores: [133], 0..1.
        """
        raised, moving, speed = self._look_at(self._motion(keypoints, scores))
        now = self._count
        self._count += 1
        if raised:
            self._last_raised = now
        if raised and moving:
            self._last_moving = now
            if self._start is None:
                self._start = max(self._earliest, now - self._frames(self.rule.padding))
                self._fastest = 0.0
        if self._start is None:
            return []
        self._fastest = max(self._fastest, speed)
        down, still = now - self._last_raised, now - self._last_moving
        if down >= max(1, self._frames(self.rule.pause)):
            return self._ended(self._last_raised)
        if still >= max(1, self._frames(self.rule.hold)):
            return self._ended(self._last_moving)
        if self._count - self._start >= self._frames(self.rule.longest):
            return [self._window()]
        return []

    def finish(self) -> list[Segment]:
        """Return the segment that the end of the video finishes, if there is one."""
        return [] if self._start is None else self._ended(self._last_raised)

    def _look_at(self, hands: tuple[HandState, HandState]) -> tuple[bool, bool, float]:
        """Return whether a hand is raised, whether a raised one moves, and the speed of the faster one."""
        raised = moving = False
        speed = 0.0
        for hand, rest in zip(hands, self._rests, strict=True):
            if not hand.seen:
                continue
            if hand.speed < self.rule.still and hand.height > _LOWEST_CHEST:
                rest.see(hand.height)
            if hand.height < rest.height - self.rule.rest_margin:
                raised, moving = True, moving or hand.speed >= self.rule.still
            speed = max(speed, hand.speed)
        return raised, moving, speed

    def _ended(self, last: int) -> list[Segment]:
        """Return the segment whose last frame with raised hands is ``last``, if it is signing."""
        assert self._start is not None
        end = min(last + 1 + self._frames(self.rule.padding), self._count)
        segment = Segment(self._start, end, self.frame_rate, self._overlap)
        self._earliest, self._start, self._overlap = end, None, 0
        new = len(segment) - segment.overlap
        good = new >= self._frames(self.rule.shortest) and self._fastest >= self.rule.least_speed
        return [segment] if good else []

    def _window(self) -> Segment:
        """Return a window, and let the next one begin inside it."""
        assert self._start is not None
        segment = Segment(self._start, self._count, self.frame_rate, self._overlap)
        self._overlap = self._frames(self.rule.overlap)
        self._start = self._count - self._overlap
        return segment

    def _frames(self, seconds: float) -> int:
        return round(seconds * self.frame_rate)


class _RestingPlace:
    """How low a hand rests: a lower place is believed soon, a higher one after a long time."""

    def __init__(self, height: float, frame_rate: float) -> None:
        self.height = height
        self._falls, self._rises = (1 - float(np.exp(-1 / (s * frame_rate))) for s in (_REST_FALLS, _REST_RISES))

    def see(self, height: float) -> None:
        """Learn from a hand that is still at ``height``."""
        self.height += (self._falls if height > self.height else self._rises) * (height - self.height)


def segments_of(poses: Poses, rule: SegmentRule | None = None, frame_rate: float | None = None) -> list[Segment]:
    """Return the segments of a whole video: its frames, pushed one by one.

    Args:
        poses: of every frame.
        rule: what counts as signing.
        frame_rate: frames per second, where the poses do not say.

    Raises:
        ValueError: if neither says how many frames a second has.
    """
    rate = poses.frame_rate or frame_rate
    if rate is None:
        raise ValueError('poses without a frame rate: give frame_rate, times cannot be told without')
    segmenter = SigningSegmenter(rate, poses.frame_size, rule)
    found = [
        segment
        for keypoints, scores in zip(poses.keypoints, poses.scores, strict=True)
        for segment in segmenter.push(keypoints, scores)
    ]
    return found + segmenter.finish()
