"""Where frames wait between the camera and the estimator of keypoints."""

import threading
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np


@dataclass
class LiveFrame:
    """A frame on its way.

    Attributes:
        number: its place on an even timeline.
        captured: when it was there to be read, ``time.monotonic()`` seconds.
        place: its number in a recorded video; None if there is no such video.
        image: uint8 RGB [H, W, 3]; None if its keypoints are known, or it is no longer needed.
        pose: keypoints [133, 2] and scores [133], if they are known.
        droppable: whether it may be left out where the rest cannot keep up.
    """

    number: int
    captured: float
    place: int | None = None
    image: np.ndarray | None = None
    pose: tuple[np.ndarray, np.ndarray] | None = None
    droppable: bool = False


class FrameBuffer:
    """A queue of frames from one thread to another.

    Where there is no room for a new frame, the one that has waited longest is dropped, if it may be: so what is looked
    at stays new. If it may not, the giver waits.

    Args:
        room: frames that may wait.
    """

    def __init__(self, room: int) -> None:
        self.dropped = self.given = 0
        self._room = max(room, 1)
        self._waiting: deque[LiveFrame] = deque()
        self._closed = False
        self._changed = threading.Condition()

    def put(self, frame: LiveFrame) -> bool:
        """Add a frame; return False if nobody takes any more."""
        with self._changed:
            self.given += 1
            if len(self._waiting) >= self._room and frame.droppable and self._waiting[0].droppable:
                self._waiting.popleft()
                self.dropped += 1
            self._changed.wait_for(lambda: self._closed or len(self._waiting) < self._room)
            if self._closed:
                return False
            self._waiting.append(frame)
            self._changed.notify_all()
            return True

    def close(self) -> None:
        """Say that no more frames come; those that wait are still given out."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def chunks(self, size: int, full: bool) -> Iterator[list[LiveFrame]]:
        """Yield the frames in lists.

        Args:
            size: most frames in a list; not above the room.
            full: whether to wait until that many are there (or none come any more).
        """
        least = min(size, self._room) if full else 1
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._closed or len(self._waiting) >= least)
                chunk = [self._waiting.popleft() for _ in range(min(size, len(self._waiting)))]
                self._changed.notify_all()
            if not chunk:
                return
            yield chunk
