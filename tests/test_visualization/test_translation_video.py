"""A translated clip as frames: signer, hands, text."""

import numpy as np

from unisign.structures import Poses
from unisign.visualization.hand_panels import SIDE_COLORS
from unisign.visualization.hand_view import HandView
from unisign.visualization.translation_video import GAP, HEIGHT, LABEL, TranslationView, draw_translation_frames

NBEST = [['hello', 0.75], ['help', 0.25]]


def make_poses(count, frame_size=(64, 48)):
    return Poses(np.zeros((count, 133, 2), np.float32), np.zeros((count, 133), np.float32), frame_size)


def make_hand(video_frames):
    count = len(video_frames)
    return HandView(
        frames=np.arange(count),
        images=np.full((count, 32, 32, 3), 200, np.uint8),
        keypoints=np.full((count, 21, 2), 0.5),
        boxes=np.tile([0.25, 0.25, 0.75, 0.75], (count, 1)),
        video_frames=np.array(video_frames, dtype=np.int64),
    )


def grey(count, height=48, width=64):
    return [np.full((height, width, 3), 100, np.uint8) for _ in range(count)]


def test_frames_without_video_or_hands():
    frames = list(draw_translation_frames(TranslationView(make_poses(3), 'hello', NBEST)))
    assert len(frames) == 3 and len({frame.shape for frame in frames}) == 1
    height, width = frames[0].shape[:2]
    assert width == HEIGHT * 64 // 48 and height > HEIGHT and height % 2 == width % 2 == 0
    longer = next(draw_translation_frames(TranslationView(make_poses(3), 'hello', [*NBEST, ['he', 0.1]])))
    assert longer.shape[0] > height and (longer[HEIGHT:height] != frames[0][HEIGHT:height]).mean() < 0.2


def test_a_crop_and_its_box_are_shown_at_their_frame():
    numbers = np.array([5, 7, 9])  # a thinned clip: the frames between are drawn too
    view = TranslationView(make_poses(3), 'hello', NBEST, hands={'left': make_hand([7]), 'right': make_hand([])})
    view.numbers = numbers
    frames = list(draw_translation_frames(view, grey(5)))
    assert len(frames) == 5
    width = HEIGHT * 64 // 48
    corner = HEIGHT // 4, width // 4 + 40  # on the upper edge of the box
    assert [tuple(frame[corner]) == SIDE_COLORS['left'] for frame in frames] == [False, False, True, False, False]
    left_column = HEIGHT // 2 + LABEL + 60, width + GAP  # on the frame around the left hand's crop
    assert [tuple(frame[left_column]) == SIDE_COLORS['left'] for frame in frames] == [False, False, True, False, False]
    crop = frames[0][HEIGHT // 2 + LABEL + 20, width + GAP + 20]
    assert (crop == 200).all()  # shown before its frame too


def test_wide_and_tall_videos():
    for height, width in ((20, 200), (200, 20), (1000, 1500)):
        view = TranslationView(make_poses(2, (width, height)), '', [], numbers=np.arange(2))
        first, second = draw_translation_frames(view, grey(2, height, width))
        assert first.shape == second.shape and first.shape[1] % 2 == 0
        middle = first[HEIGHT // 2, first.shape[1] // 2]
        assert (middle == 100).all()
