"""What the page shows beside an answer: the video with the skeleton, and what the model read of it."""

import base64
import io
import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image

from unisign.apis import SignInferencer
from unisign.apis.clip_pipeline import ClipPipeline, PreparedClip
from unisign.datasets.frame_mapping import video_frames
from unisign.datasets.video_readers import VideoFiles
from unisign.structures import PARTS, ClipError, Poses
from unisign.visualization.clip_view import ClipView
from unisign.visualization.fusion_explanation import explain_hands
from unisign.visualization.hand_panels import (
    SIDE_COLORS,
    draw_hand_keypoints,
    draw_sampling_points,
    fitting_margin,
)
from unisign.visualization.hand_view import HandView, choose_cards, hand_views
from unisign.visualization.palette import PANEL
from unisign.visualization.skeleton import SCORE_THRESHOLD, blank_canvas, draw_skeleton
from unisign.visualization.video_io import write_video

LONGER_SIDE = 480  # of the drawn video, in pixels
CARD_SIZE = 240  # of a picture of a hand
FASTEST = 30  # frames per second of the drawn video, about
FRAME_RATE = 25.0  # where neither video nor poses say
STRIP = 120  # pieces into which a clip's time is cut, at most
SHOWN_PARTS = ('body', 'face_all', 'right', 'left')


@dataclass
class _Clip:
    """One clip with everything that is drawn of it.

    Attributes:
        prepared: poses, pictures of hands.
        hands: what the model does with these.
        numbers: int64 [T], the video's frame of each entry of the poses.
        frame_rate: of the video, the mean.
        times: float64, seconds of each of its frames where they come unevenly; None: evenly.
        size: width and height of the drawn frames.
        images: the frames that are drawn, uint8 RGB.
        shown: int64 [N], their numbers.
        problem: why they are empty canvases; '' if they are not.
    """

    prepared: PreparedClip
    hands: dict[str, HandView]
    numbers: np.ndarray
    frame_rate: float
    times: np.ndarray | None
    size: tuple[int, int]
    images: Iterable[np.ndarray]
    shown: np.ndarray
    problem: str = ''

    @property
    def poses(self) -> Poses:
        """The clip's poses, every frame."""
        return self.prepared.poses


def collect_evidence(
    inferencer: SignInferencer, lang: str, video: str, poses: Poses, tell: Callable[[float], None]
) -> dict[str, Any]:
    """Return the video with the skeleton, pictures of the hands that the model saw, and which parts it could read.

    Args:
        inferencer: that gave the answer.
        lang: language code of the answer.
        video: path; the drawn one is written into a folder beside it.
        poses: of the clip, every frame.
        tell: called now and then with the share that is done.

    Returns:
        JSON's types. ``video``: an mp4, in base64; ``drawing_problem``: why it shows an empty canvas, or ''. ``hands``:
        the pictures that the model saw, ``None`` for a model that reads none; ``parts``: for each part, how much of it
        was seen over time, 0..1; ``read``: numbers of the clip's frames that the model read.
    """
    pipeline = ClipPipeline(inferencer.model, inferencer.task, lang, need_video=False)
    prepared = pipeline.prepare(pipeline.describe(Path(video).stem, poses, video))
    view = ClipView(Path(video).stem, prepared.poses, prepared.poses, packed=prepared.packed)
    view.hands = hand_views(prepared.hands)
    explain_hands(view, inferencer.model)
    clip = _match(video, prepared, view.hands, pipeline.align)
    drawn = Path(video).parent / 'drawn' / 'drawn.mp4'
    rate = clip.frame_rate * len(clip.shown) / (clip.shown[-1] - clip.shown[0] + 1)
    write_video(drawn, _told(_draw(clip), len(clip.shown), tell), rate, preset='veryfast')
    return {
        'video': base64.b64encode(drawn.read_bytes()).decode(),
        'size': clip.size,
        'drawing_problem': clip.problem,
        'hands': _hand_cards(clip) if pipeline.wants_video else None,
        'parts': [_part_seen(clip.poses, name) for name in SHOWN_PARTS],
        'clip_frames': len(clip.poses),
        'read': _frames_read(prepared),
    }


def _match(video: str, prepared: PreparedClip, hands: dict[str, HandView], align: str) -> _Clip:
    """Return the clip with the frames of its video that belong to the poses; without video where they do not fit."""
    reader, poses = VideoFiles(), prepared.poses
    info = reader.info(video)
    problem = ''
    try:
        numbers = video_frames(poses, info, video, len(poses) if poses.frame_ids is None else None, align)
        size, rate = _drawn_size(info.size), info.frame_rate or poses.frame_rate or FRAME_RATE
    except ClipError as error:
        numbers, hands, problem = np.arange(len(poses)), {}, error.problem
        size, rate = _drawn_size(poses.frame_size or info.size), poses.frame_rate or FRAME_RATE
    shown = np.arange(numbers.min(), numbers.max() + 1, math.ceil(rate / FASTEST - 0.1))
    canvas = blank_canvas(size[1], size[0], PANEL)
    images = (canvas for _ in shown) if problem else reader.frames(video, shown)
    return _Clip(prepared, hands, numbers, rate, info.times, size, images, shown, problem)


def _drawn_size(size: tuple[int, int]) -> tuple[int, int]:
    """Return an even width and height for the drawn video."""
    scale = LONGER_SIDE / max(size)
    width, height = (max(2, round(side * scale / 2) * 2) for side in size)
    return width, height


def _draw(clip: _Clip) -> Iterator[np.ndarray]:
    """Yield the frames with the skeleton, and with the boxes of the pictures of hands that were cut from them."""
    for number, image in zip(clip.shown.tolist(), clip.images, strict=True):
        entry = int(np.abs(clip.numbers - number).argmin())
        smooth = cv2.INTER_AREA if image.shape[1] > clip.size[0] else cv2.INTER_CUBIC
        image = cv2.resize(image, clip.size, interpolation=smooth)
        image = draw_skeleton(image, clip.poses.keypoints[entry], clip.poses.scores[entry])
        for side, hand in clip.hands.items():
            for box in hand.boxes[hand.video_frames == number]:
                low, high = (box.reshape(2, 2) * clip.size).round().astype(int).tolist()
                cv2.rectangle(image, low, high, SIDE_COLORS[side], 2, cv2.LINE_AA)
        yield image


def _told(images: Iterable[np.ndarray], number: int, tell: Callable[[float], None]) -> Iterator[np.ndarray]:
    for done, image in enumerate(images):
        tell(min(done / max(number, 1), 1.0))
        yield image


def _hand_cards(clip: _Clip) -> list[dict[str, Any]]:
    """Return the pictures of hands that the model saw, evenly spaced ones if they are many, in the order of time."""
    hands = clip.hands
    cards = choose_cards(hands)
    known = all(hands[side].sampling_points is not None for side in hands if cards[side])
    margin = fitting_margin(hands, cards) if known and hands else 0.0
    found = []
    for side, chosen in cards.items():
        hand = hands[side]
        for card in chosen:
            frame = int(hand.video_frames[card])
            places = draw_sampling_points(hand, side, card, CARD_SIZE, margin) if known else None
            found.append(
                {
                    'side': side,
                    'frame': frame,
                    'seconds': round(float(frame / clip.frame_rate if clip.times is None else clip.times[frame]), 2),
                    'picture': _as_jpeg(draw_hand_keypoints(hand, side, card, CARD_SIZE)),
                    'places': None if places is None else _as_jpeg(places),
                    'gate': None if hand.gate is None else round(float(hand.gate[card].mean()), 4),
                }
            )
    return sorted(found, key=lambda card: (card['side'] == 'left', card['frame']))


def _as_jpeg(image: np.ndarray) -> str:
    out = io.BytesIO()
    Image.fromarray(image).save(out, 'JPEG', quality=88)
    return base64.b64encode(out.getvalue()).decode()


def _frames_read(prepared: PreparedClip) -> list[int]:
    """Return which of the clip's frames the model read, from 0."""
    known, read = prepared.poses.frame_ids, prepared.read.frame_ids
    if read is None:
        return list(range(len(prepared.read)))
    return (read if known is None else np.searchsorted(known, read)).tolist()


def _part_seen(poses: Poses, name: str) -> dict[str, Any]:
    """Return which share of a part's points the model could read: over the clip, and piece by piece."""
    seen = (poses.scores[:, PARTS[name].indices] > SCORE_THRESHOLD).mean(axis=1)
    pieces = np.array_split(seen, min(len(seen), STRIP))
    return {
        'name': name,
        'points': len(PARTS[name].indices),
        'seen': round(float(seen.mean()), 4),
        'strip': [round(float(piece.mean()), 2) for piece in pieces],
    }
