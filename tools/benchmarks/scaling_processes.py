"""Clips a second of some training processes, and of some data workers; for ``bench_scaling.py``, which starts it.

Run by ``torch.distributed.run`` it is one training process: the same number of clips each, gradients over gloo.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from bench_data_path import baseline_batches, make_clips, our_batches
from side_by_side import SIDES, Measurement, keep_freed_memory, print_measurement
from sizes import Batch, baseline_arguments, baseline_model, make_batch, our_model
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader, Dataset

STEPS = 3
BATCHES = 48


def measure_processes(side: str, count: int, folder: Path, clips: int, frames: int) -> Measurement:
    """Return what ``count`` training processes do a second, and what as many data workers deliver."""
    launch = ['-m', 'torch.distributed.run', '--standalone', '--nproc_per_node', str(count), __file__]
    command = [sys.executable, *launch, side, str(folder), str(clips), str(frames)]
    done = subprocess.run(command, check=False, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        sys.exit(f'{count} training processes failed: {" ".join(command)}')
    return json.loads(done.stdout.splitlines()[-1]) | {
        'data, clips a second': loader_rate(side, count, clips, frames),
    }


class Batches(Dataset):
    """Batch i of one side, ``BATCHES`` of them."""

    def __init__(self, make: Callable[[int], Any]) -> None:
        self.make = make

    def __len__(self) -> int:
        return BATCHES

    def __getitem__(self, index: int) -> Any:
        return self.make(index)


def loader_rate(side: str, workers: int, clips: int, frames: int) -> float:
    """Return clips a second of a loader whose batches nobody computes with, from its first batch on."""
    args = argparse.Namespace(clips=4 * clips, batch=clips, frames=frames, dtype='float16')
    make = our_batches if side == 'ours' else baseline_batches
    with tempfile.TemporaryDirectory() as name:
        batches = Batches(make(Path(name), make_clips(args.clips, frames), args))
        found = iter(DataLoader(batches, batch_size=None, num_workers=workers))
        next(found)
        begin = time.perf_counter()
        rest = sum(1 for _ in found)
        return rest * clips / (time.perf_counter() - begin)


class Loss(nn.Module):
    """The baseline's loss as a module that can be wrapped."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, *arguments: Any) -> Tensor:
        """Return the loss."""
        return self.model.loss(*arguments)


def make_step(side: str, folder: Path, batch: Batch) -> Callable[[], Any]:
    """Return forward and backward pass, with gradients averaged over the processes if there are more."""
    model = our_model(folder) if side == 'ours' else Loss(baseline_model(folder))
    model.train()
    wrapped = DistributedDataParallel(model) if dist.get_world_size() > 1 else model
    arguments = () if side == 'ours' else baseline_arguments(folder, batch)

    def step() -> None:
        model.zero_grad(set_to_none=True)
        if side == 'ours':
            wrapped(batch.inputs(), batch.samples, mode='loss')['loss'].backward()
        else:
            wrapped(*arguments).backward()

    return step


def train() -> None:
    """Be one training process."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('side', choices=SIDES)
    parser.add_argument('folder', type=Path, help='language model')
    parser.add_argument('clips', type=int, help='in the batch of a process')
    parser.add_argument('frames', type=int, help='of a clip')
    args = parser.parse_args()
    keep_freed_memory()
    torch.set_num_threads(int(os.environ['OMP_NUM_THREADS']))
    dist.init_process_group('gloo')
    step = make_step(args.side, args.folder, make_batch(args.folder, args.clips, args.frames, seed=dist.get_rank()))
    step()
    dist.barrier()
    begin, processor = time.perf_counter(), time.process_time()
    for _ in range(STEPS):
        step()
    dist.barrier()
    duration, used = time.perf_counter() - begin, time.process_time() - processor
    if dist.get_rank() == 0:
        done = STEPS * args.clips
        print_measurement(
            **{
                'training, clips a second': done * dist.get_world_size() / duration,
                'training, processor seconds a clip': used / done,
            }
        )
    dist.destroy_process_group()


if __name__ == '__main__':
    train()
