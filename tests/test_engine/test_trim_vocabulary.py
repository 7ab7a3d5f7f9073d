"""A trimmed language model computes what the full one does, for every text of kept pieces."""

import json
import sys
from itertools import pairwise
from pathlib import Path

import pytest
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / 'test_models'))
from vocabularies import SPARE_ROWS, make_folder, make_texts, train_tokenizer

from unisign.checkpoints import read_state_dict
from unisign.engine.trim_vocabulary import trim_vocabulary
from unisign.models.heads.beam_search import beam_search
from unisign.models.language_models import load_language_model, load_tokenizer, read_kept_pieces
from unisign.structures import DataError

KINDS = {
    'mt5': ('mt5', {}),
    'mt5 tied': ('mt5', dict(tie_word_embeddings=True)),
    't5': ('t5', dict(feed_forward_proj='relu', tie_word_embeddings=True)),
    't5 1.1': ('t5', dict(feed_forward_proj='gated-gelu', num_decoder_layers=1)),
    'umt5': ('umt5', dict(feed_forward_proj='gated-gelu')),
}


@pytest.fixture(scope='module')
def tokenizer() -> bytes:
    return train_tokenizer(make_texts(1500, rare=0))


@pytest.fixture(scope='module')
def corpus(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Some annotations, and some plain text."""
    folder, texts = tmp_path_factory.mktemp('corpus'), make_texts(80, seed=1)
    lines = [{'id': str(i), 'video': 'a.mp4', 'text': text, 'gloss': ['子', '书']} for i, text in enumerate(texts[:40])]
    (folder / 'a.jsonl').write_text('\n'.join(map(json.dumps, lines)))
    (folder / 'b.txt').write_text('\n'.join(['', *texts[40:]]), encoding='utf-8')
    return [folder / 'a.jsonl', folder / 'b.txt']


@pytest.fixture(scope='module', params=KINDS)
def pair(request, tmp_path_factory, tokenizer, corpus) -> tuple[Path, Path]:
    """The folders of a full and of a trimmed language model."""
    folder, (model_type, config) = tmp_path_factory.mktemp('models'), KINDS[request.param]
    full = make_folder(folder / 'full', tokenizer, model_type, **config)
    report = trim_vocabulary(full, corpus, folder / 'small', characters=False)
    rows = len(report.kept.rows)
    assert rows < 0.7 * report.kept.full_rows
    before, after = (load_language_model(str(one)) for one in (full, folder / 'small'))
    sizes = tuple(sum(weight.numel() for weight in model.parameters()) for model in (before, after))
    assert report.parameters == sizes and report.size == (4 * sizes[0], 4 * sizes[1])
    assert (report.texts, report.same_texts) == (120, 120)
    return full, folder / 'small'


def inside(full: Path, small: Path, count: int = 24) -> list[tuple[list[int], list[int]]]:
    """Return token ids of new texts that the full tokenizer writes with kept pieces, in both numberings."""
    kept, tokenizers = read_kept_pieces(small), [load_tokenizer(str(one)) for one in (full, small)]
    found = []
    for text in make_texts(1500, seed=7):
        ids = tokenizers[0].encode(text)
        if len(ids) > 3 and kept.from_full(ids) is not None:
            assert tokenizers[1].encode(text) == kept.from_full(ids) and kept.to_full(tokenizers[1].encode(text)) == ids
            found.append((ids, kept.from_full(ids)))
    assert len(found) >= count
    return found[:count]


@torch.no_grad()
def test_states_to_the_bit_and_logits_of_kept_pieces(pair) -> None:
    full, small = (load_language_model(str(one)).eval() for one in pair)
    rows = torch.tensor(read_kept_pieces(pair[1]).rows)
    texts, largest = inside(*pair), 0.0
    for (ids, new_ids), (target, new_target) in pairwise(texts):
        expected = full(input_ids=torch.tensor([ids]), labels=torch.tensor([target]))
        found = small(input_ids=torch.tensor([new_ids]), labels=torch.tensor([new_target]))
        assert torch.equal(found.encoder_last_hidden_state, expected.encoder_last_hidden_state)
        difference = (found.logits - expected.logits[..., rows]).abs().max() / expected.logits.abs().max()
        largest = max(largest, difference.item())
        assert found.loss < expected.loss  # its softmax has fewer pieces to share among
    assert largest <= 1e-6


@torch.no_grad()
def greedy(folder: Path, batch: list[list[int]], damped: torch.Tensor, factor: float) -> list[list[int]]:
    """Return what a language model writes to texts; the output rows ``damped`` times ``factor``."""
    model = load_language_model(str(folder)).eval()
    model.lm_head.weight.data = model.lm_head.weight.data.clone()
    model.lm_head.weight[damped] *= factor
    ids = torch.nn.utils.rnn.pad_sequence([torch.tensor(one) for one in batch], batch_first=True)
    states = model.encoder(input_ids=ids, attention_mask=ids.ne(0)).last_hidden_state
    return beam_search(model, states, ids.ne(0).long(), 1, 12).tokens[:, 0].tolist()


def test_greedy_texts_are_the_same_as_long_as_the_full_model_stays_inside(pair) -> None:
    kept, texts = read_kept_pieces(pair[1]), inside(*pair)
    others = torch.ones(kept.full_rows, dtype=torch.bool)
    others[list(kept.rows)] = False
    whole = left = 0
    for factor in (0.05, 1.0):  # it stays inside mostly, or not
        expected = greedy(pair[0], [ids for ids, _ in texts], others, factor)
        found = greedy(pair[1], [ids for _, ids in texts], others[list(kept.rows)], factor)
        for theirs, ours in zip(expected, found, strict=True):
            length = next((i for i, token in enumerate(theirs) if token not in kept), len(theirs))
            assert ours[:length] == kept.from_full(theirs[:length])
            whole, left = whole + (length == len(theirs) and len(set(theirs)) > 1), left + (0 < length < len(theirs))
    assert whole >= 5 and left >= 3


def test_what_the_folder_holds(tmp_path: Path, tokenizer: bytes, corpus: list[Path]) -> None:
    from transformers import T5Tokenizer

    full = make_folder(tmp_path / 'full', tokenizer)
    T5Tokenizer(str(full / 'spiece.model'), extra_ids=SPARE_ROWS, legacy=True).save_pretrained(full)
    trim_vocabulary(full, corpus, tmp_path / 'small')
    small, kept = tmp_path / 'small', read_kept_pieces(tmp_path / 'small')
    assert {file.name for file in small.iterdir()} == {
        'config.json', 'generation_config.json', 'kept_pieces.json', 'model.safetensors', 'special_tokens_map.json',
        'spiece.model', 'tokenizer_config.json',
    }  # fmt: skip
    configs = [json.loads((one / 'config.json').read_text()) for one in (full, small)]
    assert configs[1] == configs[0] | {'vocab_size': len(kept.rows)}
    # T5's sentinels, which lie behind the pieces, in Hugging Face's own tokenizer too.
    theirs = [T5Tokenizer.from_pretrained(one) for one in (full, small)]
    for text in ('<extra_id_0>', '<extra_id_11>', '今天 <extra_id_3>', make_texts(1, seed=1)[0]):
        assert kept.to_full(theirs[1](text).input_ids) == theirs[0](text).input_ids
    assert kept.rows[-SPARE_ROWS:] == tuple(range(kept.full_rows - SPARE_ROWS, kept.full_rows))


def test_token_ids_in_configs_are_renumbered(tmp_path: Path, corpus: list[Path]) -> None:
    """Not all tokenizers have their special pieces in front."""
    special = train_tokenizer(make_texts(1500), unk_id=0, eos_id=1, pad_id=2)
    from unisign.models.language_models.piece_choice import parse_piece_model

    model = parse_piece_model(special, 'x')
    pad = model.pieces[2]
    model.pieces.add().CopyFrom(pad)  # <pad> last
    del model.pieces[2]
    last = len(model.pieces) - 1
    full = make_folder(tmp_path / 'full', model.SerializeToString(), pad_token_id=last, decoder_start_token_id=last)
    report = trim_vocabulary(full, corpus, tmp_path / 'small')
    config = json.loads((tmp_path / 'small' / 'config.json').read_text())
    assert report.kept.rows[config['pad_token_id']] == last == report.kept.rows[config['decoder_start_token_id']]
    assert config['pad_token_id'] < last and config['eos_token_id'] == 1


@pytest.mark.parametrize('how', ['bin', 'parts', 'bf16', 'none'])
def test_weights_of_every_form(tmp_path: Path, tokenizer: bytes, corpus: list[Path], how: str) -> None:
    full = make_folder(tmp_path / 'full', tokenizer)
    model = load_language_model(str(full))
    (full / 'model.safetensors').unlink()
    if how == 'bin':  # as google/mt5-base has it: every name of the embedding
        torch.save(model.state_dict(), full / 'pytorch_model.bin')
    elif how == 'parts':
        model.save_pretrained(full, max_shard_size='60KB')
        assert len(list(full.glob('model-*.safetensors'))) > 1
    elif how == 'bf16':
        model.bfloat16().save_pretrained(full)
    report = trim_vocabulary(full, corpus, tmp_path / 'small')
    if how == 'none':
        assert report.size == (0, 0) and not (tmp_path / 'small' / 'model.safetensors').exists()
        assert load_language_model(str(tmp_path / 'small'), pretrained=False).config.vocab_size == len(report.kept.rows)
        return
    found = read_state_dict(tmp_path / 'small' / 'model.safetensors')
    assert report.size == (sum(p.nbytes for p in model.parameters()), sum(v.nbytes for v in found.values()))
    expected, rows = model.state_dict(), torch.tensor(report.kept.rows)
    assert found.keys() == {name for name in expected if 'embed_tokens' not in name}
    for name, value in found.items():
        whole = expected[name][rows] if name in ('shared.weight', 'lm_head.weight') else expected[name]
        assert value.dtype == whole.dtype and torch.equal(value, whole)


def test_more_pieces_on_demand(tmp_path: Path, tokenizer: bytes, corpus: list[Path]) -> None:
    full = make_folder(tmp_path / 'full', tokenizer)
    kept = trim_vocabulary(full, corpus, tmp_path / 'small', characters=False).kept
    other = next(i for i in range(259, kept.full_pieces) if i not in kept)
    pieces = load_tokenizer(str(full))._pieces
    (tmp_path / 'keep.txt').write_text(pieces.id_to_piece(other) + '\n\n', encoding='utf-8')
    more = trim_vocabulary(full, corpus, tmp_path / 'more', 1, tmp_path / 'keep.txt', characters=False).kept
    assert set(more.rows) == {*kept.rows, other}
    for prompt, text in (('Translate sign language video to {language}: ', 'Translate sign language video to German: '),
                         ('{language} qqq: ', 'Swedish qqq: ')):  # fmt: skip
        fewer = trim_vocabulary(full, corpus, tmp_path / prompt[:3], 10**9, prompts=[prompt], characters=False).kept
        assert fewer.from_full(load_tokenizer(str(full)).encode(text)) is not None
        assert len(fewer.rows) < len(kept.rows)


def broken(folder: Path, how: str) -> None:
    config = json.loads((folder / 'config.json').read_text())
    if how == 'bert':
        (folder / 'config.json').write_text(json.dumps({'model_type': 'bert'}))
    elif how == 'no config':
        (folder / 'config.json').unlink()
    elif how == 'rows':
        (folder / 'config.json').write_text(json.dumps(config | {'vocab_size': config['vocab_size'] + 1}))
    elif how == 'few rows':
        (folder / 'config.json').write_text(json.dumps(config | {'vocab_size': 20}))
    elif how == 'tokenizer':
        (folder / 'spiece.model').write_bytes(b'no model')
    elif how == 'names':
        state = {'encoder.x': torch.zeros(2)}
        (folder / 'model.safetensors').unlink()
        torch.save(state, folder / 'pytorch_model.bin')
    elif how == 'tied':
        (folder / 'config.json').write_text(json.dumps(config | {'tie_word_embeddings': True}))
    elif how == 'code':
        (folder / 'model.safetensors').unlink()
        torch.save({'shared.weight': broken}, folder / 'pytorch_model.bin')


@pytest.mark.parametrize(
    ('how', 'message'),
    [
        ('bert', r"full/config\.json: expected .*type t5, mt5, umt5, got model_type='bert'"),
        ('no config', r'full/config\.json: expected the config'),
        ('rows', r'full/model\.safetensors: the embedding has \d+ rows, but config\.json says'),
        ('few rows', r'full/spiece\.model: has \d+ pieces, but config\.json only 20 rows'),
        ('tokenizer', r'full/spiece\.model: not a SentencePiece model'),
        ('names', r'full/pytorch_model\.bin: has no shared\.weight'),
        ('tied', r'full/model\.safetensors: lm_head\.weight differs from shared\.weight'),
        ('code', r'full/pytorch_model\.bin: .*run code'),
        ('corpus', r'gone\.jsonl: no such file'),
        ('no text', r'empty\.txt: no text: nothing would be kept'),
        ('taken', r'small: is there already, and not empty'),
        ('folder', r'nowhere: no such folder.*hf download'),
    ],
)
def test_what_is_refused_leaves_nothing_behind(
    tmp_path: Path, tokenizer: bytes, corpus: list[Path], how: str, message: str
) -> None:
    full, out = make_folder(tmp_path / 'full', tokenizer), tmp_path / 'small'
    broken(full, how)
    if how == 'taken':
        out.mkdir()
        (out / 'notes.txt').write_text('mine')
    (tmp_path / 'empty.txt').write_text('\n \n')
    files = {'corpus': [tmp_path / 'gone.jsonl'], 'no text': [tmp_path / 'empty.txt']}.get(how, corpus)
    with pytest.raises(DataError, match=message):
        trim_vocabulary(tmp_path / 'nowhere' if how == 'folder' else full, files, out)
    assert [file.name for file in tmp_path.glob('small*/*')] == (['notes.txt'] if how == 'taken' else [])
