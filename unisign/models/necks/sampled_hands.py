"""The hands that have a picture, taken out of the pose features of a whole batch and put back.

Shape letters: N hands with a picture (left ones, then right ones, over all clips), V = 21 points, C channels.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from unisign.models.backbones import NETWORK_PARTS, SpatialFeatures

SIDES = NETWORK_PARTS['hand']  # left, right


@dataclass
class SampledHands:
    """All hands of a batch that have a picture, as one batch.

    Attributes:
        everywhere: [V, 2, F, C]; what the spatial network gives for all hands, with a picture or without.
        features: [N, C, V]; of those with one.
        keypoints: float [N, V, 2]; relative to the crop, x and y in [0, 1].
        crops: [N, C, h, w]; the encoded pictures.
        rows: long [N * V]; where the features stand in ``everywhere``, if that is one row of C after another.
    """

    everywhere: Tensor
    features: Tensor
    keypoints: Tensor
    crops: Tensor
    rows: Tensor


@dataclass
class FusionExplanation:
    """What a fusion did to n hands, for pictures.

    Attributes:
        gate: [n, V]; the share of the picture in each keypoint's feature; None without a gate.
        sampling_points: [n, V * G, 2]; where the picture was read, relative to the crop as keypoints are (x, y; some
            lie outside [0, 1]); the G points of one keypoint stand together. None where there are none.
    """

    gate: Tensor | None = None
    sampling_points: Tensor | None = None


def take_hands(
    features: SpatialFeatures, hands: dict[str, dict[str, Tensor]], crops: dict[str, Tensor]
) -> SampledHands:
    """Return the hands that have a picture.

    Args:
        features: of the whole batch.
        hands: ``left`` and ``right`` -> ``keypoints`` [n, V, 2], ``clip`` long [n], ``frame`` long [n] in the clip.
        crops: ``left`` and ``right`` -> encoded pictures [n, C, h, w].
    """
    mask = features.timeline.mask
    numbers = mask.flatten().cumsum(0).view_as(mask) - 1  # [B, T]: of a valid frame among all valid ones
    present = [(index, hands[name]) for index, name in enumerate(SIDES) if name in hands]
    side = torch.cat([torch.full_like(hand['frame'], index) for index, hand in present])
    frame = torch.cat([numbers[hand['clip'], hand['frame']] for _, hand in present])
    rows = _rows(features.networks['hand'], side, frame)
    everywhere, taken = _Take.apply(features.networks['hand'], rows)
    return SampledHands(
        everywhere=everywhere,
        features=taken.unflatten(0, (-1, len(everywhere))).transpose(1, 2),
        keypoints=torch.cat([hand['keypoints'] for _, hand in present]),
        crops=torch.cat([crops[name] for name in SIDES if name in hands]),
        rows=rows,
    )


def _rows(whole: Tensor, side: Tensor, frame: Tensor) -> Tensor:
    """Return the numbers of the rows of ``whole`` [V, S, F, C] at sides and frames [N], as long [N * V]."""
    points, sides, frames, _ = whole.shape
    starts = torch.arange(points, device=whole.device) * sides * frames
    return (starts + (side * frames + frame)[:, None]).flatten()


def put_hands_back(features: SpatialFeatures, sampled: SampledHands, fused: Tensor) -> SpatialFeatures:
    """Return the features with ``fused`` [N, C, V] in place of the sampled hands; all others are the same numbers."""
    hand = _PutBack.apply(sampled.everywhere, fused.transpose(1, 2).flatten(0, 1), sampled.rows)
    return SpatialFeatures({**features.networks, 'hand': hand}, features.timeline)


def explain_by_side(
    hands: dict[str, dict[str, Tensor]], gate: Tensor | None, sampling_points: Tensor | None = None
) -> dict[str, FusionExplanation]:
    """Split what was computed for all N hands into left and right."""
    names = [name for name in SIDES if name in hands]
    sizes = [len(hands[name]['frame']) for name in names]
    gates = gate.split(sizes) if gate is not None else [None] * len(names)
    points = sampling_points.split(sizes) if sampling_points is not None else [None] * len(names)
    return {name: FusionExplanation(*parts) for name, *parts in zip(names, gates, points, strict=True)}


class _Take(torch.autograd.Function):
    """Some rows beside the whole; of their gradients only the rows are written (indexing adds two whole tensors)."""

    @staticmethod
    def forward(ctx: Any, whole: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Return ``whole`` [V, S, F, C], for ``_PutBack`` alone, and its rows [N * V, C]."""
        ctx.save_for_backward(rows)
        return whole.view_as(whole), whole.flatten(0, 2).index_select(0, rows)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, of_whole: Tensor, of_rows: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradient of ``whole``: that of ``_PutBack``, which has no other reader, filled in."""
        (rows,) = ctx.saved_tensors
        of_whole.view(-1, of_whole.shape[-1]).index_copy_(0, rows, of_rows)
        return of_whole, None


class _PutBack(torch.autograd.Function):
    """A copy of the whole with some rows replaced."""

    @staticmethod
    def forward(ctx: Any, whole: Tensor, values: Tensor, rows: Tensor) -> Tensor:
        """Return [V, S, F, C] for values [N * V, C]."""
        ctx.save_for_backward(rows)
        ctx.dtype = values.dtype
        whole = whole.clone(memory_format=torch.contiguous_format)
        whole.view(-1, whole.shape[-1]).index_copy_(0, rows, values.to(whole.dtype))
        return whole

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradients of ``whole``, but for the rows that ``_Take`` writes, and of the values."""
        (rows,) = ctx.saved_tensors
        whole = gradient.clone(memory_format=torch.contiguous_format)
        return whole, whole.view(-1, whole.shape[-1]).index_select(0, rows).to(ctx.dtype), None
