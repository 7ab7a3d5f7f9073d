"""Where a benchmark runs and in which precision: the CPU or a GPU, float32 or bfloat16 autocast."""

import argparse
import time
from collections.abc import Callable
from typing import Any

import side_by_side
import torch
from mmengine.optim import OptimWrapper
from torch import Tensor

# Dense bfloat16 peaks in TFLOP/s, by a word in the GPU's name.
PEAKS = {'H100': 989.0, 'H200': 989.0}
DTYPES = ('float32', 'bfloat16')
SHARE_OF_RATE, SHARE_OF_PEAK = 'share of the matrix-product rate', 'share of the peak'


def add_device_options(parser: argparse.ArgumentParser) -> None:
    """Add ``--device``, ``--dtype`` and ``--peak``; ``choose_device`` fills in what is not given."""
    parser.add_argument('--device', choices=('cpu', 'cuda'), help='default: cuda if there is one')
    parser.add_argument('--dtype', choices=DTYPES, help='of products; default: bfloat16 on a GPU, float32 on the CPU')
    parser.add_argument('--peak', type=float, help='of the hardware, TFLOP/s; default: 989 for an H100 or H200')


def choose_device(args: argparse.Namespace) -> None:
    """Set ``device``, ``dtype`` and ``peak`` where they were not given; ``peak`` stays None where it is not known."""
    args.device = args.device or ('cuda' if torch.cuda.is_available() else 'cpu')
    args.dtype = args.dtype or ('bfloat16' if args.device == 'cuda' else 'float32')
    if args.peak is None and args.device == 'cuda' and args.dtype == 'bfloat16':
        name = torch.cuda.get_device_name()
        args.peak = next((peak for word, peak in PEAKS.items() if word in name), None)


def autocast(args: argparse.Namespace) -> torch.autocast:
    """Return the precision that both sides compute in."""
    return torch.autocast(args.device, dtype=torch.bfloat16, enabled=args.dtype == 'bfloat16')


def to_device(value: Any, device: str) -> Any:
    """Return the tensors of nested dicts, lists and tuples on a device."""
    if isinstance(value, Tensor):
        return value.to(device)
    if isinstance(value, dict):
        return {name: to_device(one, device) for name, one in value.items()}
    return type(value)(to_device(one, device) for one in value) if isinstance(value, list | tuple) else value


class AutocastOptimWrapper(OptimWrapper):
    """MMEngine's plain wrapper with the forward pass under autocast, on any device; ``AmpOptimWrapper`` wants a GPU.

    That one also scales the loss, by 1 in this library's configs, and looks for infinite gradients.
    """

    def __init__(self, precision: Callable[[], torch.autocast], **arguments: Any) -> None:
        super().__init__(**arguments)
        self.precision = precision

    def optim_context(self, model: torch.nn.Module) -> Any:
        """Return the context of a forward pass; gradients are not accumulated here."""
        return self.precision()


def matrix_product_rate(size: int, args: argparse.Namespace, count: int = 5) -> float:
    """Return operations a second of a square matrix product in the benchmark's precision, the best of ``count``."""
    calls = 10 if args.device == 'cuda' else 1  # a single one is over before the clock is read
    kind = dict(dtype=getattr(torch, args.dtype), device=args.device)
    a, b, out = torch.randn(size, size, **kind), torch.randn(size, size, **kind), torch.empty(size, size, **kind)
    best = float('inf')
    for _ in range(count + 1):
        synchronise(args.device)
        begin = time.perf_counter()
        for _ in range(calls):
            torch.mm(a, b, out=out)
        synchronise(args.device)
        best = min(best, time.perf_counter() - begin)
    return 2 * calls * size**3 / best


def shares(seconds: float, operations: float, rate: float, args: argparse.Namespace) -> dict[str, float]:
    """Return what share of the matrix-product rate, and of the peak if it is known, so many operations are."""
    found = {SHARE_OF_RATE: operations / seconds / rate}
    return found | {SHARE_OF_PEAK: operations / seconds / (args.peak * 1e12)} if args.peak else found


def share_units(args: argparse.Namespace) -> dict[str, str]:
    """Return what ``report`` prints behind ``shares``."""
    units = {SHARE_OF_RATE: '(of the operations the formulas need; more is better)'}
    return units | {SHARE_OF_PEAK: f'(of {args.peak:g} TFLOP/s; more is better)'} if args.peak else units


def seconds_of_call(run: Callable[[], object], device: str) -> float:
    """Return the seconds of one call that the device has finished."""
    synchronise(device)
    begin = time.perf_counter()
    run()
    synchronise(device)
    return time.perf_counter() - begin


def synchronise(device: str) -> None:
    """Wait until a GPU has done what it was given."""
    if device == 'cuda':
        torch.cuda.synchronize()


def held_bytes(device: str) -> int:
    """Return the memory that is held now: of the process, or of the tensors on the GPU."""
    return torch.cuda.memory_allocated() if device == 'cuda' else side_by_side.resident_bytes()


def peak_bytes(device: str) -> int:
    """Return the most memory that was held since ``forget_peak``, see ``held_bytes``."""
    return torch.cuda.max_memory_allocated() if device == 'cuda' else side_by_side.peak_bytes()


def forget_peak(device: str) -> None:
    """Let ``peak_bytes`` count from here."""
    if device == 'cuda':
        torch.cuda.reset_peak_memory_stats()
    else:
        side_by_side.forget_peak()


def seconds(step: Callable[[], object], count: int, args: argparse.Namespace) -> float:
    """Return the median seconds of ``count`` calls that the device has finished; on a GPU two more come before."""

    def finished() -> None:
        step()
        synchronise(args.device)

    return side_by_side.seconds(finished, count, warm_up=2 if args.device == 'cuda' else 0)
