"""Time a training step, and how near it comes to the rate of the machine's matrix products and to its peak.

Example: ``python tools/benchmarks/bench_training_step.py``. A step: forward, backward, gradient clipping, AdamW. Sizes
are the published ones but for the layers of the language model (``--layers``); its vocabulary is mT5's. ``--rgb`` adds
pictures of a tenth of the hands. Each side runs in a process of its own, in turns. Memory is the most the process holds
during a step, or on a GPU its tensors, above its libraries, the weights, their gradients and the optimizer's two
moments. Batches are on the device before the clock starts. Three steps come before those that are timed, and the rate
is measured right behind each of these, for on a shared machine both change within a minute.
"""

import argparse
import statistics
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch
from accelerator import (
    AutocastOptimWrapper,
    add_device_options,
    autocast,
    choose_device,
    forget_peak,
    held_bytes,
    matrix_product_rate,
    peak_bytes,
    seconds_of_call,
    share_units,
    shares,
)
from side_by_side import (
    add_options,
    alternate,
    clip_units,
    keep_freed_memory,
    name_clip_figures,
    print_measurement,
    report,
)
from sizes import (
    RGB_ENCODER,
    Batch,
    add_hands,
    add_size_options,
    baseline_arguments,
    baseline_model,
    make_batch,
    make_codec,
    make_folder,
    our_model,
)
from torch import nn

from unisign.analysis.training_cost import clip_flops
from unisign.engine.gradient_norm import ClippedStep
from unisign.engine.optim_constructor import SignOptimWrapperConstructor

OPTIMIZER = dict(type='AdamW', lr=3e-4, betas=(0.9, 0.999), eps=1e-9, weight_decay=1e-4)
SETTINGS = {name: value for name, value in OPTIMIZER.items() if name not in ('type', 'weight_decay')}


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_size_options(parser, 8, 128, 2, 'encoder, and of the decoder')
    parser.add_argument('--rgb', action='store_true', help='RGB-pose: EfficientNet-B0 and the fusion too')
    parser.add_argument(
        '--compile', nargs='?', const='inductor', metavar='BACKEND', help='torch.compile for our side, as in a config'
    )
    parser.add_argument('--steps', type=int, default=3, help='steps that are timed in each process')
    add_device_options(parser)
    add_options(parser)
    args = parser.parse_args()
    choose_device(args)
    return args


def measure(args: argparse.Namespace) -> None:
    """Measure one side."""
    keep_freed_memory()
    torch.set_num_threads(args.threads)
    with tempfile.TemporaryDirectory() as folder:
        batch = make_batch(make_folder(Path(folder), args.layers, args.vocabulary), args.batch, args.frames)
        batch = (add_hands(batch) if args.rgb else batch).to(args.device)
        before = held_bytes(args.device)
        make = our_step if args.side == 'ours' else baseline_step
        with torch.device(args.device):  # random weights are made where they are needed
            model, step = make(Path(folder), batch, args)
        operations = step_operations(Path(folder), batch)
    step()  # the optimizer makes its moments
    forget_peak(args.device)
    for _ in range(2):  # till the memory of one step serves the next
        step()
    weights = 4 * 4 * sum(weight.numel() for weight in model.parameters())
    memory = (peak_bytes(args.device) - before - weights) / 2**30
    times, rates = zip(*(timed(step, args) for _ in range(args.steps)), strict=True)
    of_steps = [shares(seconds, operations, rate, args) for seconds, rate in zip(times, rates, strict=True)]
    print_measurement(
        seconds=statistics.median(times),
        memory=memory,
        rate=statistics.median(rates),
        operations=operations,
        **{name: statistics.median(step[name] for step in of_steps) for name in of_steps[0]},
    )


def timed(step: Callable[[], Any], args: argparse.Namespace) -> tuple[float, float]:
    """Return the seconds of a step, and the rate of matrix products right after it."""
    return seconds_of_call(step, args.device), matrix_product_rate(args.matrix, args, count=2)


def our_step(folder: Path, batch: Batch, args: argparse.Namespace) -> tuple[nn.Module, Callable[[], Any]]:
    """Return the library's model and its training step."""
    model = our_model(folder, args.rgb).to(args.device).train()
    if args.compile:
        model.pose_encoder.compile_networks(backend=args.compile)
        model.head.compile_networks(backend=args.compile)
    groups = SignOptimWrapperConstructor(dict(optimizer=OPTIMIZER)).parameter_groups(model, OPTIMIZER)
    optimizer = torch.optim.AdamW(groups, fused=True, **SETTINGS)
    wrapper = AutocastOptimWrapper(partial(autocast, args), optimizer=optimizer, clip_grad=dict(max_norm=1.0))
    wrapper.clip_func = ClippedStep(optimizer)  # as the constructor does
    data = dict(inputs=batch.inputs(), data_samples=batch.samples)
    return model, lambda: model.train_step(data, wrapper)


def baseline_step(folder: Path, batch: Batch, args: argparse.Namespace) -> tuple[nn.Module, Callable[[], Any]]:
    """Return the baseline and its training step."""
    model = baseline_model(folder, args.rgb).to(args.device).train()
    arguments = baseline_arguments(folder, batch)
    matrices = [weight for weight in model.parameters() if weight.ndim >= 2]
    vectors = [weight for weight in model.parameters() if weight.ndim < 2]
    groups = [dict(params=matrices, weight_decay=OPTIMIZER['weight_decay']), dict(params=vectors, weight_decay=0.0)]
    optimizer = torch.optim.AdamW(groups, fused=True, **SETTINGS)

    def step() -> None:
        with autocast(args):
            loss = model.loss(*arguments, hands=batch.hands)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()

    return model, step


def step_operations(folder: Path, batch: Batch) -> float:
    """Return the floating-point operations of a step by the formulas, padding left out, backward twice forward.

    The fusion, a fifth of the RGB encoder, is not counted.
    """
    codec = make_codec(folder)
    prompt, frames = len(codec.prompt_ids('en')), batch.mask.shape[1]
    rgb_encoder = RGB_ENCODER if batch.hands else None
    model = dict(pose_encoder={}, rgb_encoder=rgb_encoder, head=dict(language_model=str(folder)))
    words = [len(codec.target_ids(sample.gt_text)) for sample in batch.samples]
    of_length = {count: clip_flops(model, frames, count, prompt).forward for count in set(words)}
    return 3.0 * sum(of_length[count] for count in words)


def main() -> None:
    """Run the command line."""
    args = parse_args()
    if args.side:
        measure(args)
        return
    medians = alternate(args)
    operations, rate = medians['ours']['operations'], statistics.median(one['rate'] for one in medians.values())
    name_clip_figures(medians, 'step', args.batch)
    title = (
        f'training step, {"RGB-pose" if args.rgb else "pose only"}, {args.dtype}, {args.batch} clips of {args.frames} '
        f'frames, language model {args.layers} + {args.layers} layers: {operations / 1e12:.2f} TFLOP; '
        f'matrix products {rate / 1e9:.0f} GFLOP/s'
    )
    report(title, medians, clip_units('step') | share_units(args), args)


if __name__ == '__main__':
    main()
