"""The hands that have a picture, taken out of the pose features of a whole batch and put back.

Shape letters: N hands with a picture (left ones, then right ones, over all clips), V = 21 points, C channels.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from unisign.models.backbones import NETWORK_PARTS, SpatialFeatures

SIDES = NETWORK_PARTS['hand']  # left, right


@dataclass
class SampledHands:
    """All hands of a batch that have a picture, as one batch.

    Attributes:
        features: [N, C, V]; the spatial network's output.
        keypoints: float [N, V, 2]; relative to the crop, x and y in [0, 1].
        crops: [N, C, h, w]; the encoded pictures.
        side: long [N]; 0 left, 1 right.
        frame: long [N]; number of the packed frame, see ``SpatialFeatures``.
    """

    features: Tensor
    keypoints: Tensor
    crops: Tensor
    side: Tensor
    frame: Tensor


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
    return SampledHands(
        features=features.networks['hand'][:, side, frame].permute(1, 2, 0),
        keypoints=torch.cat([hand['keypoints'] for _, hand in present]),
        crops=torch.cat([crops[name] for name in SIDES if name in hands]),
        side=side,
        frame=frame,
    )


def put_hands_back(features: SpatialFeatures, sampled: SampledHands, fused: Tensor) -> SpatialFeatures:
    """Return the features with ``fused`` [N, C, V] in place of the sampled hands; all others are the same numbers."""
    hand = features.networks['hand'].clone()
    hand[:, sampled.side, sampled.frame] = fused.permute(2, 0, 1).to(hand.dtype)
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
