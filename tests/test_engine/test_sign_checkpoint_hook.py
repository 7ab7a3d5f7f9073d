import pytest
from mmengine.hooks import Hook
from stand_ins import train_stand_in

from unisign.engine import SignCheckpointHook
from unisign.engine.checkpoint_io import read_checkpoint
from unisign.engine.hooks import sign_checkpoint_hook
from unisign.structures import DataError


def files(folder):
    return sorted(file.name for file in (folder / 'work/checkpoints').iterdir())


class FilesAfterEachStep(Hook):
    def __init__(self, folder):
        self.folder, self.seen = folder, []

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        if runner.train_loop.at_step_boundary and (self.folder / 'work/checkpoints').exists():
            self.seen.append([name for name in files(self.folder) if name.startswith(('epoch', 'iter'))])


def test_checkpoints_of_steps_and_epochs_and_the_newest_are_kept(tmp_path):
    watch = FilesAfterEachStep(tmp_path)
    options = {'default_hooks.checkpoint.interval_steps': 2, 'train_cfg.max_epochs': 2}
    train_stand_in(tmp_path, options, hook=watch)  # 6 batches and 3 steps an epoch
    assert watch.seen == [
        ['iter_4.pth'],
        ['iter_4.pth'],  # step 3 ends the epoch: epoch_1.pth comes a moment later
        ['epoch_1.pth', 'iter_8.pth'],
        ['epoch_1.pth', 'iter_8.pth'],
        ['epoch_1.pth', 'iter_8.pth'],  # step 6 is due too, and is epoch_2.pth
    ]
    assert files(tmp_path) == [
        'best_dev_top1_per_instance.pth',
        'dev_scores.jsonl',
        'epoch_2.pth',
        'iter_8.pth',
        'last_checkpoint',
    ]
    assert (tmp_path / 'work/checkpoints/last_checkpoint').read_text() == 'epoch_2.pth\n'
    meta = read_checkpoint(tmp_path / 'work/checkpoints/iter_8.pth')['meta']
    assert (meta['epoch'], meta['iter'], meta['step']) == (1, 8, 4)


def test_a_checkpoint_is_due_when_the_time_has_passed(tmp_path, monkeypatch):
    clock = iter(range(0, 10**6, 25))  # seconds, at each look
    monkeypatch.setattr(sign_checkpoint_hook.time, 'monotonic', lambda: next(clock))
    options = {
        'default_hooks.checkpoint.interval_minutes': 0.5,
        'default_hooks.checkpoint.interval': 0,
        'default_hooks.checkpoint.max_keep_ckpts': 0,
        'train_cfg.max_epochs': 1,
    }
    train_stand_in(tmp_path, options)
    assert [name for name in files(tmp_path) if name.startswith('iter')] == ['iter_4.pth']


def test_files_that_are_not_checkpoints_of_the_run_are_left_alone(tmp_path):
    folder = tmp_path / 'work/checkpoints'
    folder.mkdir(parents=True)
    (folder / 'epoch_old.pth').write_bytes(b'mine')
    train_stand_in(tmp_path, {'default_hooks.checkpoint.max_keep_ckpts': 1})
    assert [name for name in files(tmp_path) if name.startswith('epoch')] == ['epoch_3.pth', 'epoch_old.pth']


def test_the_best_is_replaced_only_by_a_better_one():
    hook = SignCheckpointHook(save_best='dev/wer')
    assert hook.best_name == 'best_dev_wer.pth'
    assert hook.rule == 'less'
    assert hook._is_better(10.0, than=11.0)
    assert not hook._is_better(11.0, than=11.0)
    assert SignCheckpointHook(save_best='dev/bleu4').rule == 'greater'
    hook = SignCheckpointHook(save_best='dev/accent-corpus/wer')  # a dataset's own score; its name says nothing
    assert (hook.best_name, hook.rule) == ('best_dev_accent_corpus_wer.pth', 'less')
    assert SignCheckpointHook(save_best='dev/charm', rule='less').rule == 'less'


def test_wrong_settings_are_named():
    with pytest.raises(DataError, match=r"'test/bleu4'.*never on test"):
        SignCheckpointHook(save_best='test/bleu4')
    with pytest.raises(DataError, match="got None for 'dev/charm'"):
        SignCheckpointHook(save_best='dev/charm')


def test_a_metric_that_the_validation_does_not_give_is_named(tmp_path):
    with pytest.raises(DataError, match=r"'dev/bleu4' is not among the metrics.*dev/top1_per_class"):
        train_stand_in(tmp_path, {'default_hooks.checkpoint.save_best': 'dev/bleu4'})
