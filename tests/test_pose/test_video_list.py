import json

import pytest

from unisign.pose import Share, Video, find_videos, share_of_process
from unisign.structures import DataError


def test_folder(tmp_path):
    for name in ('b.mp4', 'deep/a.MOV', 'notes.txt'):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert find_videos(tmp_path) == [Video('b', tmp_path / 'b.mp4'), Video('deep/a', tmp_path / 'deep/a.MOV')]


def test_lists(tmp_path):
    (tmp_path / 'list.txt').write_text('x/b.mp4\n\nx/a.mp4\n')
    assert find_videos(tmp_path / 'list.txt') == [Video('a', tmp_path / 'x/a.mp4'), Video('b', tmp_path / 'x/b.mp4')]
    (tmp_path / 'ann.jsonl').write_text(json.dumps({'id': 'S1', 'video': 'x/a.mp4'}) + '\n')
    assert find_videos(tmp_path / 'ann.jsonl') == [Video('S1', tmp_path / 'x/a.mp4')]


@pytest.mark.parametrize(
    ('name', 'text', 'problem'),
    [
        ('list.txt', 'a.mp4\nx/a.mp4\n', "the same id 'a'"),
        ('list.txt', '\n', 'no videos'),
        ('ann.jsonl', '{"id": "a"}\n', 'ann.jsonl:1'),
        ('ann.jsonl', '{"id": "../a", "video": "a.mp4"}\n', 'outside the folder'),
        ('ann.jsonl', '{"id": "/a", "video": "a.mp4"}\n', 'outside the folder'),
    ],
)
def test_wrong_lists(tmp_path, name, text, problem):
    (tmp_path / name).write_text(text)
    with pytest.raises(DataError, match=problem):
        find_videos(tmp_path / name)


def test_missing_folder(tmp_path):
    with pytest.raises(DataError, match='nowhere'):
        find_videos(tmp_path / 'nowhere')


@pytest.mark.parametrize(
    ('environment', 'expected'),
    [
        ({}, Share(0, 1)),
        ({'RANK': '3', 'WORLD_SIZE': '8'}, Share(3, 8)),
        ({'SLURM_PROCID': '0', 'SLURM_NTASKS': '4'}, Share(0, 1)),  # sbatch without srun: one process does all
        ({'SLURM_PROCID': '1', 'SLURM_NTASKS': '4', 'SLURM_STEP_ID': '0'}, Share(1, 4)),
        ({'SLURM_ARRAY_TASK_ID': '5', 'SLURM_ARRAY_TASK_MIN': '1', 'SLURM_ARRAY_TASK_COUNT': '10'}, Share(4, 10)),
        (
            {'SLURM_ARRAY_TASK_ID': '4', 'SLURM_ARRAY_TASK_MIN': '0', 'SLURM_ARRAY_TASK_COUNT': '3',
             'SLURM_ARRAY_TASK_STEP': '2', 'RANK': '1', 'WORLD_SIZE': '2'},
            Share(5, 6),
        ),
    ],
)  # fmt: skip
def test_share_of_process(environment, expected):
    assert share_of_process(environment) == expected


def test_no_such_share():
    with pytest.raises(ValueError, match='share 3 of 3'):
        Share(3, 3)
