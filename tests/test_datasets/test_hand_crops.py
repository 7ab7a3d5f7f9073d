import numpy as np
import pytest
from PIL import Image
from synthetic_videos import decode_in_order

from unisign.datasets import crop_hands, frame_cutter, hand_boxes
from unisign.datasets.hand_crops import (
    RESIZING,
    crop_hand,
    hand_candidates,
    hand_points,
    relative_keypoints,
    resize_boxes,
)
from unisign.structures import Poses


def square(x, y, side):
    """21 points of which two opposite corners span the square."""
    points = np.full((1, 21, 2), (x + side / 2, y + side / 2), dtype=float)
    points[0, 0], points[0, 20] = (x, y), (x + side, y + side)
    return points


def test_one_side_for_both_hands_and_all_frames():
    left = np.concatenate([square(100, 50, 20), square(10, 10, 31)])
    corners, side = hand_boxes({'left': left, 'right': square(200, 100, 25)})
    assert side == int(31 * 1.2 / 2) * 2 == 36
    assert corners['left'].tolist() == [[110 - 18, 60 - 18], [7, 7]]  # 25.5 - 18 = 7.5, rounded down
    assert corners['right'].tolist() == [[194, 94]]  # 212.5 - 18 = 194.5


def test_a_negative_corner_is_rounded_down_not_towards_zero():
    corners, side = hand_boxes({'left': square(0, 0, 25), 'right': np.zeros((0, 21, 2))})
    assert side == 30
    assert corners['left'].tolist() == [[-3, -3]]  # 12.5 - 15 = -2.5
    assert corners['right'].shape == (0, 2)


def test_no_extent_or_no_frames_is_no_box():
    assert hand_boxes({'left': square(5, 5, 0), 'right': np.zeros((0, 21, 2))})[1] == 0
    assert hand_boxes({'left': square(5, 5, 1.5), 'right': np.zeros((0, 21, 2))})[1] == 0  # int(0.9) * 2


def test_a_box_that_sticks_out_is_filled_with_zeros():
    image = np.full((20, 30, 3), 200, dtype=np.uint8)
    image[:, 0] = 100
    crop = crop_hand(image, np.array([-2, -1]), 8, size=8)  # of its own size: resizing changes nothing
    assert (crop[0] == 0).all()
    assert (crop[:, :2] == 0).all()
    assert (crop[1:, 2] == 100).all()
    assert (crop[1:, 3:] == 200).all()
    corner = crop_hand(image, np.array([26, 15]), 8, size=8)
    assert (corner[:5, :4] == 200).all()
    assert (corner[5:] == 0).all()
    assert (corner[:, 4:] == 0).all()
    assert not crop_hand(image, np.array([100, -50]), 8).any()


def test_keypoints_are_relative_to_the_whole_box_and_clipped():
    points = np.array([[[-2.0, 4.0], [3.0, 14.0], [100.0, -7.0]]])
    relative = relative_keypoints(points, np.array([[-2, 4]]), 10)
    assert relative.tolist() == [[[0, 0], [0.5, 1], [1, 0]]]
    assert relative.dtype == np.float32


def test_candidates_have_a_mean_score_above_the_threshold():
    scores = np.zeros((3, 133), np.float32)
    scores[0, 91:112], scores[1, 91:112], scores[2, 91:101] = 0.31, 0.29, 0.9
    poses = Poses(np.zeros((3, 133, 2), np.float32), scores)
    assert hand_candidates(poses, 'left').tolist() == [0, 2]
    assert hand_candidates(poses, 'left', 0.2).tolist() == [0, 1, 2]
    assert hand_candidates(poses, 'right').tolist() == []


def test_each_crop_comes_from_its_own_frame_and_no_other_is_read(random_poses):
    images = np.stack([np.full((50, 60, 3), value, np.uint8) for value in range(0, 100, 10)])
    read = []

    def frames(ids):
        read.extend(ids.tolist())
        return images[ids]

    hand_frames = {'left': np.array([1, 4]), 'right': np.array([2, 4])}
    cut = frame_cutter(frames, hand_frames, size=16)
    hands = crop_hands(random_poses(6), hand_frames, cut, (60, 50), size=16)
    assert read == [1, 2, 4]
    assert hands['left']['images'][:, 8, 8, 0].tolist() == [10, 40]
    assert hands['right']['images'][:, 8, 8, 0].tolist() == [20, 40]
    assert hands['left']['frames'].tolist() == [1, 4]
    assert hands['left']['keypoints'].shape == (2, 21, 2)


def test_boxes_say_where_in_the_frame_the_crops_were_cut():
    """A hand from (20, 30) to (40, 40) in a frame of 100 by 50: a box of 24 around (30, 35)."""
    keypoints = np.full((1, 133, 2), 0.0, np.float32)
    keypoints[0, 91:112], keypoints[0, 111] = (0.2, 0.6), (0.4, 0.8)
    poses = Poses(keypoints, np.ones((1, 133), np.float32))
    sampled = {'left': np.array([0]), 'right': np.array([], dtype=np.int64)}
    image = np.zeros((1, 50, 100, 3), np.uint8)
    hands = crop_hands(poses, sampled, frame_cutter(lambda ids: image[ids], sampled), (100, 50))
    np.testing.assert_allclose(hands['left']['boxes'], [[0.18, 23 / 50, 0.42, 47 / 50]], rtol=1e-6)
    assert hands['right']['boxes'].shape == (0, 4)


@pytest.fixture(scope='module')
def golden(shared):
    """The golden file, its clip as Poses, and the sampled frames of either hand."""
    file = np.load(shared / 'golden/hand_crops_yo_001.npz')
    poses = Poses(file['keypoints'][:, 0].astype(np.float32), file['scores'][:, 0].astype(np.float32), (1280, 720))
    return file, poses, {side: file[f'{side}_sampled'] for side in ('left', 'right')}


def test_golden_candidates_boxes_and_keypoints(golden):
    file, poses, sampled = golden
    points = {side: hand_points(poses, side, sampled[side], (1280, 720)) for side in sampled}
    corners, length = hand_boxes(points)
    assert length == file['box_hw']
    for side in sampled:
        assert hand_candidates(poses, side).tolist() == file[f'{side}_candidates'].tolist()
        assert corners[side].tolist() == file[f'{side}_box'][:, :2].tolist()
        assert (corners[side] + length).tolist() == file[f'{side}_box'][:, 2:].tolist()
        keypoints = relative_keypoints(points[side], corners[side], length)
        np.testing.assert_allclose(keypoints, file[f'{side}_skeletons_norm'], atol=1e-6)


def test_golden_crops(golden, shared):
    file, poses, sampled = golden
    video = decode_in_order(shared / 'data/msl150/yo_001.mp4')
    ids = {side: file['frame_ids'][frames] for side, frames in sampled.items()}
    hands = crop_hands(poses, sampled, frame_cutter(lambda wanted: video[wanted], ids), (1280, 720))
    for side, hand in hands.items():
        crops = (hand['images'] / 255 - (0.485, 0.456, 0.406)) / (0.229, 0.224, 0.225)
        np.testing.assert_allclose(crops.transpose(0, 3, 1, 2), file[f'{side}_hands'], atol=0.01)
    with pytest.raises(AssertionError):  # the test sees the difference to another filter
        image = Image.fromarray(video[ids['left'][0]]).crop(tuple(file['left_box'][0].tolist()))
        other = (np.asarray(image.resize((112, 112), Image.BILINEAR)) / 255 - (0.485, 0.456, 0.406)) / 0.229
        np.testing.assert_allclose(other.transpose(2, 0, 1), file['left_hands'][0], atol=0.01)


@pytest.mark.parametrize('side', [60, 112, 150])
def test_the_fast_resizing_is_next_to_the_published_one(side: int) -> None:
    rng = np.random.default_rng(0)
    rough = rng.integers(0, 256, (12, 12, 3), dtype=np.uint8)
    box = np.asarray(Image.fromarray(rough).resize((side, side)))  # smooth, as pictures are
    noisy = (box + rng.normal(scale=8, size=box.shape)).clip(0, 255).astype(np.uint8)
    exact, fast = (resize_boxes(noisy[None], 112, resize)[0].astype(int) for resize in RESIZING)
    assert fast.shape == (112, 112, 3)
    assert abs(exact - fast).max() <= 2
    assert (exact != fast).mean() < 1e-2
    assert (resize_boxes(noisy[None], side, 'torch')[0] == noisy).all()


def test_the_published_crops_unless_asked_for_others() -> None:
    box = np.random.default_rng(1).integers(0, 256, (50, 50, 3), dtype=np.uint8)
    assert (resize_boxes(box[None], 112)[0] == np.asarray(Image.fromarray(box).resize((112, 112)))).all()
