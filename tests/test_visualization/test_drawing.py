"""Skeletons, parts, text and timeline: what is drawn where, and in which colour."""

import numpy as np
import pytest

from unisign.structures import KEYPOINT_MIRROR, KEYPOINT_NAMES, PARTS
from unisign.visualization import draw_part, draw_parts, draw_skeleton, draw_timeline, palette
from unisign.visualization.ink import Ink
from unisign.visualization.limbs import LIMBS, PART_LIMBS
from unisign.visualization.part_panels import fitting_zoom
from unisign.visualization.skeleton import blank_canvas, opacities
from unisign.visualization.timeline import score_colors

BLACK = (0, 0, 0)


def one_line(start, end, score=1.0, canvas=BLACK, **options):
    """Draw a skeleton of which only two points are seen, at (0.2, 0.5) and (0.8, 0.5)."""
    keypoints, scores = np.zeros((133, 2)), np.zeros(133)
    for name, x in ((start, 0.2), (end, 0.8)):
        keypoints[KEYPOINT_NAMES.index(name)] = x, 0.5
        scores[KEYPOINT_NAMES.index(name)] = score
    image = blank_canvas(180, 180, canvas)
    return draw_skeleton(image, keypoints, scores, **options), image


def test_a_line_has_its_colour_and_place_and_the_input_stays():
    drawn, image = one_line('left_elbow', 'left_wrist')
    assert tuple(drawn[90, 90]) == pytest.approx(palette.LEFT_ARM, abs=2)
    assert drawn[80].max() == 0
    assert drawn[:, :30].max() == 0
    assert drawn[:, 150:].max() == 0
    assert image.max() == 0


@pytest.mark.parametrize(
    ('start', 'end', 'color'),
    [
        ('right_shoulder', 'right_elbow', palette.RIGHT_ARM),
        ('left_thumb2', 'left_thumb3', palette.LEFT_FINGERS[0]),
        ('right_hand_root', 'right_pinky_finger1', palette.RIGHT_FINGERS[4]),
        ('face-48', 'face-49', palette.LIPS),
    ],
)
def test_each_part_has_its_colour(start, end, color):
    drawn, _ = one_line(start, end)
    column = drawn[88:93, 90].astype(float)
    strongest = column[column.sum(axis=1).argmax()]
    assert strongest.max() > 100
    assert (strongest / strongest.max()).tolist() == pytest.approx([c / max(color) for c in color], abs=0.03)


def test_the_head_is_drawn_where_there_is_no_face():
    drawn, _ = one_line('nose', 'left_ear')
    assert drawn[90, 90].min() > 100
    keypoints, scores = np.zeros((133, 2)), np.zeros(133)
    keypoints[[0, 3]], scores[[0, 3, 50]] = ((0.2, 0.5), (0.8, 0.5)), 1
    assert draw_skeleton(blank_canvas(180, 180, BLACK), keypoints, scores)[90, 90].max() == 0


def test_points_that_are_not_joined_give_no_line():
    drawn, _ = one_line('left_wrist', 'right_wrist')
    assert drawn[90, 90].max() == 0


def test_the_lower_the_score_the_fainter_and_none_at_the_threshold():
    brightness = [int(one_line('left_elbow', 'left_wrist', score)[0][90, 90, 0]) for score in (1.0, 0.6, 0.31, 0.3)]
    assert brightness == sorted(brightness, reverse=True)
    assert brightness[0] > 240
    assert 70 < brightness[2] < 110
    assert brightness[3] == 0
    assert opacities(np.array([0.0, 0.3, 1.0, 7.0])).tolist() == [0, 0, 1, 1]


def test_points_of_low_score_are_ringed_unless_they_have_no_position():
    drawn, _ = one_line('left_elbow', 'left_wrist', 0.2)
    around = drawn[85:96, 30:43].reshape(-1, 3).max(axis=0)  # the ring around (0.2, 0.5)
    assert around[0] > 2 * around[1]
    assert drawn[:5, :5].max() == 0  # all the other points lie at (0, 0)
    unmarked, _ = one_line('left_elbow', 'left_wrist', 0.2, mark_low_scores=False)
    assert unmarked.max() == 0


def test_one_colour_for_a_shadow():
    drawn, _ = one_line('left_elbow', 'left_wrist', color=palette.GHOST)
    assert tuple(drawn[90, 90]) == pytest.approx([0.6 * channel for channel in palette.GHOST], abs=2)


def test_points_outside_the_frame_and_wrong_shapes():
    keypoints = np.full((133, 2), 1e9)
    image = blank_canvas(20, 20)
    assert np.array_equal(draw_skeleton(image, keypoints, np.ones(133)), image)
    with pytest.raises(ValueError, match=r'expected keypoints \[133, 2\], scores \[133\], got \(17, 2\)'):
        draw_skeleton(image, np.zeros((17, 2)), np.ones(17))


def test_limbs_of_the_left_and_the_right_mirror_each_other():
    pairs = {frozenset((limb.start, limb.end)) for limb in LIMBS}
    assert {frozenset(KEYPOINT_MIRROR[point] for point in pair) for pair in pairs} == pairs
    assert len(pairs) == len(LIMBS)


def test_part_limbs_are_the_edges_of_the_parts():
    for name in ('body', 'left', 'right'):
        assert {limb[:2] for limb in PART_LIMBS[name]} == set(PARTS[name].edges)
    assert all(PARTS['face_all'].origin not in limb[:2] for limb in PART_LIMBS['face_all'])


def test_ink_mixes_by_opacity():
    ink = Ink(9, 9)
    ink.disc((4.5, 4.5), (200, 100, 0), 3, 0.5)
    assert tuple(ink.over(blank_canvas(9, 9, (100, 100, 100)))[4, 4]) == pytest.approx((150, 100, 50), abs=2)


def test_part_panel_places_points_and_leaves_missing_ones_out():
    values = np.zeros((21, 3))
    values[0] = 0, 0, 1
    values[4] = 1, -1, 1  # thumb tip at the upper right corner of [-1, 1]
    panel = draw_part('left', values, 100, label=False).astype(int)
    background = draw_part('left', np.zeros((21, 3)), 100, label=False).astype(int)
    changed = np.abs(panel - background).sum(axis=2) > 30
    rows, columns = np.nonzero(changed)
    assert changed[6, 93]
    assert changed[49:51, 49:51].any()
    near_origin, near_tip = np.hypot(rows - 50, columns - 50) < 5, np.hypot(rows - 6, columns - 94) < 5
    assert np.all(near_origin | near_tip)
    with pytest.raises(ValueError, match=r"part 'left' has 21 points: expected \[21, 3\]"):
        draw_part('left', np.zeros((9, 3)), 100)


def test_four_parts_and_their_zoom():
    parts = {name: np.zeros((2, len(part), 3), dtype=np.float32) for name, part in PARTS.items()}
    parts['body'][:, :, 0], parts['left'][:, 3, 1], parts['right'][:, 2, 0] = 1, 0.4, -0.2
    assert fitting_zoom(parts) == {'body': 1.0, 'left': 2.5, 'right': 2.5, 'face_all': 1.0}
    image = draw_parts(parts, 1, 200)
    assert image.shape == (200, 200, 3)
    assert image.dtype == np.uint8


def test_timeline_colours_scores():
    scores = np.zeros((10, 133))
    scores[5:, PARTS['left'].indices] = 1.0
    image = draw_timeline(scores, [2], 500, 10).astype(int)
    # Rows start below the triangles: body, then left.
    left_row = 10 + 2 + 1 * 12 + 5
    assert image[left_row, 100].tolist() == score_colors(np.array(0.0)).tolist()
    assert image[left_row, 400].tolist() == score_colors(np.array(1.0)).tolist()
    triangle = image[5, 50 + round(2.5 / 10 * 400)]
    assert triangle.tolist() == pytest.approx(palette.ACCENT, abs=3)
