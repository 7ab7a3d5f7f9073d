"""Long videos of the toy corpus: clips of one signer in a row, with or without a rest between them."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from unisign.segmentation import SegmentRule, SegmentScores, segment_scores, segments_of
from unisign.stores import write_npz
from unisign.structures import DataError, Poses
from unisign.toy.body_model import body_points
from unisign.toy.camera import FRAME_RATE, FRAME_SIZE, Projection, project
from unisign.toy.clips import clip_rng, film
from unisign.toy.detector import DETECTORS, detect
from unisign.toy.drawing import draw_clip
from unisign.toy.motion import resting_motion
from unisign.toy.splits import ClipPlan
from unisign.visualization.video_io import write_video

KINDS = {'sentences': ('slt',), 'words': ('islr',), 'mixed': ('islr', 'slt')}
NO_REST = (0.0, 0.0)


@dataclass(frozen=True)
class JoinedVideo:
    """Clips in a row.

    Attributes:
        name: of the video.
        poses: of all its frames.
        plans: its clips.
        spans: first frame of each clip and the frame behind its last.
        views: what the camera sees, piece after piece.
    """

    name: str
    poses: Poses
    plans: tuple[ClipPlan, ...]
    spans: tuple[tuple[int, int], ...]
    views: tuple[Projection, ...]

    def frames(self) -> Iterator[np.ndarray]:
        """Yield its pictures, uint8 RGB [H, W, 3]."""
        for view in self.views:
            yield from draw_clip(view, self.plans[0].signer)


def choose_clips(
    plans: Sequence[ClipPlan], split: str, kind: str, videos: int, clips: int, seed: int = 42
) -> list[list[ClipPlan]]:
    """Return the clips of each of ``videos`` videos: ``clips`` of one signer, none of them twice.

    Args:
        plans: from ``plan_corpus``.
        split: ``train``, ``dev`` or ``test``.
        kind: ``sentences``, ``words`` or ``mixed``.
        videos: how many; signers take turns.
        clips: in each.
        seed: of the choice.

    Raises:
        DataError: if the split does not hold as many clips.
    """
    own = [plan for plan in plans if plan.split == split and plan.task in KINDS[kind]]
    rng = np.random.default_rng([seed, 3])
    order = [own[index] for index in rng.permutation(len(own))]
    signers = sorted({plan.signer.name for plan in own})
    left = {name: [plan for plan in order if plan.signer.name == name] for name in signers}
    chosen = []
    for index in range(videos):
        pool = left[signers[index % len(signers)]]
        if len(pool) < clips:
            raise DataError(f'{split} {kind}', f'holds too few clips for {videos} videos of {clips} clips each.')
        chosen.append([pool.pop() for _ in range(clips)])
    return chosen


def join_clips(
    name: str,
    plans: Sequence[ClipPlan],
    rest: tuple[float, float] = NO_REST,
    seed: int = 42,
    detector: str = 'usual',
) -> JoinedVideo:
    """Return the video of ``plans`` in a row; each clip is the one of the corpus, frame by frame.

    Args:
        name: of the video; with the seed it decides the rests.
        plans: clips of one signer.
        rest: shortest and longest rest before, between and behind them, in seconds.
        seed: of the corpus.
        detector: what finds the keypoints, of ``DETECTORS``.
    """
    signer, rng = plans[0].signer, clip_rng(seed, name, 'rests')
    pieces: list[tuple[str, Projection]] = []
    spans, count = [], 0
    for index in range(len(plans) + 1):
        frames = round(rng.uniform(*rest) * FRAME_RATE)
        if frames:
            points = body_points(resting_motion(signer, frames, rng), signer)
            pieces.append((f'{name}-rest-{index}', project(points, signer, rng)))
            count += len(points)
        if index < len(plans):
            pieces.append((plans[index].clip_id, film(plans[index], seed)))
            spans.append((count, count := count + len(pieces[-1][1].points)))
    found = [detect(view, clip_rng(seed, piece, 'detector'), DETECTORS[detector]) for piece, view in pieces]
    keypoints, scores = (
        np.concatenate(arrays).astype(np.float16).astype(np.float32) for arrays in zip(*found, strict=True)
    )
    poses = Poses(keypoints, scores, FRAME_SIZE, float(FRAME_RATE))
    return JoinedVideo(name, poses, tuple(plans), tuple(spans), tuple(view for _, view in pieces))


def score_joined(
    video: JoinedVideo, poses: Poses, rule: SegmentRule | None = None, least_overlap: float = 0.5
) -> SegmentScores:
    """Return how well the segments of ``poses`` (the video's own, or those at another frame rate) match its clips."""
    found = [(segment.start_seconds, segment.end_seconds) for segment in segments_of(poses, rule)]
    true = [(start / FRAME_RATE, end / FRAME_RATE) for start, end in video.spans]
    return segment_scores(found, true, least_overlap)


def write_joined(video: JoinedVideo, folder: Path) -> None:
    """Write a video as ``NAME.mp4``, its keypoints as ``NAME.npz``, its clips with their times as ``NAME.jsonl``."""
    write_video(folder / f'{video.name}.mp4', video.frames(), FRAME_RATE)
    write_npz(folder / f'{video.name}.npz', video.poses)
    lines = (
        {
            'id': plan.clip_id,
            'start': start / FRAME_RATE,
            'end': end / FRAME_RATE,
            'text': plan.text,
            'gloss': list(plan.glosses),
            'lang': plan.lang,
        }
        for plan, (start, end) in zip(video.plans, video.spans, strict=True)
    )
    text = ''.join(json.dumps(line, ensure_ascii=False) + '\n' for line in lines)
    (folder / f'{video.name}.jsonl').write_text(text, encoding='utf-8')
