"""Names of the model zoo in the place of configs and checkpoints."""

import runpy
import sys
from pathlib import Path

import pytest
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / 'test_checkpoints'))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / 'test_models'))
from hub_server import write_zoo
from published_weights import published_weights
from small_run import SMALL

from unisign.apis import SignInferencer, init_model
from unisign.checkpoints import load_state_dict_file, to_official
from unisign.engine import read_config
from unisign.engine.config_names import find_config
from unisign.engine.launch import build_runner, prepare_config, run_test
from unisign.structures import DataError

NAME = 'stage3_small_pose'


@pytest.fixture
def zoo(toy_tiny, repo, tmp_path, monkeypatch):
    """A package whose zoo holds a toy model, elsewhere than where we work; its weights are not there yet."""
    package, work = tmp_path / 'package', tmp_path / 'work'
    write_zoo(package)
    for name in (NAME, 'stage1_small_pose'):
        (package / f'configs/unisign/{name}.py').write_text(f"_base_ = '{repo}/configs/toy/stage3_toy-islr_pose.py'\n")
    monkeypatch.setattr('unisign.checkpoints.zoo.package_root', lambda: package)
    (work / 'data').mkdir(parents=True)
    (work / 'data/toy').symlink_to(toy_tiny)
    monkeypatch.chdir(work)
    monkeypatch.setenv('UNISIGN_CACHE', str(tmp_path / 'cache'))
    monkeypatch.setenv('HF_HUB_OFFLINE', '1')
    return package


@pytest.fixture
def weights(zoo, tmp_path):
    """The published weights, laid by hand where the error says."""
    with pytest.raises(DataError, match='lay it at') as error:
        init_model(NAME, device='cpu')
    path = Path(error.value.advice.split('lay it at ')[1].rstrip('.'))
    assert path == tmp_path / 'cache/zoo/small.pth'
    path.parent.mkdir(parents=True, exist_ok=True)
    state = init_model(read_config(NAME, SMALL), device='cpu').state_dict()
    torch.save({'model': to_official(state)}, path)
    return state


def same(model, state):
    return all(torch.equal(value, state[name]) for name, value in model.state_dict().items())


def test_a_name_is_config_and_checkpoint(weights):
    assert same(init_model(NAME, device='cpu'), weights)
    assert same(init_model(find_config(NAME), NAME, 'cpu'), weights)
    assert same(SignInferencer(NAME, device='cpu', lang='en').model, weights)
    assert load_state_dict_file(NAME).keys() == weights.keys()
    assert Path(prepare_config(NAME).work_dir) == Path('work_dirs') / NAME
    scores = run_test(prepare_config(NAME, 'scores', SMALL), NAME)
    assert 'small.pth' in Path('scores/test_metrics.json').read_text() and 'test/top1_per_instance' in scores
    cfg = prepare_config(NAME, 'run', SMALL | {'load_from': NAME})
    runner = build_runner(cfg)
    runner.load_or_resume()
    assert same(runner.model, weights)


def test_without_weights(zoo):
    with pytest.raises(DataError, match=r'stage1_small_pose: no published weights of it are known\. Train it with'):
        init_model('stage1_small_pose', device='cpu')
    assert next(init_model('stage1_small_pose', device='meta').parameters()).is_meta
    with pytest.raises(DataError, match=r'stage1_small_pose: no published weights of it are known'):
        SignInferencer('stage1_small_pose', device='cpu', lang='en')


def test_configs_of_the_zoo_come_from_the_package_alone(zoo):
    Path('configs/unisign').mkdir(parents=True)
    Path(f'configs/unisign/{NAME}.py').write_text("raise RuntimeError('code of somebody else')\n")
    Path('configs/unisign/mine.py').write_text("default_scope = 'unisign'\n")
    assert find_config(NAME) == zoo / f'configs/unisign/{NAME}.py'
    assert read_config(NAME).model.type == 'UniSign'
    assert find_config('mine') == Path('configs/unisign/mine.py')
    with pytest.raises(DataError, match=r'stage3_smal: is no config.*Did you mean .*stage3_small_pose'):
        init_model('stage3_smal')


def test_download_of_the_published_model(zoo, shared, repo, tmp_path, monkeypatch, capsys):
    path = tmp_path / 'cache/zoo/small.pth'
    path.parent.mkdir(parents=True)
    torch.save({'model': published_weights(shared, 'pose')}, path)
    monkeypatch.setattr(sys, 'argv', ['download.py', NAME, '--out', str(tmp_path / 'out')])
    with pytest.raises(SystemExit) as stop:
        runpy.run_path(str(repo / 'tools/models/download.py'), run_name='__main__')
    printed = capsys.readouterr()
    assert stop.value.code == 0 and printed.out == f'{tmp_path}/out/small.pth\n'
    assert 'tensors, all names and shapes those of the published model' in printed.err


def test_download_checks_that_it_is_the_published_model(zoo, weights, repo, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sys, 'argv', ['download.py', NAME, '--offline', '--out', str(tmp_path / 'out')])
    with pytest.raises(SystemExit) as stop:
        runpy.run_path(str(repo / 'tools/models/download.py'), run_name='__main__')
    assert stop.value.code == 1
    assert 'out/small.pth: the weights are not those of the published model' in capsys.readouterr().err
