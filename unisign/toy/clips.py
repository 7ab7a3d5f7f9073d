"""Making one clip of the toy corpus: motion, camera, detector, and the video."""

import hashlib
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
import numpy as np
from av.video.stream import VideoStream

from unisign.structures import Poses
from unisign.toy.body_model import body_points
from unisign.toy.camera import FRAME_RATE, FRAME_SIZE, Projection, project
from unisign.toy.detector import DETECTORS, detect
from unisign.toy.drawing import draw_clip
from unisign.toy.motion import make_motion
from unisign.toy.splits import ClipPlan

_ENCODERS = ('libx264', 'mpeg4')


def clip_rng(seed: int, clip_id: str, purpose: str) -> np.random.Generator:
    """Return the random numbers of one clip for one purpose; no other clip, and no worker, changes them."""
    digest = hashlib.sha256(f'{clip_id}/{purpose}'.encode()).digest()
    return np.random.default_rng([seed, int.from_bytes(digest[:8], 'little')])


def film(plan: ClipPlan, seed: int) -> Projection:
    """Return the true points of the clip as the camera sees them."""
    motion = make_motion(plan.glosses, plan.signer, clip_rng(seed, plan.clip_id, 'motion'))
    return project(body_points(motion, plan.signer), plan.signer, clip_rng(seed, plan.clip_id, 'camera'))


def sign_span(plan: ClipPlan, seed: int, margin: int) -> tuple[int, int]:
    """Return the first frame of the clip's signs and the frame behind the last, with ``margin`` frames around them."""
    motion = make_motion(plan.glosses, plan.signer, clip_rng(seed, plan.clip_id, 'motion'))
    return max(0, motion.spans[0][0] - margin), min(len(motion), motion.spans[-1][1] + margin)


def detected_poses(plan: ClipPlan, view: Projection, seed: int, detector: str = 'usual') -> Poses:
    """Return what the detector (of ``DETECTORS``) makes of the clip, rounded to float16 (what the corpus stores)."""
    keypoints, scores = detect(view, clip_rng(seed, plan.clip_id, 'detector'), DETECTORS[detector])
    keypoints, scores = (array.astype(np.float16).astype(np.float32) for array in (keypoints, scores))
    return Poses(keypoints, scores, frame_size=FRAME_SIZE, frame_rate=float(FRAME_RATE))


def write_video(plan: ClipPlan, view: Projection, path: Path) -> None:
    """Write the clip's pixels to ``path``; a half-written file never has that name."""
    part = path.with_name(f'{path.stem}.part.mp4')
    frames = draw_clip(view, plan.signer)
    with av.open(str(part), 'w') as container:
        stream = cast(VideoStream, container.add_stream(_encoder(), rate=Fraction(FRAME_RATE)))
        stream.width, stream.height = FRAME_SIZE
        stream.pix_fmt = 'yuv420p'
        stream.thread_count = 1
        if stream.codec_context.name == 'libx264':
            stream.options = {'crf': '20', 'preset': 'veryfast', 'g': '15', 'bf': '0'}
        else:
            stream.bit_rate = 800_000
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format='rgb24')))
        container.mux(stream.encode())
    part.replace(path)


def _encoder() -> str:
    """Return the first encoder that this build of FFmpeg has."""
    return next(name for name in _ENCODERS if name in av.codecs_available)
