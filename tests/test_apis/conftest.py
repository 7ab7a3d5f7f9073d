"""Toy models with random weights, in a folder that looks like a checkout after training."""

import pytest
import torch

from unisign.apis import SignInferencer, init_model
from unisign.engine.launch import prepare_config
from unisign.toy.joined import choose_clips, join_clips, write_joined
from unisign.toy.splits import SIZES, plan_corpus

SMALL = {'model.head.generation.max_new_tokens': 6, 'test_dataloader.num_workers': 0, 'test_dataloader.batch_size': 3}


@pytest.fixture(scope='module')
def checkout(make_checkout):
    return make_checkout()


@pytest.fixture(scope='module')
def trained(checkout):
    """Return config and checkpoint of a toy model, by the config's name."""
    made = {}

    def make(name):
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(checkout)
            cfg = prepare_config(f'configs/toy/{name}.py', str(checkout / 'work' / name), SMALL)
            checkpoint = checkout / f'{name}.pth'
            if name not in made:
                torch.manual_seed(0)
                torch.save({'state_dict': init_model(cfg, device='cpu').state_dict()}, checkpoint)
                made[name] = checkpoint
            return cfg, checkpoint

    return make


@pytest.fixture
def inferencer(trained):
    """Return a ``SignInferencer`` by the config's name."""

    def make(name, **arguments):
        cfg, checkpoint = trained(name)
        return SignInferencer(cfg, checkpoint, **{'device': 'cpu', 'lang': 'en', **arguments})

    return make


@pytest.fixture(scope='module')
def talk(tmp_path_factory):
    """A video of two signed words (.mp4), its poses (.npz) and true times (.jsonl); the path has no suffix."""
    folder = tmp_path_factory.mktemp('talk')
    (clips,) = choose_clips(plan_corpus(SIZES['tiny'], 42), 'test', 'words', videos=1, clips=2)
    write_joined(join_clips('talk', clips, rest=(0.6, 0.9)), folder)
    return folder / 'talk'
