"""How late live texts were, and what was lost on the way."""

from array import array
from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass
class LiveReport:
    """Counts and latencies of one live session.

    Attributes:
        frames: captured.
        dropped: of these, left out because keypoints or model could not keep up.
        segments: finished.
        partial_texts: texts of segments that were still going on.
        seconds: that the session took.
        first_text: for every frame of a segment, seconds from its capture to the first text that was made with it.
        final_text: for every segment, seconds from the capture of its last frame to its final text.
    """

    frames: int = 0
    dropped: int = 0
    segments: int = 0
    partial_texts: int = 0
    seconds: float = 0.0
    first_text: array = field(default_factory=lambda: array('f'), repr=False)
    final_text: array = field(default_factory=lambda: array('f'), repr=False)

    def summary(self) -> dict[str, Any]:
        """Return the counts, and p50 and p95 of the latencies in seconds (None where there is nothing)."""
        counts = {name: getattr(self, name) for name in ('frames', 'dropped', 'segments', 'partial_texts')}
        times = {'first_text': self.first_text, 'final_text': self.final_text}
        late = {
            f'{name}_p{share}': round(float(np.percentile(values, share)), 3) if len(values) else None
            for name, values in times.items()
            for share in (50, 95)
        }
        return counts | {'seconds': round(self.seconds, 2)} | late

    def __str__(self) -> str:
        share = f' ({100 * self.dropped / self.frames:.1f} %)' if self.frames else ''
        speed = f', {self.frames / self.seconds:.1f} frames/s' if self.seconds else ''
        return '\n'.join(
            [
                f'{self.frames} frames in {self.seconds:.1f} s{speed}; {self.dropped} dropped{share}',
                f'{self.segments} segments, {self.partial_texts} texts before their end',
                f'from a frame to the first text with it: {_late(self.first_text)}',
                f"from a segment's last frame to its final text: {_late(self.final_text)}",
            ]
        )


def _late(values: array) -> str:
    if not len(values):
        return 'no text'
    return 'p50 {:.2f} s, p95 {:.2f} s'.format(*np.percentile(values, [50, 95]))
