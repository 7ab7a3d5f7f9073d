"""From published pickles to a batch, as the published code reads them: a file a clip, frames in Python.

Kept to be compared with; the library does not use it, and never loads a stranger's pickle in this way.
"""

import pickle
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from baseline.normalize_parts import normalize_parts_per_frame
from torch import Tensor


def read_clip(file: Path, frames: Sequence[int]) -> dict[str, Tensor]:
    """Return part name -> [T, V, 3] for some frames of a clip."""
    content = pickle.loads(file.read_bytes())
    keypoints = [content['keypoints'][index][0] for index in frames]
    scores = [content['scores'][index][0] for index in frames]
    return {name: torch.from_numpy(part) for name, part in normalize_parts_per_frame(keypoints, scores).items()}


def collate(clips: Sequence[dict[str, Tensor]]) -> tuple[dict[str, Tensor], Tensor]:
    """Return parts [B, T, V, 3], each clip's last frame repeated to the longest, and the mask, long [B, T]."""
    lengths = [len(clip['body']) for clip in clips]
    longest = max(lengths)
    batch = {}
    for name in clips[0]:
        padded = [torch.cat([clip[name], clip[name][-1:].expand(longest - len(clip[name]), -1, -1)]) for clip in clips]
        batch[name] = torch.stack(padded)
    mask = np.arange(longest) < np.array(lengths)[:, None]
    return batch, torch.from_numpy(mask).long()
