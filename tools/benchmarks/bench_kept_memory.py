"""Measure what autograd keeps between the passes of the pose encoder: the lean graph blocks and PyTorch's own way.

Example: ``python tools/benchmarks/bench_kept_memory.py``. Each piece of memory is counted once, the weights are left
out. Under autocast PyTorch's way also keeps the weights in half precision, some 5 M numbers.
"""

import argparse
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from unittest import mock

import torch
from torch import Tensor

from unisign.models import PartGCNEncoder
from unisign.models.backbones.clip_timeline import ClipTimeline
from unisign.models.backbones.graph_block import GraphBlock
from unisign.structures import PARTS

HANDS = 2


def kept_bytes(compute: Callable[[], Tensor], weights: Iterable[Tensor]) -> int:
    """Return the bytes that are kept for the backward pass, those of the weights left out."""
    known = {weight.untyped_storage().data_ptr() for weight in weights}
    storages: dict[int, int] = {}

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in known:
            storages[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        out = compute()
    assert out.requires_grad
    return sum(storages.values())


def measure(encoder: PartGCNEncoder, clips: int, frames: int, dtype: torch.dtype) -> dict[str, int]:
    """Return part -> bytes in one precision, as the blocks are set now."""
    mask = torch.ones(clips, frames, dtype=torch.bool)
    parts = {name: torch.rand(clips, frames, len(part), 3) for name, part in PARTS.items()}
    timeline = ClipTimeline(mask, gap=encoder.temporal_kernel // 2)
    blocks = {
        'a temporal block of the hands': encoder.temporal_networks['hand'][1],
        'a spatial block of the hands': encoder.spatial_networks['hand'][1],
    }
    with torch.autocast('cpu', torch.bfloat16, enabled=dtype is torch.bfloat16):
        found = {'the whole pose encoder': kept_bytes(lambda: encoder(parts, mask), encoder.parameters())}
        for name, block in blocks.items():
            channels = block.graph_conv.in_channels
            size = (len(PARTS['left']), HANDS, clips * frames, channels)
            x = torch.randn(size, dtype=dtype, requires_grad=True)
            found[name] = kept_bytes(lambda block=block, x=x: block(x, timeline), block.parameters())
    return found


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--batch', type=int, default=4, help='clips')
    parser.add_argument('--frames', type=int, default=64, help='frames a clip')
    parser.add_argument('--json', type=Path, help='write the bytes here too')
    args = parser.parse_args()
    torch.manual_seed(0)
    encoder = PartGCNEncoder().train()
    found = {}
    for dtype in (torch.float32, torch.bfloat16):
        lean = measure(encoder, args.batch, args.frames, dtype)
        with mock.patch.object(GraphBlock, '_is_plain', lambda *arguments: False):
            own = measure(encoder, args.batch, args.frames, dtype)
        name = str(dtype).removeprefix('torch.')
        found[name] = dict(lean=lean, pytorch=own)
        for part, size in lean.items():
            print(
                f'{name}, {part}: {size / 2**20:.1f} MiB, PyTorch {own[part] / 2**20:.1f}, {own[part] / size:.2f} times'
            )
    if args.json:
        args.json.write_text(json.dumps(found, indent=2) + '\n')


if __name__ == '__main__':
    main()
