"""``Segment``: a stretch of a video in which somebody signs."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Segment:
    """A stretch of signing, or a window of one that is longer than a window may be.

    Attributes:
        start: number of its first frame.
        end: number of the frame behind its last one.
        frame_rate: frames per second.
        overlap: frames at its start that the segment before it holds too: above 0 in all but the first of the windows
            that a stretch without pause is cut into.
    """

    start: int
    end: int
    frame_rate: float
    overlap: int = 0

    def __len__(self) -> int:
        return self.end - self.start

    @property
    def start_seconds(self) -> float:
        """When it begins."""
        return self.start / self.frame_rate

    @property
    def end_seconds(self) -> float:
        """When it has ended."""
        return self.end / self.frame_rate
