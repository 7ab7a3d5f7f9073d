"""Language models with real SentencePiece tokenizers, and made-up texts, for tests of trimming."""

import io
import random
from pathlib import Path

import sentencepiece
import torch
from torch import nn
from transformers import AutoConfig, AutoModelForSeq2SeqLM

from unisign.models.language_models.piece_choice import parse_piece_model

SPARE_ROWS = 12  # rows behind the pieces, as mT5-base has
_HAN = '今天明我你他们喜欢吃面条去学校家朋友书看医生在哪里水果苹不很大小老师好早上晚'
_RARE = '𠮷龘🐢é–ß①Ａ'


def make_texts(count: int, seed: int = 0, rare: float = 0.2) -> list[str]:
    """Return sentences of made-up English and Chinese words; a share ``rare`` of them has a rare character."""
    rng = random.Random(0)  # of the words; the same in every corpus
    syllables = ['ka', 'lo', 'mi', 'ter', 'sun', 're', 'ing', 'el', 'do', 'pra', 'st', 'an', 'un']
    words = [''.join(rng.choices(syllables, k=rng.randint(1, 4))) for _ in range(120)]
    phrases = [''.join(rng.choices(_HAN, k=rng.randint(1, 4))) for _ in range(120)]
    texts, rng = [], random.Random(seed)
    for _ in range(count):
        if rng.random() < 0.5:
            text = ' '.join(rng.choices(words, k=rng.randint(1, 9))) + rng.choice('.?! ')
        else:
            text = ''.join(rng.choices(phrases, k=rng.randint(1, 6))) + rng.choice('。？，')
        if rng.random() < rare:
            place = rng.randrange(len(text))
            text = text[:place] + rng.choice(_RARE) + text[place:]
        texts.append(text)
    return texts


def train_tokenizer(texts: list[str], kind: str = 'unigram', vocab_size: int = 900, **options) -> bytes:
    """Return a SentencePiece model with T5's special pieces, made from texts; bytes stand for unknown characters."""
    model = io.BytesIO()
    settings = dict(
        model_type=kind,
        vocab_size=vocab_size,
        hard_vocab_limit=False,
        byte_fallback=True,
        normalization_rule_name='nmt_nfkc',
        character_coverage=0.9995,
        pad_id=0,
        eos_id=1,
        unk_id=2,
        bos_id=-1,
        num_threads=1,
        minloglevel=2,
    )
    sentencepiece.SentencePieceTrainer.train(sentence_iterator=iter(texts), model_writer=model, **(settings | options))
    return model.getvalue()


def make_folder(folder: Path, tokenizer: bytes, model_type: str = 'mt5', seed: int = 0, **config) -> Path:
    """Write a full language model with random weights, as Hugging Face would."""
    folder.mkdir(parents=True)
    (folder / 'spiece.model').write_bytes(tokenizer)
    rows = len(parse_piece_model(tokenizer, folder).pieces) + SPARE_ROWS
    settings = dict(
        vocab_size=rows,
        d_model=24,
        d_ff=32,
        d_kv=8,
        num_layers=2,
        num_decoder_layers=2,
        num_heads=2,
        pad_token_id=0,
        eos_token_id=1,
        decoder_start_token_id=0,
        tie_word_embeddings=False,
    )
    torch.manual_seed(seed)
    model = AutoModelForSeq2SeqLM.from_config(AutoConfig.for_model(model_type, **(settings | config)))
    for weight in {model.shared.weight, model.lm_head.weight}:  # words that differ, so that texts do not repeat one
        nn.init.normal_(weight, std=0.5)
    model.save_pretrained(folder)
    return folder
