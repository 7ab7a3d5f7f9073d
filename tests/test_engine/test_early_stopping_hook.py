"""Training ends when the dev score no longer gets better, also in a run that was resumed."""

import json

import pytest
from mmengine.hooks import Hook
from stand_ins import write_config

from unisign.engine import EarlyStoppingHook, SignRunner, read_config
from unisign.structures import DataError

SCORES = (50.0, 60.0, 60.05, 58.0, 60.09, 90.0, 91.0)  # the best by 0.1 is the second: three validations without


class Scores(Hook):
    """Puts scores of our own in the place of the validation's; may end the process after an epoch."""

    priority = 'VERY_HIGH'

    def __init__(self, fail_after=None):
        self.fail_after = fail_after

    def after_val_epoch(self, runner, metrics=None):
        if runner.is_training:
            metrics['dev/top1_per_instance'] = SCORES[runner.epoch - 1]

    def before_train_epoch(self, runner):
        if runner.epoch == self.fail_after:
            raise KeyboardInterrupt


def train(folder, resume=None, fail_after=None, options=None, **stopping):
    stopping = dict(type='EarlyStoppingHook', monitor='dev/top1_per_instance', patience=3) | stopping
    cfg = read_config(write_config(folder, custom_hooks=[stopping], train_cfg=dict(max_epochs=7)), options)
    cfg.resume = resume or False
    runner = SignRunner.from_cfg(cfg)
    runner.register_hook(Scores(fail_after), priority='VERY_HIGH')
    runner.train()
    return runner


def epochs(folder):
    lines = (folder / 'work/checkpoints/dev_scores.jsonl').read_text().splitlines()
    return [json.loads(line)['epoch'] for line in lines]


def test_it_stops_after_so_many_validations_without_a_better_score(tmp_path):
    runner = train(tmp_path)
    assert runner.epoch == 5
    assert epochs(tmp_path) == [1, 2, 3, 4, 5]
    best = tmp_path / 'work/checkpoints/best_dev_top1_per_instance.pth'
    assert best.is_file()
    # Resumed, it knows that it has stopped, and trains no further.
    assert train(tmp_path, resume=True).epoch == 5
    assert epochs(tmp_path) == [1, 2, 3, 4, 5]


@pytest.mark.parametrize('epoch', [2, 4])
def test_a_resumed_run_remembers_the_validations_before(tmp_path, epoch):
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path, fail_after=epoch)
    assert train(tmp_path, resume=True).epoch == 5


def test_the_rule_is_that_of_the_metric(tmp_path):
    assert EarlyStoppingHook('dev/wer').rule == 'less'
    assert EarlyStoppingHook('dev/csl-news/bleu4').rule == 'greater'
    assert train(tmp_path / 'less', rule='less').epoch == 4  # the first is the best then
    assert train(tmp_path / 'threshold', stopping_threshold=59.0).epoch == 2


def test_a_test_run_is_not_disturbed(tmp_path):
    stopping = dict(type='EarlyStoppingHook', monitor='dev/top1_per_instance')
    path = write_config(tmp_path, custom_hooks=[stopping])
    without_training = dict.fromkeys(('train_dataloader', 'train_cfg', 'optim_wrapper', 'param_scheduler'))
    runner = SignRunner.from_cfg(read_config(path, without_training))
    assert 'test/top1_per_instance' in runner.test()


def test_wrong_metrics_are_named(tmp_path):
    with pytest.raises(DataError, match=r'EarlyStoppingHook\.monitor: must be a metric of the dev split.*test/wer'):
        EarlyStoppingHook('test/wer')
    with pytest.raises(DataError, match=r"EarlyStoppingHook\.rule: got None for 'dev/charm'"):
        EarlyStoppingHook('dev/charm')
    with pytest.raises(DataError, match=r"'dev/bleu4' is not among the metrics.*There are: dev/top1_per_class"):
        train(tmp_path, monitor='dev/bleu4')
