"""Published checkpoints to ours and back; the golden ones with their names, shapes and answers."""

import os
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from safetensors import safe_open

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / 'test_models'))
from published_weights import published_weights
from small_model import write_small_config

from unisign.apis import init_model
from unisign.checkpoints import load_state_dict_file, read_state_dict, to_official
from unisign.engine.convert_official import convert_official, same_bits, write_weights
from unisign.engine.published_layout import published_layout
from unisign.models.heads.beam_search import beam_search
from unisign.structures import PARTS, DataError, SignDataSample


@pytest.fixture
def config(tmp_path: Path, tiny_language_model: Path) -> Path:
    return write_small_config(tmp_path / 'tiny.py', tiny_language_model)


@pytest.fixture
def published(config: Path) -> dict[str, torch.Tensor]:
    """A small model's weights under the published names."""
    return to_official(init_model(config, device='cpu').state_dict())


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(same_bits(one[name], other[name]) for name in one)


@pytest.mark.parametrize('old', [False, True], ids=['zip', 'old pickle'])
@pytest.mark.parametrize('suffix', ['.pth', '.safetensors'])
def test_there_and_back(tmp_path: Path, config: Path, published, suffix: str, old: bool) -> None:
    source, ours, again = tmp_path / 'in.pth', tmp_path / f'ours{suffix}', tmp_path / f'again{suffix}'
    torch.save({'model': published}, source, _use_new_zipfile_serialization=not old)
    convert_official(source, ours, config=config)
    convert_official(ours, again, to_published=True, config=config)
    assert same(read_state_dict(again), published)
    assert same(init_model(config, ours, 'cpu').state_dict(), init_model(config, source, 'cpu').state_dict())
    if suffix == '.pth':
        assert torch.load(again, weights_only=True).keys() == {'model'}


def test_any_bits_come_back(tmp_path: Path, config: Path, published) -> None:
    published['pose_proj.bias'][0] = -0.0
    published['part_para'] = published['part_para'].to(torch.bfloat16)
    torch.save({'model': published}, tmp_path / 'in.pth')
    convert_official(tmp_path / 'in.pth', tmp_path / 'ours.pth', config=config)
    convert_official(tmp_path / 'ours.pth', tmp_path / 'again.pth', to_published=True, config=config)
    again = read_state_dict(tmp_path / 'again.pth')
    assert same(again, published)
    assert torch.signbit(again['pose_proj.bias'][0])
    published['proj_linear.right.bias'] = torch.zeros(4)
    published['proj_linear.left.bias'] = -torch.zeros(4)  # equal, and yet one of them would be lost
    torch.save({'model': published}, tmp_path / 'in.pth')
    with pytest.raises(DataError, match=r'would not come back to the bit: proj_linear\.left\.bias'):
        convert_official(tmp_path / 'in.pth', tmp_path / 'ours.pth', config=config)


def test_a_shared_embedding_is_written_once(tmp_path: Path) -> None:
    one = torch.randn(1000)
    names = ('m.shared.weight', 'm.encoder.embed_tokens.weight', 'm.lm_head.weight', 'm.other')
    state = {name: one.clone() for name in names}
    path = tmp_path / 'f.safetensors'
    for share, last, tensors in ((True, one, 2), (True, -one, 3), (False, one, 4)):
        state['m.lm_head.weight'] = last
        write_weights(path, state, 'state_dict', share=share)
        assert same(read_state_dict(path), state)
        assert path.stat().st_size // 4000 == tensors
    write_weights(path, state, 'state_dict')
    with safe_open(path, 'pt') as file:
        assert 'm.shared.weight' in file.keys()  # noqa: SIM118


@pytest.mark.parametrize(('kind', 'size'), [('pose', 587.747), ('rgb', 592.638)])
def test_the_published_sizes(kind: str, size: float) -> None:
    """Spec.md, section 1; mT5-base told from four of its weights and its depth, on the meta device."""
    if kind == 'rgb':
        pytest.importorskip('torchvision')
    block = 'head.language_model.encoder.block.0.layer.'
    shapes = {
        'head.language_model.shared.weight': (250112, 768),
        f'{block}0.SelfAttention.relative_attention_bias.weight': (32, 12),
        f'{block}0.SelfAttention.q.weight': (768, 768),
        f'{block}1.DenseReluDense.wi_0.weight': (2048, 768),
        'head.language_model.decoder.block.11.layer.2.layer_norm.weight': (768,),
        f'{"fusion" if kind == "rgb" else "pose_encoder"}.x': (1,),
    }
    layout = published_layout({name: torch.empty(shape, device='meta') for name, shape in shapes.items()}, 'file')
    left_out = ('embed_tokens.weight', 'running_mean', 'running_var', 'num_batches_tracked', 'frequencies')
    found = sum(value.numel() for name, value in layout.items() if not name.endswith(left_out))
    assert round(found / 1e6, 3) == size


class RunsCode:
    def __reduce__(self):
        return os.mkdir, ('it_ran',)


def broken(published: dict[str, torch.Tensor], how: str) -> dict:
    state = dict(published)
    if how == 'missing':
        del state['gcn_modules.body.layer0_0.gcn.A']
    elif how == 'left hand missing':
        del state['proj_linear.left.bias']
    elif how == 'extra':
        state['classifier.weight'] = torch.zeros(1)
    elif how == 'shape':
        state['pose_proj.bias'] = torch.zeros(3)
    return {'model': state} | ({'args': RunsCode()} if how == 'code' else {})


@pytest.mark.parametrize(
    ('how', 'message'),
    [
        ('missing', r'in\.pth: .*1 missing in the file: gcn_modules\.body\.layer0_0\.gcn\.A\.'),
        ('left hand missing', r'in\.pth: .*1 missing in the file: proj_linear\.left\.bias\.'),
        ('extra', r'in\.pth: .*1 unknown to the model: classifier\.weight\.'),
        ('shape', r'in\.pth: .*1 of another shape: pose_proj\.bias \(file \[3\], model \[24\]\)'),
        ('code', r'in\.pth: holds more than weights, and reading it would run code \(.*mkdir'),
        ('sizes', r'in\.pth: the weights are not those of the published model\. .*of another shape: .*--config'),
    ],
)
def test_what_is_refused(tmp_path: Path, config: Path, published, monkeypatch, how: str, message: str) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save(broken(published, how), 'in.pth')
    with pytest.raises(DataError, match=message):
        convert_official('in.pth', 'out.pth', config=None if how == 'sizes' else config)
    assert not Path('out.pth').exists()
    if how != 'sizes':
        with pytest.raises(DataError, match=r'in\.pth'):
            init_model(config, 'in.pth', 'cpu')
    assert not Path('it_ran').exists()


def test_wrong_ways(tmp_path: Path, config: Path, published) -> None:
    source, ours = tmp_path / 'in.pth', tmp_path / 'ours.pth'
    torch.save({'model': published}, source)
    convert_official(source, ours, config=config)
    with pytest.raises(DataError, match='published names already'):
        convert_official(source, tmp_path / 'x.pth', to_published=True)
    with pytest.raises(DataError, match="this library's names already"):
        convert_official(ours, tmp_path / 'x.pth')
    with pytest.raises(DataError, match=r'x\.bin: expected a name that ends in'):
        convert_official(source, tmp_path / 'x.bin')
    with pytest.raises(DataError, match='file to convert itself'):
        convert_official(source, source)
    torch.save({'fc.weight': torch.zeros(1)}, tmp_path / 'other.pth')
    with pytest.raises(DataError, match=r'weights of another model; its names are fc\.weight'):
        convert_official(tmp_path / 'other.pth', tmp_path / 'x.pth')
    torch.save({'model': {k: v for k, v in published.items() if 'shared' not in k}}, tmp_path / 'cut.pth')
    with pytest.raises(DataError, match=r"language model's shared\.weight is missing"):
        convert_official(tmp_path / 'cut.pth', tmp_path / 'x.pth')


def golden_config(shared: Path, kind: str) -> Config:
    head = dict(type='MT5GenerationHead', language_model=str(shared / 'golden/mt5-tiny'), pretrained=False)
    model = dict(type='UniSign', pose_encoder=dict(type='PartGCNEncoder'), head=head, padding='replicate')
    if kind == 'rgb':
        model['rgb_encoder'] = dict(type='HandCropEncoder', backbone=dict(type='EfficientNet', arch='b0'))
        model['fusion'] = dict(type='PriorGuidedFusion')
    return Config(dict(model=model))


@pytest.mark.parametrize('kind', ['pose', 'rgb'])
def test_the_golden_checkpoint(tmp_path: Path, shared: Path, kind: str) -> None:
    if kind == 'rgb':
        pytest.importorskip('torchvision')
    published = published_weights(shared, kind)
    torch.save({'model': published}, tmp_path / 'in.pth')
    convert_official(tmp_path / 'in.pth', tmp_path / 'ours.safetensors')
    convert_official(tmp_path / 'ours.safetensors', tmp_path / 'again.pth', to_published=True)
    assert same(read_state_dict(tmp_path / 'again.pth'), published)
    config = golden_config(shared, kind)
    direct = init_model(config, tmp_path / 'in.pth', 'cpu')
    converted = load_state_dict_file(tmp_path / 'ours.safetensors')
    assert same(direct.state_dict(), converted)
    check_golden_numbers(init_model(config, tmp_path / 'ours.safetensors', 'cpu'), shared, kind)


def golden_hand(golden: dict[str, np.ndarray], side: str) -> dict[str, torch.Tensor]:
    """Return the pictures of a hand, as shared/golden/README.md tells to make them; -1 is no picture."""
    frame = torch.from_numpy(golden[f'{side}_sampled_indices']).long().flatten()
    lengths = torch.from_numpy(golden[f'{side}_rgb_len']).long().flatten()
    images = torch.randn(len(frame), 3, 112, 112, generator=torch.Generator().manual_seed(10 + (side == 'right')))
    clip = torch.arange(len(lengths)).repeat_interleave(lengths)
    keypoints = torch.from_numpy(golden[f'{side}_skeletons_norm'])
    rows = dict(images=images, keypoints=keypoints, clip=clip, frame=frame)
    return {name: value[frame >= 0] for name, value in rows.items()}


@torch.no_grad()
def check_golden_numbers(model, shared: Path, kind: str) -> None:
    with np.load(shared / f'golden/model_{kind}.npz') as file:
        golden = dict(file)
    mask = torch.arange(52) < torch.tensor((37, 52, 20))[:, None]
    inputs = dict(parts={name: torch.from_numpy(golden[f'part_{name}']) for name in PARTS}, mask=mask)
    if kind == 'rgb':
        inputs['hands'] = {side: golden_hand(golden, side) for side in ('left', 'right')}
    samples = [SignDataSample(metainfo=dict(clip_id=str(i), task='slt', lang='zh')) for i in range(3)]
    features = model(inputs)
    embeddings, _ = model.head.input_embeddings(features, mask, samples)
    assert np.abs(embeddings.numpy() - golden['inputs_embeds']).max() < 1e-4
    states, attention = model.head.encode(features, mask, samples)
    found = beam_search(model.head.language_model, states, attention, num_beams=4, max_new_tokens=12)
    assert np.array_equal(found.tokens[:, 0].numpy(), golden['generated'][:, 1:])
