import pickle

import numpy as np
import pytest
import torch

from unisign.engine.checkpoint_io import (
    find_best_checkpoint,
    find_last_checkpoint,
    point_to_last,
    read_checkpoint,
    remove_leftovers,
    to_plain,
    write_atomically,
    write_checkpoint,
)
from unisign.structures import DataError


class RunsCode:
    def __reduce__(self):
        return (print, ('code from a checkpoint was run',))


def test_what_is_written_can_be_read_and_is_plain(tmp_path):
    path = tmp_path / 'checkpoints/epoch_1.pth'
    write_checkpoint(
        path, dict(state_dict=dict(weight=torch.tensor([1.5, 2.5]).bfloat16()), meta=dict(step=np.int64(3)))
    )
    content = read_checkpoint(path)
    assert content['state_dict']['weight'].dtype == torch.float32
    assert content['state_dict']['weight'].tolist() == [1.5, 2.5]
    assert type(content['meta']['step']) is int
    assert [file.name for file in path.parent.iterdir()] == ['epoch_1.pth']


def test_an_interrupted_write_leaves_the_old_file(tmp_path):
    path = tmp_path / 'file'
    path.write_bytes(b'old')

    def write_half(file):
        file.write(b'ne')
        raise OSError(28, 'No space left on device')

    with pytest.raises(DataError, match=r'No space left.*--work-dir'):
        write_atomically(path, write_half)
    assert path.read_bytes() == b'old'
    assert list(tmp_path.iterdir()) == [path]


def test_only_plain_values_are_saved():
    with pytest.raises(TypeError, match=r'checkpoint\.meta\.path is of type RunsCode'):
        to_plain(dict(meta=dict(path=RunsCode())))


@pytest.mark.parametrize('damage', ['missing', 'truncated', 'text', 'code', 'no weights'])
def test_bad_files_are_named(tmp_path, damage, capfd):
    path = tmp_path / 'epoch_2.pth'
    write_checkpoint(tmp_path / 'epoch_1.pth', dict(state_dict={}))
    if damage == 'truncated':
        write_checkpoint(path, dict(state_dict=dict(weight=torch.zeros(1000))))
        path.write_bytes(path.read_bytes()[:1500])
    elif damage == 'text':
        path.write_text('a page that says 404')
    elif damage == 'code':
        path.write_bytes(pickle.dumps(dict(state_dict={}, meta=RunsCode())))
    elif damage == 'no weights':
        write_checkpoint(path, dict(meta={}))
    expected = {
        'missing': r'no such checkpoint.*epoch_1\.pth',
        'truncated': 'truncated',
        'text': 'not a checkpoint',
        'code': 'would run code',
        'no weights': 'state_dict',
    }[damage]
    with pytest.raises(DataError, match=rf'epoch_2\.pth.*{expected}'):
        read_checkpoint(path)
    assert 'was run' not in capfd.readouterr().out


def test_the_pointer_names_the_last_complete_checkpoint(tmp_path):
    assert find_last_checkpoint(tmp_path) is None
    path = tmp_path / 'checkpoints/epoch_1.pth'
    write_checkpoint(path, dict(state_dict={}))
    assert find_last_checkpoint(tmp_path) is None  # complete, but not announced yet
    point_to_last(path)
    (path.parent / 'epoch_2.pth.tmp').write_bytes(b'half')
    assert find_last_checkpoint(tmp_path) == path
    assert remove_leftovers(tmp_path) == ['epoch_2.pth.tmp']
    path.unlink()
    with pytest.raises(DataError, match=r"names 'epoch_1\.pth', which is not there"):
        find_last_checkpoint(tmp_path)


def test_the_best_checkpoint_must_be_unique(tmp_path):
    assert find_best_checkpoint(tmp_path) is None
    for name in ('best_dev_wer.pth', 'best_dev_bleu4.pth'):
        write_checkpoint(tmp_path / 'checkpoints' / name, dict(state_dict={}))
    with pytest.raises(DataError, match=r'best_dev_bleu4\.pth, best_dev_wer\.pth'):
        find_best_checkpoint(tmp_path)
