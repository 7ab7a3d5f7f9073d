import pytest
import torch

from unisign.engine import adapt_to_machine
from unisign.engine.device import start_gloo
from unisign.structures import DataError


def config(launcher='none'):
    return dict(
        launcher=launcher,
        optim_wrapper=dict(type='AmpOptimWrapper', dtype='bfloat16', loss_scale=1.0, optimizer=dict(type='AdamW')),
        val_cfg=dict(type='SignValLoop', amp_dtype='bfloat16'),
        train_dataloader=dict(pin_memory=True, batch_size=2),
        sync_bn='torch',
        env_cfg=dict(dist_cfg=dict(backend='nccl')),
    )


def test_nothing_changes_where_there_is_cuda(monkeypatch):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: True)
    cfg = config('pytorch')
    assert adapt_to_machine(cfg) == []
    assert cfg == config('pytorch')


def test_one_process_without_cuda_trains_in_float32(monkeypatch):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)
    cfg = config()
    changes = '; '.join(adapt_to_machine(cfg))
    assert cfg['optim_wrapper'] == dict(type='OptimWrapper', optimizer=dict(type='AdamW'))
    assert cfg['val_cfg']['amp_dtype'] is None
    assert 'pin_memory' not in cfg['train_dataloader']
    assert 'training in float32, not bfloat16' in changes
    assert 'gloo' not in changes


def test_several_processes_without_cuda_use_gloo_and_say_what_replaces_synchronised_batch_norm(monkeypatch):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)
    cfg = config('pytorch')
    changes = '; '.join(adapt_to_machine(cfg))
    assert cfg['sync_bn'] is None
    assert cfg['env_cfg']['dist_cfg']['backend'] == 'gloo'
    assert cfg['model_wrapper_cfg']['device_ids'] is None
    assert cfg['custom_hooks'] == [dict(type='BufferAverageHook')]
    assert 'each process keeps the batch statistics of its own clips' in changes
    assert 'gloo, not nccl' in changes


def test_a_launcher_without_its_environment_is_named(monkeypatch):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)
    for name in ('RANK', 'WORLD_SIZE', 'SLURM_PROCID'):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(DataError, match=r'RANK, WORLD_SIZE.*dist_train\.sh'):
        start_gloo(config('pytorch'))
    with pytest.raises(DataError, match='SLURM_PROCID'):
        start_gloo(config('slurm'))


def test_data_workers_are_not_forked_beside_the_threads_of_gloo(monkeypatch):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)
    cfg = config('pytorch')
    cfg['train_dataloader'].update(num_workers=2)
    cfg['val_dataloader'] = dict(num_workers=1, multiprocessing_context='spawn')
    cfg['test_dataloader'] = dict(num_workers=0)
    adapt_to_machine(cfg)
    contexts = [cfg[f'{split}_dataloader'].get('multiprocessing_context') for split in ('train', 'val', 'test')]
    assert contexts == ['forkserver', 'spawn', None]
    alone = config()
    alone['train_dataloader'].update(num_workers=2)
    adapt_to_machine(alone)
    assert 'multiprocessing_context' not in alone['train_dataloader']
