"""Keypoints while a video is going on: ``PoseEstimator.stream``."""

import numpy as np
import pytest

from unisign.pose import PoseEstimator
from unisign.structures import ClipError


class Counting(PoseEstimator):
    """Puts the frame's brightness and its place in the chunk into every point."""

    def describe(self):
        return {}

    def _estimate(self, chunks):
        for frames in chunks:
            values = np.array([(frame.mean() / 255, place) for place, frame in enumerate(frames)])
            yield np.tile(values[:, None], (1, 133, 1)), np.ones((len(frames), 133))


def frames(count):
    return [np.full((4, 6, 3), 10 * i, np.uint8) for i in range(count)]


def test_chunks_of_the_usual_size_give_what_a_call_gives():
    estimator, images = Counting(chunk=3), frames(8)
    poses = estimator(images, 25.0)
    streamed = list(estimator.stream([images[:3], images[3:6], images[6:]]))
    assert [len(keypoints) for keypoints, _ in streamed] == [3, 3, 2]
    assert np.array_equal(np.concatenate([keypoints for keypoints, _ in streamed]), poses.keypoints)
    assert np.array_equal(np.concatenate([scores for _, scores in streamed]), poses.scores)
    assert streamed[0][0].dtype == streamed[0][1].dtype == np.float32 and poses.frame_size == (6, 4)


def test_a_chunk_is_answered_before_the_next_one_is_there():
    given = []

    def camera():
        for image in frames(3):
            given.append(image)
            yield [image]

    stream = Counting().stream(camera())
    for count in (1, 2, 3):
        next(stream)
        assert len(given) == count


WRONG = [(np.zeros((5, 6, 3), np.uint8), 'frame 2 is 6x5'), (np.zeros((4, 6)), 'frame 2 should be uint8')]


@pytest.mark.parametrize('frame, message', WRONG, ids=['size', 'kind'])
def test_wrong_frames_are_named(frame, message):
    with pytest.raises(ClipError, match=f'camera: {message}'):
        list(Counting().stream([frames(2), [frame]], 'camera'))
