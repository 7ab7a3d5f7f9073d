"""Time the prior-guided fusion in one call against a loop over the clips, and training steps by clips and by pictures.

Example: ``python tools/benchmarks/bench_fusion.py``; ``--tables`` chooses among three. Real sizes: 256 channels, 21
points, pictures of 112 x 112. ``fusion``: the fusion alone, against the literal loop of spec.md section 5
(``baseline/prior_guided_fusion.py``), results and gradients compared. ``steps``: a training step with either, for more
and more clips. ``ratios``: a training step for each sampling ratio, in a process of its own, and its largest memory (on
a GPU that of its tensors); ``--with-cp`` adds activation checkpointing.

A training step: pose encoder, EfficientNet-B0, fusion, forward and backward, without the language model. On the CPU,
time is what the process computes on one core (with ``OMP_NUM_THREADS=2`` that of the clock); what is compared is timed
in turns, and medians are given.
"""

import argparse
import math
import multiprocessing
import os
import resource
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

os.environ.setdefault('OMP_NUM_THREADS', '1')

import torch
from baseline.prior_guided_fusion import dense, fuse_clip_by_clip, packed
from side_by_side import keep_freed_memory
from torch import Tensor

from unisign.models import HandCropEncoder, PartGCNEncoder, PriorGuidedFusion
from unisign.models.backbones import SpatialFeatures
from unisign.models.backbones.clip_timeline import ClipTimeline
from unisign.structures import PARTS

CHANNELS, POINTS = 256, 21
TABLES = ('fusion', 'steps', 'ratios')
Hands = dict[str, dict[str, Tensor]]


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--tables', nargs='+', choices=TABLES, default=TABLES, help='what is measured')
    parser.add_argument('--clips', type=int, nargs='+', default=[1, 4, 16], help='clips in a batch: fusion and steps')
    parser.add_argument('--frames', type=int, default=64, help='frames a clip')
    parser.add_argument('--sampled', type=int, help='hands with a picture a side and clip; default: a tenth of them')
    parser.add_argument('--rounds', type=int, default=5, help='how often each is timed, in turns')
    parser.add_argument('--ratios', type=float, nargs='+', default=[0.0, 0.1, 0.3, 1.0], help='sampling ratios')
    parser.add_argument('--batch', type=int, default=2, help='clips in a batch: ratios')
    parser.add_argument('--with-cp', action='store_true', help='activation checkpointing: ratios')
    parser.add_argument('--device', default='cuda' if torch.cuda.is_available() else 'cpu')
    args = parser.parse_args()
    args.sampled = args.sampled or share(args.frames, 0.1)
    return args


def share(frames: int, ratio: float) -> int:
    """Return how many frames ``SampleHandFrames`` takes."""
    return math.ceil(round(ratio * frames, 9))


def make_hands(clips: int, frames: int, count: int, device: str) -> Hands:
    """Return ``count`` sampled hands a side in each clip, with random keypoints and pictures."""
    clip = torch.arange(clips, device=device).repeat_interleave(count)
    frame = torch.linspace(0, frames - 1, max(count, 1), device=device).long()[:count].repeat(clips)
    return {
        side: dict(
            clip=clip,
            frame=frame,
            keypoints=torch.rand(len(clip), POINTS, 2, device=device),
            images=torch.randn(len(clip), 3, 112, 112, device=device),
        )
        for side in ('left', 'right')
    }


@dataclass
class Way:
    """One of several ways to compute the same.

    Attributes:
        forward: does it.
        given: gradients of what ``forward`` returns; None: ones.
    """

    forward: Callable[[], Sequence[Tensor]]
    given: Sequence[Tensor] | None = None

    def seconds(self, device: str) -> float:
        """Return what a forward and a backward pass takes."""
        shared = device == 'cuda' or torch.get_num_threads() > 1
        clock = time.perf_counter if shared else time.process_time
        synchronise(device)
        begin = clock()
        torch.autograd.backward(self.forward(), self.given)
        synchronise(device)
        return clock() - begin


def synchronise(device: str) -> None:
    """Wait for what a GPU still computes."""
    if device == 'cuda':
        torch.cuda.synchronize()


def in_turns(ways: Sequence[Way], args: argparse.Namespace) -> list[float]:
    """Return the median seconds of each way; the first round warms up."""
    times = torch.tensor([[way.seconds(args.device) for way in ways] for _ in range(args.rounds + 1)])
    return times[1:].median(dim=0).values.tolist()


def compare_fusions(args: argparse.Namespace) -> None:
    """Print the time of the fusion alone, both ways."""
    print(f'\nfusion, forward and backward: {args.frames} frames a clip, {args.sampled} pictures a hand and clip, '
          f'{args.device}, median of {args.rounds} rounds in turns')  # fmt: skip
    print('clips  pictures   one call       loop  loop / one call  difference')
    fusion = PriorGuidedFusion(CHANNELS).to(args.device)
    for clips in args.clips:
        once, loop = fusions(fusion, clips, args)
        seconds = in_turns((once, loop), args)
        with torch.no_grad():
            difference = (packed(torch.stack([*loop.forward()])) - once.forward()[0]).abs().max().item()
        print(f'{clips:5} {2 * clips * args.sampled:9} {1e3 * seconds[0]:7.0f} ms {1e3 * seconds[1]:7.0f} ms '
              f'{seconds[1] / seconds[0]:16.2f} {difference:11.1e}', flush=True)  # fmt: skip


def fusions(fusion: PriorGuidedFusion, clips: int, args: argparse.Namespace) -> tuple[Way, Way]:
    """Return one call and the loop, on the same features."""
    hands = make_hands(clips, args.frames, args.sampled, args.device)
    timeline = ClipTimeline(torch.ones(clips, args.frames, dtype=torch.bool, device=args.device), gap=2)
    hand, given = (torch.randn(POINTS, 2, clips * args.frames, CHANNELS, device=args.device) for _ in range(2))
    # The loop gets the layout that suits it, outside the time.
    sides, given_sides = (list(dense(one, clips).contiguous()) for one in (hand, given))
    crops = {side: torch.randn(len(one['clip']), CHANNELS, 4, 4, device=args.device) for side, one in hands.items()}
    leaves = (hand, *sides, *crops.values())
    for leaf in leaves:
        leaf.requires_grad_()

    def once() -> list[Tensor]:
        forget(leaves)
        return [fusion(SpatialFeatures(dict(hand=hand), timeline), hands, crops).networks['hand']]

    def loop() -> list[Tensor]:
        forget(leaves)
        return [fuse_clip_by_clip(fusion, sides[i], hands[side], crops[side]) for i, side in enumerate(hands)]

    return Way(once, [given]), Way(loop, given_sides)


def forget(leaves: Sequence[Tensor]) -> None:
    """Drop the gradients of the last round."""
    for leaf in leaves:
        leaf.grad = None


@dataclass
class StepModel:
    """What a training step without language model computes.

    Attributes:
        loop: whether the fusion is a loop over the clips.
    """

    pose_encoder: PartGCNEncoder
    rgb_encoder: HandCropEncoder
    fusion: PriorGuidedFusion
    loop: bool = False

    @classmethod
    def on(cls, device: str, with_cp: bool = False) -> 'StepModel':
        """Return one with random weights, in training mode."""
        rgb_encoder = HandCropEncoder(dict(type='EfficientNet'), CHANNELS, with_cp=with_cp)
        fusion = PriorGuidedFusion(CHANNELS, with_cp=with_cp)
        return cls(*(part.to(device).train() for part in (PartGCNEncoder(), rgb_encoder, fusion)))

    def step(self, parts: dict[str, Tensor], mask: Tensor, hands: Hands) -> list[Tensor]:
        """Return the features of the frames, [B, T, 768]."""
        for module in (self.pose_encoder, self.rgb_encoder, self.fusion):
            module.zero_grad()
        images = [hand['images'] for hand in hands.values()]
        crops = dict(zip(hands, self.rgb_encoder(torch.cat(images)).split([len(one) for one in images]), strict=True))
        features = self.pose_encoder.spatial(parts, mask)
        if not self.loop:
            return [self.pose_encoder.temporal(self.fusion(features, hands, crops))]
        sides = dense(features.networks['hand'], len(mask))
        fused = [fuse_clip_by_clip(self.fusion, sides[i], hands[side], crops[side]) for i, side in enumerate(hands)]
        networks = {**features.networks, 'hand': packed(torch.stack(fused))}
        return [self.pose_encoder.temporal(SpatialFeatures(networks, features.timeline))]


def make_step(model: StepModel, clips: int, sampled: int, args: argparse.Namespace) -> Way:
    """Return a training step on random clips."""
    device = args.device
    parts = {name: torch.rand(clips, args.frames, len(part), 3, device=device) for name, part in PARTS.items()}
    mask = torch.ones(clips, args.frames, dtype=torch.bool, device=device)
    hands = make_hands(clips, args.frames, sampled, device)
    given = torch.randn(clips, args.frames, 768, device=device)
    return Way(partial(model.step, parts, mask, hands), [given])


def compare_steps(args: argparse.Namespace) -> None:
    """Print the time of a training step for more and more clips, both ways."""
    print(f'\ntraining step without language model: {args.frames} frames a clip, {args.sampled} pictures a hand and '
          f'clip, {args.device}, median of {args.rounds} rounds in turns')  # fmt: skip
    print('clips  pictures   one call       loop  loop / one call')
    once = StepModel.on(args.device)
    loop = replace(once, loop=True)
    for clips in args.clips:
        seconds = in_turns([make_step(model, clips, args.sampled, args) for model in (once, loop)], args)
        print(f'{clips:5} {2 * clips * args.sampled:9} {seconds[0]:8.2f} s {seconds[1]:8.2f} s '
              f'{seconds[1] / seconds[0]:16.2f}', flush=True)  # fmt: skip


def measure_ratios(args: argparse.Namespace) -> None:
    """Print time and memory of a training step for each sampling ratio."""
    checkpointed = ', activation checkpointing' if args.with_cp else ''
    print(f'\ntraining step without language model: {args.batch} clips of {args.frames} frames, {args.device}'
          f'{checkpointed}, median of {args.rounds} rounds')  # fmt: skip
    print('ratio  pictures     time   largest memory')
    context = multiprocessing.get_context('spawn')
    for ratio in args.ratios:
        answers = context.Queue()
        process = context.Process(target=measure_ratio, args=(args, ratio, answers))
        process.start()
        seconds, memory = answers.get(timeout=3600)
        process.join()
        pictures = 2 * args.batch * share(args.frames, ratio)
        print(f'{ratio:5.2f} {pictures:9} {seconds:7.2f} s {memory / 2**30:9.2f} GiB', flush=True)


def measure_ratio(args: argparse.Namespace, ratio: float, answers: multiprocessing.Queue) -> None:
    """Put the seconds of a step and the largest memory (bytes) into ``answers``."""
    torch.manual_seed(0)
    model = StepModel.on(args.device, args.with_cp)
    (seconds,) = in_turns([make_step(model, args.batch, share(args.frames, ratio), args)], args)
    on_cpu = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    answers.put((seconds, torch.cuda.max_memory_allocated() if args.device == 'cuda' else on_cpu))


def main() -> None:
    """Print the tables."""
    args = parse_args()
    keep_freed_memory()
    torch.manual_seed(0)
    for name, table in dict(fusion=compare_fusions, steps=compare_steps, ratios=measure_ratios).items():
        if name in args.tables:
            table(args)


if __name__ == '__main__':
    main()
