"""Lines and discs with smooth edges and any opacity on top of an image."""

from collections.abc import Iterable

import cv2
import numpy as np

from unisign.visualization.palette import Color

_SHIFT = 4  # OpenCV takes coordinates in sixteenths of a pixel
_FARTHEST = 1 << 14  # beyond this many pixels OpenCV's fixed point could overflow


class Ink:
    """A transparent layer to draw on, put over an image at the end.

    The layer holds premultiplied colour and opacity, so that strokes of different opacity and smooth edges mix
    correctly with whatever lies below.

    Args:
        height: pixels.
        width: pixels.
    """

    def __init__(self, height: int, width: int) -> None:
        self.layer = np.zeros((height, width, 4), dtype=np.uint8)

    def line(self, start: Iterable[float], end: Iterable[float], color: Color, width: float, opacity: float) -> None:
        """Draw a line between two points (x, y in pixels)."""
        if _near(start, end):
            thickness = max(1, round(width))
            cv2.line(self.layer, _fixed(start), _fixed(end), _mixed(color, opacity), thickness, cv2.LINE_AA, _SHIFT)

    def disc(self, center: Iterable[float], color: Color, radius: float, opacity: float) -> None:
        """Draw a filled circle around a point (x, y in pixels)."""
        if _near(center):
            cv2.circle(
                self.layer, _fixed(center), _sixteenths(radius), _mixed(color, opacity), cv2.FILLED, cv2.LINE_AA, _SHIFT
            )

    def ring(self, center: Iterable[float], color: Color, radius: float, width: float, opacity: float) -> None:
        """Draw the outline of a circle around a point (x, y in pixels)."""
        if _near(center):
            thickness = max(1, round(width))
            cv2.circle(
                self.layer, _fixed(center), _sixteenths(radius), _mixed(color, opacity), thickness, cv2.LINE_AA, _SHIFT
            )

    def over(self, image: np.ndarray) -> np.ndarray:
        """Return a copy of ``image`` (uint8 RGB [H, W, 3]) with the layer on top."""
        opacity = self.layer[..., 3:].astype(np.uint16)
        below = image.astype(np.uint16) * (255 - opacity) // 255
        return np.minimum(below + self.layer[..., :3], 255).astype(np.uint8)


def _mixed(color: Color, opacity: float) -> tuple[float, ...]:
    opacity = min(max(opacity, 0.0), 1.0)
    return (*(channel * opacity for channel in color), 255 * opacity)


def _sixteenths(value: float) -> int:
    return max(1, round(value * (1 << _SHIFT)))


def _fixed(point: Iterable[float]) -> tuple[int, ...]:
    # The centre of the first pixel is at 0.5, OpenCV's at 0.
    return tuple(round((value - 0.5) * (1 << _SHIFT)) for value in point)


def _near(*points: Iterable[float]) -> bool:
    return all(abs(value) < _FARTHEST for point in points for value in point)
