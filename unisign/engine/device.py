"""One place that makes any config run on a machine without CUDA, and says what it changed."""

import datetime
import inspect
import multiprocessing
import os
import subprocess
from collections.abc import MutableMapping
from typing import Any

import torch
from torch import distributed
from torch.nn.parallel import DistributedDataParallel

from unisign.structures import DataError

LOADERS = ('train_dataloader', 'val_dataloader', 'test_dataloader')
AMP_ARGUMENTS = ('dtype', 'loss_scale', 'use_fsdp')


def adapt_to_machine(cfg: MutableMapping[str, Any]) -> list[str]:
    """Change ``cfg`` in place so that it runs here; returns one phrase for each change, none where CUDA is available.

    Without CUDA: float32 instead of automatic mixed precision, each process's own batch statistics instead of
    synchronised batch norm (their running averages are averaged over the processes, ``BufferAverageHook``), gloo
    instead of nccl with data workers that are not forked from it, and a model wrapper that names no GPU.

    Args:
        cfg: a whole config.
    """
    if torch.cuda.is_available():
        return []
    changes = _use_float32(cfg)
    if cfg.get('sync_bn') and cfg.get('launcher', 'none') != 'none':
        cfg['sync_bn'] = None
        changes.append(
            'batch norm is not synchronised: each process keeps the batch statistics of its own clips in training, '
            'the running statistics are averaged over the processes'
        )
    for name in LOADERS:
        loader = cfg.get(name)
        if isinstance(loader, MutableMapping) and loader.pop('pin_memory', False):
            changes.append(f'{name}.pin_memory is off')
    if cfg.get('launcher', 'none') != 'none':
        changes += _use_gloo(cfg)
    return changes


def _use_float32(cfg: MutableMapping[str, Any]) -> list[str]:
    changes = []
    wrapper = cfg.get('optim_wrapper')
    if isinstance(wrapper, MutableMapping) and wrapper.get('type') == 'AmpOptimWrapper':
        dtype = wrapper.get('dtype') or 'float16'
        for name in AMP_ARGUMENTS:
            wrapper.pop(name, None)
        wrapper['type'] = 'OptimWrapper'
        changes.append(f'training in float32, not {dtype} (AmpOptimWrapper -> OptimWrapper)')
    for name in ('val_cfg', 'test_cfg'):
        loop = cfg.get(name)
        if isinstance(loop, MutableMapping) and loop.get('amp_dtype'):
            changes.append(f'{name} in float32, not {loop["amp_dtype"]}')
            loop['amp_dtype'] = None
    return changes


def _use_gloo(cfg: MutableMapping[str, Any]) -> list[str]:
    environment = cfg.setdefault('env_cfg', {})
    communication = environment.setdefault('dist_cfg', {})
    backend = communication.get('backend', 'nccl')
    communication['backend'] = 'gloo'
    wrapper = cfg.get('model_wrapper_cfg') or {
        'type': 'MMDistributedDataParallel',
        _buffer_argument(): False,
        'find_unused_parameters': cfg.get('find_unused_parameters', False),
    }
    cfg['model_wrapper_cfg'] = dict(wrapper, **_on_the_cpu(wrapper.get('type', 'MMDistributedDataParallel')))
    hooks = list(cfg.get('custom_hooks') or [])
    if not any(hook.get('type') == 'BufferAverageHook' for hook in hooks):
        cfg['custom_hooks'] = [*hooks, dict(type='BufferAverageHook')]
    _start_workers_safely(cfg)
    return [f'the processes talk over gloo, not {backend}'] if backend != 'gloo' else []


def _on_the_cpu(wrapper: str) -> dict[str, Any]:
    """Return the arguments with which a model wrapper names no GPU and sends float32."""
    if wrapper == 'FullyShardedModel':
        return dict(param_dtype=None)
    return {} if wrapper == 'DeepSpeedModel' else dict(device_ids=None)


def _start_workers_safely(cfg: MutableMapping[str, Any]) -> None:
    """Let data workers descend from a process without gloo's threads, unless the config says how they start.

    Those threads enter the interpreter now and then; a worker forked at such a moment never wakes up (CPython 3.11
    waits in the child for a lock that one of them held), and the run waits for it.
    """
    for name in LOADERS:
        loader = cfg.get(name)
        if isinstance(loader, MutableMapping) and loader.get('num_workers'):
            loader.setdefault('multiprocessing_context', 'forkserver')
    multiprocessing.set_forkserver_preload(['unisign.datasets'])


def _buffer_argument() -> str:
    """Return how this PyTorch calls the switch for copying buffers from the first process in every forward pass."""
    parameters = inspect.signature(DistributedDataParallel.__init__).parameters
    return 'forward_sync_buffers' if 'forward_sync_buffers' in parameters else 'broadcast_buffers'


def start_gloo(cfg: MutableMapping[str, Any]) -> None:
    """Join the processes of ``cfg['launcher']`` over gloo, where there is no CUDA.

    MMEngine's own start-up calls ``torch.cuda.set_device``; it finds the group that is made here and leaves it alone.

    Raises:
        DataError: for a launcher that is neither none, pytorch nor slurm, or one whose environment is not there.
    """
    launcher = cfg.get('launcher', 'none')
    if launcher == 'none' or torch.cuda.is_available() or distributed.is_initialized():
        return
    if launcher == 'slurm':
        _environment_from_slurm()
    elif launcher != 'pytorch':
        raise DataError('--launcher', f'without CUDA it is none, pytorch or slurm, got {launcher!r}.')
    missing = [name for name in ('RANK', 'WORLD_SIZE', 'MASTER_ADDR', 'MASTER_PORT') if name not in os.environ]
    if missing:
        raise DataError(
            f'--launcher {launcher}',
            f'the environment variables {", ".join(missing)} are not set.',
            'Start the processes with tools/dist_train.sh or torchrun.',
        )
    os.environ.setdefault('LOCAL_RANK', os.environ['RANK'])
    seconds = cfg['env_cfg']['dist_cfg'].get('timeout', 1800)
    distributed.init_process_group('gloo', timeout=datetime.timedelta(seconds=seconds))


def _environment_from_slurm() -> None:
    """Set what torch.distributed reads, from what ``srun`` sets."""
    if 'SLURM_PROCID' not in os.environ:
        raise DataError('--launcher slurm', 'SLURM_PROCID is not set.', 'Start with tools/slurm_train.sh or srun.')
    os.environ['RANK'] = os.environ['SLURM_PROCID']
    os.environ['WORLD_SIZE'] = os.environ['SLURM_NTASKS']
    os.environ['LOCAL_RANK'] = os.environ.get('SLURM_LOCALID', '0')
    os.environ.setdefault('MASTER_PORT', '29500')
    if 'MASTER_ADDR' not in os.environ:
        command = ['scontrol', 'show', 'hostnames', os.environ['SLURM_NODELIST']]
        os.environ['MASTER_ADDR'] = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()[
            0
        ]
