"""Time the prior-guided fusion in one call against a loop over the clips, and a training step against its pictures.

Example: ``python tools/benchmarks/bench_fusion.py``. Real sizes: 256 channels, 21 points, crops of 4 x 4 cells. First
part: forward and backward of the fusion for more and more clips in a batch, in turns, with the results compared. Second
part: pose encoder, EfficientNet-B0, fusion, forward and backward without the language model, each ratio in a process of
its own, whose largest memory is reported (on a GPU that of its tensors); ``--with-cp`` adds activation checkpointing.
On the CPU, time is what the process computes on one core, so that others on the machine hardly matter.
"""

import argparse
import multiprocessing
import os
import resource
import time
from collections.abc import Callable
from functools import partial

os.environ.setdefault('OMP_NUM_THREADS', '1')

import torch

from unisign.models import HandCropEncoder, PartGCNEncoder, PriorGuidedFusion
from unisign.models.backbones import SpatialFeatures
from unisign.models.backbones.clip_timeline import ClipTimeline
from unisign.structures import PARTS

CHANNELS, POINTS = 256, 21
Hands = dict[str, dict[str, torch.Tensor]]


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--clips', type=int, nargs='+', default=[1, 2, 4, 8, 16], help='clips in a batch, first part')
    parser.add_argument('--sampled', type=int, default=6, help='hands with a picture a side and clip, first part')
    parser.add_argument('--rounds', type=int, default=5, help='how often each is timed, in turns')
    parser.add_argument('--ratios', type=float, nargs='*', default=[0.0, 0.1, 0.3, 1.0], help='second part')
    parser.add_argument('--batch', type=int, default=2, help='clips in a batch, second part')
    parser.add_argument('--frames', type=int, default=64, help='frames a clip')
    parser.add_argument('--with-cp', action='store_true', help='activation checkpointing in the second part')
    parser.add_argument('--device', default='cuda' if torch.cuda.is_available() else 'cpu')
    return parser.parse_args()


def make_hands(clips: int, frames: int, count: int, device: str, pictures: bool = False) -> Hands:
    """Return ``count`` sampled hands a side in each clip, with random keypoints and, if asked for, pictures."""
    clip = torch.arange(clips, device=device).repeat_interleave(count)
    frame = torch.linspace(0, frames - 1, max(count, 1), device=device).long()[:count].repeat(clips)
    hands = {}
    for side in ('left', 'right'):
        hands[side] = dict(clip=clip, frame=frame, keypoints=torch.rand(len(clip), POINTS, 2, device=device))
        if pictures:
            hands[side]['images'] = torch.randn(len(clip), 3, 112, 112, device=device)
    return hands


def synchronise(device: str) -> None:
    """Wait for what a GPU still computes."""
    if device == 'cuda':
        torch.cuda.synchronize()


def timed(function: Callable[[], torch.Tensor], device: str) -> tuple[float, torch.Tensor]:
    """Return the seconds that one forward and backward takes, and the (detached) result."""
    clock = time.perf_counter if device == 'cuda' else time.process_time
    synchronise(device)
    begin = clock()
    result = function()
    result.square().mean().backward()
    synchronise(device)
    return clock() - begin, result.detach()


def fuse_at_once(fusion: PriorGuidedFusion, features: SpatialFeatures, hands: Hands, crops: dict) -> torch.Tensor:
    """Return the fused hands of the batch, [V, S, N, C]."""
    return fusion(features, hands, crops).networks['hand']


def fuse_clip_by_clip(fusion: PriorGuidedFusion, features: SpatialFeatures, hands: Hands, crops: dict) -> torch.Tensor:
    """Return the same by one call for each side of each clip, as the published code does it."""
    for clip in range(len(features.timeline.mask)):
        for side, hand in hands.items():
            rows = hand['clip'] == clip
            own = {name: values[rows] for name, values in hand.items()}
            features = fusion(features, {side: own}, {side: crops[side][rows]})
    return features.networks['hand']


def compare(args: argparse.Namespace) -> None:
    """Print the time of both ways for each number of clips."""
    fusion = PriorGuidedFusion(CHANNELS).to(args.device)
    print(f'fusion, forward and backward: {args.sampled} hands a side and clip, {args.frames} frames a clip, '
          f'{args.device}, median of {args.rounds} interleaved rounds')  # fmt: skip
    print('clips  hands   one call     loop   ratio  difference')
    for clips in args.clips:
        timeline = ClipTimeline(torch.ones(clips, args.frames, dtype=torch.bool, device=args.device), gap=2)
        hand = torch.randn(POINTS, 2, clips * args.frames, CHANNELS, device=args.device)
        hands = make_hands(clips, args.frames, args.sampled, args.device)
        crops = {side: torch.randn(clips * args.sampled, CHANNELS, 4, 4, device=args.device) for side in hands}
        arguments = (fusion, SpatialFeatures(dict(hand=hand), timeline), hands, crops)
        times, results = [], []
        for _ in range(args.rounds + 1):
            rounds = [timed(partial(way, *arguments), args.device) for way in (fuse_at_once, fuse_clip_by_clip)]
            times.append([seconds for seconds, _ in rounds])
            results = [result for _, result in rounds]
        once, loop = torch.tensor(times[1:]).median(dim=0).values.tolist()  # the first round warms up
        difference = (results[0] - results[1]).abs().max().item()
        total = 2 * clips * args.sampled
        print(f'{clips:5} {total:6} {1e3 * once:7.1f} ms {1e3 * loop:5.1f} ms {loop / once:7.2f}  {difference:.1e}')


def training_step(args: argparse.Namespace, ratio: float, answers: multiprocessing.Queue) -> None:
    """Put the number of hands, the time of a warm step and the largest memory (bytes) into ``answers``."""
    device = args.device
    encoder = PartGCNEncoder().to(device).train()
    crop_encoder = HandCropEncoder(dict(type='EfficientNet'), CHANNELS, with_cp=args.with_cp).to(device).train()
    fusion = PriorGuidedFusion(CHANNELS, with_cp=args.with_cp).to(device).train()
    parts = {name: torch.rand(args.batch, args.frames, len(part), 3, device=device) for name, part in PARTS.items()}
    mask = torch.ones(args.batch, args.frames, dtype=torch.bool, device=device)
    hands = make_hands(args.batch, args.frames, round(ratio * args.frames), device, pictures=True)
    images = [hand['images'] for hand in hands.values()]

    def step() -> torch.Tensor:
        crops = crop_encoder(torch.cat(images)).split([len(one) for one in images])
        features = encoder.spatial(parts, mask)
        return encoder.temporal(fusion(features, hands, dict(zip(hands, crops, strict=True))))

    times = [timed(step, device)[0] for _ in range(2)]
    peak = (
        torch.cuda.max_memory_allocated()
        if device == 'cuda'
        else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    )
    answers.put((sum(len(one) for one in images), times[1], peak))


def measure_ratios(args: argparse.Namespace) -> None:
    """Print time and memory of a training step for each sampling ratio."""
    checkpointed = ', activation checkpointing' if args.with_cp else ''
    clips = f'{args.batch} clips of {args.frames} frames'
    print(f'\ntraining step without language model: {clips}, {args.device}{checkpointed}')
    print('ratio  pictures     time   largest memory')
    context = multiprocessing.get_context('spawn')
    for ratio in args.ratios:
        answers = context.Queue()
        process = context.Process(target=training_step, args=(args, ratio, answers))
        process.start()
        pictures, seconds, memory = answers.get(timeout=1800)
        process.join()
        print(f'{ratio:5.2f} {pictures:9} {seconds:7.2f} s {memory / 2**30:9.2f} GiB')


def main() -> None:
    """Run both parts."""
    args = parse_args()
    torch.manual_seed(0)
    compare(args)
    if args.ratios:
        measure_ratios(args)


if __name__ == '__main__':
    main()
