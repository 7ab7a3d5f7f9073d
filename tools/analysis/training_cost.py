"""Print what it costs to train configs on so many hours of video.

python tools/analysis/training_cost.py configs/unisign/stage1_csl-news_pose.py --gpus 8 --hours 1985 --share-of-peak 0.2
"""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from unisign.analysis.text_table import format_table
from unisign.analysis.training_cost import clip_flops, cost, training_flops
from unisign.engine import read_config
from unisign.structures import DataError


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description='Operations and GPU-hours of a training, from sizes and a rate.')
    parser.add_argument('configs', nargs='+', metavar='CONFIG', help='stages; epochs and sizes are read from them')
    parser.add_argument('--gpus', type=int, default=8)
    parser.add_argument('--hours', type=float, default=1985, help='of video (CSL-News)')
    parser.add_argument('--clip-seconds', type=float, default=9.5, help='mean length of a clip')
    parser.add_argument('--frame-rate', type=float, default=25, help='frames a second of the video')
    parser.add_argument('--max-frames', type=int, default=256, help='frames of a clip that are read')
    parser.add_argument('--target-tokens', type=int, default=40, help='of a clip, mean')
    parser.add_argument('--prompt-tokens', type=int, default=12)
    rate = parser.add_mutually_exclusive_group(required=True)
    rate.add_argument(
        '--clips-per-second', type=float, nargs='+', help='measured: clips that one GPU trains on a second'
    )
    rate.add_argument('--share-of-peak', type=float, nargs='+', help='assumed: share of --peak-tflops that is reached')
    parser.add_argument('--peak-tflops', type=float, default=989, help='of one GPU; 989: H100, H200, bfloat16, dense')
    parser.add_argument('--efficiency', type=float, default=1.0, help="share of one GPU's rate that is left with all")
    args = parser.parse_args()
    for name, value in vars(args).items():
        numbers = [one for one in (value if isinstance(value, list) else [value]) if isinstance(one, int | float)]
        if any(number <= 0 for number in numbers):
            parser.error(f'--{name.replace("_", "-")} must be above 0, got {min(numbers)}')
    return args


def rows_of(path: str, args: argparse.Namespace, frames: int, clips: float) -> Iterator[list[str]]:
    """Yield a row for each rate: one config trained on all clips."""
    cfg = read_config(path)
    flops = training_flops(clip_flops(cfg.model, frames, args.target_tokens, args.prompt_tokens), cfg.model)
    epochs, peak = cfg.train_cfg.max_epochs, args.peak_tflops * 1e12
    for rate in args.clips_per_second or [share * peak / flops for share in args.share_of_peak]:
        total = cost(epochs * clips, flops, rate, args.gpus, args.efficiency)
        yield [
            Path(path).stem,
            str(epochs),
            f'{flops / 1e9:,.0f}',
            f'{total.flops:.2e}',
            f'{rate:,.0f}',
            f'{rate * flops / peak:.0%}',
            f'{total.gpu_hours:,.1f}',
            f'{total.hours:,.1f}',
        ]


def main() -> int:
    """Read the arguments, print the table; errors go to stderr, with exit status 1."""
    args = arguments()
    frames = min(round(args.clip_seconds * args.frame_rate), args.max_frames)
    clips = args.hours * 3600 / args.clip_seconds
    try:
        rows = [row for path in args.configs for row in rows_of(path, args, frames, clips)]
    except DataError as error:
        print(f'error: {error}', file=sys.stderr)
        return 1
    print(f'{clips:,.0f} clips of {frames} frames, {args.target_tokens} target tokens')
    hours = f'hours on {args.gpus} GPUs'
    header = ['config', 'epochs', 'GFLOP a clip', 'FLOP', 'clips/s a GPU', 'of peak', 'GPU-hours', hours]
    print(format_table(header, rows))
    return 0


if __name__ == '__main__':
    sys.exit(main())
