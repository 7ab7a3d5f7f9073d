"""A small corpus on disk, made in code."""

import runpy
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from synthetic_videos import moving_images, write_h264

from unisign.datasets import Annotation, write_annotations
from unisign.stores import PackedPoseWriter
from unisign.structures import Poses

PIPELINE = (
    {'type': 'LoadPoses'},
    {'type': 'SampleFrames', 'sampler': {'type': 'RandomFrameSampler'}, 'max_frames': 12},
    {'type': 'NormalizeParts'},
    {'type': 'PackSignInputs'},
)


def make_poses(frames: int, seed: int = 0) -> Poses:
    rng = np.random.default_rng(seed)
    return Poses(rng.random((frames, 133, 2), np.float32), rng.random((frames, 133), np.float32))


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """Annotation file of 23 clips of 3 to 25 frames in one packed store; the lengths are shuffled."""
    lengths = np.random.default_rng(0).permutation(np.arange(3, 26))
    annotations = []
    with PackedPoseWriter(tmp_path / 'poses.lmdb') as writer:
        for i, length in enumerate(lengths.tolist()):
            writer.write(f'clip_{i:02d}', make_poses(length, seed=i))
            annotations.append(
                Annotation(
                    f'clip_{i:02d}', poses=f'poses.lmdb#clip_{i:02d}', text=f'word {i}', gloss=('A', 'B'), lang='en'
                )
            )
    write_annotations(tmp_path / 'train.jsonl', annotations)
    return tmp_path / 'train.jsonl'


@pytest.fixture
def pipeline() -> list[dict]:
    """Training pipeline with at most 12 frames, chosen at random."""
    return [dict(step) for step in PIPELINE]


@pytest.fixture
def random_poses():
    """Return a function ``(frames, seed=0) -> Poses`` of random numbers in [0, 1)."""
    return make_poses


@pytest.fixture
def run_tool(repo: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Return a function that runs a script of tools/ in this process: importing torch anew takes seconds."""

    def run(script: str, *arguments: object) -> None:
        monkeypatch.setattr(sys, 'argv', [script, *map(str, arguments)])
        runpy.run_path(str(repo / 'tools' / script), run_name='__main__')

    return run


@pytest.fixture
def hands_corpus(tmp_path: Path) -> Path:
    """Annotation file of four clips with videos of 30 frames, 64x48, and poses whose hands move within them."""
    annotations = []
    with PackedPoseWriter(tmp_path / 'poses.lmdb') as writer:
        for i in range(4):
            write_h264(tmp_path / f'clip_{i}.mp4', moving_images(30, seed=i), faststart=True)
            writer.write(f'clip_{i}', moving_hands(30, seed=i))
            annotations.append(
                Annotation(f'clip_{i}', video=f'clip_{i}.mp4', poses=f'poses.lmdb#clip_{i}', text='x', lang='en')
            )
    write_annotations(tmp_path / 'hands.jsonl', annotations)
    return tmp_path / 'hands.jsonl'


def moving_hands(frames: int, seed: int = 0) -> Poses:
    """Poses whose hands are about a quarter of the frame, partly outside it, unseen in the first three frames."""
    rng = np.random.default_rng(seed)
    keypoints = rng.random((frames, 133, 2), np.float32)
    scores = rng.uniform(0.4, 1, (frames, 133)).astype(np.float32)
    for hand in (slice(91, 112), slice(112, 133)):
        centre = rng.uniform(0, 1, (frames, 1, 2))
        keypoints[:, hand] = centre + rng.uniform(-0.12, 0.12, (frames, 21, 2))
    scores[:3, 91:] = 0.1
    return Poses(keypoints, scores, frame_size=(640, 480), frame_rate=25.0)
