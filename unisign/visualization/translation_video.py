"""The frames of a video that shows a translated clip: signer with skeleton, hands as the model saw them, text."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import cv2
import numpy as np

from unisign.structures import Poses
from unisign.visualization.hand_panels import SIDE_COLORS, draw_hand_keypoints
from unisign.visualization.hand_view import HandView
from unisign.visualization.palette import ACCENT, CANVAS, GRID, PANEL, SUBDUED, TEXT
from unisign.visualization.skeleton import blank_canvas, draw_skeleton
from unisign.visualization.text import draw_text

HEIGHT = 480  # of the signer's picture
WIDEST = 860
GAP = 12
LABEL = 24  # height of what stands above a crop
MAX_ANSWERS = 4


@dataclass
class TranslationView:
    """What is shown.

    Attributes:
        poses: the clip, every frame.
        text: the translation.
        nbest: [text, score] pairs, best first.
        caption: a line above the text: clip, task, language.
        hands: ``left`` and ``right`` -> pictures of the hand that the model saw; empty for a pose-only model.
        numbers: int64 [T], the video's frame of each entry of ``poses``; None without a video.
    """

    poses: Poses
    text: str
    nbest: list[list]
    caption: str = ''
    hands: dict[str, HandView] = field(default_factory=dict)
    numbers: np.ndarray | None = None


def draw_translation_frames(view: TranslationView, images: Iterable[np.ndarray] | None = None) -> Iterator[np.ndarray]:
    """Yield the drawn frames, uint8 RGB, all of one size: even numbers of rows and columns.

    Args:
        view: what is shown.
        images: frames numbers[0].. numbers[-1] of the video, all of them, uint8 RGB [H, W, 3]; None draws one frame
            for each entry of the poses, on an empty canvas.
    """
    if images is None or view.numbers is None:
        numbers = np.arange(len(view.poses))
        images = (blank_canvas(HEIGHT, _width(view.poses.frame_size), PANEL) for _ in numbers)
    else:
        numbers = view.numbers
    with_hands = view.numbers is not None and any(len(hand.frames) for hand in view.hands.values())
    footer: np.ndarray | None = None
    for number, image in enumerate(images, start=int(numbers.min())):
        entry = int(np.abs(numbers - number).argmin())
        picture = _draw_signer(view, image, number, entry)
        if with_hands:
            picture = np.hstack([picture, _draw_column(view, number)])
        if footer is None:  # the same on all frames
            footer = _draw_footer(view, picture.shape[1])
        yield np.vstack([picture, footer])


def _width(frame_size: tuple[int, int] | None) -> int:
    width, height = frame_size or (4, 3)
    return min(round(HEIGHT * width / height / 2) * 2, WIDEST)


def _draw_signer(view: TranslationView, image: np.ndarray, number: int, entry: int) -> np.ndarray:
    """Return the frame with skeleton and boxes, uint8 RGB [HEIGHT, W, 3]; wide frames get margins above and below."""
    scale = min(HEIGHT / image.shape[0], WIDEST / image.shape[1])
    size = max(2, round(image.shape[1] * scale / 2) * 2), max(2, round(image.shape[0] * scale / 2) * 2)
    image = cv2.resize(image, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    image = draw_skeleton(image, view.poses.keypoints[entry], view.poses.scores[entry])
    for side, hand in view.hands.items():
        for box in hand.boxes[_seen_in(hand, number)]:
            low, high = (box.reshape(2, 2) * size).round().astype(int).tolist()
            cv2.rectangle(image, low, high, SIDE_COLORS[side], 2, cv2.LINE_AA)
    canvas = blank_canvas(HEIGHT, size[0])
    top = (HEIGHT - size[1]) // 2
    canvas[top : top + size[1]] = image[: HEIGHT - top]
    return canvas


def _seen_in(hand: HandView, number: int) -> np.ndarray:
    """Return which pictures of the hand were cut from this frame, int64 indices."""
    return np.flatnonzero(hand.video_frames == number)


def _draw_column(view: TranslationView, number: int) -> np.ndarray:
    """Return the last picture of either hand up to this frame (the first before it), uint8 RGB [HEIGHT, .., 3]."""
    side_length = HEIGHT // 2 - LABEL - GAP
    column = blank_canvas(HEIGHT, side_length + 2 * GAP)
    for row, side in enumerate(('right', 'left')):  # the signer's right hand is on the left: above
        top = row * (HEIGHT // 2)
        hand = view.hands.get(side)
        cut_from = np.zeros(0, dtype=np.int64) if hand is None else hand.video_frames
        if hand is None or not len(cut_from):
            draw_text(column, f'{side} hand: not looked at', (GAP, top + 4), 14, SUBDUED)
            continue
        card = max(int(np.searchsorted(cut_from, number, side='right')) - 1, 0)
        now = cut_from[card] == number
        label = f'{side} hand, frame {cut_from[card]}'
        draw_text(column, label, (GAP, top + 4), 14, TEXT if now else SUBDUED)
        picture = draw_hand_keypoints(hand, side, card, side_length)
        column[top + LABEL : top + LABEL + side_length, GAP : GAP + side_length] = picture
        corner = GAP + side_length - 1, top + LABEL + side_length - 1
        cv2.rectangle(column, (GAP, top + LABEL), corner, SIDE_COLORS[side] if now else GRID, 2)
    return column


def _draw_footer(view: TranslationView, width: int) -> np.ndarray:
    """Return caption, text and the best answers with bars for their scores, uint8 RGB [.., width, 3], even rows."""
    image = blank_canvas(600, width, CANVAS)
    inner, y = width - 2 * GAP, GAP
    y += draw_text(image, view.caption, (GAP, y), 14, SUBDUED, inner, max_lines=1)
    y += draw_text(image, view.text or '(nothing)', (GAP, y), 26, ACCENT, inner, max_lines=3) + 4
    for text, score in view.nbest[:MAX_ANSWERS]:
        bar = round(0.25 * inner)
        cv2.rectangle(image, (GAP, y + 4), (GAP + bar, y + 12), PANEL, -1)
        cv2.rectangle(image, (GAP, y + 4), (GAP + round(bar * min(max(score, 0.0), 1.0)), y + 12), ACCENT, -1)
        draw_text(image, f'{score:.3f}', (GAP + bar + GAP, y), 14, SUBDUED)
        y += draw_text(image, text, (2 * GAP + bar + 56, y), 14, TEXT, inner - bar - 68, max_lines=1)
    return image[: (y + GAP) // 2 * 2]
