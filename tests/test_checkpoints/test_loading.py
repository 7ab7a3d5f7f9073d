import os
import pickle
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from unisign.checkpoints import load_state_dict_file, load_weights, to_official
from unisign.models import PartGCNEncoder
from unisign.structures import DataError


@pytest.fixture
def model() -> nn.Module:
    return nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))


def filled(model: nn.Module) -> dict[str, torch.Tensor]:
    return {name: torch.full_like(value, 7) for name, value in model.state_dict().items()}


@pytest.mark.parametrize(
    'wrap', [lambda s: s, lambda s: {'state_dict': s, 'meta': {'epoch': 3}}, lambda s: {'model': s}]
)
def test_accepted_files(tmp_path: Path, model: nn.Module, wrap) -> None:
    torch.save(wrap(filled(model)), tmp_path / 'file.pth')
    load_weights(model, tmp_path / 'file.pth')
    assert all((value == 7).all() for value in model.state_dict().values())


def test_safetensors(tmp_path: Path, model: nn.Module) -> None:
    save_file(filled(model), tmp_path / 'file.safetensors')
    load_weights(model, tmp_path / 'file.safetensors')
    assert (model[0].weight == 7).all()
    content = (tmp_path / 'file.safetensors').read_bytes()
    (tmp_path / 'cut.safetensors').write_bytes(content[: len(content) // 2])
    with pytest.raises(DataError, match='truncated'):
        load_state_dict_file(tmp_path / 'cut.safetensors')


def test_a_published_file_is_renamed(tmp_path: Path) -> None:
    encoder = PartGCNEncoder(embed_channels=4, spatial_channels=(4,), temporal_channels=(4,), out_channels=6)
    state = {f'pose_encoder.{name}': value for name, value in encoder.state_dict().items()}
    torch.save({'model': to_official(state)}, tmp_path / 'published.pth')
    loaded = load_state_dict_file(tmp_path / 'published.pth')
    assert loaded.keys() == state.keys()


class RunsCode:
    def __reduce__(self):
        return os.mkdir, ('it_ran',)


def test_code_is_never_run(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save({'state_dict': {}, 'extra': RunsCode()}, 'evil.pth')
    with pytest.raises(DataError, match=r'evil\.pth: .*would run code \(.*mkdir.*refused'):
        load_state_dict_file('evil.pth')
    torch.save({'state_dict': {}, 'extra': RunsCode()}, 'old.pth', _use_new_zipfile_serialization=False)
    with pytest.raises(DataError, match='would run code'):
        load_state_dict_file('old.pth')
    assert not Path('it_ran').exists()


def test_mmengines_allow_list_is_not_ours(tmp_path: Path) -> None:
    from mmengine.logging import HistoryBuffer

    torch.save({'state_dict': {'a': torch.zeros(1)}, 'message_hub': HistoryBuffer([1.0], [1])}, tmp_path / 'f.pth')
    with pytest.raises(DataError, match='HistoryBuffer'):
        load_state_dict_file(tmp_path / 'f.pth')


@pytest.mark.parametrize('keep', [0, 10, 0.5, 0.99])
def test_truncated_files(tmp_path: Path, model: nn.Module, keep: float) -> None:
    torch.save(filled(model), tmp_path / 'whole.pth')
    content = (tmp_path / 'whole.pth').read_bytes()
    (tmp_path / 'cut.pth').write_bytes(content[: keep if isinstance(keep, int) else int(keep * len(content))])
    with pytest.raises(DataError, match=r'cut\.pth: .*not a checkpoint'):
        load_state_dict_file(tmp_path / 'cut.pth')


def test_missing_and_foreign_files(tmp_path: Path) -> None:
    with pytest.raises(DataError, match='no such file'):
        load_state_dict_file(tmp_path / 'none.pth')
    (tmp_path / 'text.pth').write_text('hello, this is no checkpoint')
    with pytest.raises(DataError, match='not a checkpoint'):
        load_state_dict_file(tmp_path / 'text.pth')
    torch.save({'epoch': 3, 'name': 'x'}, tmp_path / 'dict.pth')
    with pytest.raises(DataError, match=r"a dict with the keys \['epoch', 'name'\]"):
        load_state_dict_file(tmp_path / 'dict.pth')
    torch.save([torch.zeros(1)], tmp_path / 'list.pth')
    with pytest.raises(DataError, match='got a list'):
        load_state_dict_file(tmp_path / 'list.pth')


def test_weights_that_do_not_fit_are_named(tmp_path: Path, model: nn.Module) -> None:
    state = filled(model)
    del state['1.weight']
    state['2.extra'] = torch.zeros(1)
    state['0.bias'] = torch.zeros(4)
    torch.save(state, tmp_path / 'file.pth')
    with pytest.raises(DataError) as caught:
        load_weights(model, tmp_path / 'file.pth')
    for part in ('1 missing in the file: 1.weight', '1 unknown to the model: 2.extra', '0.bias (file [4], model [3])'):
        assert part in str(caught.value)
    with pytest.raises(DataError, match='another shape'):
        load_weights(model, tmp_path / 'file.pth', strict=False)
    del state['0.bias']
    torch.save(state, tmp_path / 'file.pth')
    load_weights(model, tmp_path / 'file.pth', strict=False)
    assert (model[0].weight == 7).all()


def test_weights_that_are_not_finite_are_named(tmp_path: Path) -> None:
    state = {'good': torch.ones(2), 'count': torch.tensor(3), 'bad': torch.tensor([1.0, float('nan')])}
    torch.save({'state_dict': state}, tmp_path / 'f.pth')
    with pytest.raises(DataError, match=r'f\.pth: 1 weights hold NaN or infinity: bad\.'):
        load_state_dict_file(tmp_path / 'f.pth')


@pytest.mark.filterwarnings('ignore:Detected pickle protocol')
def test_a_pickle_of_another_protocol_is_refused_as_such(tmp_path: Path) -> None:
    (tmp_path / 'f.pth').write_bytes(pickle.dumps({'state_dict': {}}, protocol=4))
    with pytest.raises(DataError, match=r'f\.pth: a pickle of a form .*refused'):
        load_state_dict_file(tmp_path / 'f.pth')
