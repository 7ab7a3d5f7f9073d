"""Weights for others: what is in the file, what the card says, and what goes to the hub."""

import hashlib
import json
from pathlib import Path

import huggingface_hub
import pytest
import torch
from safetensors import safe_open
from small_model import write_small_config

from unisign.apis import init_model
from unisign.checkpoints import to_official
from unisign.checkpoints.download import hash_in_name
from unisign.engine.publish import publish, push_to_hub
from unisign.structures import DataError

TESTED_ON = """
test_dataloader = dict(dataset=dict(task='slt', data_root='/home/someone/data/my_corpus', lang='de'))
"""


@pytest.fixture
def trained(tmp_path: Path, tiny_language_model: Path) -> tuple[Path, Path]:
    """A run's checkpoint, with all that a training keeps, and its config."""
    config, checkpoint = tmp_path / 'my_config.py', tmp_path / 'best.pth'
    config.write_text(write_small_config(config, tiny_language_model).read_text() + TESTED_ON)
    state = init_model(config, device='cpu').state_dict()
    optimizer = dict(state={0: dict(exp_avg=torch.zeros(100_000))}, param_groups=[dict(lr=0.1)])
    torch.save(dict(state_dict=state, optimizer=optimizer, meta=dict(cfg='secret = 1')), checkpoint)
    return checkpoint, config


def write_scores(folder: Path, checkpoint: Path, config: Path) -> Path:
    record = dict(checkpoint=str(checkpoint), config=str(config), metrics={'test/bleu4': 12.345, 'test/n': 7, 'x': []})
    (folder / 'test_metrics.json').write_text(json.dumps(record))
    return folder / 'test_metrics.json'


def test_weights_and_card(trained, tmp_path: Path) -> None:
    checkpoint, config = trained
    scores = write_scores(tmp_path, checkpoint, config)
    path = publish(checkpoint, tmp_path / 'out', config, 'cc-by-nc-4.0', scores=scores)
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    assert path.name == f'my_config-{sha256[:8]}.safetensors'
    assert hash_in_name(path.name) == sha256[:8]
    assert sorted(file.name for file in path.parent.iterdir()) == ['README.md', path.name]
    with safe_open(path, 'pt') as file:
        assert not any('optimizer' in name or 'exp_avg' in name for name in file.keys())  # noqa: SIM118
    assert path.stat().st_size < 0.8 * checkpoint.stat().st_size
    assert b'secret' not in path.read_bytes()
    ours, again = (init_model(config, file, 'cpu').state_dict() for file in (checkpoint, path))
    assert all(torch.equal(ours[name], again[name]) for name in ours)
    card = (path.parent / 'README.md').read_text()
    assert card.startswith('---\nlicense: cc-by-nc-4.0\nlibrary_name: unisign\nlanguage: de\n')
    for part in (sha256, path.name, '`my_config.py`', 'slt: sign-language translation', '| test/bleu4 | 12.35 |'):
        assert part in card
    assert '| data | my_corpus |' in card
    assert 'someone' not in card and str(tmp_path) not in card  # nothing of this machine
    assert card.count('{') == 0


def test_the_same_weights_have_the_same_name(trained, tmp_path: Path) -> None:
    checkpoint, config = trained
    state = torch.load(checkpoint, weights_only=True)['state_dict']
    torch.save({'model': to_official(state)}, tmp_path / 'published.pth')
    first = publish(checkpoint, tmp_path / 'a', config, 'other')
    second = publish(tmp_path / 'published.pth', tmp_path / 'b', config, 'other', data='Other Corpus', task='cslr')
    assert (first.name, first.read_bytes()) == (second.name, second.read_bytes())
    card = (second.parent / 'README.md').read_text()
    assert 'None were given.' in card and '| data | Other Corpus |' in card and 'cslr: continuous' in card


def test_what_is_refused(trained, tmp_path: Path) -> None:
    checkpoint, config = trained
    out = tmp_path / 'out'
    other = tmp_path / 'other.pth'
    torch.save({'state_dict': {'pose_encoder.x': torch.zeros(1)}}, other)
    with pytest.raises(DataError, match=r'other\.pth: the weights do not fit the config\. .*pose_encoder\.x'):
        publish(other, out, config, 'other')
    scores = write_scores(tmp_path, other, config)
    with pytest.raises(DataError, match=r'test_metrics\.json: holds the scores of .*other\.pth, not of .*best\.pth'):
        publish(checkpoint, out, config, 'other', scores=scores)
    scores.write_text('[]')
    with pytest.raises(DataError, match=r'test_metrics\.json: no scores of tools/test\.py'):
        publish(checkpoint, out, config, 'other', scores=scores)
    with pytest.raises(DataError, match='expected a short name'):
        publish(checkpoint, out, config, 'free: for all\n')
    config.write_text(config.read_text().replace("task='slt', ", ''))
    with pytest.raises(DataError, match=r'the task None and the data .*Give --task'):
        publish(checkpoint, out, config, 'other')
    assert not out.exists()
    publish(checkpoint, out, config, 'other', task='slt')
    with pytest.raises(DataError, match=r'README\.md: is there already'):
        publish(checkpoint, out, config, 'other', task='slt')


class Hub:
    """Stands for ``HfApi``: notes what it is asked for."""

    def __init__(self) -> None:
        self.asked: list[tuple] = []

    def create_repo(self, repo_id: str, exist_ok: bool = False) -> str:
        self.asked.append(('create', repo_id, exist_ok))
        return f'https://hub.example/{repo_id}'

    def upload_folder(self, *, repo_id: str, folder_path: Path, allow_patterns: list[str], commit_message: str) -> None:
        self.asked.append(('upload', repo_id, Path(folder_path).name, allow_patterns))


def test_the_hub_gets_both_files_and_no_other(tmp_path: Path, monkeypatch) -> None:
    hub = Hub()
    monkeypatch.setattr(huggingface_hub, 'HfApi', lambda: hub)
    path = tmp_path / 'a-12345678.safetensors'
    assert push_to_hub(path, 'me/sign') == 'https://hub.example/me/sign'
    assert hub.asked == [
        ('create', 'me/sign', True),
        ('upload', 'me/sign', tmp_path.name, ['a-12345678.safetensors', 'README.md']),
    ]


@pytest.mark.parametrize('error', [ConnectionError('no route'), ValueError('bad name')])
def test_a_hub_that_refuses(tmp_path: Path, monkeypatch, error: Exception) -> None:
    hub = Hub()

    def refuse(*args, **kwargs):
        raise error

    hub.create_repo = refuse
    monkeypatch.setattr(huggingface_hub, 'HfApi', lambda: hub)
    with pytest.raises(DataError, match=rf'me/sign: could not be written on the hub \({error}\).*is complete'):
        push_to_hub(tmp_path / 'a.safetensors', 'me/sign')
