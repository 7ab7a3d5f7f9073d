"""Every config of the published sizes builds without network, weights and tokenizer."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from unisign.analysis.parameter_count import count_parameters, size_of, size_table
from unisign.engine.config_check import read_config
from unisign.models import MT5GenerationHead
from unisign.models.language_models import PUBLISHED_CONFIGS
from unisign.registry import MODELS
from unisign.structures import DataError

CONFIGS = sorted((Path(__file__).resolve().parents[2] / 'configs' / 'unisign').glob('*.py'))


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[tuple]:
    """No socket can be made, and nothing lies in the hub's cache or the working directory; returns what was asked."""
    asked: list[tuple] = []

    def refuse(*args, **kwargs):
        asked.append(args)
        raise OSError('no network here')

    monkeypatch.setattr(socket, 'socket', refuse)
    monkeypatch.setattr(socket, 'getaddrinfo', refuse)
    monkeypatch.setattr('huggingface_hub.constants.HF_HUB_CACHE', str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return asked


@pytest.mark.parametrize('path', CONFIGS, ids=lambda path: path.stem)
def test_builds_as_it_is(no_network, path: Path) -> None:
    config = read_config(path)
    assert config.model.head.pretrained and config.model.head.language_model == 'google/mt5-base'
    with torch.device('meta'):
        model = MODELS.build(config.model.to_dict())
    assert not no_network and all(weight.is_meta for weight in model.parameters())
    size = size_of(model)
    sizes = {part.name: round(part.total / 1e6, 3) for part in size.parts}
    assert sizes['language model'] == 582.401 and sizes['pose encoder'] == 5.346
    if model.rgb_encoder is None:
        assert (round(size.total.total / 1e6, 3), size.unused) == (587.747, 0)
    else:
        assert round((size.total.total + size.unused) / 1e6, 3) == 592.638 and size.unused == 65_792
        assert set(sizes) == {'pose encoder', 'RGB encoder', 'fusion', 'language model'}


def test_there_are_configs() -> None:
    assert len(CONFIGS) == 20


def test_builds_without_weights_on_the_cpu(no_network, monkeypatch) -> None:
    """``pretrained=False`` needs the sizes alone; here cut down, so that it is quick."""
    small = PUBLISHED_CONFIGS['google/mt5-base'] | dict(vocab_size=300, d_model=24, d_ff=16, num_layers=1, num_heads=2)
    monkeypatch.setitem(PUBLISHED_CONFIGS, 'google/mt5-base', small)
    head = MT5GenerationHead('google/mt5-base', pretrained=False)
    assert head.language_model.config.feed_forward_proj == 'gated-gelu' and head.in_channels == 24
    assert not head.language_model.config.tie_word_embeddings and head.start_token == 0
    assert not no_network
    monkeypatch.setattr('huggingface_hub.constants.HF_HUB_OFFLINE', True)  # or it would try for seconds
    with pytest.raises(DataError, match=r'google/mt5-base: spiece\.model cannot be had'):
        head.codec.prompt_ids('en')


def test_tokenizer_and_vocabulary_come_on_first_use(tiny_language_model, make_samples, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    arguments = dict(language_model=str(tiny_language_model), pretrained=False, vocabularies={'islr': 'own.txt'})
    with torch.device('meta'):
        head = MT5GenerationHead(**arguments)
    assert not head.vocabularies and 'tokenizer' not in vars(head.codec)
    features, mask, samples = make_samples(head.in_channels)
    (tmp_path / 'own.txt').write_text('book\nfriend\n')
    head.to_empty(device='cpu').eval()
    other = MT5GenerationHead(**arguments).eval()
    head.load_state_dict(other.state_dict())
    found, expected = (one.predict(features, mask, samples)[0].nbest for one in (head, other))
    assert found == expected and {text for text, _ in found} == {'book', 'friend'}


@pytest.fixture
def make_samples():
    from unisign.structures import SignDataSample

    def make(width: int):
        sample = SignDataSample(metainfo=dict(clip_id='a', task='islr', lang='en'))
        return torch.randn(1, 5, width), torch.ones(1, 5, dtype=torch.bool), [sample]

    return make


def test_table_and_frozen_parts(tmp_path: Path) -> None:
    config = next(path for path in CONFIGS if path.stem == 'stage2_csl-news')
    with torch.device('meta'):
        model = MODELS.build(read_config(config).model.to_dict())
    model.rgb_encoder.backbone.requires_grad_(False)
    size, usual = size_of(model), count_parameters(config, {'model.head.dropout': 0.0})
    parts = {part.name: part for part in size.parts}
    assert round(parts['RGB encoder'].frozen / 1e6, 3) == 4.008 and parts['language model'].frozen == 0
    assert size.total.total == usual.total.total == size.total.trainable + size.total.frozen
    lines = [line.split() for line in size_table(usual).splitlines()]
    assert ['total', '592.573', '592.573', '0.000'] in lines and ['total', 'with', 'it', '592.638'] in lines
    assert ['language', 'model', '582.401', '582.401', '0.000'] in lines
    (tmp_path / 'empty.py').write_text('a = 1\n')
    with pytest.raises(DataError, match=r'empty\.py: has no model'):
        count_parameters(tmp_path / 'empty.py')


@pytest.mark.slow
def test_the_command_prints_the_published_sizes(repo: Path) -> None:
    command = [sys.executable, 'tools/analysis/count_parameters.py', 'configs/unisign/stage3_wlasl_pose.py']
    command += ['configs/unisign/stage3_wlasl.py']
    done = subprocess.run(command, cwd=repo, capture_output=True, text=True, env={'PYTHONPATH': str(repo)}, check=True)
    assert '587.747' in done.stdout and '592.638' in done.stdout
