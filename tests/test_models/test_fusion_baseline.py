"""The prior-guided fusion in one call, against the literal loop over the clips that the benchmark compares with."""

import runpy
from pathlib import Path

import torch

from unisign.models import PriorGuidedFusion
from unisign.models.backbones import SpatialFeatures
from unisign.models.backbones.clip_timeline import ClipTimeline

CLIPS, FRAMES, CHANNELS, POINTS = 3, 5, 16, 21


def test_results_and_gradients_are_those_of_the_literal_loop(repo: Path) -> None:
    torch.manual_seed(0)
    loop = runpy.run_path(str(repo / 'tools/benchmarks/baseline/prior_guided_fusion.py'))['fuse_clip_by_clip']
    fusion = PriorGuidedFusion(CHANNELS, num_heads=4)
    with torch.no_grad():
        fusion.gate.layers[2].weight.normal_(std=0.3)
    places = dict(left=([0, 0, 2], [1, 4, 0]), right=([1], [3]))  # clip, frame
    hands, crops = {}, {}
    for side, (clip, frame) in places.items():
        keypoints = torch.rand(len(clip), POINTS, 2)
        hands[side] = dict(clip=torch.tensor(clip), frame=torch.tensor(frame), keypoints=keypoints)
        crops[side] = torch.randn(len(clip), CHANNELS, 4, 4, requires_grad=True)
    packed = torch.randn(POINTS, 2, CLIPS * FRAMES, CHANNELS, requires_grad=True)
    inputs = [packed, *crops.values(), *(w for n, w in fusion.named_parameters() if n != LAST_BIAS)]

    timeline = ClipTimeline(torch.ones(CLIPS, FRAMES, dtype=torch.bool), gap=2)
    found = fusion(SpatialFeatures(dict(hand=packed), timeline), hands, crops).networks['hand']
    dense = packed.unflatten(2, (CLIPS, FRAMES)).permute(1, 2, 4, 3, 0)  # V S B T C -> S B C T V
    expected = torch.stack([loop(fusion, dense[i], hands[side], crops[side]) for i, side in enumerate(hands)])
    expected = expected.permute(4, 0, 1, 3, 2).flatten(2, 3)
    assert torch.allclose(found, expected, atol=1e-5)
    assert not torch.allclose(found, packed, atol=0.1)

    given = torch.randn_like(packed)
    ours, theirs = (torch.autograd.grad(result, inputs, given) for result in (found, expected))
    for a, b in zip(ours, theirs, strict=True):
        assert b.any()
        assert (a - b).abs().max() < 1e-4 * b.abs().max()


# It adds the same to all scores of a keypoint: its gradient is 0 but for rounding.
LAST_BIAS = 'deformable_attention.position_bias.layers.4.bias'
