"""Pictures of the hands: what is drawn where, which frames are shown, what a model's fusion adds."""

import numpy as np
import pytest
import torch
from torch import nn

from unisign.models.necks import FusionExplanation
from unisign.structures import PARTS, Poses
from unisign.visualization import ClipView, HandView, SignVisualizer, draw_hand_sheet, explain_hands, palette
from unisign.visualization.clip_view import Window
from unisign.visualization.color_scale import scale_colors, scale_ends
from unisign.visualization.hand_panels import (
    draw_gate,
    draw_hand_box,
    draw_hand_keypoints,
    draw_sampling_points,
    fitting_margin,
)
from unisign.visualization.hand_view import choose_cards
from unisign.visualization.timeline import draw_timeline

WHOLE_FRAME = Window(0.0, 0.0, 1.0, 1.0)


def made_up_hand(number=1, keypoint=(0.5, 0.5), **explained) -> HandView:
    """A hand whose points all lie at one place of black crops; its box is the middle quarter of the frame."""
    return HandView(
        frames=np.arange(number),
        images=np.zeros((number, 8, 8, 3), np.uint8),
        keypoints=np.tile(np.float32(keypoint), (number, 21, 1)),
        boxes=np.tile(np.float32([0.25, 0.25, 0.75, 0.75]), (number, 1)),
        video_frames=np.arange(number),
        **explained,
    )


def made_up_view(hands, frames=True) -> ClipView:
    poses = Poses(np.full((30, 133, 2), 0.5, np.float32), np.ones((30, 133), np.float32), (64, 64), 25.0)
    images = {number: np.full((64, 64, 3), 200, np.uint8) for number in range(30)} if frames else {}
    return ClipView('a', poses, poses, frames=images, hands=hands)


def colored(image, color, tolerance=12):
    """Return rows and columns of the pixels of a colour."""
    return np.nonzero((np.abs(image.astype(int) - color) <= tolerance).all(axis=2))


def test_the_box_lies_on_the_frame_where_the_crop_was_cut():
    image = draw_hand_box(made_up_view({'left': made_up_hand()}), 'left', 0, WHOLE_FRAME, 200)
    rows, columns = colored(image, palette.LEFT_ARM)
    assert [rows.min(), rows.max(), columns.min(), columns.max()] == pytest.approx([50, 150, 50, 150], abs=2)
    assert image[100, 100].tolist() == [160] * 3  # nothing is drawn inside; the frame is dimmed to 80 %
    assert image[10, 10].tolist() == [160] * 3


def test_a_piece_of_the_frame_moves_the_box_and_without_a_video_the_skeleton_is_there():
    view = made_up_view({'right': made_up_hand()}, frames=False)
    image = draw_hand_box(view, 'right', 0, Window(0.25, 0.0, 1.0, 1.0), 200)
    rows, columns = colored(image, palette.RIGHT_ARM)
    assert [rows.min(), rows.max(), columns.min(), columns.max()] == pytest.approx([50, 150, 0, 100], abs=2)
    assert image[100, 50].max() > 200  # all keypoints lie there
    assert image[20, 150].tolist() == list(palette.PANEL)


def test_keypoints_on_the_crop():
    hand = made_up_hand(keypoint=(0.1, 0.1))
    hand.keypoints[0, 4], hand.keypoints[0, 3] = (0.75, 0.25), (0.75, 0.25)
    image = draw_hand_keypoints(hand, 'left', 0, 200)
    assert image[50, 150].tolist() == pytest.approx(palette.LEFT_FINGERS[0], abs=3)  # 4 is the thumb's tip
    assert image[150].max() == 0


@pytest.mark.parametrize(('margin', 'place'), [(0.0, (150, 50)), (0.5, (125, 75))])
def test_sampling_points_lie_where_the_crop_is_read(margin, place):
    """A place at three quarters of the width and a quarter of the height; a margin of a half halves the crop."""
    points = np.full((1, 21, 2, 2), 0.5, np.float32)
    points[0, 20, 1] = 0.75, 0.25
    image = draw_sampling_points(made_up_hand(sampling_points=points), 'right', 0, 200, margin)
    rows, columns = colored(image, palette.RIGHT_FINGERS[4], tolerance=40)
    far = np.hypot(columns - 100, rows - 100) > 20
    assert far.any()
    assert columns[far].mean() == pytest.approx(place[0], abs=1.5)
    assert rows[far].mean() == pytest.approx(place[1], abs=1.5)


def test_the_margin_shows_every_sampling_point():
    points = np.full((1, 21, 4, 2), 0.5, np.float32)
    hands = {'left': made_up_hand(sampling_points=points), 'right': made_up_hand(sampling_points=points.copy())}
    cards = {'left': [0], 'right': [0]}
    assert fitting_margin(hands, cards) == 0
    hands['right'].sampling_points[0, 3, 1] = 1.26, 0.4
    assert fitting_margin(hands, cards) == pytest.approx(0.3)
    hands['left'].sampling_points[0, 0, 0] = 0.5, -0.32
    assert fitting_margin(hands, cards) == pytest.approx(0.35)
    assert fitting_margin(hands, {'left': [], 'right': []}) == 0


def test_a_gate_is_a_colour_of_the_scale_at_its_keypoint():
    gate = np.zeros((1, 21), np.float32)
    gate[0, 8] = 1.0
    hand = made_up_hand(keypoint=(0.25, 0.5), gate=gate)
    hand.keypoints[0, 8] = 0.75, 0.5
    image = draw_gate(hand, 'left', 0, 200, (0.0, 1.0))
    assert image[100, 50].tolist() == pytest.approx(palette.SCALE[0], abs=2)
    assert image[100, 150].tolist() == pytest.approx(palette.SCALE[-1], abs=2)
    middle = [(a + b) / 2 for a, b in zip(*palette.SCALE[:2], strict=True)]
    assert scale_colors(np.array([0.125]))[0].tolist() == pytest.approx(middle, abs=1)
    assert scale_colors(np.array([0.425]), (0.4, 0.6))[0].tolist() == pytest.approx(middle, abs=1)


@pytest.mark.parametrize(
    ('values', 'ends'),
    [([0.02, 0.98], (0.0, 1.0)), ([0.31, 0.62], (0.3, 0.65)), ([0.441, 0.449], (0.35, 0.45)), ([0.0, 0.0], (0.0, 0.1))],
)
def test_the_scale_ends_at_round_numbers(values, ends):
    assert scale_ends(np.array(values)) == pytest.approx(ends)


@pytest.mark.parametrize(
    ('left', 'right', 'cards'),
    [
        (3, 2, {'left': [0, 1, 2], 'right': [0, 1]}),
        (0, 9, {'left': [], 'right': [0, 1, 2, 3, 5, 6, 7, 8]}),
        (2, 9, {'left': [0, 1], 'right': [0, 2, 3, 5, 6, 8]}),
        (31, 11, {'left': [0, 10, 20, 30], 'right': [0, 3, 7, 10]}),
    ],
)
def test_all_sampled_frames_are_shown_or_evenly_spaced_ones(left, right, cards):
    assert choose_cards({'left': made_up_hand(left), 'right': made_up_hand(right)}, 8) == cards


class MadeUpFusion(nn.Module):
    """A model that reads every crop at its left edge, with a gate as large as the keypoint's number."""

    def __init__(self, gate=True):
        super().__init__()
        self.fusion, self.gate = nn.Identity(), gate

    def data_preprocessor(self, batch):
        return batch

    def explain_fusion(self, inputs):
        number = len(inputs['hands']['right']['images'])
        places = torch.zeros(number, 21, 3, 2)
        places[..., 1] = torch.arange(21)[None, :, None] / 20
        gates = (torch.arange(21) / 20).expand(number, 21)
        return {'right': FusionExplanation(gates if self.gate else None, places.flatten(1, 2) if self.gate else None)}


def packed(hands):
    parts = {name: torch.zeros(30, len(part), 3) for name, part in PARTS.items()}
    pictures = {
        side: dict(
            images=torch.from_numpy(hand.images).permute(0, 3, 1, 2),
            keypoints=torch.from_numpy(hand.keypoints),
            frames=torch.from_numpy(hand.frames),
        )
        for side, hand in hands.items()
    }
    return {'inputs': {'parts': parts, 'hands': pictures}, 'data_samples': None}


def test_what_a_model_explains_reaches_the_sheet():
    hands = {'left': made_up_hand(0), 'right': made_up_hand(2)}
    view = made_up_view(hands)
    heights = [draw_hand_sheet(view).shape[0]]
    view.packed = packed(hands)
    explain_hands(view, nn.Identity())  # a model without a fusion
    assert hands['right'].gate is None
    explain_hands(view, MadeUpFusion(gate=False))
    heights.append(draw_hand_sheet(view).shape[0])
    explain_hands(view, MadeUpFusion())
    assert hands['right'].gate[1].tolist() == pytest.approx([i / 20 for i in range(21)])
    assert hands['right'].sampling_points.shape == (2, 21, 3, 2)
    assert hands['right'].sampling_points[0, 7].tolist() == [[0, pytest.approx(0.35)]] * 3
    sheet = draw_hand_sheet(view)
    heights.append(sheet.shape[0])
    assert heights[0] == heights[1] < heights[2] - 2 * 200
    assert len(colored(sheet, palette.SCALE[-1], 3)[0]) > 50


def test_a_clip_without_any_sampled_hand_says_so():
    sheet = draw_hand_sheet(made_up_view({'left': made_up_hand(0), 'right': made_up_hand(0)}))
    assert sheet.shape[0] < 200
    assert len(colored(sheet, palette.LEFT_ARM, 30)[0]) > 20


def test_sampled_frames_are_marked_in_the_row_of_their_hand():
    scores = np.ones((10, 133))
    plain = draw_timeline(scores, [], 500, 10).astype(int)
    marked = draw_timeline(scores, [], 500, 10, {'right': np.array([2])}).astype(int)
    rows, columns = np.nonzero(np.abs(marked - plain).sum(axis=2))
    assert columns.mean() == pytest.approx(50 + 2.5 / 10 * 400, abs=1)
    assert [rows.min(), rows.max()] == [10 + 2 + 2 * 12, 10 + 2 + 2 * 12 + 9]  # the third row


def test_the_visualizer_hands_the_sheet_to_its_backends(tmp_path):
    backends = [dict(type='LocalVisBackend'), dict(type='TensorboardVisBackend')]
    visualizer = SignVisualizer(name='hands', save_dir=str(tmp_path), vis_backends=backends)
    picture = visualizer.add_hand_sheet('hands/a', made_up_view({'right': made_up_hand()}), step=7)
    visualizer.close()
    assert [path.name for path in tmp_path.rglob('*.png')] == ['hands_a_7.png']
    assert list(tmp_path.rglob('events.out.tfevents*'))
    visualizer.add_hand_sheet('b', made_up_view({'right': made_up_hand()}), out_file=tmp_path / 'sub' / 'b.png')
    assert (tmp_path / 'sub' / 'b.png').is_file()
    assert picture.shape[1] == 4 * 212 + 12 + 36
