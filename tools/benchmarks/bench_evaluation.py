"""Time the evaluation of a batch: beam search of 4, all clips to the same number of tokens.

Example: ``python tools/benchmarks/bench_evaluation.py``. Sizes are the published ones, mT5-base with all its layers;
random weights never end a text, so ``--tokens`` says how long all of them get. The baseline runs the decoder over the
given targets first, as the published code does, then Hugging Face's ``generate``. Each side runs in a process of its
own, in turns. Our time is also given by its parts. The shares of the matrix-product rate and of the peak are those of
the operations that the formulas need, so the baseline's pass over the targets is not among them.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from accelerator import (
    add_device_options,
    autocast,
    choose_device,
    forget_peak,
    held_bytes,
    matrix_product_rate,
    peak_bytes,
    seconds,
    share_units,
    shares,
    synchronise,
)
from bench_generation import generation_operations, prompt_length
from side_by_side import (
    add_options,
    alternate,
    clip_units,
    keep_freed_memory,
    name_clip_figures,
    print_measurement,
    report,
)
from sizes import Batch, add_size_options, baseline_arguments, baseline_model, make_batch, make_folder, our_model
from torch import nn

from unisign.analysis.training_cost import language_model_flops, pose_encoder_flops
from unisign.models import UniSign
from unisign.models.heads.beam_search import beam_search
from unisign.models.language_models.loading import read_language_model_config

BEAMS = 4


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_size_options(parser, 8, 256, 12, 'encoder, and of the decoder')
    parser.add_argument('--tokens', type=int, default=20, help='tokens that are written')
    add_device_options(parser)
    add_options(parser)
    args = parser.parse_args()
    choose_device(args)
    return args


def measure(args: argparse.Namespace) -> None:
    """Measure one side."""
    keep_freed_memory()
    torch.set_num_threads(args.threads)
    with tempfile.TemporaryDirectory() as name:
        folder = make_folder(Path(name), args.layers, args.vocabulary)
        batch = make_batch(folder, args.batch, args.frames).to(args.device)
        with torch.device(args.device):  # random weights are made where they are needed
            make = our_evaluation if args.side == 'ours' else baseline_evaluation
            model, evaluate = make(folder, batch, args)
        operations = evaluation_operations(folder, args)
    before = held_bytes(args.device)
    with torch.no_grad(), autocast(args):
        evaluate()
        forget_peak(args.device)
        duration = seconds(evaluate, 3, args)  # the first of them gets memory anew
        memory = (peak_bytes(args.device) - before) / 2**30
        found = shares(duration, operations, matrix_product_rate(args.matrix, args, count=2), args)
        parts = breakdown(model, batch, args.device) if args.side == 'ours' else {}
    print_measurement(seconds=duration, memory=memory, operations=operations, **found, **parts)


def evaluation_operations(folder: Path, args: argparse.Namespace) -> float:
    """Return the floating-point operations of an evaluation by the formulas."""
    config = read_language_model_config(str(folder))
    read = prompt_length(folder) + args.frames
    encoders = args.frames * pose_encoder_flops({}, config.d_model) + language_model_flops(config, read, written=0)
    return args.batch * (encoders + generation_operations(config, read, args.tokens, BEAMS))


def breakdown(model: UniSign, batch: Batch, device: str) -> dict[str, float]:
    """Return the seconds of each part of an evaluation."""
    head, times = model.head, []

    def look_at_the_clock() -> None:
        synchronise(device)
        times.append(time.perf_counter())

    look_at_the_clock()
    features = model.extract_feat(batch.inputs())
    look_at_the_clock()
    states, mask = head.encode(features, batch.mask, batch.samples)
    look_at_the_clock()
    beam_search(head.language_model, states, mask, **head.generation)
    look_at_the_clock()
    names = ('pose encoder', 'language model, encoder', 'language model, beam search')
    return {name: end - begin for name, (begin, end) in zip(names, pairwise(times), strict=True)}


def our_evaluation(folder: Path, batch: Batch, args: argparse.Namespace) -> tuple[nn.Module, Callable[[], Any]]:
    """Return the library's model and its evaluation of the batch."""
    model = our_model(folder, generation=dict(num_beams=BEAMS, max_new_tokens=args.tokens)).to(args.device).eval()
    return model, partial(model.val_step, dict(inputs=batch.inputs(), data_samples=batch.samples))


def baseline_evaluation(folder: Path, batch: Batch, args: argparse.Namespace) -> tuple[nn.Module, Callable[[], Any]]:
    """Return the baseline and its evaluation of the batch."""
    model = baseline_model(folder).to(args.device).eval()
    arguments = baseline_arguments(folder, batch)
    return model, lambda: model.evaluate(*arguments, num_beams=BEAMS, max_new_tokens=args.tokens)


def main() -> None:
    """Run the command line."""
    args = parse_args()
    if args.side:
        measure(args)
        return
    medians = alternate(args)
    name_clip_figures(medians, 'batch', args.batch)
    title = (
        f'evaluation, pose only, {args.dtype}, {args.batch} clips of {args.frames} frames, beam {BEAMS}, '
        f'{args.tokens} tokens, language model {args.layers} + {args.layers} layers'
    )
    report(title, medians, clip_units('batch') | share_units(args), args)
    ours = medians['ours']
    for name in [name for name in ours if name.startswith(('pose', 'language'))]:
        print(f'  ours, {name}: {ours[name]:.3g} s')


if __name__ == '__main__':
    main()
