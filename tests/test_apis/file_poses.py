"""An estimator for tests: it finds what a pose file says, frame by frame."""

import time

from unisign.pose import PoseEstimator
from unisign.stores import read_npz


class FilePoses(PoseEstimator):
    """Takes the frame's number, counted or painted in its corner, for what it sees.

    Args:
        path: pose file.
        seconds: that a frame takes.
        painted: whether the corner of a picture (``paint_number``) says which frame it is.
    """

    def __init__(self, path, seconds=0.0, painted=False):
        super().__init__(chunk=7)
        self.poses, self.seconds, self.painted, self.seen = read_npz(path), seconds, painted, []

    def describe(self):
        return {}

    def _estimate(self, chunks):
        count = 0
        for frames in chunks:
            numbers = [read_number(frame) if self.painted else count + i for i, frame in enumerate(frames)]
            count += len(frames)
            self.seen += numbers
            time.sleep(self.seconds * len(frames))
            yield self.poses.keypoints[numbers], self.poses.scores[numbers]


def paint_number(image, number):
    """Write a number below 4096 into the upper left corner, so that it survives coding."""
    for bit in range(12):
        image[:8, 8 * bit : 8 * bit + 8] = 255 * (number >> bit & 1)
    return image


def read_number(image):
    return sum(int(image[2:6, 8 * bit + 2 : 8 * bit + 6].mean() > 127) << bit for bit in range(12))
