"""Synchronised batch norm in the lean steps: two processes compute what one does with all their clips."""

from pathlib import Path

import pytest
import torch
from mmengine.model import convert_sync_batchnorm
from torch import distributed

from unisign.models import PartGCNEncoder
from unisign.structures import PARTS

PROCESSES = 2
LENGTHS = (7, 12, 5, 9)
CASES = {'uneven': (3, 1), 'one without clips': (4, 0), 'the other': (0, 4)}  # clips of each process


def encoder(with_cp: bool = False) -> PartGCNEncoder:
    torch.manual_seed(0)
    sizes = dict(embed_channels=4, spatial_channels=(4, 6), temporal_channels=(6, 8), out_channels=10)
    made = PartGCNEncoder(**sizes, with_cp=with_cp).train()
    with torch.no_grad():
        for weight in made.parameters():
            weight.add_(0.1 * torch.randn_like(weight))
    return made


def clips(chosen: slice) -> tuple[dict[str, torch.Tensor], torch.Tensor, torch.Tensor]:
    """Return some of the clips, their mask, and the gradient that their output is given."""
    generator = torch.Generator().manual_seed(1)
    mask = torch.arange(max(LENGTHS)) < torch.tensor(LENGTHS)[:, None]
    size = (len(LENGTHS), max(LENGTHS))
    parts = {name: torch.rand(*size, len(part), 3, generator=generator)[chosen] for name, part in PARTS.items()}
    return parts, mask[chosen], torch.randn(*size, 10, generator=generator)[chosen]


def results(model: PartGCNEncoder, chosen: slice, half: bool = False) -> dict[str, torch.Tensor]:
    """Return output, gradients and running statistics after two batches."""
    parts, mask, given = clips(chosen)
    for _ in range(2):
        model.zero_grad()
        with torch.autocast('cpu', dtype=torch.bfloat16, enabled=half):
            out = model(parts, mask)
        out.backward(given.to(out.dtype))
    found = {f'gradient of {name}': weight.grad for name, weight in model.named_parameters()}
    return found | dict(model.named_buffers()) | {'output': out.detach()}


def run(rank: int, counts: tuple[int, int], half: bool, with_cp: bool, compiled: bool, folder: str) -> None:
    torch.set_num_threads(1)
    distributed.init_process_group('gloo', init_method=f'file://{folder}/meet', rank=rank, world_size=PROCESSES)
    model = convert_sync_batchnorm(encoder(with_cp), 'torch')
    if compiled:
        model.compile_networks(backend='eager')
    chosen = slice(0, counts[0]) if rank == 0 else slice(counts[0], None)
    found = results(model, chosen, half)
    for name, value in found.items():
        if name.startswith('gradient'):
            distributed.all_reduce(value)
    torch.save(found, f'{folder}/{rank}.pth')
    distributed.destroy_process_group()


def spread_out(
    counts: tuple[int, int], folder: Path, half: bool = False, with_cp: bool = False, compiled: bool = False
) -> list[dict]:
    torch.multiprocessing.start_processes(
        run, (counts, half, with_cp, compiled, str(folder)), nprocs=PROCESSES, start_method='fork'
    )
    return [torch.load(folder / f'{rank}.pth') for rank in range(PROCESSES)]


@pytest.mark.parametrize('compiled', [False, True])
@pytest.mark.parametrize('case', CASES)
def test_two_processes_are_one(case: str, compiled: bool, tmp_path: Path) -> None:
    torch.compiler.reset()
    expected = results(encoder(), slice(None))
    found = spread_out(CASES[case], tmp_path, compiled=compiled)
    for name, value in expected.items():
        if name == 'output':
            joined = torch.cat([one[name] for one in found])
            assert torch.allclose(joined, value, atol=1e-5)
        else:
            for one in found:
                assert (one[name] - value).abs().max() <= 1e-4 * max(1, value.abs().max()), name
    assert expected['spatial_networks.body.0.graph_norm.running_mean'].any()


def test_two_processes_under_autocast(tmp_path: Path) -> None:
    exact, alone = results(encoder(), slice(None)), results(encoder(), slice(None), half=True)
    first, second = spread_out(CASES['uneven'], tmp_path, half=True)
    assert first['output'].dtype == torch.bfloat16

    def distance(one: dict[str, torch.Tensor]) -> float:
        names = [name for name in exact if name.startswith('gradient') and 'bias' not in name]
        difference, length = (
            torch.cat([value[name].flatten() for name in names]).norm()
            for value in ({name: one[name] - exact[name] for name in names}, exact)
        )
        return (difference / length).item()

    assert distance(first) < 1.5 * distance(alone) < 0.6
    assert all(torch.equal(first[name], second[name]) for name in first if name != 'output')


def test_activation_checkpointing_counts_a_batch_once(tmp_path: Path) -> None:
    plain, again = (tmp_path / name for name in ('plain', 'again'))
    plain.mkdir()
    again.mkdir()
    found = zip(spread_out((1, 3), plain), spread_out((1, 3), again, with_cp=True), strict=True)
    for expected, one in found:
        assert all(torch.allclose(one[name], value, atol=1e-5) for name, value in expected.items())


def test_no_frame_anywhere_moves_nothing(tmp_path: Path) -> None:
    torch.multiprocessing.start_processes(run_on_nothing, (str(tmp_path),), nprocs=PROCESSES, start_method='fork')
    before = dict(encoder().named_buffers())
    for rank in range(PROCESSES):
        found = torch.load(tmp_path / f'{rank}.pth')
        assert all(torch.equal(found[name], value) for name, value in before.items() if 'tracked' not in name)
        assert not any(value.any() for name, value in found.items() if name.startswith('gradient'))


def run_on_nothing(rank: int, folder: str) -> None:
    distributed.init_process_group('gloo', init_method=f'file://{folder}/meet', rank=rank, world_size=PROCESSES)
    torch.save(results(convert_sync_batchnorm(encoder(), 'torch'), slice(0, 0)), f'{folder}/{rank}.pth')
    distributed.destroy_process_group()
