"""tools/train.py and tools/test.py as a user sees them: files, table, exit codes and one-line errors."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / 'test_engine'))
from stand_ins import train_stand_in, write_config

from unisign.engine.launch import find_checkpoint, metrics_table, prepare_config, run_readably, run_test, run_train
from unisign.structures import DataError


@pytest.fixture(scope='module')
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp('trained')
    train_stand_in(folder, {'train_cfg.max_epochs': 1})
    return folder


def test_a_test_writes_scores_and_predictions(trained, tmp_path, capsys):
    cfg = prepare_config(write_config(trained), str(tmp_path / 'scores'))
    metrics = run_test(cfg, trained / 'work', str(tmp_path / 'out/preds.jsonl'))
    assert set(metrics) >= {'test/top1_per_instance', 'test/top1_per_class'}
    record = json.loads((tmp_path / 'scores/test_metrics.json').read_text())
    assert record['metrics'] == metrics
    assert record['checkpoint'].endswith('best_dev_top1_per_instance.pth')
    assert 'test/top1_per_instance ' in capsys.readouterr().out
    lines = [json.loads(line) for line in (tmp_path / 'out/preds.jsonl').read_text().splitlines()]
    assert {line['id'] for line in lines} == {f'test-{i}' for i in range(11)}
    assert len(lines) == 11


def test_the_table_is_short():
    assert metrics_table({'dev/wer': 12.34567, 'dev/n': 3, 'dev/rows': [1]}) == (
        '  dev/wer     12.3457\n  dev/n        3.0000'
    )


def test_an_earlier_run_is_not_lost_by_accident(trained, tmp_path):
    cfg = prepare_config(write_config(tmp_path), options={'train_cfg.max_epochs': 1})
    run_train(cfg)
    before = (tmp_path / 'work/checkpoints/epoch_1.pth').read_bytes()
    with pytest.raises(DataError, match=r'earlier run \(.*epoch_1\.pth\).*--resume.*--overwrite'):
        run_train(cfg)
    cfg.randomness.seed = 1
    run_train(cfg, overwrite=True)
    assert (tmp_path / 'work/checkpoints/epoch_1.pth').read_bytes() != before


def test_the_work_dir_is_named_after_the_config(tmp_path):
    path = tmp_path / 'my_run.py'
    path.write_text("model = dict(type='UniSign')\n")
    assert prepare_config(path).work_dir == 'work_dirs/my_run'
    assert prepare_config(path, 'here').work_dir == 'here'


def test_a_missing_checkpoint_names_those_that_are_there(trained, tmp_path):
    with pytest.raises(DataError, match=r'epoch_9\.pth: there is no such checkpoint.*epoch_1\.pth'):
        find_checkpoint(trained / 'work/checkpoints/epoch_9.pth')
    with pytest.raises(DataError, match='folder without checkpoints'):
        find_checkpoint(tmp_path)


def test_a_checkpoint_of_another_model_is_refused(trained, tmp_path):
    cfg = prepare_config(write_config(tmp_path), options={'model.norm': False})
    with pytest.raises(DataError, match=r'does not fit the model.*unexpected: body\.1\.'):
        run_test(cfg, trained / 'work')


def test_errors_about_data_are_one_line_and_others_keep_their_traceback(capsys, monkeypatch):
    def bad_data():
        raise DataError('file.json', 'is empty.', 'Fill it.')

    def bug():
        raise KeyError('a bug')

    assert run_readably(lambda: None) == 0
    assert run_readably(bad_data) == 1
    assert capsys.readouterr().err == 'DataError: file.json: is empty. Fill it.\n'
    with pytest.raises(DataError):
        run_readably(bad_data, traceback=True)
    monkeypatch.setenv('UNISIGN_TRACEBACK', '1')
    with pytest.raises(DataError):
        run_readably(bad_data)
    with pytest.raises(KeyError):
        run_readably(bug)


@pytest.mark.slow
def test_the_command_ends_with_exit_code_1(repo):
    command = [sys.executable, str(repo / 'tools/test.py'), 'configs/none.py', 'none.pth']
    environment = dict(os.environ, PYTHONPATH=str(repo))
    done = subprocess.run(command, cwd=repo, env=environment, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.startswith('ConfigError: configs/none.py: there is no such config file.')
    assert len(done.stderr.splitlines()) == 1
