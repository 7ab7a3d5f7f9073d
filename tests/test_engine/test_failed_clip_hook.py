import json

import pytest
from stand_ins import loader, train_stand_in, write_config

from unisign.engine import SignRunner, read_config
from unisign.structures import DataError


def report(folder):
    lines = (folder / 'work/failed_clips_rank0.jsonl').read_text().splitlines()
    return [(entry['split'], entry['id'], entry['error']) for entry in map(json.loads, lines)]


def test_failed_clips_are_named_once_and_the_run_goes_on(tmp_path):
    runner = train_stand_in(
        tmp_path,
        train_dataloader=loader('train', failing=(3, 7), max_failed_share=0.1),
        val_dataloader=loader('dev', size=10, failing=(9,), max_failed_share=0.1),
    )
    assert runner.train_loop.progress.epoch == 3
    assert sorted(report(tmp_path)) == [
        ('train', 'train-3', 'cannot be opened'),
        ('train', 'train-7', 'cannot be opened'),
        ('val', 'dev-9', 'cannot be opened'),
    ]


def test_a_batch_without_a_readable_clip_is_no_error(tmp_path):
    runner = train_stand_in(
        tmp_path,
        model=dict(type='VectorModel', norm=False),
        train_dataloader=loader('train', size=12, failing=tuple(range(4, 12)), max_failed_share=1.0, batch_size=2),
    )
    assert runner.train_loop.progress.epoch == 3
    assert len(report(tmp_path)) == 8


@pytest.mark.parametrize(('failing', 'stops'), [((3, 7), False), ((3, 7, 8), True)])
def test_more_failures_than_the_configured_share_stop_the_run(tmp_path, failing, stops):
    train = loader('train', failing=failing, max_failed_share=0.1)  # 10 % of 22 clips
    if not stops:
        train_stand_in(tmp_path, train_dataloader=train)
        return
    with pytest.raises(DataError, match=r'3 of 22 clips cannot be used.*max_failed_share=0\.1.*failed_clips_rank0'):
        train_stand_in(tmp_path, train_dataloader=train)


def test_a_resumed_run_reports_no_clip_twice_even_after_a_torn_line(tmp_path):
    path = tmp_path / 'work/failed_clips_rank0.jsonl'
    path.parent.mkdir(parents=True)
    path.write_text('{"id": "train-3", "split": "train", "dataset": "train", "error": "earlier"}\n{"id": "tra')
    train_stand_in(tmp_path, train_dataloader=loader('train', failing=(3, 7), max_failed_share=0.1))
    lines = path.read_text().splitlines()
    assert json.loads(lines[0])['error'] == 'earlier'
    assert [json.loads(line)['id'] for line in lines[2:]] == ['train-7']


def test_the_test_split_counts_its_failures_too(tmp_path):
    path = write_config(tmp_path, test_dataloader=loader('test', size=11, failing=(1, 2), max_failed_share=0.1))
    with pytest.raises(DataError, match='test_dataloader: 2 of 11 clips'):
        SignRunner.from_cfg(read_config(path)).test()
    path = write_config(tmp_path, test_dataloader=loader('test', size=11, failing=(1, 2), max_failed_share=0.2))
    metrics = SignRunner.from_cfg(read_config(path)).test()
    assert metrics['test/top5_per_instance'] == pytest.approx(100 * 9 / 11)  # a clip without an answer is a wrong one
