import pytest

from unisign.structures import KEYPOINT_MIRROR, KEYPOINT_NAMES, NUM_KEYPOINTS, PART_NAMES, PARTS
from unisign.structures.keypoint_layout import point_runs


def test_names_are_unique_and_in_coco_wholebody_order():
    assert len(set(KEYPOINT_NAMES)) == NUM_KEYPOINTS == 133
    expected = {0: 'nose', 9: 'left_wrist', 17: 'left_big_toe', 23: 'face-0', 91: 'left_hand_root'}
    expected |= {95: 'left_thumb4', 112: 'right_hand_root', 132: 'right_pinky_finger4'}
    assert {i: KEYPOINT_NAMES[i] for i in expected} == expected


def test_mirroring_twice_is_the_identity():
    assert [KEYPOINT_MIRROR[KEYPOINT_MIRROR[i]] for i in range(NUM_KEYPOINTS)] == list(range(NUM_KEYPOINTS))


def test_mirror_swaps_sides_and_keeps_the_middle():
    assert KEYPOINT_MIRROR[5] == 6 and KEYPOINT_MIRROR[91] == 112
    assert KEYPOINT_MIRROR[23] == 39  # ends of the jaw
    assert KEYPOINT_MIRROR[53] == 53  # nose tip
    assert KEYPOINT_MIRROR[83] == 87  # inner corners of the mouth


def test_parts_take_the_points_of_the_spec():
    assert PART_NAMES == ('body', 'left', 'right', 'face_all')
    assert [len(part) for part in PARTS.values()] == [9, 21, 21, 18]
    assert PARTS['face_all'].indices[-1] == 53 and PARTS['face_all'].indices[8:10] == (39, 83)
    assert sum(len(part) for part in PARTS.values()) == 69


def test_mirror_maps_the_hands_point_by_point_and_the_face_onto_itself():
    left, right, face = (PARTS[name].indices for name in ('left', 'right', 'face_all'))
    assert tuple(KEYPOINT_MIRROR[i] for i in left) == right
    assert {KEYPOINT_MIRROR[i] for i in face} == set(face)


@pytest.mark.parametrize('name', PART_NAMES)
def test_edges_reach_every_point_of_the_part(name):
    part, reached = PARTS[name], {0}
    for _ in range(len(part)):
        reached |= {b for a, b in part.edges if a in reached} | {a for a, b in part.edges if b in reached}
    assert reached == set(range(len(part)))


def test_hand_edges_start_each_finger_at_the_wrist():
    starts = [edge for edge in PARTS['left'].edges if edge[0] == 0]
    assert starts == [(0, 1), (0, 5), (0, 9), (0, 13), (0, 17)]
    assert (7, 8) in PARTS['left'].edges and len(PARTS['left'].edges) == 20


@pytest.mark.parametrize(
    ('points', 'runs'),
    [
        ((), []),
        ((7,), [(slice(0, 1), slice(7, 8, 1))]),
        ((0, 1, 2, 9), [(slice(0, 3), slice(0, 3, 1)), (slice(3, 4), slice(9, 10, 1))]),
        ((23, 25, 27, 5), [(slice(0, 3), slice(23, 28, 2)), (slice(3, 4), slice(5, 6, 1))]),
        ((4, 3), [(slice(0, 1), slice(4, 5, 1)), (slice(1, 2), slice(3, 4, 1))]),
    ],
)
def test_runs_of_points_by_hand(points, runs):
    assert point_runs(points) == runs


def test_runs_of_the_parts_give_their_points_in_order():
    indices = [index for part in PARTS.values() for index in part.indices]
    runs = point_runs(indices)
    assert len(runs) == 6
    assert [index for _, points in runs for index in range(NUM_KEYPOINTS)[points]] == indices
    assert [place for places, _ in runs for place in range(len(indices))[places]] == list(range(len(indices)))
