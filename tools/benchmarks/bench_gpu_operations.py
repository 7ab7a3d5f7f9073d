"""Count what a GPU is asked to do in a training step and in an evaluation: operations, waits, transfers. No GPU needed.

Example: ``python tools/benchmarks/bench_gpu_operations.py``. Small operations take a GPU less time than a program takes
to ask for them, and a program that waits for a result asks for nothing meanwhile. The numbers are those of the way that
the code takes on a GPU, under bfloat16 autocast, and hardly depend on sizes: the clips are short and the vocabulary
small. Not so the memory that the operations read and write, each its own tensors once: for that, ``--frames 256
--vocabulary 250112``, which takes some minutes. The device is one that stands in for a GPU (``stand_in_device``) and
computes on the CPU; times say nothing. Fused attention and norms count as the one operation that they are on a GPU.
The memory that tensors hold above weights, gradients and moments is what a GPU needs too, but for what its kernels use
inside. ``ms at least`` is an estimate: of each operation the longest of its arithmetic at ``--rate``, its memory at
``--bandwidth`` and ``--call``.
``--compile`` counts each pass of ``models/backbones/memory_passes.py`` as the one kernel that a compiler makes of it;
the language model's layers are not compiled in the count.
Parts: ``training`` is a step as in ``bench_training_step.py``, its second one; ``evaluation`` a batch as in
``bench_evaluation.py``.
"""

import argparse
import sys
import tempfile
from pathlib import Path

import stand_in_device
import torch
from accelerator import autocast
from bench_evaluation import baseline_evaluation, our_evaluation
from bench_training_step import baseline_step, our_step
from side_by_side import add_options, alternate, print_measurement, report
from sizes import Batch, add_hands, make_batch, make_folder
from stand_in_device import Log, held_bytes, one_kernel, recorded
from torch import nn

PARTS = ('training', 'evaluation')
FIGURES = (
    'operations',
    'of these products',
    'of these casts',
    'waits for a result',
    'transfers to the device',
    'GB read and written',
    'GiB held above weights',
    'ms at least',
)
PRODUCTS = ('mm', 'addmm', 'bmm', 'baddbmm')
LINES = 12  # that are printed of those that wait or transfer


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('part', nargs='?', choices=PARTS, default='training')
    parser.add_argument('--batch', type=int, default=16, help='clips')
    parser.add_argument('--frames', type=int, default=16, help='frames a clip')
    parser.add_argument('--layers', type=int, default=12, help='layers of the encoder, and of the decoder')
    parser.add_argument('--vocabulary', type=int, default=2100, help='tokens of the language model')
    parser.add_argument('--tokens', type=int, default=20, help='tokens that are written')
    parser.add_argument('--dtype', choices=('float32', 'bfloat16'), default='bfloat16', help='of products')
    parser.add_argument('--rate', type=float, default=600, help='TFLOP/s of products, for the estimate')
    parser.add_argument('--bandwidth', type=float, default=3.6, help='TB/s of the memory, for the estimate')
    parser.add_argument('--call', type=float, default=2.5, help='microseconds of the shortest operation, likewise')
    parser.add_argument('--rgb', action='store_true', help='RGB-pose: EfficientNet-B0 and the fusion too')
    parser.add_argument(
        '--compile', action='store_true', dest='fused', help='ours with compiled passes in the pose encoder'
    )
    parser.add_argument('--lines', action='store_true', help='say which lines of the code wait and transfer')
    add_options(parser, rounds=1)
    args = parser.parse_args()
    if args.rgb and args.part == 'evaluation':
        parser.error('--rgb is for training: bench_evaluation.py, which this counts, has no pictures')
    args.device, args.compile = stand_in_device.NAME, None
    return args


def measure(args: argparse.Namespace) -> None:
    """Count for one side."""
    torch.set_num_threads(args.threads)
    stand_in_device.start()
    with tempfile.TemporaryDirectory() as name:
        folder = make_folder(Path(name), args.layers, args.vocabulary)
        batch = make_batch(folder, args.batch, args.frames)
        batch = (add_hands(batch) if args.rgb else batch).to(args.device)
        before = held_bytes()
        log, weights = (count_training if args.part == 'training' else count_evaluation)(folder, batch, args)
    numbers = log.operations()
    speed = args.rate * 1e12, args.bandwidth * 1e12, args.call * 1e-6
    figures = {
        'operations': numbers.total(),
        'of these products': sum(numbers[name] for name in PRODUCTS),
        'of these casts': numbers['_to_copy'],
        'waits for a result': log.waits.total(),
        'transfers to the device': log.copies.total(),
        'GB read and written': sum(call.traffic for call in log.calls) / 1e9,
        'GiB held above weights': (log.most_held - before - weights) / 2**30,
        'ms at least': 1e3 * sum(call.seconds(*speed) for call in log.calls),
    }
    if args.lines:
        for kind, lines in (('waits', log.waits), ('transfers', log.copies)):
            for line, count in lines.most_common(LINES):
                print(f'{args.side} {kind} {count} times: {line}', file=sys.stderr)
    print_measurement(**figures)


def count_training(folder: Path, batch: Batch, args: argparse.Namespace) -> tuple[Log, int]:
    """Return what a training step asks for, and the bytes of weights, gradients and moments.

    The step before makes the moments.
    """
    model, step = (our_step if args.side == 'ours' else baseline_step)(folder, batch, args)
    if args.fused and args.side == 'ours':
        torch.compile = lambda function, **options: one_kernel(function)
        model.pose_encoder.compile_networks()
    step()
    with recorded() as log:
        step()
    return log, 4 * bytes_of(model)


def count_evaluation(folder: Path, batch: Batch, args: argparse.Namespace) -> tuple[Log, int]:
    """Return what the evaluation of a batch asks for, and the bytes of the weights."""
    model, evaluate = (our_evaluation if args.side == 'ours' else baseline_evaluation)(folder, batch, args)
    with torch.no_grad(), autocast(args), recorded() as log:
        evaluate()
    return log, bytes_of(model)


def bytes_of(model: nn.Module) -> int:
    """Return the bytes of a model's weights."""
    return sum(weight.numel() * weight.element_size() for weight in model.parameters())


def main() -> None:
    """Run the command line."""
    args = parse_args()
    if args.side:
        measure(args)
        return
    title = (
        f'asked of a GPU: {args.part}, {"RGB-pose" if args.rgb else "pose only"}, {args.dtype}, {args.batch} clips, '
        f'language model {args.layers} + {args.layers} layers'
    )
    report(title, alternate(args), dict.fromkeys(FIGURES, ''), args)


if __name__ == '__main__':
    main()
