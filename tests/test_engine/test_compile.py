"""The config's ``compile``: pose encoder and language model, counted by a backend of our own."""

from pathlib import Path

import pytest
import torch
from stand_ins import train_stand_in

from unisign.engine import ConfigError, SignRunner, read_config

COMPILED: list[torch.fx.GraphModule] = []
# The toy encoder's blocks have 32 and 64 channels. Spatial blocks: their ends, forward and backward twice, and as much
# for residual norms, with both numbers of channels. Temporal ones, with 32: their ends, and four to lay frames out.
PASSES = 2 * 3 + 2 * 3 + 3 + 4


def count(graph: torch.fx.GraphModule, inputs: list):
    COMPILED.append(graph)
    return graph.forward


def run(repo: Path, data: Path, folder: Path, compiled) -> SignRunner:
    config = read_config(repo / 'configs/toy/stage1_toy_pose.py')
    config.merge_from_dict({
        'model.head.language_model': str(data / 'language_model'),
        'model.head.dropout': 0.0,  # compiled, it draws other numbers
        'train_cfg': dict(max_epochs=1, val_interval=1),
        'default_hooks.checkpoint.save_best': None,
        'work_dir': str(folder),
        'launcher': 'none',
        'load_from': None,
        'param_scheduler.warmup_steps': 0,
        'compile': compiled,
    })  # fmt: skip
    for split in ('train', 'val', 'test'):
        loader = config[f'{split}_dataloader']
        loader.dataset.data_root = str(data)
        loader.batch_size, loader.num_workers, loader.persistent_workers = 4, 0, False
    runner = SignRunner.from_cfg(config)
    runner.train()
    return runner


@pytest.mark.slow
def test_a_training_compiles_a_few_graphs(repo: Path, toy_tiny: Path, tmp_path: Path) -> None:
    COMPILED.clear()
    torch.compiler.reset()
    torch._dynamo.register_backend(count, name='counting')
    compiled = run(repo, toy_tiny, tmp_path / 'compiled', dict(backend='counting'))
    # Of the language model in training the first layer of encoder and decoder, and one graph for the other layers of
    # each; of the pose encoder the passes, for each number of channels. None in validation.
    assert len(COMPILED) == 4 + PASSES
    plain = run(repo, toy_tiny, tmp_path / 'plain', False)
    assert len(COMPILED) == 4 + PASSES and compiled.iter == plain.iter > 1
    for (name, a), b in zip(compiled.model.named_parameters(), plain.model.parameters(), strict=True):
        # Before a batch norm a bias has no gradient but rounding, and AdamW makes whole steps of it.
        if not name.endswith('conv.bias'):
            assert (a - b).abs().mean() < 1e-4, name


def test_what_cannot_be_compiled_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"compile: 'inductor' is neither True nor False nor a dict"):
        train_stand_in(tmp_path, compile='inductor')
    with pytest.raises(ConfigError, match=r'compile: NoneType has no networks to compile'):
        train_stand_in(tmp_path, {'compile': True})
