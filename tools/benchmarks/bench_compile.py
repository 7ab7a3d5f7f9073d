"""Time the pose encoder in training as it is and with what ``compile`` makes of it.

Example: ``python tools/benchmarks/bench_compile.py``. Real sizes; both ways in one process, in turns, medians. A pass
is forward and backward, its memory what autograd keeps in between. On the CPU compiling needs g++.
"""

import argparse
import statistics

import torch
from accelerator import add_device_options, autocast, choose_device, seconds_of_call
from bench_kept_memory import kept_bytes
from side_by_side import add_options, keep_freed_memory, origin, write_json
from torch import Tensor

from unisign.models import PartGCNEncoder
from unisign.structures import PARTS

WAYS = ('as it is', 'compiled')


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--batch', type=int, default=4, help='clips')
    parser.add_argument('--frames', type=int, default=128, help='frames a clip')
    parser.add_argument('--backend', default='inductor', help='of torch.compile')
    add_device_options(parser)
    add_options(parser)
    args = parser.parse_args()
    choose_device(args)
    return args


class Passes:
    """The passes of one encoder over one batch."""

    def __init__(self, args: argparse.Namespace, compiled: bool) -> None:
        torch.manual_seed(0)
        self.args, self.encoder = args, PartGCNEncoder().to(args.device).train()
        if compiled:
            self.encoder.compile_networks(backend=args.backend)
        self.mask = torch.ones(args.batch, args.frames, dtype=torch.bool, device=args.device)
        size = (args.batch, args.frames)
        self.parts = {name: torch.rand(*size, len(part), 3, device=args.device) for name, part in PARTS.items()}

    def forward(self) -> Tensor:
        """Return the features."""
        with autocast(self.args):
            return self.encoder(self.parts, self.mask)

    def run(self) -> None:
        """Run forward and backward."""
        self.encoder.zero_grad()
        self.forward().sum().backward()

    def kept_bytes(self) -> int:
        """Return what autograd keeps between the passes."""
        return kept_bytes(self.forward, self.encoder.parameters())


def main() -> None:
    """Run the command line."""
    args = parse_args()
    keep_freed_memory()
    torch.set_num_threads(args.threads)
    passes = {way: Passes(args, way == 'compiled') for way in WAYS}
    found: dict[str, dict[str, float]] = {way: {} for way in WAYS}
    first = {way: seconds_of_call(one.run, args.device) for way, one in passes.items()}
    times = [{way: seconds_of_call(one.run, args.device) for way, one in passes.items()} for _ in range(args.rounds)]
    for way, one in passes.items():
        found[way]['first pass, s'] = first[way]
        found[way]['pass, s'] = statistics.median(each[way] for each in times)
        found[way]['kept, MiB'] = one.kept_bytes() / 2**20
    facts = origin(args)
    size = f'{args.batch} clips of {args.frames} frames'
    print(f'\npose encoder, {args.dtype}, {size}, {facts["machine"]}, load {facts["load"]:.2f}')
    print(f'{"":20}' + ''.join(f'{way:>12}' for way in WAYS))
    for figure in found['compiled']:
        print(f'{figure:20}' + ''.join(f'{found[way][figure]:12.4g}' for way in WAYS))
    write_json(args, dict(facts, figures=found))


if __name__ == '__main__':
    main()
