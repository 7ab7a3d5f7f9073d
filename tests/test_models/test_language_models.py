import json
import subprocess
import sys
from pathlib import Path

import pytest
import sentencepiece

from unisign.models.language_models import (
    LANGUAGE_NAMES,
    SentencePieceTokenizer,
    language_name,
    load_language_model,
    load_tokenizer,
    make_language_model,
)
from unisign.structures import DataError

WORDS = (
    'book', 'drink', 'computer', 'before', 'chair', 'go', 'clothes', 'who', 'candy', 'cousin', 'deaf', 'fine', 'help',
    'no',
)  # fmt: skip


def test_fourteen_words_are_enough(tmp_path: Path) -> None:
    make_language_model(WORDS, tmp_path, languages=['en'], d_model=16, num_layers=1)
    tokenizer = load_tokenizer(str(tmp_path))
    assert [tokenizer.decode(tokenizer.encode(word)) for word in WORDS] == list(WORDS)
    model = load_language_model(str(tmp_path), pretrained=False)
    assert model.config.vocab_size == len(tokenizer) and model.config.d_model == 16
    assert {file.name for file in tmp_path.iterdir()} >= {
        'config.json', 'generation_config.json', 'special_tokens_map.json', 'spiece.model', 'tokenizer_config.json',
    }  # fmt: skip


def test_same_seed_same_bytes(tmp_path: Path, tiny_language_model: Path) -> None:
    first = make_language_model([*WORDS, '我想吃面条。'], tmp_path / 'a')
    second = make_language_model([*WORDS, '我想吃面条。'], tmp_path / 'b')
    assert (first / 'spiece.model').read_bytes() == (second / 'spiece.model').read_bytes()


def test_text_survives_in_both_languages_and_beyond(tiny_language_model: Path) -> None:
    tokenizer = load_tokenizer(str(tiny_language_model))
    for text in ('good morning', '今天我想吃面条。', '你们好！', 'emoji 🐢 and rare 𠮷, full-width ，'):
        assert tokenizer.decode(tokenizer.encode(text)) == text


@pytest.mark.parametrize('text', ['hello you', '𠮷 rare', ' spaces  everywhere ', '', '</s> typed'])
def test_ids_are_those_of_sentencepiece(tiny_language_model: Path, text: str) -> None:
    pieces = sentencepiece.SentencePieceProcessor(str(tiny_language_model / 'spiece.model'))
    assert load_tokenizer(str(tiny_language_model)).encode(text) == [*pieces.encode(text), 1]


def test_ids_of_the_golden_tokenizer(shared: Path) -> None:
    folder = shared / 'golden' / 'mt5-tiny'
    pieces = sentencepiece.SentencePieceProcessor(str(folder / 'spiece.model'))
    tokenizer = load_tokenizer(str(folder))
    for text in ('今天我想吃面条。', '𠮷'):
        assert tokenizer.encode(text) == [*pieces.encode(text), 1]
    assert tokenizer.decode(tokenizer.encode('𠮷')) == '𠮷'


def test_special_tokens_are_no_text(tiny_language_model: Path) -> None:
    tokenizer = load_tokenizer(str(tiny_language_model))
    ids = tokenizer.encode('hello')
    assert tokenizer.decode([0, *ids, 0, 2, len(tokenizer) + 5]) == 'hello'


def test_target_limit_keeps_the_end(tiny_language_model: Path) -> None:
    tokenizer = load_tokenizer(str(tiny_language_model))
    whole = tokenizer.encode('good morning good night')
    assert tokenizer.encode('good morning good night', 4) == [*whole[:3], 1]


@pytest.mark.parametrize('tie', [False, True])
def test_output_layer_is_tied_only_where_asked(tmp_path: Path, tie: bool) -> None:
    make_language_model(WORDS, tmp_path, d_model=16, num_layers=1, tie_word_embeddings=tie)
    model = load_language_model(str(tmp_path), pretrained=False)
    assert (model.lm_head.weight is model.shared.weight) == tie
    own = {name: value + 1 for name, value in model.state_dict().items()}
    if not tie:
        own['lm_head.weight'] = own['lm_head.weight'] + 1
    model.load_state_dict(own)
    assert (model.shared.weight == own['shared.weight']).all()
    assert (model.lm_head.weight == own['lm_head.weight']).all()


def test_pretrained_reads_the_weights_in_the_folder(tmp_path: Path) -> None:
    make_language_model(WORDS, tmp_path, d_model=16, num_layers=1)
    with pytest.raises(DataError, match='pretrained=False'):
        load_language_model(str(tmp_path), pretrained=True)
    model = load_language_model(str(tmp_path), pretrained=False, dropout=0.3)
    assert model.config.dropout_rate == 0.3
    model.save_pretrained(tmp_path)
    again = load_language_model(str(tmp_path), pretrained=True)
    assert (again.lm_head.weight == model.lm_head.weight).all() and (again.shared.weight == model.shared.weight).all()


def test_no_text_no_language_model(tmp_path: Path) -> None:
    with pytest.raises(DataError, match='no text'):
        make_language_model(['', '  '], tmp_path)


@pytest.mark.parametrize('load', [load_language_model, load_tokenizer])
def test_missing_folder_says_what_to_do(load) -> None:
    with pytest.raises(DataError, match=r'\./nowhere: no such folder.*make_language_model') as caught:
        load('./nowhere')
    assert 'Hugging Face name' in str(caught.value)


def test_other_kinds_of_models_are_refused(tmp_path: Path) -> None:
    (tmp_path / 'config.json').write_text(json.dumps({'model_type': 'bert'}))
    with pytest.raises(DataError, match="'bert'"):
        load_language_model(str(tmp_path))
    with pytest.raises(DataError, match=r'spiece\.model: no such file'):
        load_tokenizer(str(tmp_path))
    (tmp_path / 'spiece.model').write_bytes(b'not one')
    with pytest.raises(DataError, match='not a SentencePiece model'):
        SentencePieceTokenizer(tmp_path / 'spiece.model')


@pytest.mark.parametrize('config', [None, {'d_model': 8}])
def test_the_kind_is_not_guessed_from_the_path(tmp_path: Path, config) -> None:
    folder = tmp_path / 'mt5_signs'
    folder.mkdir()
    if config is not None:
        (folder / 'config.json').write_text(json.dumps(config))
    with pytest.raises(DataError, match=r'mt5_signs: no language model found'):
        load_language_model(str(folder), pretrained=False)


def test_languages() -> None:
    assert (language_name('zh'), language_name('de')) == ('Chinese', 'German')
    assert list(LANGUAGE_NAMES) == sorted(LANGUAGE_NAMES)
    with pytest.raises(ValueError, match=r"'xx'.*lang"):
        language_name('xx')


@pytest.mark.slow
def test_command_line(tmp_path: Path, repo: Path) -> None:
    lines = [
        {'id': 'a', 'poses': 'a.npz', 'text': 'good morning', 'lang': 'en'},
        {'id': 'b', 'poses': 'b.npz', 'gloss': ['早', '上'], 'lang': 'zh'},
    ]
    (tmp_path / 'train.jsonl').write_text('\n'.join(json.dumps(line) for line in lines), encoding='utf-8')
    command = [sys.executable, 'tools/models/make_language_model.py', str(tmp_path / 'train.jsonl')]
    command += ['--out', str(tmp_path / 'lm'), '--d-model', '16', '--layers', '1', '--heads', '2', '--d-kv', '4']
    subprocess.run(command, check=True, cwd=repo, env={'PYTHONPATH': str(repo)})
    tokenizer = load_tokenizer(str(tmp_path / 'lm'))
    assert tokenizer.decode(tokenizer.encode('早 上')) == '早 上'
    config = json.loads((tmp_path / 'lm' / 'config.json').read_text())
    assert (config['d_model'], config['num_layers'], config['num_heads'], config['d_kv']) == (16, 1, 2, 4)
