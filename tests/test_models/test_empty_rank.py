"""A process whose clips all failed must not make the others wait."""

import pytest
import torch
from torch import distributed
from torch.nn.parallel import DistributedDataParallel

from unisign.registry import MODELS
from unisign.structures import PARTS, SignDataSample

PROCESSES = 2


def run(rank: int, config: dict, folder: str) -> None:
    torch.set_num_threads(1)
    distributed.init_process_group('gloo', init_method=f'file://{folder}/meet', rank=rank, world_size=PROCESSES)
    torch.manual_seed(0)
    model = DistributedDataParallel(MODELS.build(config).train(), broadcast_buffers=False)
    for empty_rank in (0, 1):
        clips = 0 if rank == empty_rank else 2
        parts = {name: torch.rand(clips, 4 * (clips > 0), len(part), 3) for name, part in PARTS.items()}
        mask = torch.ones(clips, 4 * (clips > 0), dtype=torch.bool)
        samples = [
            SignDataSample(metainfo=dict(clip_id=str(i), task='slt', lang='en'), gt_text='hello') for i in range(clips)
        ]
        model(dict(parts=parts, mask=mask), samples, mode='loss')['loss'].backward()
    gradients = torch.cat([weight.grad.flatten() for weight in model.parameters()])
    torch.save(gradients, f'{folder}/{rank}.pth')
    distributed.destroy_process_group()


@pytest.mark.slow
def test_an_empty_rank_takes_part(model_config, tmp_path) -> None:
    torch.multiprocessing.spawn(run, (model_config(), str(tmp_path)), nprocs=PROCESSES)
    first, second = (torch.load(tmp_path / f'{rank}.pth') for rank in range(PROCESSES))
    assert torch.equal(first, second) and first.abs().sum() > 0
