"""Time a pose-only training step, and how near it comes to the rate of the machine's matrix products.

Example: ``python tools/benchmarks/bench_training_step.py``. A step: forward, backward, gradient clipping, AdamW. Sizes
are the published ones but for the layers of the language model (``--layers``); its vocabulary is mT5's. Each side
runs in a process of its own, in turns. Memory is the most the process holds during a step, above its libraries,
the weights, their gradients and the optimizer's two moments.
"""

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from mmengine.optim import OptimWrapper
from side_by_side import (
    add_options,
    alternate,
    forget_peak,
    keep_freed_memory,
    matrix_product_rate,
    peak_bytes,
    print_measurement,
    report,
    resident_bytes,
    seconds,
)
from sizes import VOCABULARY, Batch, baseline_arguments, baseline_model, make_batch, make_folder, our_model
from torch import nn

from unisign.analysis.training_cost import language_model_flops, pose_encoder_flops
from unisign.models.heads.text_codec import TextCodec
from unisign.models.language_models import DEFAULT_PROMPT, load_tokenizer
from unisign.models.language_models.loading import read_language_model_config
from unisign.registry import OPTIM_WRAPPER_CONSTRUCTORS

OPTIMIZER = dict(type='AdamW', lr=3e-4, betas=(0.9, 0.999), eps=1e-9, weight_decay=1e-4)
UNITS = {
    'seconds a step': 's',
    'clips a second': '(more is better)',
    'memory above weights': 'GiB',
    'share of the matrix-product rate': '(of the operations the formulas need; more is better)',
}


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--batch', type=int, default=8, help='clips')
    parser.add_argument('--frames', type=int, default=128, help='frames a clip')
    parser.add_argument('--layers', type=int, default=2, help='layers of the encoder, and of the decoder')
    parser.add_argument('--vocabulary', type=int, default=VOCABULARY, help='tokens of the language model')
    parser.add_argument('--matrix', type=int, default=4096, help='width of the matrices whose product gives the rate')
    parser.add_argument('--steps', type=int, default=3, help='steps that are timed in each process')
    add_options(parser)
    return parser.parse_args()


def measure(args: argparse.Namespace) -> None:
    """Measure one side."""
    keep_freed_memory()
    torch.set_num_threads(args.threads)
    with tempfile.TemporaryDirectory() as folder:
        batch = make_batch(make_folder(Path(folder), args.layers, args.vocabulary), args.batch, args.frames)
        before = resident_bytes()
        make = our_step if args.side == 'ours' else baseline_step
        model, step = make(Path(folder), batch)
        operations = step_operations(Path(folder), batch)
    step()  # the optimizer makes its moments
    forget_peak()
    time = seconds(step, args.steps, warm_up=0)
    weights = 4 * 4 * sum(weight.numel() for weight in model.parameters())
    print_measurement(
        seconds=time,
        memory=(peak_bytes() - before - weights) / 2**30,
        rate=matrix_product_rate(args.matrix),
        operations=operations,
    )


def our_step(folder: Path, batch: Batch) -> tuple[nn.Module, Callable[[], Any]]:
    """Return the library's model and its training step."""
    model = our_model(folder).train()
    cfg = dict(optimizer=OPTIMIZER, clip_grad=dict(max_norm=1.0), type='OptimWrapper')
    wrapper: OptimWrapper = OPTIM_WRAPPER_CONSTRUCTORS.build(
        dict(type='SignOptimWrapperConstructor', optim_wrapper_cfg=cfg)
    )(model)
    data = dict(inputs=batch.inputs(), data_samples=batch.samples)
    return model, lambda: model.train_step(data, wrapper)


def baseline_step(folder: Path, batch: Batch) -> tuple[nn.Module, Callable[[], Any]]:
    """Return the baseline and its training step."""
    model = baseline_model(folder).train()
    arguments = baseline_arguments(folder, batch)
    settings = {name: value for name, value in OPTIMIZER.items() if name not in ('type', 'weight_decay')}
    matrices = [weight for weight in model.parameters() if weight.ndim >= 2]
    vectors = [weight for weight in model.parameters() if weight.ndim < 2]
    groups = [dict(params=matrices, weight_decay=OPTIMIZER['weight_decay']), dict(params=vectors, weight_decay=0.0)]
    optimizer = torch.optim.AdamW(groups, fused=True, **settings)

    def step() -> None:
        model.loss(*arguments).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()

    return model, step


def step_operations(folder: Path, batch: Batch) -> float:
    """Return the floating-point operations of a step by the formulas, padding left out, backward twice forward."""
    config = read_language_model_config(str(folder))
    codec = TextCodec(load_tokenizer(str(folder)), DEFAULT_PROMPT, max_target_tokens=50)
    prompt, frames = len(codec.prompt_ids('en')), batch.mask.shape[1]
    words = [len(codec.target_ids(sample.gt_text)) for sample in batch.samples]
    language_model = sum(language_model_flops(config, prompt + frames, written) for written in words)
    return 3.0 * (batch.mask.sum().item() * pose_encoder_flops({}, config.d_model) + language_model)


def main() -> None:
    """Run the command line."""
    args = parse_args()
    if args.side:
        measure(args)
        return
    medians = alternate(args)
    operations, rate = medians['ours']['operations'], max(one['rate'] for one in medians.values())
    for figures in medians.values():
        figures['seconds a step'] = figures['seconds']
        figures['clips a second'] = args.batch / figures['seconds']
        figures['memory above weights'] = figures['memory']
        figures['share of the matrix-product rate'] = operations / figures['seconds'] / rate
    title = (
        f'training step, pose only, {args.batch} clips of {args.frames} frames, language model {args.layers} + '
        f'{args.layers} layers: {operations / 1e12:.2f} TFLOP; matrix products {rate / 1e9:.0f} GFLOP/s'
    )
    report(title, medians, UNITS, args)


if __name__ == '__main__':
    main()
