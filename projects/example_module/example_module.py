"""Four parts of one's own: a frame sampler, a transform, a backbone and a head.

Nothing of unisign is edited: a config names this file in ``custom_imports``, which runs the decorators below, and then
uses the names like any other. What each part gets and must give stands in its docstring; docs/add_a_module.md explains.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from unisign.registry import FRAME_SAMPLERS, MODELS, TRANSFORMS
from unisign.structures import PARTS, DataError, SignDataSample

FACE = slice(23, 91)


@FRAME_SAMPLERS.register_module()
class MiddleFrameSampler:
    """Frame sampler: the frames in the middle of the clip, where the sign is."""

    def __call__(self, num_frames: int, max_frames: int, rng: np.random.Generator) -> np.ndarray:
        """Return the frames to read, int64 [N], sorted, N at most ``max_frames``; ``rng`` is not needed here."""
        start = max(num_frames - max_frames, 0) // 2
        return np.arange(start, start + min(num_frames, max_frames), dtype=np.int64)


@TRANSFORMS.register_module()
class HideFace:
    """Transform: makes the face's keypoints missing (score 0).

    Required and modified key: poses. Added keys: none.

    Args:
        share: probability of doing so, 0 to 1; in test mode it is always done or, with 0, never.
    """

    def __init__(self, share: float = 1.0) -> None:
        self.share = share

    def __call__(self, results: dict[str, Any]) -> dict[str, Any]:
        """Return ``results`` with the face hidden; the only source of chance is ``results['rng']``."""
        if results['rng'].random() < self.share or (results['test_mode'] and self.share > 0):
            poses = results['poses']
            scores = poses.scores.copy()
            scores[:, FACE] = 0
            results['poses'] = replace(poses, scores=scores)
        return results


@MODELS.register_module()
class FrameConvEncoder(nn.Module):
    """Backbone: all points of a frame in one vector, then two temporal convolutions.

    Args:
        channels: width inside.
        out_channels: width of what it gives, the head's ``in_channels``.
        temporal_kernel: frames each convolution sees, odd.
    """

    def __init__(self, channels: int = 64, out_channels: int = 64, temporal_kernel: int = 5) -> None:
        super().__init__()
        self.out_channels = out_channels
        points = sum(len(part) for part in PARTS.values())
        self.embedding = nn.Linear(3 * points, channels)
        self.convolutions = nn.ModuleList(
            nn.Conv1d(size, channels_out, temporal_kernel, padding=temporal_kernel // 2)
            for size, channels_out in ((channels, channels), (channels, out_channels))
        )

    def forward(self, parts: dict[str, Tensor], mask: Tensor) -> Tensor:
        """Return one feature a frame.

        Args:
            parts: part name -> float [B, T, V, 3].
            mask: bool [B, T]; true at a clip's frames.

        Returns:
            [B, T, out_channels].
        """
        x = self.embedding(torch.cat([parts[name].flatten(2) for name in PARTS], dim=-1)).transpose(1, 2)
        for convolution in self.convolutions:
            # Padding must look like nothing at all, or a clip's result would depend on its neighbours in the batch.
            x = convolution(x.relu() * mask[:, None])
        return x.transpose(1, 2)


@MODELS.register_module()
class LinearClassHead(nn.Module):
    """Head for isolated recognition: the mean over frames, one score a class.

    Args:
        labels: file with one class a line.
        in_channels: width of the features.

    Raises:
        DataError: if there is no such file.
    """

    def __init__(self, labels: str, in_channels: int = 64) -> None:
        super().__init__()
        if not Path(labels).is_file():
            raise DataError(labels, 'no such file; expected one class a line.', 'Correct model.head.labels.')
        self.in_channels = in_channels
        self.labels = Path(labels).read_text(encoding='utf-8').splitlines()
        self.classifier = nn.Linear(in_channels, len(self.labels))

    def loss(self, features: Tensor, mask: Tensor, data_samples: Sequence[SignDataSample]) -> dict[str, Tensor]:
        """Return the cross entropy; features [B, T, C], mask bool [B, T]. A batch without clips gives zero loss."""
        logits = self._logits(features, mask)
        if not len(logits):
            return dict(loss=logits.sum())
        target = torch.tensor([self.labels.index(sample.gt_text) for sample in data_samples], device=logits.device)
        return dict(loss=nn.functional.cross_entropy(logits, target))

    def predict(self, features: Tensor, mask: Tensor, data_samples: list[SignDataSample]) -> list[SignDataSample]:
        """Return the samples with pred_text, pred_score and nbest; arguments as for ``loss``."""
        best = self._logits(features, mask).softmax(dim=-1).topk(min(5, len(self.labels)))
        for sample, scores, classes in zip(data_samples, best.values.tolist(), best.indices.tolist(), strict=True):
            sample.nbest = [[self.labels[label], score] for label, score in zip(classes, scores, strict=True)]
            sample.pred_text, sample.pred_score = sample.nbest[0]
        return data_samples

    def _logits(self, features: Tensor, mask: Tensor) -> Tensor:
        frames = mask.sum(dim=1, keepdim=True).clamp(min=1)
        return self.classifier((features.relu() * mask[..., None]).sum(dim=1) / frames)
