"""Whole checkpoints cut to a trimmed language model and back, to the bit."""

import sys
from pathlib import Path

import pytest
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / 'test_models'))
from small_model import write_small_config
from vocabularies import make_folder, make_texts, train_tokenizer

from unisign.apis import init_model
from unisign.checkpoints import load_state_dict_file, read_state_dict, to_official
from unisign.engine.convert_official import same_bits
from unisign.engine.trim_vocabulary import trim_vocabulary
from unisign.engine.trimmed_checkpoint import merge_checkpoint, trim_checkpoint
from unisign.models.language_models import read_kept_pieces
from unisign.models.language_models.kept_pieces import KEPT_PIECES_FILE
from unisign.structures import PARTS, DataError, SignDataSample


@pytest.fixture(scope='module')
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A full and a trimmed language model, a config and a checkpoint of each."""
    folder = tmp_path_factory.mktemp('trimmed')
    make_folder(folder / 'full', train_tokenizer(make_texts(1500)))
    (folder / 'corpus.txt').write_text('\n'.join(make_texts(40, seed=1)), encoding='utf-8')
    trim_vocabulary(folder / 'full', [folder / 'corpus.txt'], folder / 'small')
    for name in ('full', 'small'):
        write_small_config(folder / f'{name}.py', folder / name, pretrained=True)
    torch.manual_seed(3)
    torch.save({'state_dict': init_model(folder / 'full.py', device='cpu').state_dict()}, folder / 'full.pth')
    trim_checkpoint(folder / 'small', folder / 'full.pth', folder / 'small.pth')
    return folder


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(same_bits(one[name], other[name]) for name in one)


def clip() -> tuple[dict, list[SignDataSample]]:
    generator = torch.Generator().manual_seed(1)
    parts = {name: torch.rand(1, 6, len(points), 3, generator=generator) for name, points in PARTS.items()}
    inputs = dict(parts=parts, mask=torch.ones(1, 6, dtype=torch.bool))
    sample = SignDataSample(gt_text='今天', metainfo=dict(clip_id='a', task='slt', lang='zh'))
    return inputs, [sample]


def test_a_cut_checkpoint_loads_and_computes_the_same(folders: Path) -> None:
    full, small = (init_model(folders / f'{name}.py', folders / f'{name}.pth', 'cpu') for name in ('full', 'small'))
    assert sum(p.numel() for p in small.parameters()) < sum(p.numel() for p in full.parameters())
    (inputs, samples), kept = clip(), read_kept_pieces(folders / 'small')
    states = []
    for model in (full, small):
        states.append(model.head.encode(model.extract_feat(inputs), inputs['mask'], samples))
    assert torch.equal(states[0][0], states[1][0]) and torch.equal(states[0][1], states[1][1])
    assert kept.to_full(small.head.codec.prompt_ids('zh')) == full.head.codec.prompt_ids('zh')


@pytest.mark.parametrize('suffix', ['.pth', '.safetensors'])
def test_there_and_back(folders: Path, tmp_path: Path, suffix: str) -> None:
    small, merged = tmp_path / f'small{suffix}', tmp_path / f'merged{suffix}'
    trim_checkpoint(folders / 'small', folders / 'full.pth', small)
    merge_checkpoint(folders / 'small', small, folders / 'full.pth', merged)
    assert same(load_state_dict_file(merged), load_state_dict_file(folders / 'full.pth'))
    again = tmp_path / f'again{suffix}'
    trim_checkpoint(folders / 'small', merged, again)
    assert same(load_state_dict_file(again), load_state_dict_file(small))
    init_model(folders / 'full.py', merged, 'cpu')


def test_what_was_trained_is_merged_and_the_rest_is_the_full_ones(folders: Path, tmp_path: Path) -> None:
    model = init_model(folders / 'small.py', folders / 'small.pth', 'cpu').train()
    before = {name: weight.clone() for name, weight in model.state_dict().items()}
    inputs, samples = clip()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    model(inputs, samples, 'loss')['loss'].backward()
    optimizer.step()
    trained = model.state_dict()
    torch.save({'state_dict': trained}, tmp_path / 'trained.pth')
    # The full one may be of an earlier stage, whose model has other parts too.
    language = {k: v for k, v in load_state_dict_file(folders / 'full.pth').items() if k.startswith('head.')}
    torch.save({'state_dict': language}, tmp_path / 'stage1.pth')
    merged = merge_checkpoint(folders / 'small', tmp_path / 'trained.pth', tmp_path / 'stage1.pth', tmp_path / 'm.pth')
    kept = read_kept_pieces(folders / 'small')
    rows = torch.tensor(kept.rows)
    others = torch.ones(kept.full_rows, dtype=torch.bool)
    others[rows] = False
    for name, value in merged.items():
        if name.endswith(('shared.weight', 'embed_tokens.weight', 'lm_head.weight')):
            assert torch.equal(value[rows], trained[name]) and not torch.equal(value[rows], before[name])
            assert torch.equal(value[others], language[name][others])
        else:
            assert torch.equal(value, trained[name])
    assert init_model(folders / 'full.py', tmp_path / 'm.pth', 'cpu') is not None


def test_a_published_checkpoint_is_cut(folders: Path, tmp_path: Path) -> None:
    state = load_state_dict_file(folders / 'full.pth')
    torch.save({'model': to_official(state)}, tmp_path / 'published.pth')
    assert same(
        trim_checkpoint(folders / 'small', tmp_path / 'published.pth', tmp_path / 'out.pth'),
        read_state_dict(folders / 'small.pth'),
    )


def test_wrong_pairs_are_refused_by_name(folders: Path, tmp_path: Path) -> None:
    small, full, out = folders / 'small.pth', folders / 'full.pth', tmp_path / 'out.pth'
    with pytest.raises(DataError, match=r'small\.pth: the embedding has \d+ rows, but .*/small was trimmed from .*912'):
        trim_checkpoint(folders / 'small', small, out)
    with pytest.raises(DataError, match=r'full\.pth: does not go with .*small\.pth: .* have 912 and \d+ rows.*/small'):
        merge_checkpoint(folders / 'small', full, small, out)
    other = load_state_dict_file(full)
    name = 'head.language_model.lm_head.weight'
    torch.save({'state_dict': other | {name: other[name].bfloat16()}}, tmp_path / 'bf16.pth')
    with pytest.raises(DataError, match=r'small\.pth: does not go with .*bf16\.pth: head.*lm_head.*float32.*bfloat16'):
        merge_checkpoint(folders / 'small', small, tmp_path / 'bf16.pth', out)
    adapted = other | {name.replace('weight', 'lora_B.default.weight'): torch.zeros(912, 2)}
    torch.save({'state_dict': adapted}, tmp_path / 'lora.pth')
    with pytest.raises(DataError, match=r'lora\.pth: holds weights beside .*lora_B.*merge adapters'):
        trim_checkpoint(folders / 'small', tmp_path / 'lora.pth', out)
    torch.save({'state_dict': {'pose_encoder.x': torch.zeros(1)}}, tmp_path / 'pose.pth')
    with pytest.raises(DataError, match=r'pose\.pth: has no head\.language_model\.shared\.weight.*whole model'):
        trim_checkpoint(folders / 'small', tmp_path / 'pose.pth', out)
    with pytest.raises(DataError, match=r'full/kept_pieces\.json: cannot be read'):
        trim_checkpoint(folders / 'full', full, out)
    with pytest.raises(DataError, match=r'full\.pth: is one of the files to read'):
        trim_checkpoint(folders / 'small', full, full)
    with pytest.raises(DataError, match=r'out\.bin: expected a name that ends in'):
        trim_checkpoint(folders / 'small', full, tmp_path / 'out.bin')
    assert not out.exists()


@pytest.mark.parametrize('how', ['rows', 'order', 'json', 'tokenizer'])
def test_a_damaged_map_is_refused(folders: Path, tmp_path: Path, how: str) -> None:
    for name in (KEPT_PIECES_FILE, 'spiece.model'):
        (tmp_path / name).write_bytes((folders / 'small' / name).read_bytes())
    text = (tmp_path / KEPT_PIECES_FILE).read_text()
    if how == 'rows':
        text = text.replace('[0, 1, 2,', '[0, 1,')
    elif how == 'order':
        text = text.replace('[0, 1, 2,', '[0, 2, 1,')
    elif how == 'json':
        text = text[:100]
    else:
        (tmp_path / 'spiece.model').write_bytes((folders / 'full' / 'spiece.model').read_bytes())
    (tmp_path / KEPT_PIECES_FILE).write_text(text)
    message = 'was not written for the spiece.model beside it' if how == 'tokenizer' else 'damaged'
    with pytest.raises(DataError, match=rf'kept_pieces\.json: {message}.*trim_vocabulary'):
        read_kept_pieces(tmp_path)
