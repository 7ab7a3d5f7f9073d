"""The sampled frames of the hands side by side: boxes, crops with keypoints, sampling points, gates."""

from collections.abc import Callable

import numpy as np

from unisign.visualization.clip_view import ClipView, window_around
from unisign.visualization.color_scale import draw_scale, scale_ends
from unisign.visualization.hand_panels import (
    SIDE_COLORS,
    draw_gate,
    draw_hand_box,
    draw_hand_keypoints,
    draw_sampling_points,
    fitting_margin,
)
from unisign.visualization.hand_view import choose_cards
from unisign.visualization.palette import SUBDUED, TEXT
from unisign.visualization.sheet_blocks import GAP, HEADING_SIZE, frame_caption, header, heading
from unisign.visualization.skeleton import blank_canvas
from unisign.visualization.text import draw_text

SIDES = ('right', 'left')  # as a viewer sees the signer
BETWEEN = 3 * GAP  # the hands
LARGEST_CARD = 300
MIN_COLUMNS = 4


def draw_hand_sheet(view: ClipView, card_size: int = 200, font: str | None = None) -> np.ndarray:
    """Return the clip's texts and, below them, its hands (``draw_hands``).

    Args:
        view: the clip.
        card_size: side of a picture in pixels.
        font: font file for the text; None looks for an installed one.

    Returns:
        uint8 RGB [H, W, 3]; as wide as its pictures, four of them at least.
    """
    number = sum(map(len, choose_cards(view.hands).values()))
    width = GAP + max(number, MIN_COLUMNS) * (card_size + GAP) + BETWEEN
    return np.concatenate([header(view, width, font), draw_hands(view, width)])


def draw_hands(view: ClipView, width: int) -> np.ndarray:
    """Return the sampled frames of both hands, a column each, evenly spaced ones if they are many.

    Below one another: the frame with the box of the crop, the crop with the keypoints and, if a model was asked
    (``explain_hands``), where its fusion reads the crop, and its gate.

    Args:
        view: the clip, with hands.
        width: of the picture, in pixels.

    Returns:
        uint8 RGB [H, width, 3].
    """
    board = _Board(view, width)
    hands = {side: view.hands[side] for side, chosen in board.cards.items() if chosen}
    blocks = [board.titles()]
    if not hands:
        return blocks[0]
    shown = [int(view.hands[side].frames[card]) for side in hands for card in board.cards[side]]
    window = window_around(view, shown, 1.0)
    blocks.append(board.captions(lambda side, card: _frame_caption(view, side, card)))
    blocks.append(board.row(lambda side, card: draw_hand_box(view, side, card, window, board.size)))
    blocks.append(heading('crops with keypoints', width))
    blocks.append(board.row(lambda side, card: draw_hand_keypoints(hands[side], side, card, board.size)))
    if all(hand.sampling_points is not None for hand in hands.values()):
        margin = fitting_margin(hands, {side: board.cards[side] for side in hands})
        number = next(iter(hands.values())).places.shape[2]
        places = f"where the fusion reads the crop: {number} places a keypoint, in its finger's colour"
        blocks.append(heading(places, width))
        blocks.append(board.row(lambda side, card: draw_sampling_points(hands[side], side, card, board.size, margin)))
    if all(hand.gate is not None for hand in hands.values()):
        ends = scale_ends(np.concatenate([hands[side].gates[board.cards[side]] for side in hands]))
        blocks.append(_gate_heading(ends, width))
        blocks.append(board.row(lambda side, card: draw_gate(hands[side], side, card, board.size, ends)))
        blocks.append(board.captions(lambda side, card: _gate_caption(hands[side].gates[card])))
    return np.concatenate(blocks)


class _Board:
    """Where the pictures of the sampled frames stand.

    Attributes:
        cards: for each hand, which of its sampled frames are shown.
        size: side of a picture in pixels.
    """

    def __init__(self, view: ClipView, width: int) -> None:
        self.view, self.width = view, width
        self.cards = choose_cards({side: view.hands[side] for side in SIDES if side in view.hands})
        number = max(sum(map(len, self.cards.values())), MIN_COLUMNS)
        self.size = min(LARGEST_CARD, (width - GAP - BETWEEN) // number - GAP)
        self.lefts: dict[tuple[str, int], int] = {}
        x = GAP
        for side, chosen in self.cards.items():
            for card in chosen:
                self.lefts[side, card] = x
                x += self.size + GAP
            x += BETWEEN if chosen else 0

    def titles(self) -> np.ndarray:
        """Return the names of the hands with the numbers of all their sampled frames, each above its pictures."""
        image = blank_canvas(200, self.width)
        bottom, free = 0, GAP
        for side, chosen in self.cards.items():
            x = self.lefts[side, chosen[0]] if chosen else free
            room = len(chosen) * (self.size + GAP) - GAP if chosen else self.width - x - GAP
            y = GAP + draw_text(image, f'{side} hand', (x, GAP), 18, SIDE_COLORS[side], room)
            y += draw_text(image, self._sampled(side), (x, y), 14, SUBDUED, room, max_lines=3)
            bottom = max(bottom, y)
        return image[: bottom + GAP // 2]

    def _sampled(self, side: str) -> str:
        frames = self.view.hands[side].frames.tolist()
        if not frames:
            return 'no frame sampled'
        shown = len(self.cards[side])
        some = f'{len(frames)} sampled, {shown} shown: ' if shown < len(frames) else f'{len(frames)} sampled: '
        return some + ', '.join(map(str, frames))

    def row(self, draw: Callable[[str, int], np.ndarray]) -> np.ndarray:
        """Return a row of pictures."""
        image = blank_canvas(self.size + GAP // 2, self.width)
        for (side, card), x in self.lefts.items():
            image[: self.size, x : x + self.size] = draw(side, card)
        return image

    def captions(self, write: Callable[[str, int], str]) -> np.ndarray:
        """Return a row of short texts."""
        image = blank_canvas(26, self.width)
        for (side, card), x in self.lefts.items():
            draw_text(image, write(side, card), (x, 4), 13, TEXT, self.size, max_lines=1)
        return image


def _frame_caption(view: ClipView, side: str, card: int) -> str:
    hand = view.hands[side]
    return frame_caption(view, int(hand.frames[card]), int(hand.video_frames[card]))


def _gate_caption(gate: np.ndarray) -> str:
    return f'mean {gate.mean():.2f} ({gate.min():.2f} to {gate.max():.2f})'


def _gate_heading(ends: tuple[float, float], width: int) -> np.ndarray:
    image = heading("gate: the picture's share in each keypoint's feature", width)
    draw_scale(image, ends, min(430, width // 2), 8, min(160, width // 4), HEADING_SIZE)
    return image
